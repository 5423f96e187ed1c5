"""Checks of the machine: an environment that is not the locked one, a clock, a GPU that is not there."""

import os
import shutil
import sys
from pathlib import Path

from tarmac.repository.doctor import machine
from tests.conftest import ROOT


def test_a_python_that_the_lock_is_not_for_is_well(monkeypatch):
    assert machine.python().outcome == "ok"
    for version in ((3, 10, 1), (3, 15, 0)):
        monkeypatch.setattr(sys, "version_info", version)
        assert machine.python().outcome == "fail"


def test_a_package_of_another_version_or_none_is_well(here):
    assert machine.packages().outcome == "ok", machine.packages()
    text = machine.LOCKED.read_text()
    numpy = next(line for line in text.splitlines() if line.startswith("numpy=="))
    version = machine.installed("numpy")
    machine.LOCKED.write_text(text.replace(numpy, "numpy==1.0 \\") + "nonexistent-package==2.0\n")
    found = machine.packages()
    assert found.outcome == "fail"
    assert f"numpy {version} (locked 1.0), nonexistent-package missing (locked 2.0)" in found.what
    assert found.do == "make setup"


def test_a_package_for_other_machines_is_missed():
    text = 'a==1 \\\n    --hash=sha256:0\nb==2 ; sys_platform == "nowhere" \\\nc==3 ; python_version >= "3.8"\n# d==4\n'
    assert dict(machine.pinned(text)) == {"a": "1", "c": "3"}
    assert len(dict(machine.pinned((ROOT / machine.LOCKED).read_text()))) > 100


def test_another_dvc_or_python_on_the_path_is_well(monkeypatch, tmp_path):
    here = str(Path(sys.prefix, "bin"))
    monkeypatch.setenv("PATH", f"{here}{os.pathsep}{os.environ['PATH']}")
    assert machine.commands().outcome == "ok"
    (tmp_path / "dvc").write_text("#!/bin/sh\n")
    (tmp_path / "dvc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{here}")
    found = machine.commands()
    assert (found.outcome, found.do) == ("warn", "source .venv/bin/activate")
    assert f"dvc is {tmp_path}/dvc" in found.what
    monkeypatch.setenv("PATH", "")
    assert "dvc is not found, python is not found" in machine.commands().what


def test_a_commit_from_the_future_leaves_the_clock_well(here):
    assert machine.clock().outcome == "ok"
    future = {"GIT_COMMITTER_DATE": "2099-01-01T00:00:00Z"}
    here.run("git", "commit", "--quiet", "--allow-empty", "--message", "x", env=future)
    found = machine.clock()
    assert found.outcome == "warn"
    assert "before the last commit was made" in found.what


def test_a_machine_that_begins_in_1970_has_a_clock_that_is_well(here, monkeypatch):
    monkeypatch.setattr(machine.time, "time", lambda: 86_400.0)
    assert machine.clock().outcome == "warn"
    monkeypatch.chdir("/")
    found = machine.clock()
    assert (found.outcome, found.what) == ("warn", "it is Fri Jan  2 00:00:00 1970 here, before 2025")


def test_a_gpu_that_is_asked_for_and_not_there_is_well(here):
    assert machine.gpu().outcome == "ok"
    here.set_params(lambda params: params["train"].update(device="cuda"))
    found = machine.gpu()
    if machine.installed("xgboost-cpu"):
        assert found.outcome == "fail"
        assert "XGBoost is built without CUDA" in found.what
    assert found.outcome == ("ok" if shutil.which("nvidia-smi") and not machine.installed("xgboost-cpu") else "fail")
