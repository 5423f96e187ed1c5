"""The whole of `params.yaml` as one strict model."""

from collections.abc import Iterable
from pathlib import Path

from tarmac.interface.errors import suggest_name
from tarmac.pipeline.base import params
from tarmac.pipeline.base.params.yaml_file import find_line_number, read_yaml_model
from tarmac.pipeline.base.paths import PARAMS
from tarmac.policy.monitor import MonitorParams, Retrain
from tarmac.policy.review import ReviewParams
from tarmac.policy.sweep import PREFIX, SweepParams
from tarmac.reporting.trees import flatten_tree


class AllParams(params.PipelineParams, extra="forbid"):
    """The pipeline's parameters and the policy."""

    review: ReviewParams
    monitor: MonitorParams
    retrain: Retrain
    sweep: SweepParams


def load_all_params(path: Path = PARAMS) -> AllParams:
    """Read and check the whole file. Raises `ParamsError` with every mistake on its line."""
    found, tree = read_yaml_model(path, AllParams)
    mistakes = [
        (["sweep", "space", name], text) for name, text in found.sweep.iter_mistakes(found.train)
    ]
    if mistakes:
        lines = [
            f"{path}:{find_line_number(tree, key)}: {'.'.join(key)}: {text}"
            for key, text in mistakes
        ]
        names = [key[-1] for key, _ in mistakes]
        raise params.ParamsError("\n".join(lines), _suggest_parameters(found, names))
    return found


def _suggest_parameters(found: AllParams, names: Iterable[str]) -> str:
    """Return the parameters of training that those names resemble that are none."""
    known = flatten_tree(found.train.model_dump(), PREFIX)
    last = [name.rpartition(".")[2] for name in known]
    wrong = [name for name in names if name not in known]
    return " ".join(filter(None, (suggest_name(name.rpartition(".")[2], last) for name in wrong)))
