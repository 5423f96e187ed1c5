"""What a model and its baseline are fitted to, and how both become files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base import parquet, resources
from tarmac.pipeline.base.params import TASK, AnySplit, SplitParams, Task, TrainParams
from tarmac.pipeline.base.paths import FEATURES
from tarmac.pipeline.models import dataset
from tarmac.pipeline.models.dataset import ModelInputs, MonthlyRows, Split
from tarmac.pipeline.training import batches, estimators, export
from tarmac.pipeline.training.batches import MonthlyTrainingData

# Bytes, measured: of the process, of a row in a linear fit, of a value in a table that trees grow
# from, of what a fit from pages keeps of a row, of a value in a page.
PROCESS, LINEAR, HELD, KEPT, PAGED = 350e6, 3000, 25, 50, 6.5


def read_split(params: AnySplit, groups: Sequence[str]) -> Split:
    """Labelled rows to train and tune on."""
    names = [*ModelInputs.from_groups(groups).names, problem.contract.TARGET]
    train, y_train = dataset.require_labeled_rows(
        dataset.read_part(FEATURES, params, "train", names)
    )
    valid, y_valid = dataset.require_labeled_rows(
        dataset.read_part(FEATURES, params, "validation", names)
    )
    check_classes(y_train)
    return Split(train, y_train, valid, y_valid)


def check_classes(labels: np.ndarray, task: Task = TASK) -> None:
    """Check that every class has a training row: a model cannot predict the others.

    Raise `UserError` with the classes that have none.
    """
    if task.kind == "multiclass" and (
        lacking := set(range(len(problem.contract.CLASSES))) - set(labels.tolist())
    ):
        names = ", ".join(problem.contract.CLASSES[place] for place in sorted(lacking))
        raise UserError(
            f"no training row has the class {names}",
            "add rows of the class, or remove it from CLASSES of the problem",
        )


def read_training_data(params: AnySplit, train_params: TrainParams) -> Split | MonthlyTrainingData:
    """Return the rows to train and tune on, by month if there are too many.

    No test row is among them.

    Raise `ResourcesError` if this machine has less memory than the fit takes, or less disk than its
    pages.
    """
    groups, model = train_params.features, train_params.model
    columns = ModelInputs.from_groups(groups).names
    advice = params.advise_fewer_rows("train")
    check_resources(count_stored_rows(params, groups), len(columns), model, advice)
    train, valid = (
        dataset.read_months(FEATURES, params, part, [*columns, problem.contract.TARGET])
        for part in ("train", "validation")
    )
    if (
        isinstance(train, MonthlyRows)
        and isinstance(valid, MonthlyRows)
        and batches.is_too_large(train.count_rows(), len(columns), model)
    ):
        return MonthlyTrainingData(train, valid)
    return read_split(params, groups)


def check_resources(rows: Mapping[str, int], inputs: int, model: str, advice: str) -> None:
    """Check that this machine has the memory that a fit takes, and the disk of its pages.

    Raise `ResourcesError`, with the advice, if it has less.
    """
    both, paged = (
        rows["train"] + rows["validation"],
        batches.is_too_large(rows["train"], inputs, model),
    )
    if model == TASK.baseline:
        needed, disk = min(rows["train"], batches.DRAWN) * LINEAR, 0.0
    elif paged and model == "xgboost":
        needed, disk = batches.PAGE * inputs * HELD + both * KEPT, both * inputs * PAGED
    else:
        needed, disk = (min(both, 2 * batches.DRAWN) if paged else both) * inputs * HELD, 0.0
    what = f"{rows['train']:,} rows of {inputs} inputs"
    resources.require_resources(PROCESS + needed, disk, what, advice)


def count_stored_rows(params: AnySplit, groups: Sequence[str]) -> dict[str, int]:
    """Return the number of rows to train and to tune on, by the files' footers.

    Both are all rows if the split is by row.
    """
    columns = ModelInputs.from_groups(groups).names
    if isinstance(params, SplitParams):
        parts = {
            part: dataset.read_months(FEATURES, params, part, columns)
            for part in ("train", "validation")
        }
        return {part: dataset.count_rows(months) for part, months in parts.items()}
    return dict.fromkeys(
        ("train", "validation"), sum(map(parquet.count_rows, FEATURES.glob("*.parquet")))
    )


def count_split_rows(split: Split | MonthlyTrainingData) -> dict[str, int]:
    """How many rows there are to train and to tune on; in months, also those without a label."""
    if isinstance(split, MonthlyTrainingData):
        return {"train": split.train.count_rows(), "validation": split.validation.count_rows()}
    return {"train": len(split.y), "validation": len(split.y_valid)}


def fit_and_export(
    params: TrainParams,
    split: Split | MonthlyTrainingData,
    path: Path,
    made_from: Mapping[str, str],
    on_round: estimators.OnRound,
    away: estimators.Away | None = None,
) -> float:
    """Fit, write the ONNX file, and return its largest difference from the fitted model.

    The difference is over the validation rows.
    """
    inputs = ModelInputs.from_groups(params.features)
    if isinstance(split, MonthlyTrainingData):
        pipeline, valid = (
            batches.fit_model_monthly(params, inputs, split, on_round, away),
            iter(split.validation),
        )
    else:
        pipeline, valid = (
            estimators.fit_model(params, inputs, split, on_round, away=away),
            iter([split.X_valid]),
        )
    export.export_onnx(pipeline, inputs, path, made_from)
    return max(export.check_parity(pipeline, inputs, path, rows) for rows in valid)
