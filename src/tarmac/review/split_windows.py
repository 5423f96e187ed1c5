"""Compute the months that a new model is trained, tuned and evaluated on.

The policy gives their numbers, and they go up to the last month.
"""

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.months import add_months
from tarmac.policy import RetrainParams


class SplitWindowError(UserError):
    """There are too few months."""


def compute_split_windows(first: str, last: str, policy: RetrainParams | None) -> dict[str, str]:
    """Parameters of the windows that end with the month `last`; nothing before `first` is there.

    Raises `SplitWindowError` where no month is left to train on, or where rows have no time.
    """
    if policy is None:
        raise SplitWindowError(
            "this problem has no date column, so it has no months to train on",
            "name a date column when you create the project: `make new … TIME=COLUMN`",
        )
    test = add_months(last, 1 - policy.test_months)
    validation = add_months(test, -policy.validation_months)
    train_last = add_months(validation, -1)
    if train_last < first:
        needed = policy.validation_months + policy.test_months + 1
        raise SplitWindowError(
            f"too few months from {first} to {last}: training, validation and test need {needed}",
            "add months with `make ingest FILES=path/to/files`, or lower"
            " `retrain.validation_months` or `retrain.test_months` in params.yaml",
        )
    train = max(first, add_months(train_last, 1 - policy.train_months))
    windows = {
        "train": (train, train_last),
        "validation": (validation, add_months(test, -1)),
        "test": (test, last),
    }
    return {
        f"split.{name}.{end}": month
        for name, ends in windows.items()
        for end, month in zip(("first", "last"), ends, strict=True)
    }
