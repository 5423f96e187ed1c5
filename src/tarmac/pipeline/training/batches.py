"""Fitting month by month, where a table of all rows would be too large to hold.

XGBoost keeps the bin of each value, in pages on disk. It reads the months as often as it needs to
find the bins. The other kinds of model hold their rows as they are: they are fitted to a drawn
share of them.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from tarmac.interface.problem import problem
from tarmac.pipeline.base import resources
from tarmac.pipeline.base.params import TASK, TrainParams
from tarmac.pipeline.models import dataset
from tarmac.pipeline.models.dataset import ModelInputs, MonthlyRows, Split
from tarmac.pipeline.training import estimators

# Rows times inputs that are still trained on as one table. Fixed, and no setting: bins found in
# parts may be others.
LARGEST = 2**25
DRAWN = 500_000  # rows that models which must hold them are fitted to
PAGE = 250_000  # rows, or a month if it has more, that are encoded and paged at a time


@dataclass(frozen=True)
class MonthlyTrainingData:
    """Months to train on and months to tune on, with the columns of all models and the target."""

    train: MonthlyRows
    validation: MonthlyRows

    def sample_rows(self, names: list[str], seed: int) -> Split:
        """Some labelled rows of every month, at most `DRAWN` to train on and as many to tune on."""
        train, valid = (
            dataset.require_labeled_rows(_sample_months(months, seed))
            for months in (self.train, self.validation)
        )
        return Split(train[0][names], train[1], valid[0][names], valid[1])


def is_too_large(rows: int, inputs: int, model: str) -> bool:
    """Check whether so many rows of so many inputs are too many for one table.

    For a linear model, rows alone may be too many.
    """
    return rows * inputs > LARGEST or (model == TASK.baseline and rows > DRAWN)


def fit_model_monthly(
    params: TrainParams,
    inputs: ModelInputs,
    stream: MonthlyTrainingData,
    on_round: estimators.OnRound,
    away: estimators.Away | None = None,
) -> Pipeline:
    """As `estimators.fit_model`, with one month in memory."""
    if params.model != "xgboost":
        return estimators.fit_model(
            params, inputs, stream.sample_rows(inputs.names, params.seed), on_round
        )
    encoder = estimators.build_ordinal_encoder(inputs).fit(
        _build_category_rows(stream.train, inputs)
    )
    if away:
        return Pipeline(
            [("encoder", encoder), (estimators.ESTIMATOR, away(params, encoder, on_round))]
        )
    classifier = estimators.build_xgboost_model(params, on_round)
    with tempfile.TemporaryDirectory(
        dir=resources.create_spill_folder(), ignore_cleanup_errors=True
    ) as folder:
        booster = _train_booster(params, classifier, encoder, inputs, stream, folder)
    estimators.check_device(params.device, booster.save_config())
    classifier.load_model(booster.save_raw("ubj"))
    return Pipeline([("encoder", encoder), (estimators.ESTIMATOR, classifier)])


def _train_booster(
    params: TrainParams,
    classifier: Any,
    encoder: Any,
    inputs: ModelInputs,
    stream: MonthlyTrainingData,
    folder: str,
) -> Any:
    import xgboost

    # A GPU takes no pages that were made on the CPU: there the bins have to fit in memory.
    paged = params.device == "cpu"
    kind = xgboost.ExtMemQuantileDMatrix if paged else xgboost.QuantileDMatrix
    bins, encoded = (
        params.xgboost.max_bin,
        partial(_build_data_iter, encoder=encoder, inputs=inputs),
    )
    with estimators.catch_xgboost_errors():
        train = kind(encoded(stream.train, f"{folder}/train" if paged else None), max_bin=bins)
        valid = kind(
            encoded(stream.validation, f"{folder}/validation" if paged else None),
            max_bin=bins,
            ref=train,
        )
        classes = (
            {"objective": "multi:softprob", "num_class": len(problem.contract.CLASSES)}
            if TASK.kind == "multiclass"
            else {}
        )
        return xgboost.train(
            {**classifier.get_xgb_params(), **classes},
            train,
            num_boost_round=params.max_rounds,
            evals=[(valid, "validation_0")],  # the name that scikit-learn's interface gives
            early_stopping_rounds=params.early_stopping_rounds,
            callbacks=classifier.callbacks,
            verbose_eval=False,
        )


def _build_data_iter(
    months: MonthlyRows, place: str | None, encoder: Any, inputs: ModelInputs
) -> Any:
    """Return what gives XGBoost the pages of some months, as often as it requests them.

    `place` begins the names of its files.
    """
    import xgboost

    class Encoded(xgboost.DataIter):
        def __init__(self) -> None:
            self._left = iter_pages(months)
            super().__init__(cache_prefix=place, release_data=True)

        def reset(self) -> None:
            self._left = iter_pages(months)

        def next(self, input_data: Any) -> bool:
            for rows in self._left:
                input_data(
                    data=encoder.transform(rows[inputs.names]),
                    label=rows[problem.contract.TARGET].to_numpy(dtype=TASK.label),
                )
                return True
            return False

    return Encoded()


def iter_pages(months: MonthlyRows) -> Iterator[pd.DataFrame]:
    """Yield the labelled rows of one month or of several.

    All frames but the last have at least `PAGE` rows.
    """
    held: list[pd.DataFrame] = []
    for rows in months:
        held.append(rows[rows[problem.contract.TARGET].notna()])
        if sum(map(len, held)) >= PAGE:
            yield pd.concat(held)
            held = []
    if held:
        yield pd.concat(held)


def _build_category_rows(months: MonthlyRows, inputs: ModelInputs) -> pd.DataFrame:
    """Return as few rows as have every text of every category.

    That is all that the encoder learns. Numbers are missing.
    """
    categories: dict[str, set[str]] = {name: set() for name in inputs.categories}
    for rows in MonthlyRows(months.folder, months.months, inputs.categories) if categories else ():
        for name, texts in categories.items():
            texts.update(rows[name].unique())
    longest = max(map(len, categories.values()), default=1)
    columns = {
        name: np.resize(np.array(sorted(texts), dtype=object), longest)
        for name, texts in categories.items()
    }
    missing = dict.fromkeys(inputs.numbers, np.full(longest, np.nan, dtype="float32"))
    return pd.DataFrame({**columns, **missing})


def _sample_months(months: MonthlyRows, seed: int) -> pd.DataFrame:
    share = min(DRAWN / max(months.count_rows(), 1), 1.0)

    def iter_samples() -> Iterator[pd.DataFrame]:
        for number, rows in enumerate(months):
            yield rows.sample(frac=share, random_state=seed + number).sort_index()

    return pd.concat(iter_samples(), ignore_index=True)
