"""Simulate a team in a clone in which time passes.

Months arrive, `tarmac retrain` runs in the clone, and what it made is released or left.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.paths import MODEL, PARAMS, RAW
from tarmac.repository.dvc import commands
from tarmac.repository.git import run_git

TARMAC = (sys.executable, "-c", "from tarmac.cli import app; app()")


class SimulatedTeamError(UserError):
    """A command failed in the clone."""


@dataclass(frozen=True)
class RetrainingRound:
    """What a month's round came to."""

    decision: str  # none, retrain or block
    monitored: str  # ok, warning or critical
    verdict: str  # of the review; empty where nothing was made
    made: str
    seconds: float


class SimulatedTeam:
    """A clone of HEAD with a cache that it shares with others of its kind."""

    def __init__(self, folder: Path) -> None:
        """Take the clone's folder; the cache and what arrives lie next to it."""
        self.folder = folder
        self.live = folder.parent / f"{folder.name}.onnx"
        self._arrivals = folder.parent / f"{folder.name}-arrivals"

    @classmethod
    def from_head(
        cls, folder: Path, known: Iterable[str], params: Mapping[str, Any]
    ) -> "SimulatedTeam":
        """Return a clone of HEAD with the given months and parameters.

        Its pipeline has run, and its first version is in prod.
        """
        run_git("clone", "--quiet", "--no-hardlinks", ".", str(folder))
        for name, value in {"name": "backtest", "email": "backtest@localhost"}.items():
            run_git("config", f"user.{name}", value, folder=folder)
        team = cls(folder)
        team.run_dvc("cache", "dir", "--local", str(folder.parent / "cache"))
        (folder / RAW).mkdir(parents=True)
        for path in RAW.glob("*.parquet"):
            shutil.copy(path, folder / RAW)
        for month in known:
            for table in problem.contract.MONTHLY:
                (folder / RAW / table).mkdir(exist_ok=True)
                shutil.copy(RAW / table / f"{month}.parquet", folder / RAW / table)
        team.run_dvc("add", str(RAW))
        team.set_params(params)
        team.run_dvc("repro")
        team.release_version()
        return team

    def fork_team(self, folder: Path) -> "SimulatedTeam":
        """A copy of the clone that goes its own way from here."""
        shutil.copytree(self.folder, folder, symlinks=True)
        other = SimulatedTeam(folder)
        shutil.copy(self.live, other.live)
        return other

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Sets parameters by their dotted names."""
        yaml, path = YAML(), self.folder / PARAMS
        content = yaml.load(path.read_text(encoding="utf-8"))
        for name, value in params.items():
            *sections, key = name.split(".")
            inner = content
            for section in sections:
                inner = inner[section]
            inner[key] = value
        yaml.dump(content, path)
        run_git("commit", "--quiet", "--all", "--message", "parameters", folder=self.folder)

    def run_round(self, month: str) -> RetrainingRound:
        """A month arrives and `tarmac retrain` runs; what it made lies in the working tree."""
        self._arrivals.mkdir(exist_ok=True)
        for table in problem.contract.MONTHLY:
            shutil.copy(
                RAW / table / f"{month}.parquet", self._arrivals / f"{table}-{month}.parquet"
            )
        started = time.monotonic()
        self._run_command(*TARMAC, "retrain", str(self._arrivals))
        seconds = time.monotonic() - started
        monitored = self._read_json("monitoring/monitoring.json")
        verdict = self._read_json("review/verdict.json")["verdict"] if monitored["made"] else ""
        return RetrainingRound(
            monitored["decision"], monitored["verdict"], verdict, monitored["made"], seconds
        )

    def release_version(self) -> None:
        """Commit what is there as the next version, and give it to prod."""
        run_git("add", "--all", folder=self.folder)
        run_git("commit", "--quiet", "--allow-empty", "--message", "a result", folder=self.folder)
        self._run_command("gto", "register", "model")
        self._run_command("gto", "assign", "model", "--stage", "prod")
        shutil.copy(self.folder / MODEL, self.live)
        shutil.rmtree(self._arrivals, ignore_errors=True)

    def discard_round(self) -> None:
        """Goes back to the last commit; what arrived is there for the next round."""
        run_git("restore", ".", folder=self.folder)
        run_git("clean", "--quiet", "--force", "-d", folder=self.folder)

    def read_training_window(self) -> tuple[str, str]:
        """First and last month that the model here was trained on."""
        params = YAML(typ="safe", pure=True).load(
            (self.folder / PARAMS).read_text(encoding="utf-8")
        )
        return params["split"]["train"]["first"], params["split"]["train"]["last"]

    def run_dvc(self, *arguments: str) -> None:
        """Runs DVC in the clone."""
        self._run_command(sys.executable, "-m", "dvc", *arguments)

    def _read_json(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self.folder / name).read_text(encoding="utf-8")))

    def _run_command(self, *command: str) -> None:
        extra = {"PYTHONPATH": "src", "DVC_SITE_CACHE_DIR": str(self.folder.parent / "site")}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=commands.build_dvc_environment(extra),
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            failed = f"`{' '.join(command[-3:])}` failed in the clone {self.folder}"
            last = (done.stdout + done.stderr).strip().splitlines()[-5:]
            hint = "correct what the lines above report, then run `make backtest` again"
            raise SimulatedTeamError("\n  ".join([failed, *last]), hint)
