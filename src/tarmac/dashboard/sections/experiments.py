"""What was tried: every experiment that DVC keeps here, beside the commit that it started from."""

from collections.abc import Sequence
from itertools import groupby

from tarmac.dashboard.experiments import Experiment
from tarmac.dashboard.known import Known
from tarmac.dashboard.section import Block, Code, Commands, Section, Source, Table
from tarmac.dashboard.words import MAIN, count, difference, label
from tarmac.pipeline.base.params import TASK
from tarmac.reporting.markdown import number

NONE = "No experiment is kept in this clone."
MAKE = ("dvc exp run -n NAME -S KEY=VALUE", "make sweep TRIALS=50 JOBS=2")
FETCH = ("dvc exp pull origin NAME",)
NOTE = "Its lead has no interval here: `dvc exp apply NAME`, then `make review` gives one."


def section(known: Known) -> Section:
    """A table for every commit that experiments started from."""
    if not known.experiments:
        blocks: list[Block] = [Commands("To make one", MAKE), Commands("To bring a colleague's", FETCH)]
        return Section("experiments", "Experiments", NONE, blocks)
    grouped = groupby(known.experiments, key=lambda experiment: experiment.baseline)
    tables = [_table(baseline, list(group)) for baseline, group in grouped]
    found = [Source("dvc exp show", None, "of the commits named above; experiments are in this clone alone")]
    return Section("experiments", "Experiments", _says(known.experiments), tables, found)


def _says(found: Sequence[Experiment]) -> str:
    kept = f"{count(len(found), 'experiment is', 'experiments are')} kept in this clone."
    measured = [one for one in found if MAIN in one.metrics]
    if not measured:
        return kept
    best = max(measured, key=lambda one: one.metrics[MAIN])
    return f"{kept} {best.name} has the highest {label(MAIN)}, {number(best.metrics[MAIN])}. {NOTE}"


def _table(baseline: str, found: Sequence[Experiment]) -> Table:
    names = [name for name in TASK.metrics if any(name in one.metrics for one in found)]
    head = ("experiment", "what it changed", *(f"#{label(name)}" for name in names), f"#change of {label(MAIN)}")
    first = ("none: the commit", "–", *_metrics(found[0].before, found[0].before, names))
    ordered = sorted(found, key=lambda one: (-one.metrics.get(MAIN, 0), one.name))
    rows = [(Code(one.name), _changed(one), *_metrics(one.metrics, one.before, names)) for one in ordered]
    return Table(f"From commit {baseline[:9]}", head, [first, *rows])


def _metrics(found: dict[str, float], before: dict[str, float], names: Sequence[str]) -> list[str]:
    value, base = found.get(MAIN), before.get(MAIN)
    return [*(number(found.get(name)) for name in names), difference(value - base if value and base else None)]


def _changed(one: Experiment) -> Code | str:
    return Code(", ".join(f"{key}={value}" for key, value in one.changed.items())) if one.changed else "no parameter"
