"""`make ship`: what the policy `automatic` does with a merged retraining: release, promote, deploy and show it."""

import os
import subprocess
import sys
from collections.abc import Mapping

from tarmac.ci.branch import look
from tarmac.ci.github_api import api

STAGE, WHY = "prod", "a retraining that passed, released by policy"


class ShipError(ValueError):
    """A step refused; those before it stand."""


def ship(environment: Mapping[str, str]) -> None:
    """Releases HEAD's model, gives it to prod, and starts deployment and page: a tag of this token starts nothing."""
    _make("release")
    _make("promote", f"STAGE={STAGE}", f"WHY={WHY}")
    started: dict[str, dict[str, str]] = {"deploy": {"stage": STAGE}, "pages": {}}
    ref = look().default
    for name, inputs in started.items():
        api("POST", f"actions/workflows/{name}.yml/dispatches", environment, {"ref": ref, "inputs": inputs})
        print(f"started {name}")


def _make(*words: str) -> None:
    try:
        subprocess.run(["make", "--silent", *words], check=True)
    except (OSError, subprocess.CalledProcessError):
        raise ShipError(f"`make {words[0]}` refused, see above: what came before it stands") from None


if __name__ == "__main__":
    try:
        ship(os.environ)
    except KeyError as error:
        sys.exit(f"ship: error: the variable {error} is not set; docs/retrain.md names those that are needed")
    except ValueError as error:
        sys.exit(f"ship: error: {error}")
