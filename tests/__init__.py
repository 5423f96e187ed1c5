"""Tests. Workers of one run share the cores: where each took all of them, their threads would wait for one another."""

import os


def share_cores(workers: int) -> dict[str, str]:
    """Return the variables that give each of so many workers its share of the cores."""
    threads = str(max(1, len(os.sched_getaffinity(0)) // workers))
    waiting = {"OMP_WAIT_POLICY": "passive"}  # a thread that spins keeps another from its core
    return waiting if workers < 2 else {**waiting, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}


# Before anything imports NumPy; commands that tests start inherit it, but for those that choose for themselves.
for name, value in share_cores(int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))).items():
    os.environ.setdefault(name, value)
