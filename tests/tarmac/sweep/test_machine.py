"""The GPUs and threads that each worker gets, on simulated machines."""

import os
from pathlib import Path

import pytest

from tarmac.sweep.machine import GPUS, build_worker_environment, count_cores, list_visible_gpus


def smi(folder: Path, script: str) -> dict[str, str]:
    """An environment with an `nvidia-smi` that runs a script."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.program
@pytest.mark.parametrize(
    ("script", "gpus"),
    [
        ("echo GPU-a; echo GPU-b", ["GPU-a", "GPU-b"]),
        ("exit 9", []),
        ("", []),
        ("echo no devices; exit 6", []),
    ],
)
def test_finds_gpus_that_nvidia_smi_lists(tmp_path, script, gpus):
    assert list_visible_gpus(smi(tmp_path, script)) == gpus


@pytest.mark.parametrize(
    ("variable", "gpus"), [("1,3", ["1", "3"]), ("", []), (" 0 , GPU-x", ["0", "GPU-x"])]
)
def test_finds_only_gpus_in_cuda_visible_devices(tmp_path, variable, gpus):
    assert list_visible_gpus({**smi(tmp_path, "echo GPU-a"), GPUS: variable}) == gpus


def test_machine_without_driver_has_no_gpus(tmp_path):
    assert list_visible_gpus({"PATH": str(tmp_path)}) == []


def test_gpus_are_assigned_round_robin():
    assert [build_worker_environment(worker, 4, ["a", "b", "c"])[GPUS] for worker in range(4)] == [
        "a",
        "b",
        "c",
        "a",
    ]
    assert GPUS not in build_worker_environment(0, 4, [])


@pytest.mark.parametrize("workers", [1, 2, 1000])
def test_worker_threads_fit_cores_with_at_least_one_each(workers):
    threads = int(build_worker_environment(0, workers, [])["OMP_NUM_THREADS"])
    assert threads >= 1
    assert threads * workers <= max(count_cores(), workers)
