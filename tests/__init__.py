"""Tests of the repository.

Workers of one run share the cores. If each of them took all cores, their threads would wait for one
another.
"""

import os


def share_cores(workers: int) -> dict[str, str]:
    """Return the variables that give each of so many workers its share of the cores."""
    threads = str(max(1, len(os.sched_getaffinity(0)) // workers))
    waiting = {"OMP_WAIT_POLICY": "passive"}  # a thread that spins keeps another from its core
    return (
        waiting
        if workers < 2
        else {**waiting, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    )


# This comes before anything imports NumPy. Commands that tests start inherit it, except for those
# that choose for themselves.
for name, value in share_cores(int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))).items():
    os.environ.setdefault(name, value)
