"""What was tried: every experiment that DVC keeps here, with the commit that it started from."""

from collections.abc import Sequence
from itertools import groupby

from tarmac.dashboard.dvc_experiments import Experiment
from tarmac.dashboard.page_blocks import (
    Block,
    CodeCell,
    CommandList,
    DataSource,
    PageSection,
    Table,
)
from tarmac.dashboard.page_data import PageData
from tarmac.dashboard.words import MAIN, format_count, format_difference, format_metric_name
from tarmac.pipeline.base.params import TASK
from tarmac.reporting.markdown import format_number

NONE = "No experiment is kept in this clone."
MAKE = ("dvc exp run -n NAME -S KEY=VALUE", "make sweep TRIALS=50 JOBS=2")
FETCH = ("dvc exp pull origin NAME",)
NOTE = "Its lead has no interval here: `dvc exp apply NAME`, then `make review` gives one."


def build_section(known: PageData) -> PageSection:
    """A table for every commit that experiments started from."""
    if not known.experiments:
        blocks: list[Block] = [
            CommandList("To make one", MAKE),
            CommandList("To bring a colleague's", FETCH),
        ]
        return PageSection("experiments", "Experiments", NONE, blocks)
    grouped = groupby(known.experiments, key=lambda experiment: experiment.baseline)
    tables = [_build_table(baseline, list(group)) for baseline, group in grouped]
    sources = [
        DataSource(
            "dvc exp show", None, "of the commits named above; experiments are in this clone alone"
        )
    ]
    return PageSection(
        "experiments", "Experiments", _summarize_experiments(known.experiments), tables, sources
    )


def _summarize_experiments(experiments: Sequence[Experiment]) -> str:
    size = format_count(len(experiments), "experiment is", "experiments are")
    kept = f"{size} kept in this clone."
    measured = [one for one in experiments if MAIN in one.metrics]
    if not measured:
        return kept
    best = max(measured, key=lambda one: one.metrics[MAIN])
    lead = f"{format_metric_name(MAIN)}, {format_number(best.metrics[MAIN])}"
    return f"{kept} {best.name} has the highest {lead}. {NOTE}"


def _build_table(baseline: str, experiments: Sequence[Experiment]) -> Table:
    measured = {name for one in experiments for name in one.metrics}
    names = [name for name in TASK.metrics if name in measured]
    head = (
        "experiment",
        "what it changed",
        *(f"#{format_metric_name(name)}" for name in names),
        f"#change of {format_metric_name(MAIN)}",
    )
    before = experiments[0].before
    first = ("none: the commit", "–", *_format_metrics(before, before, names))
    ordered = sorted(experiments, key=lambda one: (-one.metrics.get(MAIN, 0), one.name))
    rows = [
        (CodeCell(one.name), _format_changes(one), *_format_metrics(one.metrics, one.before, names))
        for one in ordered
    ]
    return Table(f"From commit {baseline[:9]}", head, [first, *rows])


def _format_metrics(
    metrics: dict[str, float], before: dict[str, float], names: Sequence[str]
) -> list[str]:
    value, base = metrics.get(MAIN), before.get(MAIN)
    return [
        *(format_number(metrics.get(name)) for name in names),
        format_difference(value - base if value and base else None),
    ]


def _format_changes(one: Experiment) -> CodeCell | str:
    if not one.changed:
        return "no parameter"
    return CodeCell(", ".join(f"{key}={value}" for key, value in one.changed.items()))
