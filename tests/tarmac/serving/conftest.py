"""The service with a bundle of the repository's own result."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tarmac.serving.running import Service, running


@pytest.fixture(scope="module")
def service(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with that bundle, one for the tests of a file."""
    with running(bundle_folder, tmp_path_factory.mktemp("service") / "log") as service:
        yield service
