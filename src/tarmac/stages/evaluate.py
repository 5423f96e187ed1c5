"""evaluate: judges the ONNX model on the test rows, beside its baseline, as a whole and slice by slice."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from dvclive.live import Live

from tarmac.evaluation import behaviour, curves, importance, metrics, slices
from tarmac.files.outputs import finite, replacing
from tarmac.model import dataset
from tarmac.model.scorer import Scorer
from tarmac.params import TASK, AnySplit, EvaluateParams, Task, load
from tarmac.params.task import ERROR
from tarmac.problem.behaviour import BEHAVIOURS
from tarmac.problem.names import CLASSES, DAY, KEY, TARGET
from tarmac.problem.slices import slices as slices_of
from tarmac.stages import Progress, run

FEATURES, MODEL, BASELINE = Path("data/features"), Path("models/model.onnx"), Path("models/baseline.onnx")
PREDICTIONS, METRICS, TABLES = Path("data/predictions.parquet"), Path("metrics/evaluate"), Path("metrics/tables")


@dataclass(frozen=True)
class Scored:
    """Labelled rows of a part with the predictions of model and baseline."""

    rows: pd.DataFrame
    y: np.ndarray
    model: np.ndarray
    baseline: np.ndarray

    @property
    def both(self) -> dict[str, np.ndarray]:
        """The predictions by the name that the plots show."""
        return {"model": self.model, "baseline": self.baseline}


def score(split: AnySplit, part: dataset.Part, model: Scorer, baseline: Scorer) -> Scored:
    """Reads a part's labelled rows and scores them with both models."""
    rows, y = dataset.labelled(dataset.read_part(FEATURES, split, part))
    return Scored(rows, y, model.score(rows), baseline.score(rows))


def all_metrics(valid: Scored, test: Scored, params: EvaluateParams, task: Task = TASK) -> dict[str, float]:
    """Test metrics of the model, of two classes at the threshold that validation chose; the baseline's: `baseline/`."""
    error = metrics.calibration_error(*metrics.flat(test.y, test.model, task), params.calibration_bins)
    threshold, flagged, share = {}, {}, {}
    if task.kind == "binary":
        threshold = {"threshold": metrics.best_threshold(valid.y, valid.model, params.threshold_beta or 1.0)}
        flagged = metrics.at_threshold(test.y, test.model, **threshold)
        share = {"positive_share": float(test.y.mean())}
    return {
        **metrics.ranking(test.y, test.model, task),
        ERROR: error,
        **threshold,
        **flagged,
        "rows": len(test.y),
        **share,
        **{f"baseline/{name}": value for name, value in metrics.ranking(test.y, test.baseline, task).items()},
    }


def tables(
    valid: Scored, test: Scored, threshold: float | None, params: EvaluateParams, task: Task = TASK
) -> dict[str, pd.DataFrame]:
    """The tables behind the plots, by name; none of them names a row. The threshold is that of two classes."""
    flat = metrics.flat(test.y, test.model, task)
    return {
        **_curves(test, threshold, task),
        "calibration": curves.calibration(*flat, params.calibration_bins),
        **({f"monthly_{task.short}": monthly(valid, test, task)} if DAY else {}),
        "slices": slices.slice_metrics(slices_of(test.rows), test.y, test.model, params.min_slice_rows, task),
    }


def _curves(test: Scored, threshold: float | None, task: Task) -> dict[str, pd.DataFrame]:
    """What there is to draw of one kind of target only."""
    if task.kind == "regression":
        return {"errors": curves.errors(test.y, test.both)}
    if task.kind == "multiclass":
        return {"confusion": curves.confusion(test.y, test.model.argmax(axis=1), CLASSES)}
    return {
        "roc": curves.roc(test.y, test.both),
        "precision_recall": curves.precision_recall(test.y, test.both),
        "confusion": curves.confusion(test.y, test.model >= threshold, CLASSES),
    }


def monthly(valid: Scored, test: Scored, task: Task = TASK) -> pd.DataFrame:
    """The main metric of every month of both parts."""
    days = pd.concat([valid.rows[DAY], test.rows[DAY]], ignore_index=True)
    scored = {name: np.concatenate([valid.both[name], test.both[name]]) for name in valid.both}
    y = np.concatenate([valid.y, test.y])
    return curves.main_by("month", pd.to_datetime(days).dt.strftime("%Y-%m"), y, scored, task)


def sample(scored: Scored, size: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Some rows and their labels, drawn without replacement."""
    chosen = np.random.default_rng(seed).permutation(len(scored.y))[:size]
    return scored.rows.iloc[chosen].reset_index(drop=True), scored.y[chosen]


def validation_importance(valid: Scored, model: Scorer, params: EvaluateParams) -> pd.DataFrame:
    """Permutation importance on a sample of the validation rows."""
    rows, y = sample(valid, params.importance_rows, params.seed)
    return importance.permutation_importance(model.score, [*model.categories, *model.numbers], rows, y, params.seed)


def behaviour_table(test: Scored, model: Scorer, params: EvaluateParams) -> pd.DataFrame:
    """What changed inputs do to the answers, on a sample of the test rows."""
    rows, y = sample(test, params.behaviour_rows, params.seed)
    return behaviour.measure(BEHAVIOURS, model.score, [*model.categories, *model.numbers], rows, y)


def predictions(test: Scored) -> pd.DataFrame:
    """Row key, slices, label and both predictions of every test row, in the order of the feature tables."""
    named = {TARGET: test.y, **metrics.spread(test.model), **metrics.spread(test.baseline, "baseline_")}
    sliced = {name: groups for name, groups in slices_of(test.rows).items() if name not in KEY}
    return test.rows[list(KEY)].assign(**sliced, **named)


def log_metrics(values: dict[str, float]) -> None:
    """Logs the metrics with dvclive. Raises `ValueError` where one is not finite."""
    finite(values)
    with Live(str(METRICS), dvcyaml=None, save_dvc_exp=False, report=None) as live:
        for name, value in values.items():
            live.log_metric(name, value, plot=False)


def main() -> None:
    """Reads features and models; writes predictions, metrics and the tables of the plots."""
    params, progress = load(), Progress("evaluate")
    model, baseline = Scorer(MODEL), Scorer(BASELINE)
    valid = score(params.split, "validation", model, baseline)
    test = score(params.split, "test", model, baseline)
    progress.step("scored", validation=len(valid.y), test=len(test.y))
    values = all_metrics(valid, test, params.evaluate)
    drawn = tables(valid, test, values.get("threshold"), params.evaluate)
    drawn["importance"] = validation_importance(valid, model, params.evaluate)
    drawn["behaviour"] = behaviour_table(test, model, params.evaluate)
    progress.step("importance", features=len(drawn["importance"]), rows=params.evaluate.importance_rows)
    with replacing(PREDICTIONS) as path:
        predictions(test).to_parquet(path, index=False, compression="zstd")
    with replacing(TABLES) as folder:
        folder.mkdir()
        for name, table in drawn.items():
            table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    log_metrics(values)
    main = TASK.main
    progress.step("metrics", **{main: values[main], f"baseline_{main}": values[f"baseline/{main}"]})


if __name__ == "__main__":
    run(main)
