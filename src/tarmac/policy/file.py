"""The whole of `params.yaml` as one strict model."""

from collections.abc import Iterable
from pathlib import Path

from tarmac.interface.errors import suggest
from tarmac.pipeline.base import params
from tarmac.pipeline.base.params.file import line_number, read
from tarmac.pipeline.base.paths import PARAMS
from tarmac.policy.monitor import MonitorParams, Retrain
from tarmac.policy.review import ReviewParams
from tarmac.policy.sweep import PREFIX, SweepParams
from tarmac.reporting.trees import flatten


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
        names = [key[-1] for key, _ in mistakes]
        raise params.ParamsError("\n".join(lines), _suggest(found, names))
    return found


def _suggest(found: Params, names: Iterable[str]) -> str:
    """Return the parameters of training that those names resemble that are none."""
    known = flatten(found.train.model_dump(), PREFIX)
    last = [name.rpartition(".")[2] for name in known]
    wrong = [name for name in names if name not in known]
    return " ".join(filter(None, (suggest(name.rpartition(".")[2], last) for name in wrong)))
