"""Measure what a stage costs on this machine.

The stage measures it, and the caller keeps it. A cost is never part of a result.
"""

import json
import logging
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tarmac.pipeline.base.log import format_step

logger = logging.getLogger(__name__)
ASKED = "TARMAC_COST"  # a folder for one small file a stage; without it nothing is written


@contextmanager
def measure_cost(stage: str) -> Iterator[None]:
    """Measure the block: wall and CPU seconds, and the process's peak memory in bytes."""
    started = time.monotonic()
    yield
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cost = {
        "wall_seconds": round(time.monotonic() - started, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_bytes": usage.ru_maxrss * 1024,
    }
    logger.debug(format_step(stage, "cost", cost))
    if folder := os.environ.get(ASKED):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{stage}.json").write_text(json.dumps(cost), encoding="utf-8")
