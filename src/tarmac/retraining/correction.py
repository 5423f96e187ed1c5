"""Check whether earlier data can still be trusted.

A month may be corrected, or a table that every month is joined with.
"""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from tarmac.monitoring.checks import MonitoringCheck
from tarmac.monitoring.judge import evaluate_corrected_month
from tarmac.pipeline.base import months
from tarmac.pipeline.base.params import MonthWindow, SplitParams
from tarmac.pipeline.models.dataset import read_window
from tarmac.policy import load_all_params
from tarmac.reporting.markdown import format_percent


def compute_missing_shares(tables: Path, month: str = "") -> "pd.Series[float]":
    """The share of a month's rows that lack each input; of the last month where none is named."""
    month = month or months.list_stored_months(tables)[-1]
    return read_window(tables, MonthWindow(first=month, last=month)).isna().mean()


def evaluate_emptied_inputs(
    before: "pd.Series[float]", after: "pd.Series[float]", month: str
) -> dict[str, Any]:
    """Return what blocks the round if inputs of earlier months were emptied, else nothing.

    A table without months can empty inputs of all months alike.
    """
    most, more = load_all_params().monitor.missing.critical, after - before
    grown = more[more >= most].sort_index()
    if grown.empty:
        return {}
    shares = {name: round(float(after[name]), 4) for name in grown.index[:3]}
    examples = ", ".join(f"{name} ({format_percent(share)})" for name, share in shares.items())
    checks = [
        asdict(
            MonitoringCheck("integrity", str(name), "critical", f"missing in more rows of {month}")
        )
        for name in grown.index
    ]
    summary = f"what arrived has emptied inputs of {month}, which was there before: {examples}"
    return {"verdict": "critical", "decision": "block", "summary": summary, "checks": checks}


def evaluate_corrections(changed: Iterable[str], split: SplitParams) -> dict[str, Any]:
    """Return what blocks the round if a corrected month is broken now, else nothing.

    Only months that the model learned from count.
    """
    old = sorted(month for month in changed if split.train.first <= month <= split.validation.last)
    policy = load_all_params()
    broken = [
        (month, check) for month in old for check in evaluate_corrected_month(month, split, policy)
    ]
    if not broken:
        return {}
    examples = "; ".join(f"{month}, {check.name}: {check.reason}" for month, check in broken[:3])
    checks = [asdict(check) for _, check in broken]
    return {
        "verdict": "critical",
        "decision": "block",
        "summary": f"a correction is broken: {examples}",
        "checks": checks,
    }
