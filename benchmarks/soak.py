"""Test a service of two workers under load.

Meanwhile it is promoted, rolled back, killed and sent invalid requests.
"""

import argparse
import http.client
import json
import os
import platform
import signal
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

from benchmarks import measure, workspace
from tarmac.interface.problem import problem
from tests.postgres import HOST
from tests.tarmac.serving import bundles, fuzz
from tests.tarmac.serving.running import Service, running

JSON = {"content-type": "application/json"}
CLIENTS, WORKERS, REPEATS = 4, 2, 5
PERIODS = 10  # a line of the table each; a minute where the whole takes ten
KILLS, STOPS = (0.23, 0.63, 0.83), (0.43, 0.73)  # when, as shares of the time
PAUSE = 0.1  # seconds before a request that was cut off is sent again
ROWS = list(problem.request.EXAMPLES.values())
BODIES = [json.dumps(body).encode() for body in (ROWS[0], ROWS[1], {"rows": ROWS * 10})]


class Seen:
    """What all clients saw: seconds by period, and how each request ended."""

    def __init__(self, seconds: float) -> None:
        """Start the clock."""
        self.begin, self.seconds = time.monotonic(), seconds
        self.took: dict[int, list[float]] = defaultdict(list)
        self.ends: Counter[str] = Counter()
        self.lock = threading.Lock()

    @property
    def share(self) -> float:
        """How much of the time is over."""
        return (time.monotonic() - self.begin) / self.seconds

    @property
    def period(self) -> int:
        """The line of the table that is being measured."""
        return min(int(self.share * PERIODS), PERIODS - 1)

    def note(self, end: str, took: float | None = None) -> None:
        """One more request; those of normal clients are timed."""
        with self.lock:
            self.ends[end] += 1
            if took is not None:
                self.took[self.period].append(took)


def send_request(line: http.client.HTTPConnection, body: bytes, seen: Seen) -> tuple[int, str]:
    """Return the status and the version.

    A request that was cut off is sent again, as HTTP clients do, and counted.
    """
    for _ in range(REPEATS):
        try:
            line.request("POST", "/predict", body, JSON)
            answer = line.getresponse()
            content = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            line.close()
            seen.note("cut off and sent again")
            time.sleep(PAUSE)
        else:
            return answer.status, content.get("version", "")
    return 0, ""


def send_valid_requests(service: Service, seen: Seen) -> None:
    """Ask good questions until the time is over."""
    line, number = http.client.HTTPConnection(HOST, service.port, timeout=30), 0
    while seen.share < 1:
        begin = time.monotonic()
        status, served = send_request(line, BODIES[number % len(BODIES)], seen)
        seen.note(
            f"answered by {served}" if status == 200 else f"failed with {status}",
            time.monotonic() - begin,
        )
        number += 1


def send_invalid_requests(service: Service, seen: Seen) -> None:
    """Send mutated bodies; they are answered or refused."""
    line = http.client.HTTPConnection(HOST, service.port, timeout=30)
    for body in fuzz.bodies(seed=1):
        if seen.share >= 1:
            return
        status, _ = send_request(line, body, seen)
        seen.note(f"nonsense: {status}" if status in {200, 422} else f"failed with {status}")


def end_worker(service: Service, how: signal.Signals) -> None:
    """End a worker."""
    os.kill(service.workers()[0], how)


def list_events(
    service: Service, live: Path, folders: list[Path]
) -> list[tuple[float, str, Callable[[], None]]]:
    """What happens to the service: when, as a share of the time, its name, and how it is done."""
    links = [(number / PERIODS / 2, folders[number % 2]) for number in range(1, 2 * PERIODS)]
    names = {folders[0]: "rollback", folders[1]: "promotion"}
    switches = [
        (share, names[folder], partial(bundles.point, live, folder)) for share, folder in links
    ]
    kills = [
        (share, "worker killed (SIGKILL)", partial(end_worker, service, signal.SIGKILL))
        for share in KILLS
    ]
    stops = [
        (share, "worker stopped (SIGTERM)", partial(end_worker, service, signal.SIGTERM))
        for share in STOPS
    ]
    return sorted([*switches, *kills, *stops], key=lambda event: event[0])


def run_soak(service: Service, live: Path, folders: list[Path], seconds: float) -> str:
    """Run it all, and return the report's tables."""
    seen, memory, done = Seen(seconds), {}, Counter[str]()
    threads = [
        threading.Thread(target=send_valid_requests, args=(service, seen)) for _ in range(CLIENTS)
    ]
    threads.append(threading.Thread(target=send_invalid_requests, args=(service, seen)))
    for thread in threads:
        thread.start()
    left = list_events(service, live, folders)
    while seen.share < 1:
        memory[seen.period] = service.memory()  # the last of a period stays
        if left and left[0][0] <= seen.share:
            _, name, act = left.pop(0)
            act()
            done[name] += 1
        time.sleep(min(0.5, seconds / 200))
    for thread in threads:
        thread.join()
    return render_tables(seen, memory, done)


def render_tables(seen: Seen, memory: dict[int, int], done: Counter[str]) -> str:
    """How requests ended, what was done meanwhile, and time and memory by period."""
    lines = [
        "| requests | |",
        "| --- | ---: |",
        *(f"| {end} | {count:,} |" for end, count in sorted(seen.ends.items())),
    ]
    lines += [
        "",
        "| meanwhile | |",
        "| --- | ---: |",
        *(f"| {name} | {count} |" for name, count in sorted(done.items())),
    ]
    lines += [
        "",
        f"| part of {PERIODS} | requests | p50 ms | p99 ms | longest ms | MB |",
        "| --- |" + " ---: |" * 5,
    ]
    for period, took in sorted(seen.took.items()):
        took.sort()
        times = (took[len(took) // 2], took[int(len(took) * 0.99)], took[-1])
        cells = [f"{1000 * one:.1f}" for one in times]
        lines.append(
            f"| {period + 1} | {len(took):,} | {' | '.join(cells)} | {memory[period] / 1e6:.0f} |"
        )
    return "\n".join(lines)


def describe_conditions(seconds: int) -> str:
    """What a reader needs to judge the figures."""
    return (
        f"`python -m benchmarks.soak --seconds {seconds}`: {CLIENTS} clients that ask without a"
        " pause for one row, another, and twenty, and one that sends mutated bodies, beside a"
        f" service of {WORKERS} workers on the same {os.cpu_count()} cores; {platform.system()}"
        f" {platform.machine()}, Python {platform.python_version()}, uvicorn {version('uvicorn')}."
        f" Load average before: {os.getloadavg()[0]:.1f} (an idle machine has 0). Times are those"
        " of a client, in which all clients share one process; MB is the resident memory of the"
        " parent and its workers."
    )


def main(seconds: int) -> None:
    """Run it and write the report."""
    setup = describe_conditions(seconds)
    with tempfile.TemporaryDirectory(prefix="tarmac-soak-") as name:
        temporary = Path(name)
        folders = [bundles.write(temporary / "v0.0.1")]
        folders.append(bundles.write(temporary / "v0.0.2", "v0.0.2", "models/baseline.onnx"))
        bundles.point(temporary / "live", folders[0])
        with running(temporary / "live", temporary / "log", workers=WORKERS) as service:
            report = run_soak(service, temporary / "live", folders, seconds)
            errors = service.logged("level", "error")
        report += f"\n\n{len(errors)} errors in the service's log; it ended with status 0."
    measure.write_report(
        workspace.ROOT,
        "soak",
        f"# What a load of {seconds} seconds does to the service\n\n{setup}\n\n{report}",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    main(parser.parse_args().seconds)
