"""train: fits the model, watches validation round by round, and exports it to ONNX."""

from functools import partial
from importlib import import_module

from dvclive.live import Live

from tarmac.pipeline.base.outputs import require_finite
from tarmac.pipeline.base.params import AnySplit, Engine, ParamsSubset, TrainParams, load_params
from tarmac.pipeline.base.paths import FEATURES, MODEL, TRAIN_METRICS
from tarmac.pipeline.base.runner import StageProgress, run_stage
from tarmac.pipeline.training import estimators, export, fitting
from tarmac.pipeline.training.best_round import BestRound
from tarmac.pipeline.training.identity import build_identity

METRICS = TRAIN_METRICS.parent  # of dvclive
SHOWN_ROUNDS = (
    25  # a line on the terminal this often, and dvclive's summary; its curves get every round
)


class TrainStageParams(ParamsSubset):
    """The sections of `params.yaml` that this stage reads."""

    engine: Engine
    split: AnySplit
    train: TrainParams


def build_round_logger(live: Live, progress: StageProgress) -> estimators.OnRound:
    """Return a callback that logs every round's validation metrics.

    It also shows some of them on the terminal. It does not use `next_step`, which reads all earlier
    rounds again, in each of them.
    """

    def log_round(number: int, metrics: dict[str, float]) -> None:
        require_finite(metrics)
        for name, value in metrics.items():
            live.log_metric(f"validation/{name}", value)
        live.step += 1
        if number % SHOWN_ROUNDS == 0:
            live.sync()
            progress.report_step(f"round {number}", **metrics)

    return log_round


def build_cluster_fit(params: TrainStageParams) -> estimators.Away | None:
    """Return how Spark fits the model, or None if Spark is not the engine.

    Raise `ClusterError` if Spark is not available.
    """
    if params.engine != "pyspark":
        return None
    spark = import_module("tarmac.spark.training")  # here: no stage depends on the cluster's code
    spark.session.open_session()  # before anything else is done
    return partial(spark.fit_xgboost, folder=FEATURES, split=params.split)


def main() -> None:
    """Read `data/features`; write the model and what dvclive logs."""
    params, progress = load_params(TrainStageParams), StageProgress("train")
    away = build_cluster_fit(params)
    split = fitting.read_training_data(params.split, params.train)
    progress.report_step("data", **fitting.count_split_rows(split))
    made_from = build_identity(params.train, params.split, FEATURES)
    best = BestRound()
    with Live(str(METRICS), dvcyaml=None, save_dvc_exp=False, report=None) as live:
        report = build_round_logger(live, progress)

        def record_round(number: int, metrics: dict[str, float]) -> None:
            report(number, metrics)
            best(number, metrics)

        parity = fitting.fit_and_export(params.train, split, MODEL, made_from, record_round, away)
        live.summary = {"validation": best.metrics, "onnx_difference_below": export.TOLERANCE}
        live.make_summary()
    progress.report_step("exported", **best.metrics, onnx_difference=f"{parity:.1e}")


if __name__ == "__main__":
    run_stage(main)
