"""A bundle of the repository's own result, as `make bundle` writes it."""

from pathlib import Path

import pytest

from tests.tarmac.serving.bundles import write


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle; copy it, do not change it."""
    return write(tmp_path_factory.mktemp("bundle") / "v0.0.1")
