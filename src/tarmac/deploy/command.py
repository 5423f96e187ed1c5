"""Programs of others, whose failures a person is told in a line."""

import subprocess

from tarmac.interface.errors import UserError


class DeployError(UserError):
    """What kept the image from being built, tried or rolled out."""


def run_command(*words: str, given: str | None = None) -> str:
    """Run a program and return what it prints.

    The program's own errors go to our standard error. Raise `DeployError` if the program is missing
    or fails.
    """
    try:
        done = subprocess.run(words, check=False, input=given, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        hint = f"install {words[0]}, or add it to PATH"
        raise DeployError(f"{words[0]} is not installed", hint) from None
    if done.returncode:
        message = f"`{' '.join(words[:3])} …` ended with exit status {done.returncode}"
        raise DeployError(message, "read its output above")
    return done.stdout.strip()
