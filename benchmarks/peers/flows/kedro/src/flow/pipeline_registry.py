"""The pipeline: the steps as nodes between datasets."""

from importlib import import_module
from pathlib import Path

from kedro.pipeline import Pipeline, node


def step(name: str) -> None:
    import_module(f"tarmac.pipeline.{name}.stage").main()


def prepare(raw: Path) -> Path:
    step("prepare")
    return raw


def featurize(prepared: Path) -> Path:
    step("featurize")
    return prepared


def train(features: Path) -> Path:
    step("baseline")
    step("train")
    return features


def evaluate(features: Path, model: Path) -> Path:
    step("evaluate")
    return model


def register_pipelines() -> dict[str, Pipeline]:
    nodes = [
        node(prepare, "raw", "prepared", name="prepare"),
        node(featurize, "prepared", "features", name="featurize"),
        node(train, "features", "model", name="train"),
        node(evaluate, ["features", "model"], "predictions", name="evaluate"),
    ]
    return {"__default__": Pipeline(nodes)}
