"""baseline: fits the linear model that the model must beat, and exports it to ONNX."""

from typing import Any

from tarmac.pipeline.base.params import TASK, AnySplit, BaselineParams, Sections, TrainParams, load
from tarmac.pipeline.base.paths import BASELINE, FEATURES
from tarmac.pipeline.base.runner import Progress, run
from tarmac.pipeline.training import fitting
from tarmac.pipeline.training.identity import identity


class StageParams(Sections):
    """The sections of `params.yaml` that this stage reads."""

    split: AnySplit
    train: TrainParams
    baseline: BaselineParams


def baseline_params(params: StageParams) -> TrainParams:
    """The training of the baseline. What it has no use for, as rounds and trees, is not there: it cannot be read."""
    linear: dict[str, Any] = {TASK.baseline: getattr(params.train, TASK.baseline)}
    groups, seed = params.baseline.features, params.train.seed
    return TrainParams.model_construct(model=TASK.baseline, device="cpu", features=groups, seed=seed, **linear)


def main() -> None:
    """Reads `data/features`; writes the baseline."""
    params, progress = load(StageParams), Progress("baseline")
    chosen = baseline_params(params)
    split = fitting.read(params.split, chosen)
    progress.step("data", **fitting.counted(split))
    made_from = identity(chosen, params.split, FEATURES)
    fitting.fit_and_export(chosen, split, BASELINE, made_from, lambda *_: None)
    progress.step("exported", features=",".join(chosen.features))


if __name__ == "__main__":
    run(main)
