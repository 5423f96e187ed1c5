"""baseline: fits the linear model that the model must beat, and exports it to ONNX."""

from typing import Any

from tarmac.pipeline.base.params import (
    TASK,
    AnySplit,
    BaselineParams,
    ParamsSubset,
    TrainParams,
    load_params,
)
from tarmac.pipeline.base.paths import BASELINE, FEATURES
from tarmac.pipeline.base.runner import StageProgress, run_stage
from tarmac.pipeline.training import fitting
from tarmac.pipeline.training.identity import build_identity


class BaselineStageParams(ParamsSubset):
    """The sections of `params.yaml` that this stage reads."""

    split: AnySplit
    train: TrainParams
    baseline: BaselineParams


def build_baseline_params(params: BaselineStageParams) -> TrainParams:
    """Return the training parameters of the baseline.

    What it has no use for, such as rounds and trees, is absent: it cannot be read.
    """
    linear: dict[str, Any] = {TASK.baseline: getattr(params.train, TASK.baseline)}
    groups, seed = params.baseline.features, params.train.seed
    return TrainParams.model_construct(
        model=TASK.baseline, device="cpu", features=groups, seed=seed, **linear
    )


def main() -> None:
    """Read `data/features`; write the baseline."""
    params, progress = load_params(BaselineStageParams), StageProgress("baseline")
    chosen = build_baseline_params(params)
    split = fitting.read_training_data(params.split, chosen)
    progress.report_step("data", **fitting.count_split_rows(split))
    made_from = build_identity(chosen, params.split, FEATURES)
    fitting.fit_and_export(chosen, split, BASELINE, made_from, lambda *_: None)
    progress.report_step("exported", features=",".join(chosen.features))


if __name__ == "__main__":
    run_stage(main)
