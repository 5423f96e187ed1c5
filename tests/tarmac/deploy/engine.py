"""Stand in for Docker's client and engine.

Carry the Dockerfile's own instructions out, and run what results.

`python engine.py STATE build|run|inspect|exec|port|logs|rm|login|push …`: images and containers are
folders of STATE.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.tarmac.deploy.dockerfile import Instruction, expand, read
from tests.tarmac.deploy.root import Root

PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Stage:
    """A stage while it is built."""

    root: Root
    config: dict[str, Any] = field(
        default_factory=lambda: {
            "Env": {"PATH": PATH},
            "WorkingDir": "/",
            "User": "0:0",
            "Labels": {},
        }
    )
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """What `$NAME` means now."""
        return {**self.arguments, **self.config["Env"]}

    def inside(self, path: str) -> Path:
        """Where a path of the image lies here."""
        return self.root.folder / os.path.normpath(Path(self.config["WorkingDir"], path)).lstrip(
            "/"
        )


def build(state: Path, context: Path, given: Mapping[str, str], tag: str) -> None:
    """Carries out every stage, and keeps the last one as the image."""
    stages: dict[str, Stage] = {}
    for number, instructions in enumerate(read(context / "Dockerfile")):
        words = instructions[0].words({})
        folder = state / "stages" / str(number)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        stage = stages[words[2] if len(words) > 1 else str(number)] = Stage(Root(folder))
        for instruction in instructions[1:]:
            _carry_out(instruction, stage, stages, context, given)
    image = {**stage.config, "Root": str(stage.root.folder)}
    (state / "images").mkdir(exist_ok=True)
    _image(state, tag).write_text(json.dumps(image))


def _carry_out(
    step: Instruction,
    stage: Stage,
    stages: Mapping[str, Stage],
    context: Path,
    given: Mapping[str, str],
) -> None:
    config = stage.config
    if step.name == "ARG":
        name, _, default = step.value.partition("=")
        stage.arguments[name] = given.get(name, default)
    elif step.name in ("ENV", "LABEL"):
        pairs = dict(word.split("=", 1) for word in step.words(stage.variables))
        config["Env" if step.name == "ENV" else "Labels"].update(pairs)
    elif step.name == "WORKDIR":
        config["WorkingDir"] = step.value
        stage.inside(".").mkdir(parents=True, exist_ok=True)
    elif step.name == "COPY":
        *sources, target = step.words(stage.variables)
        base = stages[step.flags["from"]].root.folder if "from" in step.flags else context
        for source in sources:
            kept_out = () if "from" in step.flags else ("__pycache__",)  # by .dockerignore
            _copy(base / source.lstrip("/"), stage.inside(target), target.endswith("/"), kept_out)
            _allow(stage.inside(target), step.flags.get("chmod"))
    elif step.name == "RUN":
        stage.root.run(["sh", "-c", step.value], stage.variables, config["WorkingDir"])
    elif step.name == "CMD":
        config["Cmd"] = step.exec_form
    elif step.name == "HEALTHCHECK":
        config["Healthcheck"] = json.loads(step.value.removeprefix("CMD "))
    else:
        config[{"USER": "User"}.get(step.name, step.name)] = expand(step.value, stage.variables)


def _copy(source: Path, target: Path, into: bool, kept_out: Sequence[str]) -> None:
    if source.is_dir():
        ignored = shutil.ignore_patterns(*kept_out)
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=ignored)
    else:
        target = target / source.name if into else target
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _allow(target: Path, mode: str | None) -> None:
    for path in [target, *target.rglob("*")] if mode else []:
        path.chmod(int(mode, 8))


def _image(state: Path, tag: str) -> Path:
    return state / "images" / f"{tag.replace('/', '+')}.json"


def run(state: Path, tag: str, read_only: bool) -> str:
    """Start a container on a free port of this machine.

    The published port and the service's own are the same here.
    """
    image = json.loads(_image(state, tag).read_text())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    image["Env"] |= {"TARMAC_PORT": str(port), "TARMAC_HOST": "127.0.0.1"}
    container = hashlib.sha256(f"{tag}{port}".encode()).hexdigest()
    folder = state / "containers" / container
    folder.mkdir(parents=True)
    command = _inside({**image, "ReadOnly": read_only}, image["Cmd"])
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    about = {**image, "ReadOnly": read_only, "Pid": process.pid, "Port": port}
    (folder / "config.json").write_text(json.dumps(about))
    return container


def _inside(config: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    user = config["User"] if ":" in config["User"] else f"{config['User']}:0"
    return Root(Path(config["Root"])).command(
        words, config["Env"], config["WorkingDir"], user, config["ReadOnly"]
    )


def first(pid: int) -> int | None:
    """The container's first process, which the engine signals; None where it has ended."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    if not command.startswith(b"unshare"):
        # One that has ended and waits to be noticed has no command line.
        return pid if command else None
    return int(children[0]) if children else None


def inspect(state: Path, name: str, pattern: str) -> str:
    """The few answers that are asked for."""
    if pattern == "{{index .RepoDigests 0}}":
        digest = hashlib.sha256(_image(state, name).read_bytes()).hexdigest()
        return f"{name.rpartition(':')[0]}@sha256:{digest}"
    config = json.loads((state / "containers" / name / "config.json").read_text())
    if first(config["Pid"]) is None:
        return json.dumps({"Status": "exited", "Health": {"Status": "unhealthy"}})
    checked = subprocess.run(
        _inside(config, config["Healthcheck"]), check=False, capture_output=True, timeout=30
    )
    return json.dumps(
        {"Status": "running", "Health": {"Status": "starting" if checked.returncode else "healthy"}}
    )


def remove(state: Path, name: str) -> None:
    """End a container at once."""
    config = json.loads((state / "containers" / name / "config.json").read_text())
    process = first(config["Pid"])
    if process is not None:
        os.kill(process, signal.SIGKILL)
    shutil.rmtree(state / "containers" / name)


def main(state: Path, action: str, *words: str) -> None:
    """Carry out a command of Docker's client, and print what it would print."""
    with (state / "calls").open("a") as calls:
        given = sys.stdin.read() if "--password-stdin" in words else ""
        calls.write(json.dumps({"argv": ["docker", action, *words], "given": given}) + "\n")
    if action == "build":
        pairs = dict(
            words[at + 1].split("=", 1) for at, word in enumerate(words) if word == "--build-arg"
        )
        build(state, Path(words[-1]).resolve(), pairs, words[words.index("--tag") + 1])
    elif action == "run":
        print(run(state, words[-1], "--read-only" in words))
    elif action == "inspect":
        print(
            inspect(
                state,
                words[-1],
                words[0].removeprefix("--format=") if len(words) == 2 else words[1],
            )
        )
    elif action == "exec":
        config = json.loads((state / "containers" / words[0] / "config.json").read_text())
        sys.exit(subprocess.run(_inside(config, words[1:]), check=False).returncode)
    elif action == "port":
        config = json.loads((state / "containers" / words[0] / "config.json").read_text())
        print(f"127.0.0.1:{config['Port']}")
    elif action == "logs":
        print((state / "containers" / words[0] / "log").read_text())
    elif action == "rm":
        remove(state, words[-1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
