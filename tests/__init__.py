"""Tests. Workers of one run share the cores: where each took all of them, their threads would wait for one another."""

import os

# Before anything imports NumPy; commands that tests start inherit it, but for those that choose for themselves.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # one that spins keeps another from its core
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(max(1, len(os.sched_getaffinity(0)) // int(workers))))
