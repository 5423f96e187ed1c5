"""The committed `dvc.lock` matches the committed code.

On a fresh clone, every stage is up to date.
"""

import json

import pytest

from tarmac.repository.dvc import commands
from tests.conftest import ROOT, required


@pytest.mark.pipeline
def test_every_stage_is_up_to_date_on_fresh_clone(tmp_path):
    required("data/raw")
    lines = commands.run_dvc(
        "status", "--json", folder=ROOT, extra={"DVC_SITE_CACHE_DIR": str(tmp_path)}
    )
    stale = json.loads("\n".join(lines) or "{}")
    assert stale == {}, "`dvc repro`, and commit dvc.lock with what changed"
