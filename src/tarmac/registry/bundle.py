"""Write all that a service needs of one version into a folder of its own, and link to it."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tarmac.interface.errors import suggest_name
from tarmac.pipeline.base import paths
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.outputs import replace_output, write_json
from tarmac.pipeline.base.params import TASK
from tarmac.registry.history import (
    ENVIRONMENTS,
    FETCH_OR_MAKE,
    Event,
    RegistryError,
    describe_unknown_environment,
    find_environment_version,
    list_events,
    list_versions,
)
from tarmac.registry.show import describe_version
from tarmac.repository import clone, git
from tarmac.repository.dvc import commands
from tarmac.repository.metrics import read_test_metrics
from tarmac.serving.bundle import CARD, MODEL, ONLINE, RELEASE
from tarmac.serving.online import FACTS

SERVED, VERSIONS = Path("served"), Path("served/versions")
PLACES, HERE = ("live", "shadow"), "workspace"
KEPT = 5  # bundles that stay after they were served
PARTS = {str(paths.MODEL): MODEL, str(paths.CARD): CARD, str(paths.ONLINE): ONLINE}
HASHED = {"model": str(paths.MODEL), "online": str(paths.ONLINE)}


def build_bundle(environment: str, version: str, place: str) -> str:
    """Bundle an environment's version, or a version by its name, and return what was done.

    Without both, bundle what is in the working tree.
    """
    if place not in PLACES:
        hint = f"{suggest_name(place, PLACES)} use {' or '.join(PLACES)}".lstrip()
        raise RegistryError(f"unknown place for a bundle: {place!r}", hint)
    event = _find_registration(environment, version)
    with _open_version_files(event) as source:
        release = describe_version(event, {}) if event else _describe_workspace()
        release |= {name: compute_dvc_hash(source / path) for name, path in HASHED.items()}
        folder = VERSIONS / "-".join([release["version"], *(release[name][:6] for name in HASHED)])
        _write_bundle(source, release, folder)
    _update_link(SERVED / place, folder)
    _remove_old_bundles()
    return f"{SERVED / place} is {release['version']} now ({folder})"


def _find_registration(environment: str, version: str) -> Event | None:
    """Return the registration of the requested version.

    Return None if none is requested: then the files of the working tree are meant.
    """
    if not environment and not version:
        return None
    if environment and environment not in ENVIRONMENTS:
        raise RegistryError(*describe_unknown_environment(environment))
    known = list_events()
    event = (
        list_versions(known).get(version)
        if version
        else find_environment_version(known, environment)
    )
    if event is None and version:
        nearest = suggest_name(version, list_versions(known))
        hint = f"{nearest} list all versions: `tarmac registry`".lstrip()
        raise RegistryError(f"there is no version {version}", hint)
    if event is None:
        hint = f"promote a version: `make promote ENVIRONMENT={environment} WHY=…`"
        raise RegistryError(f"{environment} has no version", hint)
    return event


@contextmanager
def _open_version_files(event: Event | None) -> Iterator[Path]:
    """Yield a folder with the parts of a version, every byte checked.

    Yield the working tree if no version is named.
    """
    if event is None:
        _require_parts(Path(), "the working tree", FETCH_OR_MAKE)
        yield Path()
        return
    with clone.open_clone(event.commit) as folder:
        locked = commands.read_output_hashes(folder)
        cached = [path for path in (*PARTS, str(paths.ONLINE_BEFORE)) if path in locked]
        commands.pull_outputs(*cached, folder=folder, extra=clone.build_site_cache_env(folder))
        _rename_earlier_output(folder)
        _require_parts(folder, event.version, "bundle a later version")
        yield folder


def _rename_earlier_output(folder: Path) -> None:
    """Give the online features of a commit from before the stage `online` today's names."""
    before = folder / paths.ONLINE_BEFORE
    if before.is_dir():
        (before / "state.json").rename(before / FACTS)
        before.rename(folder / paths.ONLINE)


def _require_parts(folder: Path, name: str, hint: str) -> None:
    missing = [path for path in PARTS if not (folder / path).exists()]
    if missing:
        raise RegistryError(f"{name} does not contain {', '.join(missing)}", hint)


def _describe_workspace() -> dict[str, Any]:
    """What is said of files that are no version: where they are from, as far as that is known."""
    metrics = read_test_metrics()
    shown = {name: metrics.get(name) for name in TASK.metrics}
    return {"version": HERE, "commit": git.resolve_commit("HEAD"), "metrics": shown}


def _write_bundle(source: Path, release: dict[str, Any], folder: Path) -> None:
    """Write the bundle completely or not at all.

    A bundle that is there already stays, so that a service need not reload.
    """
    existing = folder / RELEASE
    if existing.is_file() and json.loads(existing.read_text(encoding="utf-8")) == release:
        return
    with replace_output(folder) as partial:
        partial.mkdir(parents=True)
        for path, name in PARTS.items():
            copy = shutil.copytree if (source / path).is_dir() else shutil.copyfile
            copy(source / path, partial / name)
        write_json(partial / RELEASE, release)


def _update_link(link: Path, folder: Path) -> None:
    """Point a link to a folder in one step: a reader finds the old folder or the new one."""
    if link.exists() and not link.is_symlink():
        raise RegistryError(f"{link} is not a link", f"move it away: `mv {link} {link}.old`")
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(os.path.relpath(folder, link.parent), target_is_directory=True)
    fresh.replace(link)


def _remove_old_bundles() -> None:
    """Delete old bundles that no link leads to.

    A service that has loaded one no longer needs its files.
    """
    served = {(SERVED / place).resolve() for place in PLACES}
    newest = sorted(VERSIONS.iterdir(), key=lambda folder: folder.stat().st_mtime_ns, reverse=True)
    for folder in newest[KEPT:]:
        if folder.resolve() not in served:
            shutil.rmtree(folder)
