"""XGBoost on a Spark cluster: its workers read the feature tables, encode them, and grow the same trees together."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from tarmac import cluster
from tarmac.files import months, parquet
from tarmac.model.estimators import xgboost_options
from tarmac.params import TASK, AnySplit, SplitParams, TrainParams, Window
from tarmac.problem.names import TARGET

VALIDATION = "validation_row"


def fit_xgboost(
    params: TrainParams,
    encoder: Any,
    on_round: Callable[[int, dict[str, float]], None],
    *,
    folder: Path,
    split: AnySplit,
) -> Any:
    """The classifier that `estimators.fit_xgboost` fits, from the months under `folder`; one task a free core.

    `encoder` is fitted. `on_round` is told of the rounds when they are over: they happen elsewhere. Sums are made in
    another order on another number of cores, and the trees are not the same to the last digit.
    """
    import xgboost
    from xgboost.spark import SparkXGBClassifier, SparkXGBRegressor

    if not isinstance(split, SplitParams):
        raise cluster.ClusterError("engine is pyspark, which trains on months; rows without a time are for duckdb")
    regression = TASK.kind == "regression"
    rows = _rows(folder, split.train, False).unionByName(_rows(folder, split.validation, True))
    with cluster.failures():
        encoded = _encoded(rows, encoder).persist()
        encoded.count()  # a job, by whose end the workers are known
        booster = (SparkXGBRegressor if regression else SparkXGBClassifier)(
            **xgboost_options(params),
            features_col=_names(encoder),
            label_col=TARGET,
            validation_indicator_col=VALIDATION,
            num_workers=_free_cores(),
            force_repartition=True,  # else a worker may get validation rows alone
        )
        fitted = booster.fit(encoded)
        encoded.unpersist()
    seen = fitted.training_summary.validation_objective_history
    for number, values in enumerate(zip(*(seen[name] for name in TASK.rounds.values()), strict=True), 1):
        on_round(number, dict(zip(TASK.rounds, values, strict=True)))
    trees = fitted.get_booster()
    trees.feature_names = trees.feature_types = None  # ONNX takes columns by their place
    classifier = xgboost.XGBRegressor() if regression else xgboost.XGBClassifier()
    classifier.load_model(trees.save_raw())
    return classifier


def _free_cores() -> int:
    """Tasks that the cluster can run at once: all of a fit's run together."""
    from xgboost.spark.utils import _get_max_num_concurrent_tasks

    return max(int(_get_max_num_concurrent_tasks(cluster.session().sparkContext)), 1)


def _rows(folder: Path, window: Window, validation: bool) -> Any:
    """Labelled rows of a window of months, with whether they are to validate on."""
    from pyspark.sql import functions

    paths = [folder / f"{month}.parquet" for month in months.between(window.first, window.last)]
    for path in paths:
        parquet.check(path)
    rows = cluster.session().read.parquet(*(cluster.url(path) for path in paths))
    return rows.filter(rows[TARGET].isNotNull()).withColumn(VALIDATION, functions.lit(validation))


def _names(encoder: Any) -> list[str]:
    """The columns that an encoder takes, in the order in which it gives them."""
    return [name for _, step, columns in encoder.transformers_ if step != "drop" for name in columns]


def _encoded(rows: Any, encoder: Any) -> Any:
    """Rows as float32 inputs, label and whether to validate on; each worker encodes what it has read."""
    from pyspark.sql import types

    names, kept = _names(encoder), (TARGET, VALIDATION)
    inputs = [types.StructField(name, types.FloatType()) for name in names]
    others = [
        types.StructField(TARGET, types.FloatType() if TASK.kind == "regression" else types.ByteType()),
        types.StructField(VALIDATION, types.BooleanType()),
    ]

    def encode(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            columns = list(encoder.transform(batch.select(names).to_pandas()).T)
            yield pa.RecordBatch.from_arrays(
                [*map(pa.array, columns), *(batch.column(name) for name in kept)], [*names, *kept]
            )

    return rows.select(*names, *kept).mapInArrow(encode, types.StructType([*inputs, *others]))
