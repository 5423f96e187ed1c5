"""Build the identity of a model: what it was made from, carried by its file.

It is enough to find the model's commit again, or to know that there is none. Neither code nor the
locked requirements are in it: every edit of a comment would make another file of the same model.
"""

import json
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.params import TASK, AnySplit, TrainParams

NAMES, AS_JSON = ("features", "libraries", "params", "split"), ("libraries", "params", "split")
# One of the last two.
LIBRARIES = ("numpy", "onnxmltools", "scikit-learn", "skl2onnx", "xgboost", "xgboost-cpu")
KINDS = get_args(TrainParams.model_fields["model"].annotation)
ROUNDS = ("early_stopping_rounds", "max_rounds")  # a linear model has none


def build_identity(params: TrainParams, split: AnySplit, features: Path) -> dict[str, str]:
    """Return text by `NAMES`, the same on every machine and at any time.

    It has no date, and no commit, which is made later. `features` is DVC's hash of their folder;
    `libraries` (versions by name), `params` and `split` are JSON.
    """
    return {
        "features": compute_dvc_hash(features),
        "libraries": json.dumps(list_library_versions(), sort_keys=True),
        "params": json.dumps(select_params(params), sort_keys=True),
        "split": json.dumps(split.model_dump(), sort_keys=True),
    }


def select_params(params: TrainParams) -> dict[str, Any]:
    """The parameters that a model is fitted with: those of other kinds of model are left out."""
    kept = {name: getattr(params, name) for name in list_param_names(params.model)}
    return {
        name: value.model_dump() if isinstance(value, BaseModel) else value
        for name, value in kept.items()
    }


def list_param_names(model: str) -> list[str]:
    """The names of what a kind of model is fitted with."""
    others = {*KINDS, *(ROUNDS if model == TASK.baseline else ())} - {model}
    return [name for name in TrainParams.model_fields if name not in others]


def list_library_versions() -> dict[str, str]:
    """Version of each library that has a part in the bytes of a model's file, by name."""
    return {
        name: distribution.version
        for name in LIBRARIES
        for distribution in distributions(name=name)
    }
