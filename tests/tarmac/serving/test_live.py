"""The service during bundle changes, shutdowns and kills.

Each request is answered by exactly one version.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.postgres import HOST
from tests.tarmac.serving import bundles
from tests.tarmac.serving.hostile import LENGTH, POST
from tests.tarmac.serving.load import Load, load
from tests.tarmac.serving.proxy import start_proxy
from tests.tarmac.serving.running import Service, running
from tests.tarmac.serving.test_http import ROW, TEXT, meter, post
from tests.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.server

QUICK = {"app.POLL_SECONDS": 0.05}
BODY = TEXT.encode()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose model takes a few of the same inputs, and answers otherwise."""
    return bundles.write(
        tmp_path_factory.mktemp("other") / "v0.0.2", "v0.0.2", "models/baseline.onnx"
    )


def logged(folder: Path) -> list[dict]:
    return [
        json.loads(line)
        for path in folder.glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]


def turned(service: Service, live: Path, folder: Path, version: str, seen: Load) -> None:
    """Point the link elsewhere, and wait until that is what answers."""
    bundles.point(live, folder)
    wait_for(lambda: seen.answers[-1]["version"] == version or seen.failures, f"{version} answers")
    seen.more()


def test_bundle_switch_fails_no_request_and_mixes_no_versions(bundle_folder, other, tmp_path):
    live = tmp_path / "live"
    bundles.point(live, bundle_folder)
    body = json.dumps({"rows": [ROW] * 5}).encode()
    with running(live, tmp_path / "log", limits=QUICK) as service, load(service, body) as seen:
        seen.more()
        for folder in [other, bundle_folder] * 5:
            turned(service, live, folder, folder.name, seen)
    assert not seen.failures
    assert set(seen.versions) == {"v0.0.1", "v0.0.2"}
    found = defaultdict(set)
    for answer in seen.answers:
        found[answer["version"]] |= {
            prediction["probability"] for prediction in answer["predictions"]
        }
    assert [len(probabilities) for probabilities in found.values()] == [1, 1], found
    assert found["v0.0.1"] != found["v0.0.2"]


@pytest.fixture
def bundled(bundle_folder: Path, tmp_path: Path) -> Iterator[tuple[Service, httpx.Client, Path]]:
    """A service with a link to a bundle, and a client."""
    live = tmp_path / "live"
    bundles.point(live, bundle_folder)
    settings = {"shadow": tmp_path / "shadow", "log": tmp_path / "journal"}
    with (
        running(live, tmp_path / "log", limits=QUICK, **settings) as service,
        service.client() as client,
    ):
        yield service, client, live


def test_damaged_bundle_is_rejected_and_previous_one_serves(
    bundled, bundle_folder, other, tmp_path
):
    service, client, live = bundled
    before = post(client, ROW).json()
    for number, name in enumerate(
        sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file()), 1
    ):
        damaged = bundles.copied(other, tmp_path / f"damaged-{number}")
        kept = (damaged / name).read_bytes()
        (damaged / name).write_bytes(kept[: len(kept) // 2] if name.name != "card.md" else b"\xff")
        bundles.point(live, damaged)
        wait_for(
            lambda count=number: len(service.events("bundle refused")) == count,
            f"{name} is refused",
        )
        assert post(client, ROW).json() == before
    assert meter(client, 'tarmac_loads_total{result="refused"}') == number
    assert meter(client, 'tarmac_loads_total{result="loaded"}') == 1
    live.unlink()
    bundles.point(live, other)
    wait_for(lambda: post(client, ROW).json()["version"] == "v0.0.2", "a whole one is served")


def test_rejects_bundle_of_different_pipeline(bundled, bundle_folder, tmp_path):
    service, _, live = bundled
    strange = bundles.copied(bundle_folder, tmp_path / "strange")
    probes = json.loads((strange / "online" / "probes.json").read_text())
    probes["probes"][0]["inputs"].update(block=1.0, dest="XXX")
    (strange / "online" / "probes.json").write_text(json.dumps(probes))
    bundles.point(live, strange)
    refused = wait_for(lambda: service.events("bundle refused"), "it is refused")
    assert "computes block, dest differently from the pipeline of v0.0.1" in refused[0]["reason"]


def test_shadow_is_logged_and_compared_with_served_version(bundled, other, tmp_path):
    _, client, _ = bundled
    bundles.point(tmp_path / "shadow", other)
    wait_for(lambda: client.get("/model").json()["shadow"] == "v0.0.2", "the shadow runs")
    answer = post(client, ROW).json()
    line = wait_for(lambda: logged(tmp_path / "journal"), "the journal is written")[-1]
    assert (line["version"], line["probability"]) == ("v0.0.1", answer["probability"])
    assert line["shadow"]["version"] == "v0.0.2"
    assert line["shadow"]["probability"] != answer["probability"]
    assert line["key"] == {
        "day": "2013-12-30",
        **{name: ROW[name] for name in ("carrier", "flight", "origin")},
    }
    apart = abs(line["shadow"]["probability"] - line["probability"])
    total = wait_for(
        lambda: meter(client, 'tarmac_shadow_difference_sum{version="v0.0.2"}'), "it is measured"
    )
    assert total == pytest.approx(apart, abs=1e-6)
    (tmp_path / "shadow").unlink()
    wait_for(lambda: client.get("/model").json()["shadow"] is None, "the shadow is gone")
    post(client, ROW)
    assert "shadow" not in wait_for(lambda: logged(tmp_path / "journal")[1:], "one more line")[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_shutdown_loses_no_response_or_journal_line(bundle_folder, tmp_path, workers):
    """Check with many rows, so that some requests are under way in threads.

    The journal has every row that was answered.
    """
    body = json.dumps({"columns": {name: [ROW[name]] * 200 for name in ROW}}).encode()
    settings = {"workers": workers, "log": tmp_path / "journal"}
    with (
        running(bundle_folder, tmp_path / "log", **settings) as service,
        load(service, body) as seen,
    ):
        seen.more(30)
        seen.stopped = (
            True  # whoever comes after this finds nobody; whoever is under way has to be answered
        )
        assert service.stop() == 0
    assert not seen.failures
    assert len(logged(tmp_path / "journal")) == 200 * len(seen.answers)


def test_shutdown_completes_request_in_progress(bundle_folder, tmp_path):
    body = json.dumps({"columns": {name: [ROW[name]] * 10_000 for name in ROW}}).encode()
    head = POST + LENGTH + f"{len(body)}\r\n\r\n".encode()
    with running(bundle_folder, tmp_path / "log") as service:
        with socket.create_connection((HOST, service.port)) as line, line.makefile("rb") as heard:
            line.sendall(head + body[:-1])
            service.process.send_signal(signal.SIGTERM)
            wait_for(lambda: service.events("Shutting down"), "it stops")
            line.sendall(body[-1:])
            assert heard.readline() == b"HTTP/1.1 200 OK\r\n"
            assert heard.read().count(b"0.") >= 10_000
        assert service.process.wait(PATIENCE) == 0


def test_full_journal_queue_drops_rows_and_counts_them(bundle_folder, tmp_path):
    limits, body = {"journal.WAITING": 10}, {"rows": [ROW] * 11}
    with running(
        bundle_folder, tmp_path / "log", limits=limits, log=tmp_path / "journal"
    ) as service:
        with service.client() as client:
            assert post(client, body).status_code == 200
            assert meter(client, "tarmac_shadow_dropped_total") == 11
        assert service.stop() == 0
    assert not logged(tmp_path / "journal")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_unwritable_journal_ends_service_with_clear_error(tmp_path, workers):
    (tmp_path / "file").touch()
    environment = {
        **os.environ,
        "TARMAC_LOG": str(tmp_path / "file" / "journal"),
        "TARMAC_WORKERS": workers,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tarmac.serving"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: TARMAC_LOG is ")
    assert "a folder that cannot be created" in done.stderr


@pytest.fixture(scope="module")
def two(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory):
    """A service of two workers."""
    with running(bundle_folder, tmp_path_factory.mktemp("two") / "log", workers=2) as service:
        wait_for(lambda: len(service.events("bundle")) == 2, "both workers are up")
        yield service


def test_stopped_worker_is_replaced_without_failed_requests(two, tmp_path):
    with start_proxy(two, tmp_path / "proxy", {}) as proxied, load(proxied, BODY) as seen:
        replace_worker(two, signal.SIGTERM, seen)
    assert not seen.failures


def test_killed_worker_is_replaced_and_clients_repeat_what_was_in_progress(two):
    with load(two, BODY, again=True) as seen:
        replace_worker(two, signal.SIGKILL, seen)
    assert not seen.failures
    assert seen.cut <= 4


def replace_worker(service: Service, end: signal.Signals, seen: Load) -> None:
    """End a worker under load, and wait until another responds."""
    victim, loaded = service.workers()[0], len(service.events("bundle"))
    seen.more()
    os.kill(victim, end)
    wait_for(lambda: len(service.events("bundle")) > loaded, "another worker answers")
    assert victim not in service.workers()
    seen.more(100)


def test_metrics_of_workers_are_summed(two):
    name = 'tarmac_requests_total{route="/predict",status="200"}'
    with two.client() as client:
        before = meter(client, name)
    for _ in range(40):
        with (
            two.client() as client
        ):  # a connection of its own, so that now one worker has it, now the other
            assert post(client, ROW).status_code == 200
    with two.client() as client:
        assert meter(client, name) == before + 40
        assert meter(client, 'tarmac_serving{version="v0.0.1"}') == 1


def test_workers_end_with_their_parent(bundle_folder, tmp_path):
    with running(bundle_folder, tmp_path / "log", workers=2, limits=QUICK) as service:
        workers = [psutil.Process(number) for number in service.workers()]
        service.process.kill()
        service.process.wait()
        psutil.wait_procs(workers, timeout=PATIENCE)
        assert not any(worker.is_running() for worker in workers)
