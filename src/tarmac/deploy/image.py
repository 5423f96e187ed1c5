"""Builds the image around the bundle that is live in this clone, and prints its name."""

import json
import os
import re
from pathlib import Path

from tarmac.deploy.command import DeployError, command
from tarmac.interface.errors import exit_on_user_error
from tarmac.repository.git import git

LIVE = Path("served/live")
UNFIT = re.compile(r"[^\w.-]", re.ASCII)  # what a tag of an image may not have


def name() -> str:
    """The image of the live bundle: a registry takes small letters only, and the bundle's version is the tag."""
    return f"{(os.environ.get('IMAGE') or 'tarmac').lower()}:{UNFIT.sub('-', version())}"


def version() -> str:
    """The version that the live bundle says it is. Raises `DeployError` where there is no whole bundle."""
    try:
        return str(json.loads((LIVE / "release.json").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        message = f"{LIVE} does not contain a valid bundle"
        raise DeployError(message, "make a bundle: `make bundle STAGE=prod`") from None


def build() -> str:
    """Builds, and returns the image's name. The link is resolved first: it may be flipped while the build runs."""
    built = name()
    given = {
        "BUNDLE": str(LIVE.resolve().relative_to(Path.cwd())),
        "VERSION": version(),
        "REVISION": git("describe", "--always", "--dirty", "--exclude=*", "--abbrev=40").strip(),
    }
    arguments = [word for key, value in given.items() for word in ("--build-arg", f"{key}={value}")]
    command("docker", "build", "--quiet", "--pull", *arguments, "--tag", built, ".")
    return built


if __name__ == "__main__":
    with exit_on_user_error():
        print(build())
