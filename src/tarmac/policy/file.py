"""The whole of `params.yaml` as one strict model."""

from pathlib import Path

from tarmac.pipeline.base import params
from tarmac.pipeline.base.params.file import line_number, read
from tarmac.pipeline.base.paths import PARAMS
from tarmac.policy.monitor import MonitorParams, Retrain
from tarmac.policy.review import ReviewParams
from tarmac.policy.sweep import SweepParams


class Params(params.Params, extra="forbid"):
    """The pipeline's parameters and the policy."""

    review: ReviewParams
    monitor: MonitorParams
    retrain: Retrain
    sweep: SweepParams


def load(path: Path = PARAMS) -> Params:
    """Read and check the whole file. Raises `ParamsError` with every mistake on its line."""
    found, tree = read(path, Params)
    mistakes = [(["sweep", "space", name], text) for name, text in found.sweep.mistakes(found.train)]
    if mistakes:
        lines = [f"{path}:{line_number(tree, key)}: {'.'.join(key)}: {text}" for key, text in mistakes]
        raise params.ParamsError("\n".join(lines))
    return found
