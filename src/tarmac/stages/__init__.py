"""The pipeline's stages: in each module a core that takes values and a thin `main` that knows paths."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import tarmac
from tarmac.files.cost import measured

# Threads of a waiting OpenMP pool spin by default; on a busy machine a fit then takes ten times longer.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def run(main: Callable[[], None]) -> None:
    """Runs a stage as a program: what a person can mend is one clear line and exit status 1, not a traceback."""
    name = Path(sys.argv[0]).stem
    here = Path.cwd().resolve()
    if here not in Path(tarmac.__file__).resolve().parents:
        sys.exit(f"{name}: the code of {Path(tarmac.__file__).parent} would run in {here}; start it by `dvc repro`")
    try:
        with measured(name):
            main()
    except ValueError as error:
        sys.exit("\n".join(f"{name}: error: {line}" for line in str(error).splitlines()))
