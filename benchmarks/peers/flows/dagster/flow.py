"""Run the four steps as Dagster assets, remade if their parameters or an asset above changed."""

import hashlib
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

CHANGED = dg.AutomationCondition.code_version_changed() | dg.AutomationCondition.any_deps_updated()
STALE = dg.AutomationCondition.missing() | CHANGED.since_last_handled()
CURSOR = Path("cursor.json")
PARAMS = yaml.safe_load(Path("params.yaml").read_text())


def asset(
    step: str, deps: list[dg.AssetsDefinition], *sections: str, before: str = ""
) -> dg.AssetsDefinition:
    version = hashlib.md5(repr([PARAMS[name] for name in sections]).encode()).hexdigest()

    @dg.asset(name=step, deps=deps, code_version=version, automation_condition=STALE)
    def run_step() -> None:
        for name in filter(None, (before, step)):
            import_module(f"tarmac.pipeline.{name}.stage").main()

    return run_step


prepare = asset("prepare", [], "prepare")
featurize = asset("featurize", [prepare], "problem")
train = asset("train", [featurize], "train", "split", "baseline", before="baseline")
evaluate = asset("evaluate", [featurize, train], "evaluate", "split")
ASSETS = [prepare, featurize, train, evaluate]


def rerun(instance: dg.DagsterInstance) -> None:
    before: Any = dg.deserialize_value(CURSOR.read_text()) if CURSOR.exists() else None
    evaluation = dg.evaluate_automation_conditions(defs=ASSETS, instance=instance, cursor=before)
    stale = [step for step in ASSETS if evaluation.get_num_requested(step.key)]
    if stale:
        dg.materialize(ASSETS, selection=stale, instance=instance)
        evaluation = dg.evaluate_automation_conditions(
            defs=ASSETS, instance=instance, cursor=evaluation.cursor
        )
    CURSOR.write_text(dg.serialize_value(evaluation.cursor))


if __name__ == "__main__":
    with dg.DagsterInstance.get() as instance:
        rerun(instance)
