"""Calls of GitHub's REST API by a program of CI."""

import re

import pytest

from tarmac.ci.github_api import Environment
from tarmac.interface.errors import UserError
from tests.conftest import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"


def test_hint_for_missing_variable_names_workflow_that_sets_it():
    with pytest.raises(UserError, match=r"^the environment variable REPORT is not set$") as caught:
        Environment({})["REPORT"]
    named = re.findall(r"\w+\.yml", caught.value.hint)
    text = "".join((WORKFLOWS / name).read_text() for name in named)
    for name in ("REPORT", "HEAD_SHA", "HEAD_OWNER", "HEAD_BRANCH", "RUN_URL", "CONCLUSION"):
        assert f"{name}: " in text
