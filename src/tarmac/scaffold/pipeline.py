"""`params.yaml` and `dvc.yaml` of another problem: what is there, with what the problem changes."""

import io
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from tarmac.pipeline.base.params.task import TASKS, Task
from tarmac.pipeline.base.paths import CURVES, TABLES
from tarmac.repository.imports import closure, dependencies
from tarmac.scaffold.infer import Found

WIDTH = 120
TITLES = {"auc": "ROC-AUC", "log_loss": "log loss", "error": "share of wrong classes", "mae": "mean absolute error"}


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = WIDTH, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null"))
    return yaml


def write_params(path: Path, changes: Mapping[str, Any]) -> None:
    """Puts values where the paths of their keys say; None takes a key out. Comments stay."""
    tree = _yaml().load(path)
    for where, value in changes.items():
        *sections, last = where.split(".")
        branch = tree
        for section in sections:
            branch = branch[section]
        if value is None:
            branch.pop(last, None)
        else:
            branch[last] = value
    _dump(tree, path)


def _dump(tree: Any, path: Path) -> None:
    """Writes a tree with an empty line before each section: they were at the end of what is replaced."""
    text = io.StringIO()
    _yaml().dump(tree, text)
    lines = list(_aligned(text.getvalue().splitlines()))
    made = [lines[0]]
    for before, line in pairwise(lines):
        begins = line[:1].isalpha() and not before.startswith("#")
        if begins and before:
            made.append("")
        made.append(line)
    path.write_text("\n".join(made) + "\n", encoding="utf-8")


def _aligned(lines: list[str]) -> Iterator[str]:
    """Puts the rest of a list under its first item, where a person puts it."""
    column = 0
    for line in lines:
        made = " " * column + line.strip() if column else line.rstrip()
        opened = made.count("[") > made.count("]")
        column = made.index("[") + 1 if opened else 0 if "]" in made else column
        yield made


def write_dvc(path: Path, found: Found) -> None:
    """The same stages with the code that they import now, the parameters that they read, and the task's plots."""
    tree = _yaml().load(path)
    for name, stage in tree["stages"].items():
        data = [dep for dep in stage["deps"] if not dep.startswith("src/")]
        code = dependencies(Path(), closure(Path(), f"tarmac.pipeline.{name}.stage"))
        stage["deps"] = _flow([*data, *code])
        if read := _params(name, stage.get("params", []), found):
            stage["params"] = _flow(read)
        else:
            stage.pop("params")
    task = TASKS[found.task]
    tree["plots"], tree["stages"]["train"]["plots"] = plots(task, bool(found.day)), curves(task)
    _dump(tree, path)


def _params(stage: str, keys: list[str], found: Found) -> list[str]:
    """Without a time the split is read as a whole, but by the card, which tells no seed; `problem` is empty."""
    linear = {"train.logistic_regression": f"train.{TASKS[found.task].baseline}"}
    named = [linear.get(key, key) for key in keys if key != "problem"]
    if not found.day:
        split = [f"split.{name}" for name in ("by", "test_share", "validation_share")] if stage == "card" else ["split"]
        named = [one for key in named for one in (split if key.split(".")[0] == "split" else [key])]
    return list(dict.fromkeys(named))


def _flow(items: list[str]) -> CommentedSeq:
    made = CommentedSeq(items)
    made.fa.set_flow_style()
    return made


def plots(task: Task, timed: bool) -> list[dict[str, Any]]:
    """The plots of a task, by the tables that `evaluate` writes for it."""
    made: dict[str, dict[str, Any]] = {}
    if task.kind == "binary":
        made["roc"] = _lines("roc", "false_positive_rate", ["model", "baseline"], "ROC on the test rows")
        made["precision_recall"] = _lines("precision_recall", "recall", ["model", "baseline"], "Precision and recall")
    made["calibration"] = _lines("calibration", "predicted", ["observed", "perfect"], "Calibration on the test rows")
    if task.kind == "regression":
        made["errors"] = _lines("errors", "share", ["model", "baseline"], "Absolute error by share of test rows")
    else:
        made["confusion"] = {**_lines("confusion", "predicted", "actual", "Test rows by class"), "template": "counts"}
    lost = f"{task.short}_loss"
    bars = {"template": "bars", "x": {f"{TABLES}/importance.csv": lost}, "y": {f"{TABLES}/importance.csv": "feature"}}
    made["importance"] = {"title": f"{task.title} lost on validation when a feature is shuffled", **bars}
    if timed:
        table, monthly = f"monthly_{task.short}", f"{task.title} by month (validation, then test)"
        made[table] = {**_lines(table, "month", ["model", "baseline"], monthly), "template": "categories"}
    return [{name: {key: _short(value) for key, value in plot.items()}} for name, plot in made.items()]


def curves(task: Task) -> list[dict[str, Any]]:
    """The plots of the rounds that `train` watches, which are outputs of it."""
    made = []
    for name in reversed(list(task.rounds)):
        shown = {"title": f"Validation {TITLES.get(name, name)} by round", "x": "step", "y": name}
        made.append({f"{CURVES}/{name}.tsv": _short({"cache": False, **shown})})
    return made


def _short(value: Any) -> Any:
    """A table and its columns in one line."""
    if not isinstance(value, dict):
        return value
    made = CommentedMap({file: _flow(names) if isinstance(names, list) else names for file, names in value.items()})
    made.fa.set_flow_style()
    return made


def _lines(table: str, x: str, y: str | list[str], title: str) -> dict[str, Any]:
    file = f"{TABLES}/{table}.csv"
    return {"title": title, "x": {file: x}, "y": {file: y}}
