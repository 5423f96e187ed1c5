"""Run the pipeline's stages.

In each module a core takes values, and a thin `main` knows paths.
"""

import gc
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tarmac.interface.errors import UserError, exit_on_user_error
from tarmac.interface.problem import SOURCE, problem
from tarmac.pipeline.base.cost import measure_cost
from tarmac.pipeline.base.log import configure_logging, format_step
from tarmac.pipeline.base.site_cache import use_private_site_cache
from tarmac.pipeline.base.wheel import check_installed_package

logger = logging.getLogger(__name__)
PACKAGE = Path(__file__).resolve().parents[2]
# Threads of a waiting OpenMP pool spin by default; on a busy machine a fit then takes ten times
# longer.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# A stage starts: its libraries make no garbage while they load, and looking for it takes a fifth.
if sys.argv[0] == "-m":
    gc.disable()


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage as a program.

    An error that the user can fix ends it with a message instead of a traceback.
    """
    name = Path(sys.argv[0]).parent.name  # of the stage's folder
    root = Path.cwd().resolve()
    gc.enable()
    with exit_on_user_error():
        configure_logging()
        refuse_foreign_code(root)
        check_installed_package(root)
        use_private_site_cache(root)
        with measure_cost(name):
            main()


def refuse_foreign_code(root: Path) -> None:
    """Raise `UserError` if the code is not that of the repository.

    The code is that of the problem, and in a source tree of Tarmac also Tarmac's own.
    """
    owned = [problem.folder, *([PACKAGE] if (root / SOURCE / PACKAGE.name).is_dir() else [])]
    for folder in owned:
        if root not in folder.parents:
            raise UserError(
                f"the code of {folder} would run in {root}, which is another repository",
                "run stages with `dvc repro`",
            )


class StageProgress:
    """Log `stage  step  name value …  seconds` for every step of a stage."""

    def __init__(self, stage: str) -> None:
        """Start the stage's clock."""
        self._stage, self._last = stage, time.monotonic()

    def report_step(self, name: str, **facts: object) -> None:
        """Report that a step is done, with what it counted."""
        now = time.monotonic()
        logger.info("%s  (%.1f s)", format_step(self._stage, name, facts), now - self._last)
        self._last = now
