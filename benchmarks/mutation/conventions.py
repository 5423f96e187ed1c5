"""Find the tests that are a module's own: those of the same name, and some exceptions."""

from pathlib import Path

# In addition to the file of the same name, or in place of it.
ELSEWHERE = {
    "pipeline/metrics/metrics": ("tarmac/pipeline/metrics/test_slices.py",),
    "pipeline/params/file": ("tarmac/policy/test_file.py",),
    "policy/monitor": ("tarmac/policy/test_file.py",),
    "policy/review": ("tarmac/policy/test_file.py",),
    "registry/promote": ("e2e/test_registry.py",),
    "registry/release": ("e2e/test_registry.py",),
    "repository/merge_lock": ("e2e/test_merge.py",),
    "review/lineage": ("tarmac/repository/test_lineage.py",),
    "serving/guard": ("tarmac/serving/test_http.py",),
    "serving/question": ("tarmac/serving/test_http.py",),
    "serving/state": ("tarmac/pipeline/state/test_stage.py",),
}


def find_tests(root: Path, module: str) -> list[str]:
    """Return the test files of a module such as `review/verdict`, relative to the checkout."""
    folder, name = Path(module).parent, Path(module).name
    own = folder / f"test_{name}.py"
    paths = [f"tests/{path}" for path in (own, "tarmac" / own, *ELSEWHERE.get(module, ()))]
    return [path for path in paths if (root / path).is_file()]
