"""Run the four steps in Prefect, cached by input hashes, parameters and own source."""

from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE

from tarmac.pipeline.base.hashing import compute_dvc_hash

cached = task(cache_policy=INPUTS + TASK_SOURCE, persist_result=True)


def run_step(step: str, *paths: str) -> list[str]:
    import_module(f"tarmac.pipeline.{step}.stage").main()
    return [compute_dvc_hash(Path(path)) for path in paths]


@cached
def prepare(raw: str, params: dict[str, Any]) -> list[str]:
    return run_step("prepare", "data/prepared")


@cached
def featurize(prepared: list[str], params: dict[str, Any]) -> list[str]:
    return run_step("featurize", "data/features")


@cached
def train(features: list[str], params: list[Any]) -> list[str]:
    return [*run_step("baseline", "models/baseline.onnx"), *run_step("train", "models/model.onnx")]


@cached
def evaluate(features: list[str], models: list[str], params: list[Any]) -> list[str]:
    return run_step("evaluate", "data/predictions.parquet")


@flow
def pipeline() -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    prepared = prepare(compute_dvc_hash(Path("data/raw")), params["prepare"])
    features = featurize(prepared, params["problem"])
    models = train(features, [params["train"], params["split"], params["baseline"]])
    evaluate(features, models, [params["evaluate"], params["split"]])


if __name__ == "__main__":
    pipeline()
