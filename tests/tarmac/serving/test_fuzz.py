"""Fuzzing: mutated request bodies neither crash the service nor grow its memory."""

from pathlib import Path

import pytest

from tests.needs import times
from tests.tarmac.serving import fuzz
from tests.tarmac.serving.running import running
from tests.tarmac.serving.test_http import ROW, post

pytestmark = [pytest.mark.server, pytest.mark.repeated]

MB = 1e6
WARM, COUNT = 500, times(1000, 50_000)


def test_mutated_bodies_neither_crash_service_nor_grow_memory(bundle_folder: Path, tmp_path: Path):
    with running(bundle_folder, tmp_path / "log") as service, service.client() as client:
        fuzz.send(client, seed=0, count=WARM)
        before = service.memory()
        found = fuzz.send(client, seed=1, count=COUNT)
        grown = service.memory() - before
        print(f"{dict(found)}, {before / MB:.1f} MB and then {grown / MB:+.1f} MB")
        assert grown < 30 * MB
        assert min(found[200], found[422]) > COUNT * 0.1, "no fair mixture"
        assert client.get("/health").json()["ready"]
        assert post(client, ROW).status_code == 200
