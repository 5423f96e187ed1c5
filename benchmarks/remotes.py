"""Compare `dvc push` and `dvc pull` with a plain copy of the same bytes.

The remotes are a folder, and servers for S3, SSH and WebDAV.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import measure, workspace
from benchmarks.measure import MB, CommandError, Results, Run
from tests.servers import Place, s3, ssh, web

CHUNK = 2**24  # bytes that are made at once
STEPS = ("plain put", "push", "plain get", "pull")
PAYLOAD = "payload"
S3 = """
import sys, pathlib, botocore.session
way, endpoint, bucket, prefix, folder = sys.argv[1:]
client = botocore.session.get_session().create_client("s3", endpoint_url=endpoint)
if way == "put":
    for path in pathlib.Path(folder).iterdir():
        with path.open("rb") as file:
            client.put_object(Bucket=bucket, Key=f"{prefix}/{path.name}", Body=file)
else:
    for key in [found["Key"] for found in client.list_objects_v2(\
Bucket=bucket, Prefix=prefix)["Contents"]]:
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
        with pathlib.Path(folder, key.rpartition("/")[2]).open("wb") as file:
            for chunk in body.iter_chunks(2**20):
                file.write(chunk)
"""


@dataclass(frozen=True)
class Way:
    """A kind of remote, and how to copy to it without DVC.

    `new` makes a new remote for DVC. `put` and `get` are the plain tool's commands to copy a flat
    folder to `path` and back.
    """

    new: Callable[[str], Place]
    put: Callable[[Path, str], list[str]]
    get: Callable[[str, Path], list[str]]


def folder_way(root: Path) -> Way:
    """Another folder of the same disk."""

    def new(path: str) -> Place:
        (root / path).mkdir(parents=True)
        return Place(str(root / path))

    return Way(
        new,
        lambda source, path: ["cp", "-r", f"{source}/.", str(root / path)],
        lambda path, target: ["cp", "-r", f"{root / path}/.", str(target)],
    )


def s3_way(server: s3.Server) -> Way:
    """One request a file, one after the other."""
    command = [sys.executable, "-c", S3]
    return Way(
        lambda path: server.place(f"{s3.BUCKET}/{path}"),
        lambda source, path: [*command, "put", server.endpoint, s3.BUCKET, path, str(source)],
        lambda path, target: [*command, "get", server.endpoint, s3.BUCKET, path, str(target)],
    )


def ssh_way(server: ssh.Server) -> Way:
    """`scp`, which speaks SFTP."""
    trust = [
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "LogLevel=ERROR",
    ]
    command = [
        "scp",
        "-q",
        "-r",
        "-P",
        str(server.port),
        "-i",
        str(server.folder / "writer"),
        *trust,
    ]
    there = f"{ssh.account()}@{ssh.HOST}:{server.folder}"

    def new(path: str) -> Place:
        (server.folder / path).mkdir(parents=True)
        return server.place(path)

    return Way(
        new,
        lambda source, path: [*command, f"{source}/.", f"{there}/{path}"],
        lambda path, target: [*command, f"{there}/{path}/.", str(target)],
    )


def webdav_way(server: web.Server) -> Way:
    """`curl`, all files over one connection."""
    command = ["curl", "--fail", "--silent", "--show-error", "--user", f"{web.USER}:{web.PASSWORD}"]
    base = f"http://{web.HOST}:{server.port}/store"

    def new(path: str) -> Place:
        (server.folder / "store" / path).mkdir(parents=True)
        return server.place(f"store/{path}")

    def put(source: Path, path: str) -> list[str]:
        return [
            *command,
            "--upload-file",
            f"{{{','.join(map(str, source.iterdir()))}}}",
            f"{base}/{path}/",
        ]

    def get(path: str, target: Path) -> list[str]:
        names = ",".join(file.name for file in (server.folder / "store" / path).iterdir())
        return [*command, f"{base}/{path}/{{{names}}}", "--output", str(target / "#1")]

    return Way(new, put, get)


class Bench:
    """A DVC repository with one folder of files in it, which travels by each way."""

    def __init__(self, folder: Path, files: Iterator[tuple[str, bytes]]) -> None:
        """Make and track the files: blocks of the same name become one file."""
        self._repository, self._count, self._place = folder / "repository", 0, Place("")
        self.source = self._repository / PAYLOAD
        self.source.mkdir(parents=True)
        for name, block in files:
            with (self.source / name).open("ab") as file:
                file.write(block)
        self.bytes = {path.name: compute_digest(path) for path in self.source.iterdir()}
        self.size = sum(path.stat().st_size for path in self.source.iterdir())
        subprocess.run(["git", "init", "--quiet"], cwd=self._repository, check=True)
        for arguments in (("init", "--quiet"), ("add", "--quiet", PAYLOAD)):
            workspace.run_dvc(self._repository, *arguments)

    def build_cases(self, way: Way) -> dict[str, Callable[[], Run]]:
        """A round: there by the plain tool and by DVC, and back again by both."""
        steps = (self._plain_put, self._push, self._plain_get, self._pull)
        return {name: lambda step=step: step(way) for name, step in zip(STEPS, steps, strict=True)}

    def _plain_put(self, way: Way) -> Run:
        self._count += 1
        plain = way.new(f"plain-{id(self)}-{self._count}")
        return measure.run_command(
            way.put(self.source, f"plain-{id(self)}-{self._count}"), self._repository, plain.env
        )

    def _push(self, way: Way) -> Run:
        self._place = way.new(f"dvc-{id(self)}-{self._count}")
        workspace.run_dvc(
            self._repository, "remote", "add", "--force", "--default", "place", self._place.url
        )
        for option in (*self._place.options, "verify=true"):
            workspace.run_dvc(self._repository, "remote", "modify", "place", *option.split("=", 1))
        self._forget_site()
        return self._run_dvc("push")

    def _plain_get(self, way: Way) -> Run:
        with tempfile.TemporaryDirectory(dir=self._repository.parent) as target:
            command = way.get(f"plain-{id(self)}-{self._count}", Path(target))
            run = measure.run_command(command, self._repository, self._place.env)
            self._compare_files(Path(target))
        return run

    def _pull(self, _way: Way) -> Run:
        shutil.rmtree(self._repository / ".dvc" / "cache")
        shutil.rmtree(self.source)
        self._forget_site()
        run = self._run_dvc("pull")
        self._compare_files(self.source)
        return run

    def _run_dvc(self, command: str) -> Run:
        return measure.run_command(
            [sys.executable, "-m", "dvc", command], self._repository, self._place.env
        )

    def _forget_site(self) -> None:
        shutil.rmtree(self._repository.with_name("repository-site"), ignore_errors=True)

    def _compare_files(self, folder: Path) -> None:
        hashes = {path.name: compute_digest(path) for path in folder.iterdir()}
        if hashes != self.bytes:
            raise CommandError(
                f"{len(hashes)} files came back, other than the {len(self.bytes)} that went"
            )


def compute_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, hashlib.md5).hexdigest()


def random_file(size: int) -> Iterator[tuple[str, bytes]]:
    """One file that nothing can compress."""
    for start in range(0, size, CHUNK):
        yield "one.bin", os.urandom(min(CHUNK, size - start))


def own_objects(repository: Path) -> Iterator[tuple[str, bytes]]:
    """The objects that the repository itself publishes."""
    for path in sorted((repository / "data" / "remote" / "files" / "md5").glob("??/*")):
        yield f"{path.parent.name}{path.name}", path.read_bytes()


def render_table(results: dict[str, Results]) -> str:
    """One row a payload and place: seconds, and DVC's over the plain tool's."""
    header = ["", "plain put s", "`dvc push` s", "ratio", "plain get s", "`dvc pull` s", "ratio"]
    lines = [header, ["---"] + ["---:"] * (len(header) - 1)]
    for name, runs in results.items():
        put, push, get, pull = (measure.compute_median_run(runs[step]).wall for step in STEPS)
        figures = (put, push, push / put, get, pull, pull / get)
        lines.append([name, *(f"{figure:.2f}" for figure in figures)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def measure_ways(
    chosen: argparse.Namespace, folder: Path
) -> tuple[dict[str, Results], list[Bench]]:
    """All payloads on all places, the places of one payload interleaved within a round."""
    with ExitStack() as stack:
        for name in ("s3", "ssh", "dav"):
            (folder / name).mkdir()
        ways = {
            "folder": folder_way(folder / "shared"),
            "S3": s3_way(stack.enter_context(s3.s3(folder / "s3"))),
            "SSH": ssh_way(stack.enter_context(ssh.ssh(folder / "ssh"))),
            "WebDAV": webdav_way(stack.enter_context(web.webdav(folder / "dav"))),
        }
        benches = {
            f"one file of {chosen.megabytes} MB": Bench(
                folder / "one", random_file(chosen.megabytes * MB)
            ),
            "the repository's own objects": Bench(folder / "own", own_objects(chosen.repository)),
        }
        results = {}
        for payload, bench in benches.items():
            cases = {}
            for way, place in ways.items():
                for step, case in bench.build_cases(place).items():
                    cases[f"{way}, {step}"] = case
            runs = measure.interleave(cases, chosen.rounds)
            for way in ways:
                results[f"{payload}, {way}"] = {step: runs[f"{way}, {step}"] for step in STEPS}
    return results, list(benches.values())


def main() -> None:
    """Measure, print and write the report.

    Exit with 1 if a command fails or if bytes differ.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="how often every copy is made")
    parser.add_argument("--megabytes", type=int, default=1000, help="size of the one large file")
    parser.add_argument(
        "--repository",
        type=Path,
        default=workspace.ROOT,
        help="whose objects, and where the report goes",
    )
    chosen = parser.parse_args()
    conditions = measure.describe_conditions("benchmarks.remotes", chosen.rounds)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        try:
            results, benches = measure_ways(chosen, Path(folder))
        except CommandError as error:
            sys.exit(f"benchmarks.remotes: error: {error}")
    sizes = " and ".join(f"{bench.size / MB:.0f} MB in {len(bench.bytes)}" for bench in benches)
    what = (
        f"Files: {sizes}. Every server runs on the same machine as its client and shares its"
        " cores: ratios mean something, seconds little. Plain is `cp`, one S3 request a file"
        " after the other, `scp`, and `curl`. The pull starts from an empty cache and verifies"
        " every byte (`verify = true`); what came back was compared each time."
    )
    measure.write_report(
        chosen.repository,
        "remotes",
        "\n\n".join(["# Remotes against plain copies", conditions, what, render_table(results)]),
    )


if __name__ == "__main__":
    main()
