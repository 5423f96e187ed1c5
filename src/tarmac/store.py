"""DVC as the rest of Tarmac uses it: the locked one, with its stale locks cleared and its word checked."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from tarmac import git
from tarmac.digest import digest

LOCKS = (Path(".dvc/tmp/rwlock"), Path(".dvc/tmp/exps/rwlock"))
LOCK = Path("dvc.lock")


class StoreError(ValueError):
    """DVC failed, or what it fetched is not what the lock names."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The process environment in which a stage's `python` is this one."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**git.environment(), "PATH": path, "DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1", **(extra or {})}


def dvc(*arguments: str, folder: Path = Path(), extra: Mapping[str, str] | None = None) -> Iterator[str]:
    """Runs DVC and yields its lines as they come. Raises `StoreError` where it fails."""
    command = [sys.executable, "-m", "dvc", *arguments]
    with subprocess.Popen(command, cwd=folder, env=environment(extra), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield from (line.rstrip("\n") for line in process.stdout)
    if process.returncode:
        raise StoreError(f"`dvc {' '.join(arguments)}` failed with exit status {process.returncode}, see above")


def clear_stale_locks(folder: Path = Path()) -> list[Path]:
    """Deletes what a killed DVC left half written: with one of them, every later command fails. Returns the paths.

    `dvc.lock` becomes the committed one; what has run since then is still in DVC's cache.
    """
    stale = [folder / path for path in LOCKS if (folder / path).is_file() and not (folder / path).stat().st_size]
    if (folder / LOCK).is_file() and not _whole(folder / LOCK):
        stale.append(folder / LOCK)
    for path in stale:
        path.unlink()
    if folder / LOCK in stale:
        committed = subprocess.run(["git", "show", f"HEAD:./{LOCK}"], cwd=folder, check=False, capture_output=True)
        if not committed.returncode:
            (folder / LOCK).write_bytes(committed.stdout)
    return stale


def _whole(lock: Path) -> bool:
    """Whether a `dvc.lock` was written to its end: a cut entry has no size. A conflict is for a person to mend."""
    try:
        text = lock.read_text(encoding="utf-8")
        if "<<<<<<<" in text:
            return True
        stages = yaml.safe_load(text)["stages"].values()
        return all("size" in entry for stage in stages for entry in [*stage["deps"], *stage["outs"]])
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return False


def pull(*targets: str, folder: Path = Path(), extra: Mapping[str, str] | None = None) -> None:
    """Fetches what the lock names (all, or some targets) and checks every byte of it. Raises `StoreError`."""
    clear_stale_locks(folder)
    failure = None
    try:
        for line in dvc("pull", *targets, folder=folder, extra=extra):
            print(line, flush=True)
    except StoreError as error:
        failure = error  # its words name hashes; the outputs that they belong to are found below
    wanted = outputs(folder)
    chosen = [path for path in wanted if not targets or {path, f"{path}.dvc"} & set(targets)]
    wrong = [path for path in chosen if digest(folder / path) != wanted[path]]
    if wrong:
        advice = "the remote lacks or garbles it" if failure else "delete it and .dvc/cache, then pull again"
        raise StoreError(f"missing, or not what the lock names: {', '.join(wrong)} ({advice})")
    if failure:
        raise failure


def pull_each(names: Iterable[str], folder: Path = Path(), extra: Mapping[str, str] | None = None) -> list[str]:
    """Fetches outputs so that one that is lost does not take the others with it. Returns those that are lost."""
    targets = {name: f"{name}.dvc" if (folder / f"{name}.dvc").is_file() else name for name in names}
    if not targets or _pulled(*targets.values(), folder=folder, extra=extra):
        return []
    return [name for name, target in targets.items() if not _pulled(target, folder=folder, extra=extra)]


def _pulled(*targets: str, folder: Path, extra: Mapping[str, str] | None) -> bool:
    try:
        pull(*targets, folder=folder, extra=extra)
    except StoreError as error:
        print(f"pull: {error}", flush=True)
        return False
    return True


def outputs(folder: Path = Path()) -> dict[str, str]:
    """Hash of every output that DVC keeps (of `dvc.lock` and of `.dvc` files), by path."""
    hashes = locked((folder / "dvc.lock").read_text(encoding="utf-8")) if (folder / "dvc.lock").is_file() else {}
    for pointer in sorted(folder.glob("data/*.dvc")):
        for out in yaml.safe_load(pointer.read_text(encoding="utf-8"))["outs"]:
            hashes[str(pointer.parent.relative_to(folder) / out["path"])] = out["md5"]
    return hashes


def locked(text: str) -> dict[str, str]:
    """Hash of every output in the text of a `dvc.lock`, by path. Raises `StoreError` where it cannot be read."""
    try:
        stages = (yaml.safe_load(text) or {}).get("stages", {})
        return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        what = "holds a merge conflict" if "<<<<<<<" in text else "cannot be read"
        advice = "`git restore --source=HEAD dvc.lock`, then `make run`"
        raise StoreError(f"{LOCK} {what}: take a whole one ({advice})") from None
