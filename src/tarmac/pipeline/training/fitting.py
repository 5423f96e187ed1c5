"""What a model and its baseline are fitted to, and how both become files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tarmac.interface.problem import problem
from tarmac.pipeline.base import parquet, resources
from tarmac.pipeline.base.params import TASK, AnySplit, SplitParams, TrainParams
from tarmac.pipeline.base.paths import FEATURES
from tarmac.pipeline.models import dataset
from tarmac.pipeline.models.dataset import Inputs, Months, Split
from tarmac.pipeline.training import batches, estimators, export
from tarmac.pipeline.training.batches import Stream

# Bytes, measured: of the process, of a row in a linear fit, of a value in a table that trees grow from, of what a fit
# from pages keeps of a row, of a value in a page.
PROCESS, LINEAR, HELD, KEPT, PAGED = 350e6, 3000, 25, 50, 6.5


def read_split(params: AnySplit, groups: Sequence[str]) -> Split:
    """Labelled rows to train and tune on."""
    names = [*Inputs.of(groups).names, problem.contract.TARGET]
    train, y_train = dataset.labelled(dataset.read_part(FEATURES, params, "train", names))
    valid, y_valid = dataset.labelled(dataset.read_part(FEATURES, params, "validation", names))
    dataset.check_classes(y_train)
    return Split(train, y_train, valid, y_valid)


def read(params: AnySplit, train_params: TrainParams) -> Split | Stream:
    """Return the rows to train and tune on: by month, if there are too many; no test row is among them.

    Raises `RoomError` if this machine has less memory than the fit takes, or less disk than its pages.
    """
    groups, model = train_params.features, train_params.model
    columns = Inputs.of(groups).names
    check_room(rows_of(params, groups), len(columns), model)
    train, valid = (
        dataset.read_months(FEATURES, params, part, [*columns, problem.contract.TARGET])
        for part in ("train", "validation")
    )
    if isinstance(train, Months) and isinstance(valid, Months) and batches.too_large(train.rows(), len(columns), model):
        return Stream(train, valid)
    return read_split(params, groups)


def check_room(rows: Mapping[str, int], inputs: int, model: str) -> None:
    """Raises `RoomError` where this machine has less memory than a fit takes, or less disk than its pages."""
    both, paged = rows["train"] + rows["validation"], batches.too_large(rows["train"], inputs, model)
    if model == TASK.baseline:
        needed, disk = min(rows["train"], batches.DRAWN) * LINEAR, 0.0
    elif paged and model == "xgboost":
        needed, disk = batches.PAGE * inputs * HELD + both * KEPT, both * inputs * PAGED
    else:
        needed, disk = (min(both, 2 * batches.DRAWN) if paged else both) * inputs * HELD, 0.0
    what = f"{rows['train']:,} rows of {inputs} inputs"
    resources.check(PROCESS + needed, disk, what, "use fewer months in `split.train`")


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


def fit_and_export(
    params: TrainParams,
    split: Split | Stream,
    path: Path,
    made_from: Mapping[str, str],
    on_round: estimators.OnRound,
    away: estimators.Away | None = None,
) -> float:
    """Fit, write the ONNX file, and return its largest difference from the fitted model over the validation rows."""
    inputs = Inputs.of(params.features)
    if isinstance(split, Stream):
        pipeline, valid = batches.fit(params, inputs, split, on_round, away), iter(split.validation)
    else:
        pipeline, valid = estimators.fit(params, inputs, split, on_round, away=away), iter([split.X_valid])
    export.export(pipeline, inputs, path, made_from)
    return max(export.check_parity(pipeline, inputs, path, rows) for rows in valid)
