"""Show which model is live, how good it is, and whether anything speaks against it.

This is what an owner with one minute wants.
"""

from collections.abc import Sequence
from typing import Any

from tarmac.dashboard.page_blocks import (
    Block,
    CodeCell,
    DataSource,
    KeyFacts,
    PageSection,
    Table,
    VerdictCell,
)
from tarmac.dashboard.page_data import PageData
from tarmac.dashboard.records import EstimateRecord, MonthRecord
from tarmac.dashboard.words import (
    MAIN,
    TESTED,
    WATCH,
    WATCHED,
    format_count,
    format_metric_name,
    format_month,
)
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK
from tarmac.registry.history import ENVIRONMENTS

NEXT = {
    "none": "nothing is to be done",
    "retrain": "a retraining is due",
    "block": "the data are not trusted: nothing is trained on them",
}


def build_section(known: PageData) -> PageSection:
    """The current model, the verdict of the last monitoring and why."""
    tables = _build_tables(known.last_month) if known.last_month else []
    blocks: list[Block] = [KeyFacts(_list_key_facts(known)), *tables]
    return PageSection(
        "now", "Now", _summarize_state(known), blocks, _list_sources(known), _build_verdict(known)
    )


def find_live_version(known: PageData) -> dict[str, Any] | None:
    """The version that counts: of production, else the latest; None where nothing is released."""
    if known.registry is None:
        return None
    versions: list[dict[str, Any]] = known.registry["versions"]
    in_production = known.registry["environments"].get("prod")
    return next(
        (version for version in versions if version["version"] == in_production), versions[0]
    )


def _summarize_state(known: PageData) -> str:
    version, last = find_live_version(known), known.last_month
    if version is None:
        return "No version is released yet: the page shows the model that is committed here."
    place = (
        "is in production"
        if "prod" in version["environments"]
        else "is the latest version, and none is in production"
    )
    watched = (
        f"{format_month(last.name)}: {last.summary.rstrip('.')}"
        if last
        else "No month has been watched yet"
    )
    return f"{version['version']} {place}. {watched}."


def _build_verdict(known: PageData) -> VerdictCell | None:
    return VerdictCell(known.last_month.verdict) if known.last_month else None


def _list_key_facts(known: PageData) -> list[tuple[str, str, str]]:
    return [
        *_describe_release(known),
        _describe_quality(known),
        _describe_last_month(known.last_month),
    ]


def _describe_release(known: PageData) -> list[tuple[str, str, str]]:
    version = find_live_version(known)
    if version is None or known.registry is None:
        return [
            (
                "Released",
                "none yet",
                "`make release && make promote ENVIRONMENT=prod` makes the first one.",
            )
        ]
    latest, present = known.registry["versions"][0]["version"], known.registry["environments"]
    since = _describe_promotion(known.registry["history"], present.get("prod"))
    others = [f"{name} has {present.get(name, 'none')}" for name in ENVIRONMENTS if name != "prod"]
    rest = f"{', '.join(others)}; the latest is {latest}."
    rest = f"{rest[0].upper()}{rest[1:]} {_describe_page_model(known, version)}"
    return [("In production", present.get("prod", "none"), since + rest)]


def _describe_promotion(history: Sequence[dict[str, Any]], version: str | None) -> str:
    """When production got its version, and why."""
    given = [
        event
        for event in history
        if event["kind"] == "assignment" and event["environment"] == "prod"
    ]
    if version is None or not given:
        return ""
    why = f": {given[-1]['why'].rstrip('.')}" if given[-1]["why"] else ""
    return f"Since {given[-1]['when'][:10]}{why}. "


def _describe_page_model(known: PageData, version: dict[str, Any]) -> str:
    """Whether the rest of the page is about the version that counts."""
    if known.model and version["lineage"]["model"] == known.model:
        return "The sections below describe this model."
    return "The sections below describe the model that is committed here, which is another."


def _describe_quality(known: PageData) -> tuple[str, str, str]:
    estimate = known.current.get(MAIN)
    if estimate is None or estimate.value is None:
        return (f"{format_metric_name(MAIN)}, {TESTED}", "not known", "`make run` measures it.")
    return (
        f"{format_metric_name(MAIN)}, {TESTED}",
        f"{estimate.value:.3f}",
        _format_interval_note(estimate),
    )


def _format_interval_note(estimate: EstimateRecord) -> str:
    if estimate.low is None or estimate.high is None:
        return "No interval is known for it."
    hint = TASK.hint[0].upper() + TASK.hint[1:]
    interval = f"95% interval {estimate.low:.3f} to {estimate.high:.3f}"
    return f"{interval}, from resampled {problem.contract.CLUSTERS[1]}. {hint}."


def _describe_last_month(last: MonthRecord | None) -> tuple[str, str, str]:
    if last is None:
        return (
            "Last month watched",
            "none yet",
            f"`{WATCH}` judges the last {WATCHED}.",
        )
    rows = f"{format_count(last.rows, 'row')}, {last.labelled:,} with a label"
    return (
        "Last month watched",
        format_month(last.name),
        f"{rows}. Decision: {last.decision}, {NEXT[last.decision]}.",
    )


def _build_tables(last: MonthRecord) -> list[Block]:
    head = ("outcome", "kind", "check", "reason")
    order = ("critical", "warning", "ok")
    checks = sorted(last.checks, key=lambda check: order.index(check.outcome))
    rows = [
        (VerdictCell(check.outcome), check.kind, CodeCell(check.name), check.reason)
        for check in checks
    ]
    loud = [row for row in rows if row[0] != "ok"]
    reasons = [Table("Why", head, loud)] if loud else []
    return [
        *reasons,
        Table(
            f"All {format_count(len(rows), 'check')} of {format_month(last.name)}",
            head,
            rows,
            folded=True,
        ),
    ]


def _list_sources(known: PageData) -> list[DataSource]:
    tags = [DataSource("model@… and model#…", None, "as Git tags")] if known.registry else []
    return [*tags, *known.list_sources(known.last_month_path)]
