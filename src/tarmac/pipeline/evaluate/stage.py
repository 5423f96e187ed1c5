"""evaluate: measure the ONNX model on the test rows, as a whole and slice by slice.

It is compared with its baseline.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from dvclive.live import Live
from pandas.api.types import union_categoricals

from tarmac.interface.problem import problem
from tarmac.interface.task import ERROR
from tarmac.pipeline.base import resources
from tarmac.pipeline.base.outputs import replace_output, require_finite
from tarmac.pipeline.base.params import (
    TASK,
    AnySplit,
    EvaluateParams,
    ParamsSubset,
    Task,
    load_params,
)
from tarmac.pipeline.base.paths import BASELINE, FEATURES, MODEL, PREDICTIONS, TABLES, TEST_METRICS
from tarmac.pipeline.base.runner import StageProgress, run_stage
from tarmac.pipeline.evaluate import behaviour, curves, importance
from tarmac.pipeline.metrics import metrics, slices
from tarmac.pipeline.models import dataset
from tarmac.pipeline.models.dataset import Parts
from tarmac.pipeline.models.scorer import Scorer

METRICS = TEST_METRICS.parent  # of dvclive
MONTH = "month of the row"  # beside its slices, one of which may be a month, too
# Bytes, measured: of the process with a month in memory, of a row while it is evaluated.
PROCESS, ROW = (450e6, 150)
ROW_GROUP = 2**20  # rows, as pandas writes them


class EvaluateStageParams(ParamsSubset):
    """The sections of `params.yaml` that this stage reads."""

    split: AnySplit
    evaluate: EvaluateParams


@dataclass(frozen=True)
class ScoredPart:
    """Labelled rows of a part with the predictions of model and baseline.

    It has all of the part but what the predictions were made from.
    """

    parts: Parts  # the rows whole, one month in memory at a time
    groups: pd.DataFrame  # month and slices of each row, as categories
    y: np.ndarray
    model: np.ndarray
    baseline: np.ndarray

    @property
    def predictions_by_model(self) -> dict[str, np.ndarray]:
        """The predictions by the name that the plots show."""
        return {"model": self.model, "baseline": self.baseline}


def score_part(
    split: AnySplit,
    part: dataset.Part,
    model: Scorer,
    baseline: Scorer,
    write: Callable[[pd.DataFrame], None],
) -> ScoredPart:
    """Score a part's labelled rows with both models, month by month.

    Pass each month's predictions to `write`.
    """
    parts = dataset.read_months(FEATURES, split, part)
    groups, scored = [], []
    for rows, y in map(dataset.select_labeled_rows, parts):
        scored.append((y, model.score(rows), baseline.score(rows)))
        groups.append(build_row_groups(rows))
        write(build_predictions(rows, *scored[-1]))
    labels, ours, theirs = (np.concatenate(column) for column in zip(*scored, strict=True))
    dataset.check_labels_vary(labels)
    return ScoredPart(parts, _concat_categories(groups), labels, ours, theirs)


def build_row_groups(rows: pd.DataFrame) -> pd.DataFrame:
    """Month (where rows have a time) and slices of rows, as categories."""
    month = (
        {MONTH: pd.to_datetime(rows[problem.contract.DAY]).dt.strftime("%Y-%m")}
        if problem.contract.DAY
        else {}
    )
    return pd.DataFrame({**month, **problem.slices.slices(rows)}, index=rows.index).astype(
        "category"
    )


def _concat_categories(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Stack frames of categories, and sort the categories by their texts."""
    columns = {
        name: union_categoricals([part[name] for part in parts], sort_categories=True)
        for name in parts[0].columns
    }
    return pd.DataFrame(columns, index=range(sum(map(len, parts))))


def compute_all_metrics(
    valid: ScoredPart, test: ScoredPart, params: EvaluateParams, task: Task = TASK
) -> dict[str, float]:
    """Return the test metrics of the model, and those of the baseline as `baseline/`.

    For two classes, some are at the threshold that validation chose.
    """
    error = metrics.compute_calibration_error(
        *metrics.flatten_predictions(test.y, test.model, task), params.calibration_bins
    )
    threshold, flagged, share = {}, {}, {}
    if task.kind == "binary":
        threshold = {
            "threshold": metrics.find_best_threshold(
                valid.y, valid.model, params.threshold_beta or 1.0
            )
        }
        flagged = metrics.compute_threshold_metrics(test.y, test.model, **threshold)
        share = {"positive_share": float(test.y.mean())}
    return {
        **metrics.compute_metrics(test.y, test.model, task),
        ERROR: error,
        **threshold,
        **flagged,
        "rows": len(test.y),
        **share,
        **{
            f"baseline/{name}": value
            for name, value in metrics.compute_metrics(test.y, test.baseline, task).items()
        },
    }


def build_plot_tables(
    valid: ScoredPart,
    test: ScoredPart,
    threshold: float | None,
    params: EvaluateParams,
    task: Task = TASK,
) -> dict[str, pd.DataFrame]:
    """Return the tables behind the plots, by name; none of them names a row.

    The threshold is that of two classes.
    """
    flat = metrics.flatten_predictions(test.y, test.model, task)
    return {
        **_build_curve_tables(test, threshold, task),
        "calibration": curves.compute_calibration_curve(*flat, params.calibration_bins),
        **(
            {f"monthly_{task.short}": compute_monthly_metric(valid, test, task)}
            if problem.contract.DAY
            else {}
        ),
        "slices": slices.compute_slice_metrics(
            {str(name): groups for name, groups in test.groups.items() if name != MONTH},
            test.y,
            test.model,
            params.min_slice_rows,
            task,
        ),
    }


def _build_curve_tables(
    test: ScoredPart, threshold: float | None, task: Task
) -> dict[str, pd.DataFrame]:
    """What there is to draw of one kind of target only."""
    if task.kind == "regression":
        return {"errors": curves.compute_error_quantiles(test.y, test.predictions_by_model)}
    if task.kind == "multiclass":
        return {
            "confusion": curves.count_confusions(
                test.y, test.model.argmax(axis=1), problem.contract.CLASSES
            )
        }
    return {
        "roc": curves.compute_roc_curve(test.y, test.predictions_by_model),
        "precision_recall": curves.compute_pr_curve(test.y, test.predictions_by_model),
        "confusion": curves.count_confusions(
            test.y, test.model >= threshold, problem.contract.CLASSES
        ),
    }


def compute_monthly_metric(valid: ScoredPart, test: ScoredPart, task: Task = TASK) -> pd.DataFrame:
    """The main metric of every month of both parts."""
    months = _concat_categories([valid.groups[[MONTH]], test.groups[[MONTH]]])[MONTH]
    scored = {
        name: np.concatenate([valid.predictions_by_model[name], test.predictions_by_model[name]])
        for name in valid.predictions_by_model
    }
    y = np.concatenate([valid.y, test.y])
    return curves.compute_metric_by_group("month", months, y, scored, task)


def sample_rows(scored: ScoredPart, size: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Some rows and their labels, drawn without replacement."""
    chosen = np.random.default_rng(seed).permutation(len(scored.y))[:size]
    drawn, places, first = [], [], 0
    for rows, _ in map(dataset.select_labeled_rows, scored.parts):
        inside = np.flatnonzero((chosen >= first) & (chosen < first + len(rows)))
        drawn.append(rows.iloc[chosen[inside] - first])
        places.append(inside)
        first += len(rows)
    return pd.concat(drawn).iloc[np.argsort(np.concatenate(places))].reset_index(
        drop=True
    ), scored.y[chosen]


def compute_validation_importance(
    valid: ScoredPart, model: Scorer, params: EvaluateParams
) -> pd.DataFrame:
    """Permutation importance on a sample of the validation rows."""
    rows, y = sample_rows(valid, params.importance_rows, params.seed)
    return importance.compute_importance(
        model.score, [*model.categories, *model.numbers], rows, y, params.seed
    )


def build_behaviour_table(test: ScoredPart, model: Scorer, params: EvaluateParams) -> pd.DataFrame:
    """What changed inputs do to the answers, on a sample of the test rows."""
    rows, y = sample_rows(test, params.behaviour_rows, params.seed)
    return behaviour.measure_behaviours(
        problem.behaviour.BEHAVIOURS, model.score, [*model.categories, *model.numbers], rows, y
    )


def build_predictions(
    rows: pd.DataFrame, y: np.ndarray, model: np.ndarray, baseline: np.ndarray
) -> pd.DataFrame:
    """Row key, slices, label and both predictions of rows, in the order of the feature tables."""
    named = {
        problem.contract.TARGET: y,
        **metrics.split_prediction_columns(model),
        **metrics.split_prediction_columns(baseline, "baseline_"),
    }
    sliced = {
        name: groups
        for name, groups in problem.slices.slices(rows).items()
        if name not in problem.contract.KEY
    }
    return rows[list(problem.contract.KEY)].assign(**sliced, **named)


class PredictionWriter:
    """A Parquet file written frame by frame.

    It has the bytes that one frame of all rows would give.
    """

    def __init__(self, path: Path) -> None:
        """Begin the file with the first rows that are written."""
        self._path = path
        self._waiting: list[pd.DataFrame] = []
        self._file: pq.ParquetWriter | None = None

    def __enter__(self) -> "PredictionWriter":
        """Nothing is open yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write what is left."""
        if kind is None:
            self._write_row_groups(1)
        if self._file is not None:
            self._file.close()

    def add_rows(self, rows: pd.DataFrame) -> None:
        """Add rows; write the row groups that are full."""
        self._waiting.append(rows)
        self._write_row_groups(ROW_GROUP)

    def _write_row_groups(self, least: int) -> None:
        while sum(map(len, self._waiting)) >= least:
            rows = pd.concat(self._waiting, ignore_index=True)
            table = pa.Table.from_pandas(rows[:ROW_GROUP], preserve_index=False)
            self._file = self._file or pq.ParquetWriter(
                self._path, table.schema, compression="zstd"
            )
            self._file.write_table(table, ROW_GROUP)
            self._waiting = [rows[ROW_GROUP:]]


def log_metrics(values: dict[str, float]) -> None:
    """Log the metrics with dvclive. Raises `UserError` where one is not finite."""
    require_finite(values)
    with Live(str(METRICS), dvcyaml=None, save_dvc_exp=False, report=None) as live:
        for name, value in values.items():
            live.log_metric(name, value, plot=False)


def check_resources(split: AnySplit) -> None:
    """Check that this machine has the memory that labels, groups and predictions take.

    Raise `ResourcesError` if it has less.
    """
    rows = sum(
        dataset.count_rows(dataset.read_months(FEATURES, split, part, [problem.contract.TARGET]))
        for part in ("validation", "test")
    )
    what = f"{rows:,} rows"
    advice = split.advise_fewer_rows("test")
    resources.require_resources(PROCESS + rows * ROW, 0, what, advice)


def main() -> None:
    """Read features and models; write predictions, metrics and the tables of the plots."""
    params, progress = load_params(EvaluateStageParams), StageProgress("evaluate")
    check_resources(params.split)
    model, baseline = Scorer(MODEL), Scorer(BASELINE)
    valid = score_part(params.split, "validation", model, baseline, lambda _: None)
    with replace_output(PREDICTIONS) as path, PredictionWriter(path) as written:
        test = score_part(params.split, "test", model, baseline, written.add_rows)
    progress.report_step("scored", validation=len(valid.y), test=len(test.y))
    values = compute_all_metrics(valid, test, params.evaluate)
    drawn = build_plot_tables(valid, test, values.get("threshold"), params.evaluate)
    drawn["importance"] = compute_validation_importance(valid, model, params.evaluate)
    drawn["behaviour"] = build_behaviour_table(test, model, params.evaluate)
    progress.report_step(
        "importance", features=len(drawn["importance"]), rows=params.evaluate.importance_rows
    )
    with replace_output(TABLES) as folder:
        folder.mkdir()
        for name, table in drawn.items():
            table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    log_metrics(values)
    main = TASK.main_metric
    progress.report_step(
        "metrics", **{main: values[main], f"baseline_{main}": values[f"baseline/{main}"]}
    )


if __name__ == "__main__":
    run_stage(main)
