"""Find the tests that are a module's own: those of the same name, and some exceptions."""

from pathlib import Path

# In addition to the file of the same name, or in place of it.
ELSEWHERE = {
    "evaluation/metrics": ("evaluation/test_slices.py",),
    "merge": ("e2e/test_merge.py",),
    "params/file": ("test_params.py",),
    "params/monitor": ("test_params.py", "test_params_monitor.py"),
    "params/review": ("test_params.py", "test_params_review.py"),
    "registry/promote": ("e2e/test_registry.py",),
    "registry/release": ("e2e/test_registry.py",),
    "review/lineage": ("test_lineage.py",),
    "serving/guard": ("serving/test_http.py",),
    "serving/question": ("serving/test_http.py",),
    "serving/state": ("stages/test_state.py",),
}


def find_tests(root: Path, module: str) -> list[str]:
    """Return the test files of a module such as `review/verdict`, relative to the checkout."""
    folder, name = Path(module).parent, Path(module).name
    own = str(folder / f"test_{name}.py")
    paths = [f"tests/{path}" for path in (own, *ELSEWHERE.get(module, ()))]
    return [path for path in paths if (root / path).is_file()]
