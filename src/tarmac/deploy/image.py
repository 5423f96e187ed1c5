"""Builds the image around the bundle that is live in this clone, and prints its name."""

import json
import os
import re
from pathlib import Path

from tarmac.deploy.command import DeployError, run_command
from tarmac.interface.errors import exit_on_user_error
from tarmac.repository.git import run_git

LIVE = Path("served/live")
UNFIT = re.compile(r"[^\w.-]", re.ASCII)  # what a tag of an image may not have


def format_image_name() -> str:
    """The image of the live bundle: a registry takes small letters only, and the bundle's version is the tag."""
    return f"{(os.environ.get('IMAGE') or 'tarmac').lower()}:{UNFIT.sub('-', read_bundle_version())}"


def read_bundle_version() -> str:
    """The version that the live bundle says it is. Raises `DeployError` where there is no whole bundle."""
    try:
        return str(json.loads((LIVE / "release.json").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        message = f"{LIVE} does not contain a valid bundle"
        raise DeployError(message, "make a bundle: `make bundle STAGE=prod`") from None


def build_image() -> str:
    """Builds, and returns the image's name. The link is resolved first: it may be flipped while the build runs."""
    built = format_image_name()
    given = {
        "BUNDLE": str(LIVE.resolve().relative_to(Path.cwd())),
        "VERSION": read_bundle_version(),
        "REVISION": run_git("describe", "--always", "--dirty", "--exclude=*", "--abbrev=40").strip(),
    }
    arguments = [word for key, value in given.items() for word in ("--build-arg", f"{key}={value}")]
    run_command("docker", "build", "--quiet", "--pull", *arguments, "--tag", built, ".")
    return built


if __name__ == "__main__":
    with exit_on_user_error():
        print(build_image())
