"""A bundle of the repository's own result, as `make bundle` writes it, and the service with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.bundles import write
from tests.serving.running import Service, running


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle; copy it, do not change it."""
    return write(tmp_path_factory.mktemp("bundle") / "v0.0.1")


@pytest.fixture(scope="module")
def service(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with that bundle, one for the tests of a file."""
    with running(bundle_folder, tmp_path_factory.mktemp("service") / "log") as service:
        yield service
