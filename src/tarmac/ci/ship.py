"""Release, promote, deploy and show a merged retraining, as the policy `automatic` says.

`make ship` runs it.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tarmac.ci.branch import look
from tarmac.ci.github_api import Environment, call_api
from tarmac.interface.errors import UserError, exit_on_user_error

ENVIRONMENT, WHY = "prod", "a retraining that passed, released by policy"
WORKFLOWS = Path(".github/workflows")
FOLLOWING: Mapping[str, Mapping[str, str]] = {"deploy": {"environment": ENVIRONMENT}, "pages": {}}


class ShipError(UserError):
    """A step refused; those before it stand."""


def ship_model(environment: Mapping[str, str]) -> None:
    """Release HEAD's model, promote it to prod, and start the workflows that deploy and show it.

    They are started here because a tag of this token starts nothing.
    """
    _run_make("release")
    _run_make("promote", f"ENVIRONMENT={ENVIRONMENT}", f"WHY={WHY}")
    ref = look().default
    for name in list_following_workflows():
        call_api(
            "POST",
            f"actions/workflows/{name}.yml/dispatches",
            environment,
            {"ref": ref, "inputs": FOLLOWING[name]},
        )
        print(f"started {name}")


def list_following_workflows() -> list[str]:
    """Return which of the workflows that follow a release the repository has."""
    return [name for name in FOLLOWING if (WORKFLOWS / f"{name}.yml").is_file()]


def _run_make(*arguments: str) -> None:
    try:
        subprocess.run(["make", "--silent", *arguments], check=True)
    except (OSError, subprocess.CalledProcessError):
        again = "run `make ship` again"
        if arguments[0] != "release":
            again = f"run `{shlex.join(['make', *arguments])}`"
            if later := " and ".join(list_following_workflows()):
                again += f", and start the workflows {later} (environment {ENVIRONMENT})"
        done = "nothing" if arguments[0] == "release" else "`make release`"
        raise ShipError(
            f"`make {arguments[0]}` failed (see above); done before it: {done}",
            f"fix the cause, then {again}",
        ) from None


if __name__ == "__main__":
    with exit_on_user_error():
        ship_model(Environment(os.environ))
