"""Checks of the machine.

They cover Python and packages as locked, commands of the environment, clock, and GPU.
"""

import os
import shutil
import sys
from pathlib import Path

from tarmac.repository.doctor import machine
from tests.conftest import ROOT


def test_python_check_fails_outside_locked_versions(monkeypatch):
    assert machine.python().outcome == "ok"
    for version in ((3, 10, 1), (3, 15, 0)):
        monkeypatch.setattr(sys, "version_info", version)
        assert machine.python().outcome == "fail"


def test_package_check_reports_differences_from_lock(here):
    assert machine.packages().outcome == "ok", machine.packages()
    text = machine.LOCKED.read_text()
    numpy = next(line for line in text.splitlines() if line.startswith("numpy=="))
    version = machine.find_installed_version("numpy")
    machine.LOCKED.write_text(text.replace(numpy, "numpy==1.0 \\") + "nonexistent-package==2.0\n")
    found = machine.packages()
    assert found.outcome == "fail"
    assert f"numpy {version} (locked 1.0), nonexistent-package missing (locked 2.0)" in found.what
    assert found.do == "make setup"


def test_pinned_ignores_packages_for_other_platforms():
    text = (
        'a==1 \\\n    --hash=sha256:0\nb==2 ; sys_platform == "nowhere" \\\n'
        'c==3 ; python_version >= "3.8"\n# d==4\n'
    )
    assert dict(machine.iter_pinned_packages(text)) == {"a": "1", "c": "3"}
    assert len(dict(machine.iter_pinned_packages((ROOT / machine.LOCKED).read_text()))) > 100


def test_command_check_requires_dvc_and_python_of_environment(monkeypatch, tmp_path):
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


def test_clock_check_warns_if_last_commit_is_in_future(here):
    assert machine.clock().outcome == "ok"
    future = {"GIT_COMMITTER_DATE": "2099-01-01T00:00:00Z"}
    here.run("git", "commit", "--quiet", "--allow-empty", "--message", "x", env=future)
    found = machine.clock()
    assert found.outcome == "warn"
    assert "before the last commit was made" in found.what


def test_clock_check_warns_before_earliest_plausible_date(here, monkeypatch):
    monkeypatch.setattr(machine.time, "time", lambda: 86_400.0)
    assert machine.clock().outcome == "warn"
    monkeypatch.chdir("/")
    found = machine.clock()
    assert (found.outcome, found.what) == (
        "warn",
        "it is Fri Jan  2 00:00:00 1970 here, before 2025",
    )


def test_gpu_check_fails_if_requested_gpu_is_unusable(here):
    assert machine.gpu().outcome == "ok"
    here.set_params(lambda params: params["train"].update(device="cuda"))
    found = machine.gpu()
    if machine.find_installed_version("xgboost-cpu"):
        assert found.outcome == "fail"
        assert "XGBoost is built without CUDA" in found.what
    assert found.outcome == (
        "ok"
        if shutil.which("nvidia-smi") and not machine.find_installed_version("xgboost-cpu")
        else "fail"
    )
