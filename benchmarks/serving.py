"""Compare the service with the usual ways to serve the same model.

The figures are requests per second, latency, and CPU per request. The others get ready features;
the service gets a timetable and finds the features itself. Needs `wrk`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import measure
from tests.postgres import HOST, free_port

REPOSITORY = Path(__file__).resolve().parents[1]
PEERS, PATIENCE = REPOSITORY / ".venv" / "peers" / "bin", 120
ONE_THREAD = {"OMP_NUM_THREADS": "1", "BENTOML_DO_NOT_TRACK": "true"}
CONNECTIONS = {1: 8, 1000: 2}
SCRIPT = (
    'wrk.method="POST"; wrk.headers["content-type"]="application/json";'
    ' wrk.body=io.open("{body}"):read("*a")\n'
)
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
COLUMNS = "requests/s | p50 ms | p99 ms | CPU µs a request | rate ratio | CPU ratio"
WORDS = (
    "Load is wrk's, one thread, 8 connections for one row and 2 for a thousand; one process each;"
    " all but Tarmac are sent ready features, Tarmac a timetable. CPU is that of the server's"
    " processes. Ratios are to the tutorial's stack: its CPU a request over the server's, and the"
    " server's rate over its."
)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A way to serve the model: its command, and the body of each size that it is sent."""

    name: str
    command: list[str]
    bodies: dict[int, str]


@dataclass(frozen=True)
class Load:
    """Rate, latency and CPU of a server under load.

    Rate is requests per second. Latencies are the median and the 99th percentile in milliseconds.
    CPU is in microseconds per request.
    """

    rate: float
    p50: float
    p99: float
    cpu: float


def list_servers(port: Sequence[int]) -> list[Server]:
    """Return the service, the tutorial's stack, and BentoML twice.

    BentoML serves the same pipeline and the same ONNX file.
    """
    python, bento = str(PEERS / "python"), str(PEERS / "bentoml")
    ready = {1: "features-1.json", 1000: "features-1000.json"}
    timetable = {1: "timetable-1.json", 1000: "columns-1000.json"}
    tutorial = [
        "-m",
        "uvicorn",
        "benchmarks.peers.tutorial:app",
        "--no-access-log",
        "--port",
        str(port[1]),
    ]
    serve = [bento, "serve", "--port"]
    return [
        Server("Tarmac", [sys.executable, "-m", "tarmac.serving"], timetable),
        Server("FastAPI, pickle, DataFrame", [python, *tutorial], ready),
        Server(
            "BentoML, pickle, DataFrame",
            [*serve, str(port[2]), "benchmarks.peers.bento:Pickled"],
            ready,
        ),
        Server("BentoML, ONNX", [*serve, str(port[3]), "benchmarks.peers.bento:Onnx"], ready),
    ]


@contextmanager
def run_server(server: Server, port: int, folder: Path) -> Iterator[int]:
    """Run a server in a folder until it answers; give the number of its process."""
    own = {"TARMAC_BUNDLE": str(REPOSITORY / "served" / "live"), "TARMAC_PORT": str(port)}
    paths = {"PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])}
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(
            server.command,
            cwd=folder,
            env={**os.environ, **ONE_THREAD, **own, **paths},
            stdout=log,
            stderr=log,
        )
        try:
            wait_for_server(server, port, folder)
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def wait_for_server(server: Server, port: int, folder: Path) -> None:
    """Until the server answers a row. Raises `TimeoutError`."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            send_request(server, port, folder, 1)
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.3)
    raise TimeoutError(
        f"{server.name} did not answer: {(folder / f'{port}.log').read_text()[-800:]}"
    )


def send_request(server: Server, port: int, folder: Path, size: int) -> bytes:
    """One answer."""
    headers = {"content-type": "application/json"}
    body = (folder / server.bodies[size]).read_bytes()
    with urllib.request.urlopen(
        urllib.request.Request(f"http://{HOST}:{port}/predict", body, headers)
    ) as answer:
        return bytes(answer.read())


def measure_load(
    server: Server, port: int, pid: int, folder: Path, size: int, seconds: int
) -> Load:
    """What a server does under load for some seconds."""
    script = folder / f"{port}-{size}.lua"
    script.write_text(SCRIPT.format(body=folder / server.bodies[size]), encoding="utf-8")
    before = read_cpu_seconds(pid)
    options = [
        "--threads",
        "1",
        "--connections",
        str(CONNECTIONS[size]),
        "--duration",
        f"{seconds}s",
        "--latency",
    ]
    command = [
        "wrk",
        *options,
        "--timeout",
        "30s",
        "--script",
        str(script),
        f"http://{HOST}:{port}/predict",
    ]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"{server.name} failed:\n{output}")
    requests = int(re.search(r"(\d+) requests in", output)[1])
    p50, p99 = (parse_milliseconds(output, share) for share in ("50", "99"))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])
    return Load(rate, p50, p99, (read_cpu_seconds(pid) - before) / requests * 1e6)


def parse_milliseconds(output: str, share: str) -> float:
    """A percentile of the latency that wrk told."""
    number, unit = re.search(rf"{share}%\s+([\d.]+)(us|ms|s|m)\b", output).groups()
    return float(number) * UNITS[unit]


def read_cpu_seconds(pid: int) -> float:
    """Seconds of CPU of a process and of those that it started."""
    own = [pid, *(int(child) for child in list_descendants(pid))]
    fields = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in own]
    return sum(int(stat[11]) + int(stat[12]) for stat in fields) / TICKS


def list_descendants(pid: int) -> list[str]:
    """The processes that one started, and theirs."""
    own = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    descendants = list(own)
    for child in own:
        descendants += list_descendants(int(child))
    return descendants


def render_table(size: int, results: dict[str, list[Load]]) -> str:
    """A Markdown table of medians, with ratios to the tutorial's stack."""
    heading = "1 row a request" if size == 1 else f"{size:,} rows a request"
    lines = [f"| {heading} | {COLUMNS} |", "|---|---:|---:|---:|---:|---:|---:|"]
    medians = {}
    for name, loads in results.items():
        medians[name] = Load(
            rate=median(one.rate for one in loads),
            p50=median(one.p50 for one in loads),
            p99=median(one.p99 for one in loads),
            cpu=median(one.cpu for one in loads),
        )
    base = medians["FastAPI, pickle, DataFrame"]
    for name, one in medians.items():
        ratios = f"{one.rate / base.rate:.1f} | {base.cpu / one.cpu:.1f}"
        latencies = f"{one.p50:.2f} | {one.p99:.2f}"
        lines.append(f"| {name} | {one.rate:,.0f} | {latencies} | {one.cpu:,.0f} | {ratios} |")
    return "\n".join(lines)


def main() -> None:
    """Start all servers, load one after the other, round by round, and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    for needed, how in {
        "wrk": "apt-get install wrk",
        str(PEERS / "python"): "make bench makes it",
    }.items():
        if shutil.which(needed) is None:
            sys.exit(f"{needed} is missing: {how}")
    setup = measure.describe_conditions("benchmarks.serving", options.rounds)
    with tempfile.TemporaryDirectory(prefix="tarmac-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        subprocess.run(
            [sys.executable, "-m", "benchmarks.peers.prepare", name], cwd=REPOSITORY, check=True
        )
        shutil.copy(REPOSITORY / "models" / "model.onnx", folder)
        ports = [free_port() for _ in range(4)]
        running = [
            (one, port, stack.enter_context(run_server(one, port, folder)))
            for one, port in zip(list_servers(ports), ports, strict=True)
        ]
        results: dict[int, dict[str, list[Load]]] = {}
        for size in CONNECTIONS:
            results[size] = {one.name: [] for one, *_ in running}
        for _ in range(options.rounds):
            for size, loads in results.items():
                for one, port, pid in running:
                    loads[one.name].append(
                        measure_load(one, port, pid, folder, size, options.seconds)
                    )
                    print(size, one.name, loads[one.name][-1], file=sys.stderr, flush=True)
    tables = "\n\n".join(render_table(size, loads) for size, loads in results.items())
    measure.write_report(REPOSITORY, "serving", f"# Serving\n\n{setup} {WORDS}\n\n{tables}")


if __name__ == "__main__":
    main()
