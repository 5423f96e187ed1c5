"""Whether tests can run a command in the sandbox here."""

import os
import shutil

import pytest

from tarmac.review import sandbox
from tarmac.review.sandbox import SandboxError


def needs_sandbox() -> None:
    """Skip a test if there is no sandbox.

    In CI it fails if Bubblewrap is missing: a skip would look like success.
    """
    try:
        sandbox.require_sandbox()
    except SandboxError as error:
        if os.environ.get("CI") and shutil.which("bwrap") is None:
            pytest.fail(str(error))
        pytest.skip(str(error))
