"""Memory and disk space: limits come from a setting or the machine.

Work that exceeds them is not started.
"""

import shutil
from pathlib import Path

import pytest

from tarmac.pipeline.base import resources
from tests.conftest import Workspace

GB = 10**9


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GB", 4 * GB),
        ("1.5 GB", 1.5 * GB),
        ("512MiB", 2**29),
        ("2GiB", 2**31),
        ("300MB", 3 * 10**8),
    ],
)
def test_parses_memory_size_with_unit(monkeypatch, text, size):
    monkeypatch.setenv(resources.ASKED, text)
    assert resources.compute_memory_limit() == size


@pytest.mark.parametrize("text", ["4", "4 gigabytes", "-1GB", "GB", "4TBs"])
def test_rejects_invalid_memory_size(monkeypatch, text):
    monkeypatch.setenv(resources.ASKED, text)
    with pytest.raises(
        resources.ResourcesError, match=f"TARMAC_MEMORY is '{text}', not a size"
    ) as caught:
        resources.compute_memory_limit()
    assert caught.value.hint == "write it like 4GB or 512MiB"


def test_memory_is_limited_to_that_of_container(monkeypatch, tmp_path):
    monkeypatch.delenv(resources.ASKED, raising=False)
    whole = resources.compute_memory_limit()
    (tmp_path / "memory.max").write_text("123456789\n")
    monkeypatch.setattr(resources, "GROUP", tmp_path / "memory.max")
    assert resources.compute_memory_limit() == 123456789 < whole
    (tmp_path / "memory.max").write_text("max\n")
    assert resources.compute_memory_limit() > 123456789
    monkeypatch.setattr(resources, "FREE", tmp_path / "not linux")
    assert resources.compute_memory_limit() > 123456789


def test_refuses_work_that_exceeds_memory_or_disk_space(monkeypatch):
    monkeypatch.setenv(resources.ASKED, "2GB")
    resources.require_resources(2 * GB, 0, "work", "do less")
    shown = (
        r"^work would take about 2.5 GB of memory, but TARMAC_MEMORY allows 2.0 GB;"
        r" nothing was started$"
    )
    with pytest.raises(resources.ResourcesError, match=shown) as caught:
        resources.require_resources(2.5 * GB, 0, "work", "do less")
    assert caught.value.hint == "do less, or raise TARMAC_MEMORY"
    with monkeypatch.context() as unlimited:
        unlimited.delenv(resources.ASKED)
        with pytest.raises(resources.ResourcesError, match="but this machine has ") as caught:
            resources.require_resources(1e9 * GB, 0, "work", "do less")
    assert caught.value.hint == "do less, or use a machine with more memory"
    free = shutil.disk_usage(Path()).free
    resources.require_resources(0, free / 2, "work", "do less")
    shown = r"work would take about .* of disk, but .* is free here; nothing was started"
    with pytest.raises(resources.ResourcesError, match=shown) as caught:
        resources.require_resources(0, free * 2, "work", "do less")
    assert caught.value.hint.startswith("free disk space")
    assert caught.value.hint.endswith("`dvc gc --all-commits --all-experiments`"), (
        "with --workspace DVC deletes what no other place has"
    )


@pytest.mark.parametrize("stage", ["prepare", "featurize", "baseline", "train", "evaluate", "card"])
def test_stage_does_not_start_without_enough_memory(finished: Workspace, stage: str):
    before = sorted((path, path.stat().st_mtime_ns) for path in (finished.path / "data").rglob("*"))
    done = finished.run("python", "-m", f"tarmac.pipeline.{stage}.stage", check=False,
                        env={"PYTHONPATH": "src", "TARMAC_MEMORY": "100MB"})  # fmt: skip
    told, hint = done.stderr.splitlines()
    assert done.returncode == 1
    assert told.startswith("error: ")
    assert "nothing was started" in told
    assert hint.startswith("hint: ")
    assert (
        sorted((path, path.stat().st_mtime_ns) for path in (finished.path / "data").rglob("*"))
        == before
    )
