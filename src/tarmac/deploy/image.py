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
    """Return the name of the image of the live bundle.

    A registry accepts lowercase letters only. The tag is the bundle's version.
    """
    return (
        f"{(os.environ.get('IMAGE') or 'tarmac').lower()}:{UNFIT.sub('-', read_bundle_version())}"
    )


def read_bundle_version() -> str:
    """Return the version that the live bundle states.

    Raise `DeployError` if there is no complete bundle.
    """
    path = LIVE / "release.json"
    hint = "make a bundle: `make bundle ENVIRONMENT=prod`"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["version"])
    except OSError as error:
        message = f"{path} of the bundle cannot be read: {error.strerror}"
        raise DeployError(message, hint) from None
    except (ValueError, KeyError, TypeError):
        raise DeployError(f"{path} of the bundle does not name a version", hint) from None


def build_image() -> str:
    """Build the image and return its name.

    The link to the bundle is resolved first, because it may be switched while the build runs.

    Raise `DeployError` if there is no complete bundle in this clone, or Docker fails.
    """
    built = format_image_name()
    bundle = LIVE.resolve()
    if not bundle.is_relative_to(Path.cwd()):
        message = f"{LIVE} links to {bundle}, outside this clone, which Docker cannot read"
        raise DeployError(message, "make a bundle in this clone: `make bundle`")
    given = {
        "BUNDLE": str(bundle.relative_to(Path.cwd())),
        "VERSION": read_bundle_version(),
        "REVISION": run_git(
            "describe", "--always", "--dirty", "--exclude=*", "--abbrev=40"
        ).strip(),
    }
    arguments: list[str] = []
    for name, value in given.items():
        arguments += ["--build-arg", f"{name}={value}"]
    run_command("docker", "build", "--quiet", "--pull", *arguments, "--tag", built, ".")
    return built


if __name__ == "__main__":
    with exit_on_user_error():
        print(build_image())
