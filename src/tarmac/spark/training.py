"""XGBoost on a Spark cluster.

Its workers read the feature tables, encode them, and grow the same trees together.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from tarmac.interface.problem import problem
from tarmac.pipeline.base import months, parquet
from tarmac.pipeline.base.params import TASK, AnySplit, MonthWindow, SplitParams, Task, TrainParams
from tarmac.pipeline.training.estimators import OnRound, build_xgboost_options
from tarmac.spark import session

INPUTS, VALIDATION = "inputs", "validation_row"  # columns of the rows that are fitted to
FITS = 3  # at most: one that loses a worker is started anew on those that are left


def fit_xgboost(
    params: TrainParams,
    encoder: Any,
    on_round: OnRound,
    *,
    folder: Path,
    split: AnySplit,
    task: Task = TASK,
) -> Any:
    """Fit the model that `estimators.fit_xgboost` fits, from the months under `folder`.

    There is one task a core. `encoder` is fitted. `on_round` is called for the rounds when they are
    over: they happen elsewhere. Sums are made in another order on another number of cores, and the
    trees are not the same to the last digit.
    """
    import xgboost

    if not isinstance(split, SplitParams):
        raise session.ClusterError(
            "engine is pyspark, which trains on months, but the rows have no date",
            "set `engine: duckdb` in params.yaml",
        )
    rows = _read_rows(folder, split.train, False).unionByName(
        _read_rows(folder, split.validation, True)
    )
    logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)  # of which it would make INFO
    fitted = _fit_booster(_build_booster(params, task), _encode_rows(rows, encoder, task))
    _report_rounds(fitted.training_summary.validation_objective_history, task, on_round)
    trees = fitted.get_booster()
    trees.feature_names = trees.feature_types = None  # ONNX takes columns by their place
    model = xgboost.XGBRegressor() if task.kind == "regression" else xgboost.XGBClassifier()
    model.load_model(trees.save_raw())
    return model


def _build_booster(params: TrainParams, task: Task) -> Callable[..., Any]:
    """Return the estimator of XGBoost for Spark; the number of its workers is still to be given."""
    from xgboost.spark import SparkXGBClassifier, SparkXGBRegressor

    return partial(
        SparkXGBRegressor if task.kind == "regression" else SparkXGBClassifier,
        **build_xgboost_options(params, task),
        features_col=INPUTS,
        label_col=problem.contract.TARGET,
        validation_indicator_col=VALIDATION,
        force_repartition=True,  # else a worker may get validation rows alone
        # The tracker's end, when a worker dies, may be the end of the process that it is in.
        launch_tracker_on_driver=False,
        verbose=False,
    )


def _report_rounds(history: Mapping[str, Sequence[float]], task: Task, on_round: OnRound) -> None:
    """Call `on_round` for each round, with the metrics that XGBoost kept under its own names."""
    rounds = zip(*(history[name] for name in task.rounds.values()), strict=True)
    for number, values in enumerate(rounds, 1):
        on_round(number, dict(zip(task.rounds, values, strict=True)))


def _fit_booster(booster: Callable[..., Any], rows: Any) -> Any:
    """Fit with as many tasks as there are cores.

    Spark itself never starts a fit again that has lost a worker.
    """
    with session.watch_jobs():
        rows = rows.persist()
    for left in reversed(range(FITS)):
        with session.watch_jobs():
            # A job, by whose end it is known which workers there are, and they have their rows.
            rows.count()
        cores = max(session.count_free_cores(), 1)
        try:
            with session.watch_jobs(cores):
                fitted = booster(num_workers=cores).fit(rows)
            break
        except session.ClusterError as error:
            if not left:
                raise
            print(f"train     the fit on {cores} cores failed, another starts: {error}", flush=True)
    rows.unpersist()
    return fitted


def _read_rows(folder: Path, window: MonthWindow, validation: bool) -> Any:
    """Labelled rows of a window of months, with whether they are to validate on."""
    from pyspark.sql import functions

    paths = [
        folder / f"{month}.parquet"
        for month in months.list_months_between(window.first, window.last)
    ]
    for path in paths:
        parquet.check_parquet(path)
    rows = session.open_session().read.parquet(*(session.format_url(path) for path in paths))
    return rows.filter(rows[problem.contract.TARGET].isNotNull()).withColumn(
        VALIDATION, functions.lit(validation)
    )


def _list_input_names(encoder: Any) -> list[str]:
    """The columns that an encoder takes, in the order in which it gives them."""
    names: list[str] = []
    for _, step, columns in encoder.transformers_:
        if step != "drop":
            names += columns
    return names


def _encode_rows(rows: Any, encoder: Any, task: Task) -> Any:
    """Encode rows as float32 inputs, label and whether to validate on them.

    Each worker encodes what it has read. The inputs are one column: XGBoost takes many as well, and
    fails if 10,000 rows in a row are all to train on.
    """
    from pyspark.sql import types

    target = problem.contract.TARGET
    names, kept = _list_input_names(encoder), [target, VALIDATION]
    label = types.FloatType() if task.kind == "regression" else types.ByteType()
    schema = types.StructType([
        types.StructField(INPUTS, types.ArrayType(types.FloatType())),
        types.StructField(target, label),
        types.StructField(VALIDATION, types.BooleanType()),
    ])  # fmt: skip

    def encode_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            values = encoder.transform(batch.select(names).to_pandas())
            starts = pa.array(range(0, values.size + 1, len(names)), pa.int32())
            inputs = pa.ListArray.from_arrays(starts, pa.array(values.ravel()))
            yield pa.RecordBatch.from_arrays(
                [inputs, *(batch.column(name) for name in kept)], [INPUTS, *kept]
            )

    return rows.select(*names, *kept).mapInArrow(encode_batches, schema)
