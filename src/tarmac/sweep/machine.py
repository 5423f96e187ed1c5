"""What of this machine each worker gets: a share of the cores, and one GPU."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

GPUS = "CUDA_VISIBLE_DEVICES"


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def list_visible_gpus(environment: Mapping[str, str]) -> list[str]:
    """The GPUs that this process may use, by the name that CUDA knows them by."""
    if GPUS in environment:
        return [name.strip() for name in environment[GPUS].split(",") if name.strip()]
    if shutil.which("nvidia-smi", path=environment.get("PATH")) is None:
        return []
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    done = subprocess.run(
        command, env=dict(environment), check=False, capture_output=True, text=True
    )
    return done.stdout.split() if done.returncode == 0 else []


def build_worker_environment(worker: int, workers: int, gpus: Sequence[str]) -> dict[str, str]:
    """Return variables of a worker's environment: its threads, and its GPU if there are any.

    Workers are counted from 0.
    """
    threads = {"OMP_NUM_THREADS": str(max(1, count_cores() // workers))}
    return threads | ({GPUS: gpus[worker % len(gpus)]} if gpus else {})
