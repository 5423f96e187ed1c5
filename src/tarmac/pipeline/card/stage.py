"""card: write the model card from what the other stages made.

The card has an interval for every metric and slice.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base import resources
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.outputs import replace_output, write_json
from tarmac.pipeline.base.params import (
    TASK,
    AnySplit,
    EvaluateParams,
    IntervalParams,
    ParamsSubset,
    ProblemParams,
    Task,
    TrainParams,
    load_params,
)
from tarmac.pipeline.base.paths import (
    CARD,
    INTERVALS,
    MODEL,
    PINS,
    PREDICTIONS,
    PREPARED_COUNTS,
    RAW,
    TABLES,
    TRAIN_METRICS,
)
from tarmac.pipeline.base.runner import StageProgress, run_stage
from tarmac.pipeline.card.model_card import CardContent, render_model_card
from tarmac.pipeline.intervals.sample import MetricEstimate, Sample
from tarmac.pipeline.metrics.metrics import join_prediction_columns

BEHAVIOUR = TABLES / "behaviour.csv"
# Bytes, measured: of the process with its tables of clusters, of a prediction.
PROCESS, ROW = (600e6, 200)
NONE = MetricEstimate(float("nan"), float("nan"), float("nan"))


class CardStageParams(ParamsSubset):
    """The sections of `params.yaml` that this stage reads."""

    problem: ProblemParams
    split: AnySplit
    train: TrainParams
    evaluate: EvaluateParams
    intervals: IntervalParams


def build_metric_table(sample: Sample, model: np.ndarray, baseline: np.ndarray) -> pd.DataFrame:
    """Columns `metric`, `model`, `low`, `high` and `baseline`, one row a metric."""
    lines = [
        (name, estimate.value, estimate.low, estimate.high, sample.compute_value(name, baseline))
        for name in sample.task.metrics
        for estimate in [sample.estimate_metric(name, model)]
    ]
    return pd.DataFrame(lines, columns=["metric", "model", "low", "high", "baseline"])


def build_slice_table(
    rows: pd.DataFrame, sample: Sample, model: np.ndarray, min_rows: int
) -> pd.DataFrame:
    """Return a table of slices, one row a value of a slice.

    Columns are `slice`, `value`, `rows`, the main metric, `low` and `high`. The last three are NaN
    if rows are few or of one label.
    """
    lines, main = [], sample.task.main_metric
    for name in problem.contract.SLICES:
        for value, places in sorted(rows.groupby(name).indices.items()):
            part = sample.select_rows(places)
            is_estimable = len(places) >= min_rows and part.has_two_labels
            estimate = part.estimate_metric(main, model[places]) if is_estimable else NONE
            lines.append((name, value, len(places), estimate.value, estimate.low, estimate.high))
    return pd.DataFrame(lines, columns=["slice", "value", "rows", main, "low", "high"])


def format_unseen_classes(labels: "pd.Series[float]", task: Task = TASK) -> list[str]:
    """A line that names the classes that no test row is of."""
    names = [
        name
        for place, name in enumerate(problem.contract.CLASSES)
        if task.kind == "multiclass" and not (labels == place).any()
    ]
    return (
        [f"No test row is of {', '.join(names)}: metrics are of the other classes."]
        if names
        else []
    )


def describe_model(params: CardStageParams) -> dict[str, object]:
    """What the model is, in the words of its parameters."""
    trained = json.loads(TRAIN_METRICS.read_text(encoding="utf-8"))
    facts: dict[str, object] = {
        "kind": params.train.model,
        "feature groups": ", ".join(params.train.features),
        "seed": params.train.seed,
        "trained on": params.train.device,
        "file": f"{MODEL} ({MODEL.stat().st_size:,} bytes)",
    }
    rounds = (
        {"boosting rounds": trained["validation"]["rounds"]}
        if "rounds" in trained["validation"]
        else {}
    )
    return facts | rounds


def compute_lineage_hashes() -> dict[str, str]:
    """Hashes of what the model was made from and of what was made."""
    return {str(path): compute_dvc_hash(path) for path in (RAW, PINS, MODEL, PREDICTIONS)}


def build_card_content(
    params: CardStageParams, rows: pd.DataFrame, counted: dict[str, Any]
) -> CardContent:
    """Everything that the card states."""
    sample = Sample.from_rows(
        rows[problem.contract.TARGET],
        rows[problem.contract.CLUSTER],
        params.intervals,
        params.evaluate.calibration_bins,
    )
    model, baseline = join_prediction_columns(rows), join_prediction_columns(rows, "baseline_")
    behaviour = pd.read_csv(BEHAVIOUR)  # without a line where the problem declares none
    return CardContent(
        title=problem.card.TITLE,
        predicts=problem.card.PREDICTS.format(**params.problem.model_dump()),
        intended_use=problem.card.INTENDED_USE,
        not_for=problem.card.NOT_FOR,
        data_source=problem.card.DATA_SOURCE,
        limits=[*problem.card.LIMITS, *format_unseen_classes(rows[problem.contract.TARGET])],
        rows={
            **counted["rows"],
            "rows set aside as invalid": counted["set_aside"],
            "test rows with a label": len(rows),
        },
        windows=params.split.describe_parts(),
        model=describe_model(params),
        metrics=build_metric_table(sample, model, baseline),
        slices=build_slice_table(rows, sample, model, params.evaluate.min_slice_rows)
        if problem.contract.SLICES
        else None,
        behaviour=behaviour if len(behaviour) else None,
        lineage=compute_lineage_hashes(),
    )


def build_intervals(facts: CardContent) -> dict[str, Any]:
    """Return every metric and slice with its interval, for programs.

    A number is None if it could not be computed.
    """
    metrics = {
        row["metric"]: _convert_estimate(row, "model")
        | {"baseline": _round_number(row["baseline"])}
        for row in _list_records(facts.metrics)
    }
    slices = [
        {
            "slice": row["slice"],
            "value": str(row["value"]),
            "rows": int(row["rows"]),
            "score": _convert_estimate(row, TASK.main_metric),
        }
        for row in ([] if facts.slices is None else _list_records(facts.slices))
    ]
    return {"metrics": metrics, "slices": slices}


def _list_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _convert_estimate(row: Mapping[str, Any], value: str) -> dict[str, float | None]:
    return {
        "value": _round_number(row[value]),
        "low": _round_number(row["low"]),
        "high": _round_number(row["high"]),
    }


def _round_number(value: float) -> float | None:
    """Six digits: further ones differ between processors."""
    return round(float(value), 6) if np.isfinite(value) else None


def read_predictions(path: Path) -> pd.DataFrame:
    """Predictions without what only names a row; texts as categories, which take a byte or two."""
    named = [
        name
        for name in problem.contract.KEY
        if name not in {problem.contract.CLUSTER, *problem.contract.SLICES}
    ]
    columns = [name for name in pq.read_schema(path).names if name not in named]
    return pq.read_table(
        path, columns=columns, read_dictionary=list(problem.contract.SLICES)
    ).to_pandas(strings_to_categorical=True)


def main() -> None:
    """Write `models/card.md` and `metrics/intervals.json` from predictions, metrics and hashes."""
    params, progress = load_params(CardStageParams), StageProgress("card")
    for path in (RAW, PINS, MODEL, PREDICTIONS, PREPARED_COUNTS, TRAIN_METRICS, BEHAVIOUR):
        if not path.exists():
            raise UserError(
                f"{path} is missing",
                "fetch it with `make pull`, or make it with `dvc repro`",
            )
    count = pq.read_metadata(PREDICTIONS).num_rows
    advice = params.split.advise_fewer_rows("test")
    resources.require_resources(PROCESS + count * ROW, 0, f"{count:,} predictions", advice)
    rows = read_predictions(PREDICTIONS)
    facts = build_card_content(
        params, rows, json.loads(PREPARED_COUNTS.read_text(encoding="utf-8"))
    )
    with replace_output(CARD) as path:
        path.write_text(render_model_card(facts, params.intervals.confidence), encoding="utf-8")
    write_json(INTERVALS, {"confidence": params.intervals.confidence, **build_intervals(facts)})
    progress.report_step(
        "written",
        metrics=len(facts.metrics),
        slices=0 if facts.slices is None else len(facts.slices),
    )


if __name__ == "__main__":
    run_stage(main)
