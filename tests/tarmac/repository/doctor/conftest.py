"""The workspace that the checks are asked about, and that tests break."""

from pathlib import Path

import pytest

from tests.conftest import Workspace


@pytest.fixture
def here(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A finished workspace of one's own, which is the working folder."""
    site = Path(finished.environment["DVC_SITE_CACHE_DIR"])
    site.mkdir(exist_ok=True)
    site.chmod(0o700)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(site))
    monkeypatch.chdir(finished.path)
    return finished
