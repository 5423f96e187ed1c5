"""Stand-ins for the actions that the workflows use."""

import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests import forkserver
from tests.workflows.runner import ActionError, Actions, Call, copy_folder, executable

STAMPS = ("pipeline", "dev", "gpu")
TARMAC = (
    "#!{python}\nimport sys\nsys.path.insert(0, '{source}')\nfrom tarmac.cli import app\napp()\n"
)


def stand_ins(artifacts: Path, cml: Path, install: Callable[[Path], None]) -> Actions:
    """Return the table of actions.

    `install` is applied to every checkout. An artifact is a folder `RUN/NAME` in `artifacts`.
    """
    return {
        "actions/checkout": partial(checkout, install=install),
        "actions/setup-python": nothing,
        "actions/upload-artifact": partial(upload, artifacts=artifacts),
        "actions/download-artifact": partial(download, artifacts=artifacts),
        "iterative/setup-cml": partial(install_cml, cml=cml),
        "aws-actions/configure-aws-credentials": nothing,
        "hashicorp/setup-terraform": nothing,
        "actions/attest": nothing,
    }


def nothing(call: Call) -> None:
    """For an action that does nothing to what is rehearsed."""


def checkout(call: Call, install: Callable[[Path], None]) -> None:
    """Fetch into an empty repository, so that there is no `origin/HEAD`.

    The token is kept unless the inputs forbid it.
    """
    github, folder = call.machine.contexts["github"], call.machine.checkout
    ref = call.inputs.get("ref") or github["ref"]
    branch, deep = ref.removeprefix("refs/heads/"), fetches_all(call)
    of_pull, of_tag = ref.startswith("refs/pull/"), ref.startswith("refs/tags/")
    of_commit = re.fullmatch("[0-9a-f]{40}", ref) is not None
    remote = ref if of_pull or of_tag else f"refs/heads/{branch}"
    local = (
        ref.replace("refs/", "refs/remotes/", 1)
        if of_pull
        else ref
        if of_tag
        else f"refs/remotes/origin/{branch}"
    )
    everything = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"] if deep else []
    wanted, place = ([ref], ref) if of_commit else ([f"+{remote}:{local}"], local)
    commands = [
        ["init", "--quiet", "--initial-branch=master", "."],
        ["remote", "add", "origin", f"{github['server_url']}/{github['repository']}"],
        ["fetch", "--quiet", *([] if deep else ["--depth=1"]), "origin", *wanted, *everything],
        [
            "checkout",
            "--quiet",
            *(["--detach", place] if of_pull or of_tag or of_commit else ["-B", branch, local]),
        ],
    ]
    if call.inputs.get("persist-credentials") != "false":
        commands.append(
            [
                "config",
                f"http.{github['server_url']}/.extraheader",
                f"AUTHORIZATION: {github['token']}",
            ]
        )
    for command in commands:
        done = subprocess.run(
            ["git", *command],
            cwd=folder,
            env=call.environment,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ActionError(f"git {command[0]}: {done.stderr}")
    install(folder)


def fetches_all(call: Call) -> bool:
    """Whether the whole history is fetched, as GitHub reads the input."""
    return call.inputs.get("fetch-depth", "1") == "0"


def install_cml(call: Call, cml: Path) -> None:
    """Put the stand-in for CML on the path; where there is none, the release cannot be had."""
    if not cml.is_dir():
        raise ActionError("Error: 404, no release of CML")
    call.machine.path.insert(0, cml)


def upload(call: Call, artifacts: Path) -> None:
    """Keep a folder; where there is none, the action warns and goes on."""
    source = call.machine.checkout / call.inputs["path"]
    if source.is_dir():
        copy_folder(
            source, artifacts / call.machine.contexts["github"]["run_id"] / call.inputs["name"]
        )


def download(call: Call, artifacts: Path) -> None:
    """Bring a folder from another run, which needs a token."""
    source = artifacts / call.inputs["run-id"] / call.inputs["name"]
    if (
        call.inputs["github-token"] != call.machine.contexts["github"]["token"]
        or not source.exists()
    ):
        raise ActionError(
            f"Unable to download artifact(s): Artifact not found for name: {call.inputs['name']}"
        )
    copy_folder(source, Path(call.inputs["path"]))


def install(checkout: Path) -> None:
    """Install what `make` would install.

    It is the environment of this test run, by links, with the checkout's own `tarmac`.
    """
    there, here = Path(sys.prefix), checkout / ".venv"
    (here / "bin").mkdir(parents=True)
    for source in [there / "pyvenv.cfg", there / "lib", *(there / "bin").iterdir()]:
        if source.exists() and source.name != "tarmac":
            target = forkserver.python() if source.name == "python" else source
            (here / source.relative_to(there)).symlink_to(target)
    executable(
        here / "bin" / "tarmac",
        TARMAC.format(python=here / "bin" / "python", source=checkout / "src"),
    )
    for stamp in STAMPS:  # later than what they stand for: make has nothing to do
        (here / stamp).touch()


def install_nothing(checkout: Path) -> None:
    """For a job that must do without an environment."""
