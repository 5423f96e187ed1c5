"""The month's round: takes in what arrived, judges it, makes a new model where that is called for, and reviews it."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tarmac import git, incoming, reproduce, store
from tarmac.files import months
from tarmac.monitoring.live import Live, live
from tarmac.monitoring.report import report
from tarmac.monitoring.rows import TABLES
from tarmac.monitoring.run import monitor, nothing, refuse, write
from tarmac.monitoring.windows import moved
from tarmac.params import load
from tarmac.registry.release import OUT, refuse_unclean
from tarmac.review.run import review

SUFFIXES = (".csv", ".parquet")
ORDER = ("none", "retrain", "hold")  # a later one outweighs


class ArrivalError(ValueError):
    """What ought to have arrived cannot be fetched."""


def retrain(source: str) -> dict[str, Any]:
    """One round, in the working tree; returns what `monitoring.json` holds, and says in `made` what is to be proposed.

    `source` is a folder or a URL of files, as DVC takes them. Where the round breaks, `monitoring.json` says why before
    the error is raised.
    """
    shutil.rmtree(OUT, ignore_errors=True)  # an older verdict is none on this round
    with _told():
        refuse_unclean()
        store.pull()
        arrived = arrivals(source) if source else []
        if not arrived:
            return nothing("nothing new has arrived")
        _show(store.dvc("add", "data/raw"))
        _show(store.dvc("repro", "featurize"))
        model = live()
        found = judged(new_months(arrived, model), model)
        found |= {"made": _make(found), "arrived": arrived}
        write(found, report(found))
        if found["made"]:
            review(model.commit, OUT)
    return found


def arrivals(source: str) -> list[str]:
    """Fetches the files of a folder or URL and takes them in; returns a line for each table that changed."""
    with tempfile.TemporaryDirectory(prefix="tarmac-arrivals-") as folder:
        place = Path(folder) / "files"
        try:
            _show(store.dvc("get-url", source, str(place)))
        except store.StoreError:
            raise ArrivalError(f"{source} cannot be fetched: `dvc get-url {source}` says why") from None
        files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES)
        return incoming.ingest([str(path) for path in files]) if files else []


def new_months(arrived: Sequence[str], model: Live) -> list[str]:
    """The months to judge: what arrived and is new to the model, else the last one; `arrived` holds a line a table."""
    named = {line.split(":")[0].rpartition("/")[2] for line in arrived}
    stored = months.stored(TABLES)
    fresh = [month for month in stored if month in named and month > model.split.validation.last]
    return fresh or stored[-1:]


def judged(wanted: Sequence[str], model: Live) -> dict[str, Any]:
    """Judges months; the one that weighs most speaks for all."""
    found = [monitor(month, model=model) for month in wanted]
    return max(found, key=lambda one: ORDER.index(one["decision"]))


def _make(found: dict[str, Any]) -> str:
    """Runs the pipeline unless the data are broken; returns what was made, in a line."""
    if found["decision"] == "hold":
        return ""
    if found["decision"] == "none":
        reproduce.repro(Path())
        return "new data for the model as it is"
    stored = months.stored(TABLES)
    windows = moved(stored[0], stored[-1], load().retrain)
    settings = [f"--set-param={name}={month}" for name, month in windows.items()]
    name = f"retrain-{stored[-1]}-{git.git('rev-parse', '--short', 'HEAD').strip()}"
    _show(store.dvc("exp", "run", "--name", name, "--force", *settings))
    return f"a model of {windows['split.train.first']} to {windows['split.train.last']}"


def _show(lines: Iterator[str]) -> None:
    for line in lines:
        print(line, flush=True)


@contextmanager
def _told() -> Iterator[None]:
    """Notes why a round broke, for whoever is told."""
    try:
        yield
    except ValueError as error:
        refuse(str(error))
        raise
