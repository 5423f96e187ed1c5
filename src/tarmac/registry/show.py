"""Show the registry as a table or JSON.

It lists every version with its environments, its metrics, and where it comes from.
"""

from typing import Any

from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.base.paths import FEATURES, MODEL, RAW
from tarmac.registry.history import (
    ENVIRONMENTS,
    REGISTER_FIRST,
    Event,
    RegistryError,
    find_environment_version,
    list_events,
    list_versions,
)
from tarmac.repository.metrics import read_test_metrics
from tarmac.repository.remote.commit_outputs import list_commit_outputs

LINEAGE = {"model": str(MODEL), "features": str(FEATURES), "raw data": str(RAW)}


def read_registry() -> dict[str, Any]:
    """Return all versions, the latest first, and the history of the environments.

    Raise `RegistryError` if there is no version.
    """
    known = list_events()
    registered = list_versions(known)
    if not registered:
        raise RegistryError("no version is registered", REGISTER_FIRST)
    present = {}
    for environment in ENVIRONMENTS:
        event = find_environment_version(known, environment)
        if event:
            present[environment] = event.version
    return {
        "environments": present,
        "versions": [describe_version(event, present) for event in reversed(registered.values())],
        "history": [vars(event) for event in known],
    }


def describe_version(event: Event, present: dict[str, str]) -> dict[str, Any]:
    """Return a version with its environments, its metrics and the hashes of its origin.

    The environments are those of `present` that have it. The hashes are of what it was made from.
    """
    metrics = read_test_metrics(event.commit)
    hashes = list_commit_outputs(event.commit)
    return {
        "version": event.version,
        "environments": [
            environment for environment, version in present.items() if version == event.version
        ],
        "commit": event.commit,
        "when": event.when,
        "who": event.who,
        "why": event.why,
        "metrics": {name: metrics.get(name) for name in TASK.metrics},
        "lineage": {name: hashes.get(path) for name, path in LINEAGE.items()},
    }


def format_registry() -> str:
    """The versions as text, a line each."""
    heads = [
        "version",
        "environments",
        "released",
        "by",
        "commit",
        *TASK.metrics,
        "model",
        "raw data",
    ]
    lines = [heads, *(_format_cells(version) for version in read_registry()["versions"])]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_align_cells(line, widths) for line in lines)


def _align_cells(cells: list[str], widths: list[int]) -> str:
    aligned = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(aligned).rstrip()


def _format_cells(version: dict[str, Any]) -> list[str]:
    metrics = [
        f"{value:.4f}" if value is not None else "none" for value in version["metrics"].values()
    ]
    lineage = [(version["lineage"][name] or "none")[:8] for name in ("model", "raw data")]
    environments, who = ",".join(version["environments"]), version["who"].split(" <")[0]
    return [
        version["version"],
        environments,
        version["when"][:10],
        who,
        version["commit"][:7],
        *metrics,
        *lineage,
    ]
