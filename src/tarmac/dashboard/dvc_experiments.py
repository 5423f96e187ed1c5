"""The experiments that DVC keeps here, each beside the commit that it started from."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tarmac.dashboard.source_files import DashboardError
from tarmac.pipeline.base import paths
from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.base.paths import TEST_METRICS
from tarmac.reporting.trees import flatten_tree
from tarmac.repository import git
from tarmac.repository.dvc import commands

EXPERIMENT = re.compile(r"^refs/exps/([0-9a-f]{2})/([0-9a-f]{38,62})/.+$")
OPTIONS = ("--json", "--no-pager", "--hide-queued", "--hide-failed")
PARAMS = str(paths.PARAMS)


@dataclass(frozen=True)
class Experiment:
    """One experiment: what it changed, and what came of it beside its baseline."""

    name: str
    commit: str
    baseline: str
    changed: dict[str, Any]  # parameters that differ from the baseline, by their keys
    metrics: dict[str, float]
    before: dict[str, float]  # the baseline's metrics


def list_experiments() -> list[Experiment]:
    """Return every experiment that is kept here, by baseline and name.

    DVC runs only if Git has an experiment.
    """
    listed = git.run_git("for-each-ref", "--format=%(refname)", "refs/exps").splitlines()
    matches = (EXPERIMENT.match(ref) for ref in listed)
    baselines = sorted({match[1] + match[2] for match in matches if match})
    if not baselines:
        return []
    revisions = [argument for commit in baselines for argument in ("--rev", commit)]
    try:
        shown = json.loads("\n".join(commands.run_dvc("exp", "show", *OPTIONS, *revisions)))
    except json.JSONDecodeError as error:
        message = f"`dvc exp show` did not print JSON: {error}"
        raise DashboardError(message, "run `dvc exp show --json` to see what it prints") from None
    return sorted(
        _iter_experiments(shown), key=lambda experiment: (experiment.baseline, experiment.name)
    )


def _iter_experiments(shown: list[Mapping[str, Any]]) -> Iterator[Experiment]:
    for baseline in shown:
        for kept in baseline.get("experiments") or []:
            last = kept["revs"][0]
            if baseline.get("data") and last.get("data"):
                yield _build_experiment(str(kept["name"] or last["rev"][:7]), last, baseline)


def _build_experiment(
    name: str, experiment: Mapping[str, Any], baseline: Mapping[str, Any]
) -> Experiment:
    before, after = (
        flatten_tree(_select_file_data(side, "params", PARAMS)) for side in (baseline, experiment)
    )
    changed = {
        key: after.get(key)
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    }
    return Experiment(
        name,
        experiment["rev"],
        baseline["rev"],
        changed,
        _select_metrics(experiment),
        _select_metrics(baseline),
    )


def _select_metrics(side: Mapping[str, Any]) -> dict[str, float]:
    values = _select_file_data(side, "metrics", TEST_METRICS.as_posix())
    metrics = {name: values.get(name) for name in TASK.metrics}
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}


def _select_file_data(side: Mapping[str, Any], kind: str, path: str) -> Mapping[str, Any]:
    """What DVC read from a file; nothing where it could not."""
    return dict(((side["data"].get(kind) or {}).get(path) or {}).get("data") or {})
