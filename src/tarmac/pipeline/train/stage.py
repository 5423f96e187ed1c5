"""train: fits the model, watches validation round by round, and exports it to ONNX."""

from functools import partial
from importlib import import_module

from dvclive.live import Live

from tarmac.pipeline.base.outputs import finite
from tarmac.pipeline.base.params import AnySplit, Engine, Sections, TrainParams, load
from tarmac.pipeline.base.paths import FEATURES, MODEL, TRAIN_METRICS
from tarmac.pipeline.base.runner import Progress, run
from tarmac.pipeline.training import estimators, export, fitting
from tarmac.pipeline.training.best_round import BestRound
from tarmac.pipeline.training.identity import identity

METRICS = TRAIN_METRICS.parent  # of dvclive
SHOWN_ROUNDS = 25  # a line on the terminal this often, and dvclive's summary; its curves get every round


class StageParams(Sections):
    """The sections of `params.yaml` that this stage reads."""

    engine: Engine
    split: AnySplit
    train: TrainParams


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


def cluster_fit(params: StageParams) -> estimators.Away | None:
    """How Spark fits the model, where it is the engine. Raises `ClusterError` where it cannot be had."""
    if params.engine != "pyspark":
        return None
    spark = import_module("tarmac.spark.training")  # here: no stage depends on the cluster's code
    spark.session.session()  # before anything else is done
    return partial(spark.fit_xgboost, folder=FEATURES, split=params.split)


def main() -> None:
    """Reads `data/features`; writes the model and what dvclive logs."""
    params, progress = load(StageParams), Progress("train")
    away = cluster_fit(params)
    split = fitting.read(params.split, params.train)
    progress.step("data", **fitting.counted(split))
    made_from = identity(params.train, params.split, FEATURES)
    best = BestRound()
    with Live(str(METRICS), dvcyaml=None, save_dvc_exp=False, report=None) as live:
        report = live_report(live, progress)

        def on_round(number: int, metrics: dict[str, float]) -> None:
            report(number, metrics)
            best(number, metrics)

        parity = fitting.fit_and_export(params.train, split, MODEL, made_from, on_round, away)
        live.summary = {"validation": best.metrics, "onnx_difference_below": export.TOLERANCE}
        live.make_summary()
    progress.step("exported", **best.metrics, onnx_difference=f"{parity:.1e}")


if __name__ == "__main__":
    run(main)
