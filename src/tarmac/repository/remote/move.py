"""Move the team's objects to another remote.

The move is tried on clones first, so that what fails changes nothing here.
"""

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tarmac.interface.errors import UserError
from tarmac.repository.dvc import commands, config, object_store
from tarmac.repository.git import run_git
from tarmac.repository.remote import address, commit_outputs, contact, push, settings
from tarmac.repository.remote.address import EMBEDDED

CONFIG = Path(".dvc/config")


class MoveError(UserError):
    """There is nothing to move, or no place to move it to."""


def move_remote(url: str, options: Iterable[str] = ()) -> None:
    """Copy what HEAD names to a URL, and make the URL the default remote.

    Before that, prove that a new clone gets everything from there. Raise a `UserError` of one line
    for each fault; the settings of this clone are then as they were.
    """
    chosen = settings.parse_options(options)
    _require_folder(address.check_url(url))
    wanted = commit_outputs.list_commit_outputs("HEAD")
    if not wanted:
        raise MoveError("HEAD has no outputs to copy", "run `make run` and commit dvc.lock")
    with tempfile.TemporaryDirectory(prefix="tarmac-remote-") as temporary:
        colleague = Path(temporary) / "colleague"
        site = {"DVC_SITE_CACHE_DIR": str(Path(temporary) / "site")}
        _clone_head(colleague)
        settings.write_remote_settings(colleague, url, chosen)
        if url != EMBEDDED:
            contact.check_remote(
                colleague, settings.format_remote_name(url), url, address.is_writable(url)
            )
        if address.is_writable(url):
            _copy_objects(Path(temporary) / "source", wanted, url, chosen, site)
        _verify_objects(colleague, wanted, url)
        commands.pull_outputs(folder=colleague, extra=site)
    settings.write_remote_settings(Path(), url, chosen)
    _print_result(url, len(wanted), sorted(chosen.keys() - settings.SHARED))


def _require_folder(url: str) -> None:
    """DVC would make a folder that is not there: a typing error, or a drive that is not mounted."""
    if url.startswith("/") and not Path(url).is_dir():
        hint = "create the folder, or mount its drive"
        raise MoveError(f"{url}: folder not found on this machine", hint)


def _clone_head(target: Path) -> None:
    """A clone of HEAD with the remotes of this folder, as they are set here, and an empty cache."""
    run_git("clone", "--quiet", "--shared", ".", str(target))
    shutil.copy(CONFIG, target / CONFIG)
    config.lend_remotes(target, level=None)


def _copy_objects(
    source: Path,
    wanted: Mapping[str, str],
    url: str,
    options: Mapping[str, str],
    site: Mapping[str, str],
) -> None:
    """Push from a clone that uses this folder's cache.

    If the cache lacks something, fetch it from the present remote first.
    """
    _clone_head(source)
    config.lend_cache(source)
    if _has_missing_objects(source, wanted):
        print("fetching what this clone lacks from the present remote", flush=True)
        list(commands.run_dvc("fetch", folder=source, extra=site))
    settings.write_remote_settings(source, url, options)
    push.push_outputs(source, settings.format_remote_name(url))


def _has_missing_objects(clone: Path, wanted: Mapping[str, str]) -> bool:
    """Whether the cache of a clone is without one of the objects."""
    with object_store.open_cache(clone) as cache:
        return bool(object_store.find_faults(cache, wanted, read=False))


def _verify_objects(clone: Path, wanted: Mapping[str, str], url: str) -> None:
    """Re-hashes every object there."""
    with object_store.open_remote(settings.format_remote_name(url), clone) as remote:
        faults = object_store.find_faults(remote, wanted, read=True)
    if not faults:
        return
    lines = [f"{fault.path}: {fault.kind} at {url}" for fault in faults]
    read_only = "this URL is read-only: copy all objects of HEAD there with the server's own tools"
    again = "delete what is damaged there, then run the same `make remote` again"
    raise MoveError("\n".join(lines), again if address.is_writable(url) else read_only)


def _print_result(url: str, outputs: int, private: list[str]) -> None:
    """Say what was proven, and what is left to do by hand."""
    inside = url == EMBEDDED
    what = "Data and models are in the repository" if inside else f"Data and models are at {url}"
    print(f"\n{what}: all {outputs} outputs of HEAD, read back, and pulled into an empty clone")
    objects_folder = " data/remote" if inside else ""
    credentials = "" if inside else "; where credentials go: docs/remote.md"
    commit = f"git add {CONFIG}{objects_folder} && git commit -m '{what}' && git push"
    print(f"  commit it        {commit}")
    print(f"  tell the team    git pull && make pull{credentials}")
    if private:
        print(f"  only yours       {', '.join(private)}: in {settings.PRIVATE}, which Git ignores")
