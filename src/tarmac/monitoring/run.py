"""Monitor a month or a log: read and evaluate it, and write the verdict and the report.

The verdict is for a machine, the report for a person.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from tarmac.monitoring.judge import MonitoringResult, evaluate_observed_rows
from tarmac.monitoring.reference import Reference, load_reference
from tarmac.monitoring.report import render_report, render_report_without_rows
from tarmac.monitoring.rows import ObservedRows, load_prediction_log, load_scored_month
from tarmac.pipeline.base import months
from tarmac.pipeline.base.outputs import replace_output, write_json
from tarmac.pipeline.base.params import TASK, SplitParams
from tarmac.pipeline.base.paths import FEATURES
from tarmac.policy import AllParams, load_all_params
from tarmac.registry.live_model import HERE, LiveModel, load_live_model

OUT, RECORDS = Path("monitoring"), Path("metrics/monitoring")
DIGITS = 6  # of what is written: more are noise


def monitor(
    month: str = "", log: Path | None = None, model: LiveModel | None = None
) -> dict[str, Any]:
    """Evaluate a stored month (the last one by default) or a log, and return the result.

    Write it as JSON and as a report. Raise `UserError` if there is nothing to evaluate, or nothing
    to compare with.
    """
    params, model = load_all_params(), model or load_live_model()
    observed = (
        load_prediction_log(log, version=model.version)
        if log
        else load_scored_month(month or months.list_stored_months(FEATURES)[-1], model.scorer)
    )
    known = load_reference(model, observed)
    result = evaluate_observed_rows(observed, known, model.split, params)
    record = build_monitoring_record(observed, known, model, result, params)
    write_result(record, render_report(record))
    if log is None:
        write_json(RECORDS / f"{str(observed.first)[:7]}.json", record)
    return record


def write_empty_result(message: str) -> dict[str, Any]:
    """Write and return that there was nothing to judge."""
    return _write_result_without_rows("ok", "none", message)


def write_failed_result(message: str) -> None:
    """Write that new data could not be evaluated, with the reason."""
    _write_result_without_rows("critical", "block", message)


def _write_result_without_rows(verdict: str, decision: str, message: str) -> dict[str, Any]:
    record = {
        "verdict": verdict,
        "decision": decision,
        "summary": message,
        "release": "manual",
        "made": "",
    }
    write_result(record, render_report_without_rows(verdict, decision, message))
    return record


def build_monitoring_record(
    observed: ObservedRows,
    known: Reference,
    model: LiveModel,
    result: MonitoringResult,
    params: AllParams,
) -> dict[str, Any]:
    """What is written: numbers rounded, and None for those that there are not."""
    plain: dict[str, Any] = _to_json_value(
        {
            "verdict": result.verdict,
            "decision": result.decision,
            "summary": result.summary,
            "note": observed.note,
            "release": params.retrain.release if params.retrain else "manual",
            "period": {"first": str(observed.first), "last": str(observed.last)},
            "rows": len(observed.rows),
            "labelled": observed.labeled_count,
            "model": {
                "version": model.version,
                "commit": "" if model.version == HERE else model.commit,
                "md5": model.md5,
            },
            "reference": {**_describe_training_window(model), "rows": known.rows},
            "checks": [asdict(check) for check in result.checks],
            "metrics": [asdict(metric) for metric in result.metrics],
            "slices": [_rename_score(asdict(line)) for line in result.slices],
            "features": [
                {**asdict(line), **asdict(result.health[line.feature])} for line in result.features
            ],
            "calibration": result.calibration,
        }
    )
    return plain


def _describe_training_window(model: LiveModel) -> dict[str, str]:
    return model.split.train.model_dump() if isinstance(model.split, SplitParams) else {}


def _rename_score(line: dict[str, Any]) -> dict[str, Any]:
    return {TASK.main_metric if name == "score" else name: value for name, value in line.items()}


def write_result(record: dict[str, Any], text: str) -> None:
    """Write both files."""
    with replace_output(OUT / "report.md") as path:
        path.write_text(text, encoding="utf-8")
    write_json(OUT / "monitoring.json", record)


def _to_json_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _to_json_value(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_to_json_value(inner) for inner in value]
    if isinstance(value, float):
        return round(value, DIGITS) if value == value else None  # noqa: PLR0124 -- NaN
    return value
