"""Run other programs, and report their failures in one line."""

import subprocess

from tarmac.interface.errors import UserError


class DeployError(UserError):
    """What kept the image from being built, tried or rolled out."""


def run_command(*command: str, given: str | None = None) -> str:
    """Run a program and return what it prints.

    The program's own errors go to our standard error. Raise `DeployError` if the program is missing
    or fails.
    """
    try:
        done = subprocess.run(command, check=False, input=given, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        hint = f"install {command[0]}, or add it to PATH"
        raise DeployError(f"{command[0]} is not installed", hint) from None
    if done.returncode:
        message = f"`{' '.join(command[:3])} …` ended with exit status {done.returncode}"
        raise DeployError(message, "read its output above")
    return done.stdout.strip()
