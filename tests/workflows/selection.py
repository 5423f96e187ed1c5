"""Load the script that selects jobs as a module.

It lies with the workflows, where nothing is imported from.
"""

import importlib.util
from types import ModuleType

from tests.conftest import ROOT

SCRIPT = ROOT / ".github" / "scripts" / "select_jobs.py"


def load_script() -> ModuleType:
    """Return the script as a module that has not run."""
    spec = importlib.util.spec_from_file_location("select_jobs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


select_jobs = load_script()
