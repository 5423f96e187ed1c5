"""Find the tests that are a module's own: those of the same name, and some exceptions."""

from pathlib import Path

# In addition to the file of the same name, or in place of it.
ELSEWHERE = {
    "tarmac/pipeline/metrics/metrics": ("tarmac/pipeline/metrics/test_slices.py",),
    "tarmac/pipeline/base/params/yaml_file": ("tarmac/policy/test_all_params.py",),
    "tarmac/policy/monitor": ("tarmac/policy/test_all_params.py",),
    "tarmac/policy/review": ("tarmac/policy/test_all_params.py",),
    "tarmac/registry/promote": ("e2e/test_registry.py",),
    "tarmac/registry/release": ("e2e/test_registry.py",),
    "tarmac/repository/merge_lock": ("e2e/test_merge.py",),
    "tarmac/review/provenance": ("tarmac/repository/test_lineage.py",),
    "tarmac/serving/guard": ("tarmac/serving/test_http.py",),
    "tarmac/serving/question": ("tarmac/serving/test_http.py",),
    "tarmac/serving/online": ("tarmac/pipeline/online/test_stage.py",),
}


def find_tests(root: Path, module: str) -> list[str]:
    """Return the test files of a module, relative to the checkout.

    An example of a module is `tarmac/review/verdict`.
    """
    folder, name = Path(module).parent, Path(module).name
    own = folder / f"test_{name}.py"
    paths = [f"tests/{path}" for path in (own, *ELSEWHERE.get(module, ()))]
    return [path for path in paths if (root / path).is_file()]
