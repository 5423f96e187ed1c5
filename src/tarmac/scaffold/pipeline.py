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
from tarmac.repository.imports import find_imported_files, list_dependency_folders
from tarmac.scaffold.infer import InferredProblem

WIDTH = 120
TITLES = {
    "auc": "ROC-AUC",
    "log_loss": "log loss",
    "error": "share of wrong classes",
    "mae": "mean absolute error",
}


def _create_yaml() -> YAML:
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = WIDTH, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


def write_params(path: Path, changes: Mapping[str, Any]) -> None:
    """Puts values where the paths of their keys say; None takes a key out. Comments stay."""
    tree = _create_yaml().load(path)
    for where, value in changes.items():
        *sections, last = where.split(".")
        branch = tree
        for section in sections:
            branch = branch[section]
        if value is None:
            branch.pop(last, None)
        else:
            branch[last] = value
    _write_tree(tree, path)


def _write_tree(tree: Any, path: Path) -> None:
    """Write a tree with an empty line before each section.

    These lines were at the end of what is replaced.
    """
    text = io.StringIO()
    _create_yaml().dump(tree, text)
    lines = list(_iter_aligned_lines(text.getvalue().splitlines()))
    made = [lines[0]]
    for before, line in pairwise(lines):
        begins = line[:1].isalpha() and not before.startswith("#")
        if begins and before:
            made.append("")
        made.append(line)
    path.write_text("\n".join(made) + "\n", encoding="utf-8")


def _iter_aligned_lines(lines: list[str]) -> Iterator[str]:
    """Puts the rest of a list under its first item, where a person puts it."""
    column = 0
    for line in lines:
        made = " " * column + line.strip() if column else line.rstrip()
        opened = made.count("[") > made.count("]")
        column = made.index("[") + 1 if opened else 0 if "]" in made else column
        yield made


def write_dvc_yaml(path: Path, found: InferredProblem) -> None:
    """Write the same stages with what changed for the problem.

    This is the code that they import now, the parameters that they read, and the task's plots.
    """
    tree = _create_yaml().load(path)
    for name, stage in tree["stages"].items():
        data = [dep for dep in stage["deps"] if not dep.startswith("src/")]
        code = list_dependency_folders(
            Path(), find_imported_files(Path(), f"tarmac.pipeline.{name}.stage")
        )
        stage["deps"] = _build_flow_list([*data, *code])
        if read := _list_stage_params(name, stage.get("params", []), found):
            stage["params"] = _build_flow_list(read)
        else:
            stage.pop("params")
    task = TASKS[found.task]
    tree["plots"], tree["stages"]["train"]["plots"] = (
        build_plots(task, bool(found.day)),
        build_curves(task),
    )
    _write_tree(tree, path)


def _list_stage_params(stage: str, keys: list[str], found: InferredProblem) -> list[str]:
    """Return the parameters that a stage reads, without `problem`, which is empty.

    Without a time the split is read as a whole, except by the card, which shows no seed.
    """
    linear = {"train.logistic_regression": f"train.{TASKS[found.task].baseline}"}
    named = [linear.get(key, key) for key in keys if key != "problem"]
    if not found.day:
        split = (
            [f"split.{name}" for name in ("by", "test_share", "validation_share")]
            if stage == "card"
            else ["split"]
        )
        named = [one for key in named for one in (split if key.split(".")[0] == "split" else [key])]
    return list(dict.fromkeys(named))


def _build_flow_list(items: list[str]) -> CommentedSeq:
    made = CommentedSeq(items)
    made.fa.set_flow_style()
    return made


def build_plots(task: Task, timed: bool) -> list[dict[str, Any]]:
    """The plots of a task, by the tables that `evaluate` writes for it."""
    made: dict[str, dict[str, Any]] = {}
    if task.kind == "binary":
        made["roc"] = _build_line_plot(
            "roc", "false_positive_rate", ["model", "baseline"], "ROC on the test rows"
        )
        made["precision_recall"] = _build_line_plot(
            "precision_recall", "recall", ["model", "baseline"], "Precision and recall"
        )
    made["calibration"] = _build_line_plot(
        "calibration", "predicted", ["observed", "perfect"], "Calibration on the test rows"
    )
    if task.kind == "regression":
        made["errors"] = _build_line_plot(
            "errors", "share", ["model", "baseline"], "Absolute error by share of test rows"
        )
    else:
        made["confusion"] = {
            **_build_line_plot("confusion", "predicted", "actual", "Test rows by class"),
            "template": "counts",
        }
    lost = f"{task.short}_loss"
    bars = {
        "template": "bars",
        "x": {f"{TABLES}/importance.csv": lost},
        "y": {f"{TABLES}/importance.csv": "feature"},
    }
    made["importance"] = {
        "title": f"{task.title} lost on validation when a feature is shuffled",
        **bars,
    }
    if timed:
        table, monthly = f"monthly_{task.short}", f"{task.title} by month (validation, then test)"
        made[table] = {
            **_build_line_plot(table, "month", ["model", "baseline"], monthly),
            "template": "categories",
        }
    return [
        {name: {key: _convert_to_flow(value) for key, value in plot.items()}}
        for name, plot in made.items()
    ]


def build_curves(task: Task) -> list[dict[str, Any]]:
    """The plots of the rounds that `train` watches, which are outputs of it."""
    made = []
    for name in reversed(list(task.rounds)):
        shown = {"title": f"Validation {TITLES.get(name, name)} by round", "x": "step", "y": name}
        made.append({f"{CURVES}/{name}.tsv": _convert_to_flow({"cache": False, **shown})})
    return made


def _convert_to_flow(value: Any) -> Any:
    """A table and its columns in one line."""
    if not isinstance(value, dict):
        return value
    made = CommentedMap(
        {
            file: _build_flow_list(names) if isinstance(names, list) else names
            for file, names in value.items()
        }
    )
    made.fa.set_flow_style()
    return made


def _build_line_plot(table: str, x: str, y: str | list[str], title: str) -> dict[str, Any]:
    file = f"{TABLES}/{table}.csv"
    return {"title": title, "x": {file: x}, "y": {file: y}}
