"""Execute one job of a workflow file as GitHub's runner would.

Every step runs as it is written, with nothing else.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests import share_cores
from tests.conftest import ROOT
from tests.workflows.expressions import Contexts, condition, render

WORKFLOWS = ROOT / ".github" / "workflows"
SHELLS = {None: ("bash", "-e"), "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail")}
FOUND = [shutil.which(tool) for tool in ("bash", "date", "git", "make")]
SYSTEM = [*dict.fromkeys(str(Path(tool).parent) for tool in FOUND if tool), "/usr/bin", "/bin"]
MOST_SECONDS = 300


class ActionError(Exception):
    """A stand-in for an action fails as the action would."""


class UnknownActionError(Exception):
    """A workflow uses an action that no stand-in is known for."""


@dataclass
class Step:
    """What came of a step: `outcome` is its own result, `conclusion` what the job takes it for."""

    name: str
    outcome: str
    conclusion: str
    log: str = ""
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Machine:
    """The machine that a job runs on.

    It has a folder for the checkout, one for temporary files, a home, and what is on the path.
    """

    folder: Path
    contexts: Contexts
    path: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        for place in (self.checkout, self.temp, self.home):
            place.mkdir(parents=True, exist_ok=True)

    @property
    def checkout(self) -> Path:
        """GITHUB_WORKSPACE."""
        return self.folder / "work"

    @property
    def temp(self) -> Path:
        """RUNNER_TEMP."""
        return self.folder / "temp"

    @property
    def home(self) -> Path:
        """A home without any configuration, as on a fresh runner."""
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        """What every step has. Nothing of it comes from the test run's own environment."""
        github = self.contexts["github"]
        names = (
            "actor",
            "api_url",
            "base_ref",
            "event_name",
            "head_ref",
            "job",
            "ref",
            "repository",
            "run_attempt",
        )
        values = {
            f"GITHUB_{name.upper()}": str(github.get(name, ""))
            for name in (*names, "run_id", "server_url", "sha")
        }
        event = self.folder / "event.json"
        event.write_text(json.dumps(github.get("event", {})))
        places = {"GITHUB_WORKSPACE": self.checkout, "RUNNER_TEMP": self.temp, "HOME": self.home}
        dvc = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(self.folder / "site")}
        flags = {"CI": "true", "GITHUB_ACTIONS": "true", "LANG": "C.UTF-8", "RUNNER_OS": "Linux"}
        path = os.pathsep.join([*map(str, self.path), *SYSTEM])
        cores = {name: os.environ[name] for name in share_cores(2) if name in os.environ}
        outer = {"GITHUB_EVENT_PATH": str(event), "GIT_CONFIG_NOSYSTEM": "1", "PATH": path}
        return {
            **flags,
            **cores,
            **dvc,
            **values,
            **{name: str(place) for name, place in places.items()},
            **outer,
        }


@dataclass
class Call:
    """One use of an action."""

    machine: Machine
    inputs: Mapping[str, str]
    environment: Mapping[str, str]  # with the step's own


Actions = Mapping[str, Callable[[Call], None]]  # by the action's name, without its version


@dataclass
class Job:
    """What came of a job."""

    result: str  # success, failure or skipped
    machine: Machine
    steps: list[Step] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""

    @property
    def log(self) -> str:
        """What all steps printed."""
        return "\n".join(step.log for step in self.steps)

    def step(self, words: str) -> Step:
        """The one step whose name, command or action holds these words."""
        (found,) = (step for step in self.steps if words in step.name)
        return found


def workflow(name: str) -> dict[str, Any]:
    """A workflow file of the repository; `on` stands under the key True, as YAML 1.1 reads it."""
    return yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text())


def needs_status(job: Mapping[str, Any], contexts: Contexts) -> str:
    """What `success()` and its like go by before a job starts."""
    needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
    results = [contexts["needs"][name]["result"] for name in needed]
    return next((bad for bad in ("cancelled", "failure", "skipped") if bad in results), "success")


def run_job(
    name: str, job_name: str, contexts: Contexts, actions: Actions, machine: Machine
) -> Job:
    """Run a job: its condition, its steps in order, its outputs."""
    job = workflow(name)["jobs"][job_name]
    if not condition(job.get("if"), contexts, needs_status(job, contexts)):
        return Job("skipped", machine)
    done, found = Job("success", machine), {}
    inner = {**contexts, "runner": {"temp": str(machine.temp), "os": "Linux"}, "steps": found}
    base = {
        **machine.environment,
        **_rendered({**workflow(name).get("env", {}), **job.get("env", {})}, inner),
    }
    for number, step in enumerate(job["steps"]):
        if not condition(step.get("if"), inner, done.result):
            made = Step(_title(step), "skipped", "skipped")
        else:
            base["PATH"] = machine.environment["PATH"]
            made, outputs = _run_step(
                step, inner, base, actions, machine, machine.folder / f"step-{number:02}"
            )
            found[step.get("id", number)] = {
                "outputs": outputs,
                "outcome": made.outcome,
                "conclusion": made.conclusion,
            }
        done.steps.append(made)
        if made.conclusion == "failure":
            done.result = "failure"
    done.summary = "".join(
        path.read_text() for path in sorted(machine.folder.glob("step-*/summary"))
    )
    done.outputs = _rendered(job.get("outputs", {}), inner)
    return done


def _run_step(
    step: Mapping[str, Any],
    contexts: Contexts,
    base: Mapping[str, str],
    actions: Actions,
    machine: Machine,
    folder: Path,
) -> tuple[Step, dict[str, str]]:
    folder.mkdir()
    files = {
        f"GITHUB_{name}": folder / name.lower().removeprefix("step_")
        for name in ("OUTPUT", "STEP_SUMMARY")
    }
    for path in files.values():
        path.touch()
    own = _rendered(step.get("env", {}), contexts)
    env = {**base, **{name: str(path) for name, path in files.items()}, **own}
    if "uses" in step:
        good, log = _use(step, contexts, env, actions, machine)
    else:
        good, log = _shell(step, contexts, env, machine, folder)
    outcome = "success" if good else "failure"
    conclusion = "success" if good or step.get("continue-on-error") is True else "failure"
    return Step(_title(step), outcome, conclusion, log, env), _outputs(
        files["GITHUB_OUTPUT"].read_text()
    )


def _shell(
    step: Mapping[str, Any],
    contexts: Contexts,
    env: Mapping[str, str],
    machine: Machine,
    folder: Path,
) -> tuple[bool, str]:
    script = folder / "script.sh"
    script.write_text(render(step["run"], contexts))
    command = [*SHELLS[step.get("shell")], str(script)]
    with (folder / "log").open("w") as log:
        done = subprocess.run(
            command,
            cwd=machine.checkout / render(step.get("working-directory", "."), contexts),
            env=dict(env),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=MOST_SECONDS,
        )
    return done.returncode == 0, (folder / "log").read_text(errors="replace")


def _use(
    step: Mapping[str, Any],
    contexts: Contexts,
    env: Mapping[str, str],
    actions: Actions,
    machine: Machine,
) -> tuple[bool, str]:
    name = step["uses"].split("@")[0]
    if name not in actions:
        raise UnknownActionError(f"no stand-in is known for {name}")
    try:
        actions[name](Call(machine, _rendered(step.get("with", {}), contexts), env))
    except ActionError as error:
        return False, str(error)
    return True, ""


def _rendered(values: Mapping[str, object], contexts: Contexts) -> dict[str, str]:
    return {name: render(value, contexts) for name, value in values.items()}


def _title(step: Mapping[str, Any]) -> str:
    return " | ".join(str(step[key]) for key in ("name", "uses", "run") if key in step)


def _outputs(text: str) -> dict[str, str]:
    """`name=value` lines, and values of several lines between delimiters."""
    several = re.findall(r"^(\w+)<<(\S+)\n(.*?)\n?^\2$", text, re.MULTILINE | re.DOTALL)
    single = re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)
    return {**dict(single), **{name: value for name, _, value in several}}


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder as it is: a link stays a link, and what was there before is gone."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)


def executable(path: Path, text: str) -> Path:
    """Write a program; return the folder that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path.parent
