"""The workspace that the checks are asked about, and that tests break."""

from pathlib import Path

import pytest

from tests.conftest import Workspace


@pytest.fixture
def here(finished: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A finished workspace of one's own, which is the working folder."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.chdir(finished.path)
    return finished
