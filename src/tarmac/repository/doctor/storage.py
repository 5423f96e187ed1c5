"""The data: disk, cache, remote."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import yaml

from tarmac.pipeline.base.paths import LOCK
from tarmac.pipeline.base.site_cache import FOLDER, VARIABLE, is_private
from tarmac.repository import git
from tarmac.repository.doctor.finding import Finding, ask, some
from tarmac.repository.dvc import commands, lockfile, object_store
from tarmac.repository.remote import objects

COPIES = 2  # of every output: in DVC's cache and in its place


def disk() -> Finding:
    """Whether there is room for what is missing here, and for another run."""
    sizes = {path: size for path, size in _sizes().items() if size}
    free, missing = shutil.disk_usage(".").free, sum(size for path, size in sizes.items() if not Path(path).exists())
    whole = COPIES * sum(sizes.values())
    if free < COPIES * missing:
        return Finding("fail", f"{_megabytes(free)} free, to fetch takes {_megabytes(COPIES * missing)}", "make room")
    if free < whole:
        return Finding("warn", f"{_megabytes(free)} free, a new result takes {_megabytes(whole)}", "make room")
    return Finding("ok", f"{_megabytes(free)} free, a new result takes {_megabytes(whole)}")


def _sizes() -> dict[str, int]:
    """Bytes of every output by path, as `dvc.lock` and `.dvc` files have them."""
    entries = lockfile.stages(LOCK.read_text(encoding="utf-8") if LOCK.is_file() else None).values()
    outs = [out for entry in entries for out in entry.get("outs", [])]
    found = {out["path"]: out.get("size", 0) for out in outs}
    for pointer in Path("data").glob("*.dvc"):
        for out in yaml.safe_load(pointer.read_text(encoding="utf-8"))["outs"]:
            found[str(pointer.parent / out["path"])] = out.get("size", 0)
    return found


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def cache() -> Finding:
    """Whether DVC can write what it makes."""
    done = ask(sys.executable, "-m", "dvc", "cache", "dir", env=commands.environment())
    if done.returncode:
        return Finding("fail", (done.stderr.strip() or "dvc failed").splitlines()[0], "run from the repository's root")
    folder = existing = Path(done.stdout.strip())
    while not existing.exists():
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            return Finding("ok", str(folder))
    except OSError as error:
        return Finding("fail", f"{folder} cannot be written: {error.strerror}", "make it a folder of yours")


def site_cache() -> Finding:
    """Whether other users of this machine can write what a plain `dvc` reads with pickle."""
    named, own = os.environ.get(VARIABLE, ""), (Path.cwd() / FOLDER).resolve()
    by_person = named and Path(named).resolve() != own
    folder = named if by_person else _configured()
    if folder and is_private(Path(folder)):
        return Finding("ok", f"{folder} is yours alone")
    what = f"a plain `dvc` trusts {folder or 'a folder of all users'}, which others can write to"
    return Finding("warn", what, f"chmod 700 {folder}" if by_person else "make setup")


def _configured() -> str:
    """The folder that DVC's settings name; empty where they name none."""
    env = {name: value for name, value in commands.environment().items() if name != VARIABLE}
    return ask(sys.executable, "-m", "dvc", "config", "core.site_cache_dir", env=env).stdout.strip()


def outputs() -> Finding:
    """Whether the outputs are here."""
    known = commands.outputs()
    missing = [path for path in known if not Path(path).exists()]
    if missing:
        return Finding("warn", f"not here: {some(missing)}", "make pull")
    return Finding("ok", f"{len(known)} are here")


def remote() -> Finding:
    """Whether the remote answers, with the credentials that are here, and has all that HEAD names."""
    if git.commit("HEAD") is None:
        return Finding("warn", "there is no commit whose outputs could be looked for", "commit the result")
    wanted = objects.named("HEAD")
    with object_store.opened() as opened:
        faults = object_store.faults(opened, wanted, read=False)
    if faults:
        lacking = [f"{fault.path} ({fault.kind})" for fault in faults]
        return Finding("fail", f"of HEAD it does not have {some(lacking)}", "make push, by whoever has made it")
    return Finding("ok", f"has all {len(wanted)} outputs of HEAD")
