"""Monitors a month or a log: reads, judges, and writes the verdict for a machine and the report for a person."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from tarmac.monitoring.judge import Judgement, judge
from tarmac.monitoring.reference import Reference, reference
from tarmac.monitoring.report import report, told
from tarmac.monitoring.rows import Observed, of_log, of_month
from tarmac.pipeline.base import months
from tarmac.pipeline.base.outputs import replacing, write_json
from tarmac.pipeline.base.params import TASK, SplitParams
from tarmac.pipeline.base.paths import FEATURES
from tarmac.policy import Params, load
from tarmac.registry.live_model import HERE, Live, live

OUT, RECORDS = Path("monitoring"), Path("metrics/monitoring")
DIGITS = 6  # of what is written: more are noise


def monitor(month: str = "", log: Path | None = None, model: Live | None = None) -> dict[str, Any]:
    """Judges a stored month (the last one where none is named), or a log; writes JSON and report, and returns it.

    Raises `UserError` where there is nothing to judge, or nothing to judge it by.
    """
    params, model = load(), model or live()
    observed = (
        of_log(log, version=model.version) if log else of_month(month or months.stored(FEATURES)[-1], model.scorer)
    )
    known = reference(model, observed)
    found = facts(observed, known, model, judge(observed, known, model.split, params), params)
    write(found, report(found))
    if log is None:
        write_json(RECORDS / f"{str(observed.first)[:7]}.json", found)
    return found


def nothing(message: str) -> dict[str, Any]:
    """Writes, and returns, that there was nothing to judge."""
    return _without_rows("ok", "none", message)


def refuse(message: str) -> None:
    """Writes that new data could not even be judged, so that whoever is told reads why."""
    _without_rows("act", "hold", message)


def _without_rows(verdict: str, decision: str, message: str) -> dict[str, Any]:
    found = {"verdict": verdict, "decision": decision, "summary": message, "release": "by person", "made": ""}
    write(found, told(verdict, decision, message))
    return found


def facts(observed: Observed, known: Reference, model: Live, found: Judgement, params: Params) -> dict[str, Any]:
    """What is written: numbers rounded, and None for those that there are not."""
    plain: dict[str, Any] = _plain(
        {
            "verdict": found.verdict,
            "decision": found.decision,
            "summary": found.summary,
            "note": observed.note,
            "release": params.retrain.release if params.retrain else "by person",
            "period": {"first": str(observed.first), "last": str(observed.last)},
            "rows": len(observed.rows),
            "labelled": observed.labelled,
            "model": {
                "version": model.version,
                "commit": "" if model.version == HERE else model.commit,
                "md5": model.md5,
            },
            "reference": {**_months(model), "rows": known.rows},
            **{name: [asdict(line) for line in getattr(found, name)] for name in ("checks", "metrics")},
            "slices": [_by_metric(asdict(line)) for line in found.slices],
            "features": [{**asdict(line), **asdict(found.health[line.feature])} for line in found.features],
            "calibration": found.calibration,
        }
    )
    return plain


def _months(model: Live) -> dict[str, str]:
    return model.split.train.model_dump() if isinstance(model.split, SplitParams) else {}


def _by_metric(line: dict[str, Any]) -> dict[str, Any]:
    return {TASK.main if name == "score" else name: value for name, value in line.items()}


def write(found: dict[str, Any], text: str) -> None:
    """Writes both files."""
    with replacing(OUT / "report.md") as path:
        path.write_text(text, encoding="utf-8")
    write_json(OUT / "monitoring.json", found)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return round(value, DIGITS) if value == value else None  # noqa: PLR0124 -- NaN
    return value
