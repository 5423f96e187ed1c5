"""The data: disk, cache, remote."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import yaml

from tarmac.pipeline.base.paths import LOCK
from tarmac.pipeline.base.site_cache import FOLDER, VARIABLE, is_private_folder
from tarmac.repository import git
from tarmac.repository.doctor.finding import Diagnosis, capture_command, format_names
from tarmac.repository.dvc import commands, lockfile, object_store
from tarmac.repository.remote import commit_outputs

COPIES = 2  # of every output: in DVC's cache and in its place


def disk() -> Diagnosis:
    """Whether there is room for what is missing here, and for another run."""
    sizes = {path: size for path, size in _read_output_sizes().items() if size}
    free = shutil.disk_usage(".").free
    missing = sum(size for path, size in sizes.items() if not Path(path).exists())
    whole = COPIES * sum(sizes.values())
    if free < COPIES * missing:
        return Diagnosis(
            "fail",
            f"{_format_megabytes(free)} free, to fetch takes {_format_megabytes(COPIES * missing)}",
            "make room",
        )
    if free < whole:
        return Diagnosis(
            "warn",
            f"{_format_megabytes(free)} free, a new result takes {_format_megabytes(whole)}",
            "make room",
        )
    return Diagnosis(
        "ok", f"{_format_megabytes(free)} free, a new result takes {_format_megabytes(whole)}"
    )


def _read_output_sizes() -> dict[str, int]:
    """Bytes of every output by path, as `dvc.lock` and `.dvc` files have them."""
    entries = lockfile.parse_stages(
        LOCK.read_text(encoding="utf-8") if LOCK.is_file() else None
    ).values()
    sizes: dict[str, int] = {}
    for entry in entries:
        for out in entry.get("outs", []):
            sizes[out["path"]] = out.get("size", 0)
    for pointer in Path("data").glob("*.dvc"):
        for out in yaml.safe_load(pointer.read_text(encoding="utf-8"))["outs"]:
            sizes[str(pointer.parent / out["path"])] = out.get("size", 0)
    return sizes


def _format_megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def cache() -> Diagnosis:
    """Whether DVC can write what it makes."""
    done = capture_command(
        sys.executable, "-m", "dvc", "cache", "dir", env=commands.build_dvc_environment()
    )
    if done.returncode:
        return Diagnosis(
            "fail",
            (done.stderr.strip() or "dvc failed").splitlines()[0],
            "run from the repository's root",
        )
    folder = existing = Path(done.stdout.strip())
    while not existing.exists():
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            return Diagnosis("ok", str(folder))
    except OSError as error:
        return Diagnosis(
            "fail", f"{folder} cannot be written: {error.strerror}", "make it a folder of yours"
        )


def site_cache() -> Diagnosis:
    """Whether other users of this machine can write what a plain `dvc` reads with pickle."""
    named, own = os.environ.get(VARIABLE, ""), (Path.cwd() / FOLDER).resolve()
    by_person = named and Path(named).resolve() != own
    folder = named if by_person else _read_site_cache_setting()
    if folder and is_private_folder(Path(folder)):
        return Diagnosis("ok", f"{folder} is yours alone")
    what = f"a plain `dvc` trusts {folder or 'a folder of all users'}, which others can write to"
    return Diagnosis("warn", what, f"chmod 700 {folder}" if by_person else "make setup")


def _read_site_cache_setting() -> str:
    """The folder that DVC's settings name; empty where they name none."""
    env = {
        name: value for name, value in commands.build_dvc_environment().items() if name != VARIABLE
    }
    return capture_command(
        sys.executable, "-m", "dvc", "config", "core.site_cache_dir", env=env
    ).stdout.strip()


def outputs() -> Diagnosis:
    """Whether the outputs are here."""
    known = commands.read_output_hashes()
    missing = [path for path in known if not Path(path).exists()]
    if missing:
        return Diagnosis("warn", f"not here: {format_names(missing)}", "make pull")
    return Diagnosis("ok", f"{len(known)} are here")


def remote() -> Diagnosis:
    """Check whether the remote responds and has all that HEAD names.

    The credentials are those of this machine.
    """
    if git.resolve_commit("HEAD") is None:
        return Diagnosis(
            "warn", "there is no commit whose outputs could be looked for", "commit the result"
        )
    wanted = commit_outputs.list_commit_outputs("HEAD")
    with object_store.open_remote() as opened:
        faults = object_store.find_faults(opened, wanted, read=False)
    if faults:
        lacking = [f"{fault.path} ({fault.kind})" for fault in faults]
        return Diagnosis(
            "fail",
            f"of HEAD it does not have {format_names(lacking)}",
            "make push, by whoever has made it",
        )
    return Diagnosis("ok", f"has all {len(wanted)} outputs of HEAD")
