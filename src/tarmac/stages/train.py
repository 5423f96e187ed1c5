"""train: fits the model and its baseline, watches validation round by round, and exports both to ONNX."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import pandas as pd
from dvclive.live import Live

from tarmac import cluster
from tarmac.files import parquet, room
from tarmac.files.outputs import finite
from tarmac.model import batches, dataset, estimators, export, spark
from tarmac.model.batches import Stream
from tarmac.model.dataset import Inputs, Months, Parts, Split
from tarmac.model.identity import identity
from tarmac.params import TASK, AnySplit, Params, SplitParams, Task, TrainParams, load
from tarmac.problem.names import TARGET
from tarmac.stages import Progress, run

FEATURES, MODEL, BASELINE = Path("data/features"), Path("models/model.onnx"), Path("models/baseline.onnx")
METRICS = Path("metrics/train")
# Bytes, measured: of the process, of a row in a linear fit, of what a fit from pages keeps of a row, of a paged value.
PROCESS, LINEAR, KEPT, VALUE = 350e6, 3000, 60, 6.5
SHOWN_ROUNDS = 25  # a line on the terminal this often, and dvclive's summary; its curves get every round


def live_report(live: Live, progress: Progress) -> estimators.OnRound:
    """A callback that logs every round's validation metrics, and shows some of them on the terminal.

    Not by `next_step`: it reads all earlier rounds again, in each of them.
    """

    def on_round(number: int, metrics: dict[str, float]) -> None:
        finite(metrics)
        for name, value in metrics.items():
            live.log_metric(f"validation/{name}", value)
        live.step += 1
        if number % SHOWN_ROUNDS == 0:
            live.sync()
            progress.step(f"round {number}", **metrics)

    return on_round


def fit_and_export(
    params: TrainParams,
    split: Split | Stream,
    unlabelled: Iterable[pd.DataFrame],
    path: Path,
    made_from: Mapping[str, str],
    on_round: estimators.OnRound,
    away: estimators.Away | None = None,
) -> float:
    """Fits, writes the ONNX file, and returns its largest difference from the fitted model over all rows at hand."""
    inputs = Inputs.of(params.features)
    if isinstance(split, Stream):
        pipeline, valid = batches.fit(params, inputs, split, on_round, away), iter(split.validation)
    else:
        pipeline, valid = estimators.fit(params, inputs, split, on_round, away=away), iter([split.X_valid])
    export.export(pipeline, inputs, path, made_from)
    return max(export.check_parity(pipeline, inputs, path, rows) for rows in chain(valid, unlabelled))


class BestRound:
    """The validation metrics of the round with the lowest loss so far: the one that early stopping keeps."""

    def __init__(self, task: Task = TASK) -> None:
        """Starts without a round."""
        self.metrics: dict[str, float] = {}
        self._loss = task.loss

    def __call__(self, number: int, metrics: dict[str, float]) -> None:
        """Takes a round's metrics."""
        if not self.metrics or metrics[self._loss] < self.metrics[self._loss]:
            self.metrics = {**metrics, "rounds": number}


def read_split(params: AnySplit, groups: Sequence[str]) -> Split:
    """Labelled rows to train and tune on."""
    names = [*Inputs.of(groups).names, TARGET]
    train, y_train = dataset.labelled(dataset.read_part(FEATURES, params, "train", names))
    valid, y_valid = dataset.labelled(dataset.read_part(FEATURES, params, "validation", names))
    dataset.check_classes(y_train)
    return Split(train, y_train, valid, y_valid)


def read_unlabelled(params: AnySplit, groups: Sequence[str]) -> pd.DataFrame:
    """The test rows without their labels: they serve to check parity, no more."""
    return dataset.read_part(FEATURES, params, "test", Inputs.of(groups).names)


def read(params: AnySplit, groups: Sequence[str]) -> tuple[Split | Stream, Parts]:
    """The rows to train and tune on, and the test rows without their labels: by month, where they are too many."""
    columns = Inputs.of(groups).names
    train, valid = (dataset.read_months(FEATURES, params, part, [*columns, TARGET]) for part in ("train", "validation"))
    if isinstance(train, Months) and isinstance(valid, Months) and batches.too_large(train.rows(), len(columns)):
        return Stream(train, valid), dataset.read_months(FEATURES, params, "test", columns)
    return read_split(params, groups), [read_unlabelled(params, groups)]


def check_room(rows: Mapping[str, int], inputs: int) -> None:
    """Raises `RoomError` where this machine has less memory than the fits take, or less disk than their pages."""
    both, paged = rows["train"] + rows["validation"], batches.too_large(rows["train"], inputs)
    fitted = min(rows["train"], batches.DRAWN) if paged else rows["train"]
    needed = PROCESS + max(fitted * LINEAR, both * KEPT)
    what = f"{rows['train']:,} rows of {inputs} inputs"
    room.check(needed, both * inputs * VALUE if paged else 0, what, "fewer months in split.train")


def rows_of(params: AnySplit, groups: Sequence[str]) -> dict[str, int]:
    """Rows to train and to tune on, by the files' footers: both are all rows where the split is by row."""
    columns = Inputs.of(groups).names
    if isinstance(params, SplitParams):
        parts = {part: dataset.read_months(FEATURES, params, part, columns) for part in ("train", "validation")}
        return {part: dataset.count(months) for part, months in parts.items()}
    return dict.fromkeys(("train", "validation"), sum(map(parquet.count_rows, FEATURES.glob("*.parquet"))))


def counted(split: Split | Stream) -> dict[str, int]:
    """How many rows there are to train and to tune on; in months, also those without a label."""
    if isinstance(split, Stream):
        return {"train": split.train.rows(), "validation": split.validation.rows()}
    return {"train": len(split.y), "validation": len(split.y_valid)}


def baseline_params(params: Params) -> TrainParams:
    """The baseline is the same training with another model and fewer features."""
    changed = {"model": TASK.baseline, "device": "cpu", "features": params.baseline.features}
    return params.train.model_copy(update=changed)


def cluster_fit(params: Params) -> estimators.Away | None:
    """How Spark fits the model, where it is the engine. Raises `ClusterError` where it cannot be had."""
    if params.engine != "pyspark":
        return None
    cluster.session()  # before anything else is done
    return partial(spark.fit_xgboost, folder=FEATURES, split=params.split)


def main() -> None:
    """Reads `data/features`; writes the model, the baseline and what dvclive logs."""
    params, progress = load(), Progress("train")
    away = cluster_fit(params)
    groups = sorted({*params.train.features, *params.baseline.features})
    check_room(rows_of(params.split, groups), len(Inputs.of(groups).names))
    split, test = read(params.split, groups)
    progress.step("data", **counted(split), test_unlabelled=dataset.count(test))
    made_from = partial(identity, split=params.split, features=FEATURES)
    baseline = baseline_params(params)
    fit_and_export(baseline, split, test, BASELINE, made_from(baseline), lambda *_: None)
    progress.step("baseline", features=",".join(params.baseline.features))
    best = BestRound()
    with Live(str(METRICS), dvcyaml=None, save_dvc_exp=False, report=None) as live:
        report = live_report(live, progress)

        def on_round(number: int, metrics: dict[str, float]) -> None:
            report(number, metrics)
            best(number, metrics)

        parity = fit_and_export(params.train, split, test, MODEL, made_from(params.train), on_round, away)
        live.summary = {"validation": best.metrics, "onnx_difference_below": export.TOLERANCE}
        live.make_summary()
    progress.step("exported", **best.metrics, onnx_difference=f"{parity:.1e}")


if __name__ == "__main__":
    run(main)
