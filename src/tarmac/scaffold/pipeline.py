"""`params.yaml` and `dvc.yaml` of a project: those of this repository, with what it changes."""

import io
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from tarmac.interface.problem import SOURCE
from tarmac.interface.task import TASKS, Kind, Task
from tarmac.pipeline.base.paths import CURVES, TABLES, WHEEL_PIN
from tarmac.repository.imports import PACKAGE, find_imported_files, list_dependency_folders

WIDTH = 120
STAGE = re.compile(r"  [a-z]+:$")  # begins a stage
TITLES = {
    "auc": "ROC-AUC",
    "log_loss": "log loss",
    "error": "share of wrong classes",
    "mae": "MAE",
    "rmse": "RMSE",
}


def read_tree(path: Path) -> Any:
    """Return a YAML file as a tree that keeps its comments."""
    return _create_yaml().load(path)


def _create_yaml() -> YAML:
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = WIDTH, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


def write_params(path: Path, changes: Mapping[str, Any]) -> None:
    """Put values where the paths of their keys say; None takes a key out. Comments stay."""
    tree = read_tree(path)
    for key_path, value in changes.items():
        *sections, last = key_path.split(".")
        branch = tree
        for section in sections:
            branch = branch[section]
        if value is None:
            branch.pop(last, None)
        else:
            branch[last] = value
    write_tree(tree, path)


def write_tree(tree: Any, path: Path) -> None:
    """Write a tree with an empty line before each section.

    These lines were at the end of what is replaced.
    """
    text = io.StringIO()
    _create_yaml().dump(tree, text)
    lines = list(_iter_aligned_lines(text.getvalue().splitlines()))
    spaced = [lines[0]]
    for before, line in pairwise(lines):
        begins_section = line[:1].isalpha() and not before.startswith("#")
        if before and (begins_section or (STAGE.match(line) and before.startswith("    "))):
            spaced.append("")
        spaced.append(line)
    path.write_text("\n".join(spaced) + "\n", encoding="utf-8")


def _iter_aligned_lines(lines: list[str]) -> Iterator[str]:
    """Put the rest of a list under its first item, where a person puts it."""
    column = 0
    for line in lines:
        aligned = " " * column + line.strip() if column else line.rstrip()
        if aligned.count("[") > aligned.count("]"):
            column = aligned.index("[") + 1
        elif "]" in aligned:
            column = 0
        yield aligned


def write_dvc_yaml(path: Path, root: Path, kind: Kind, timed: bool) -> None:
    """Write the same stages with what a problem changes.

    This is the code of the repository `root` that they import, the parameters that they read, and
    the plots of the task. Where Tarmac's source is not in the repository, the pin of its wheel
    stands for it.
    """
    tree = read_tree(path)
    pin = [] if (root / SOURCE / PACKAGE).is_dir() else [str(WHEEL_PIN)]
    for name, stage in tree["stages"].items():
        data = [dep for dep in stage["deps"] if not dep.startswith(f"{SOURCE}/")]
        files = find_imported_files(root, f"tarmac.pipeline.{name}.stage")
        code = list_dependency_folders(root, files)
        stage["deps"] = _build_flow_list([*data, *pin, *code])
        keys = _list_stage_params(name, stage.get("params", []), TASKS[kind], timed)
        if keys:
            stage["params"] = _build_flow_list(keys)
        else:
            stage.pop("params")
    tree["plots"] = build_plots(TASKS[kind], timed)
    tree["stages"]["train"]["plots"] = build_curves(TASKS[kind])
    write_tree(tree, path)


def _list_stage_params(stage: str, keys: list[str], task: Task, timed: bool) -> list[str]:
    """Return the parameters that a stage reads, without `problem`, which is empty.

    Without a time the split is read as a whole, except by the card, which shows no seed.
    """
    linear = {"train.logistic_regression": f"train.{task.baseline}"}
    split = ["split"]
    if stage == "card":
        split = ["split.by", "split.test_share", "split.validation_share"]
    read: list[str] = []
    for key in keys:
        if key == "problem":
            continue
        if key.split(".")[0] == "split" and not timed:
            read += split
        else:
            read.append(linear.get(key, key))
    return list(dict.fromkeys(read))


def _build_flow_list(items: list[str]) -> CommentedSeq:
    sequence = CommentedSeq(items)
    sequence.fa.set_flow_style()
    return sequence


def build_plots(task: Task, timed: bool) -> list[dict[str, Any]]:
    """The plots of a task, by the tables that `evaluate` writes for it."""
    plots: dict[str, dict[str, Any]] = {}
    if task.kind == "binary":
        plots["roc"] = _build_line_plot(
            "roc", "false_positive_rate", ["model", "baseline"], "ROC on the test rows"
        )
        plots["precision_recall"] = _build_line_plot(
            "precision_recall", "recall", ["model", "baseline"], "Precision and recall"
        )
    plots["calibration"] = _build_line_plot(
        "calibration", "predicted", ["observed", "perfect"], "Calibration on the test rows"
    )
    if task.kind == "regression":
        plots["errors"] = _build_line_plot(
            "errors", "share", ["model", "baseline"], "Absolute error by share of test rows"
        )
    else:
        plots["confusion"] = {
            **_build_line_plot("confusion", "predicted", "actual", "Test rows by class"),
            "template": "counts",
        }
    plots["importance"] = {
        "title": f"{task.title} lost on validation when a feature is shuffled",
        "template": "bars",
        "x": {f"{TABLES}/importance.csv": f"{task.short}_loss"},
        "y": {f"{TABLES}/importance.csv": "feature"},
    }
    if timed:
        table, title = f"monthly_{task.short}", f"{task.title} by month (validation, then test)"
        plots[table] = {
            **_build_line_plot(table, "month", ["model", "baseline"], title),
            "template": "categories",
        }
    return [{name: _build_flow_map(plot)} for name, plot in plots.items()]


def build_curves(task: Task) -> list[dict[str, Any]]:
    """The plots of the rounds that `train` watches, which are outputs of it."""
    curves = []
    for name in reversed(list(task.rounds)):
        title = f"{TITLES.get(name, name)} by round"
        options = {"cache": False, "title": title, "x": "step", "y": name}
        curves.append({f"{CURVES}/{name}.tsv": _build_flow_map(options)})
    return curves


def _build_flow_map(tree: Mapping[str, Any]) -> CommentedMap:
    """A tree in one line."""
    mapping = CommentedMap()
    for key, value in tree.items():
        if isinstance(value, list):
            mapping[key] = _build_flow_list(value)
        elif isinstance(value, dict):
            mapping[key] = _build_flow_map(value)
        else:
            mapping[key] = value
    mapping.fa.set_flow_style()
    return mapping


def _build_line_plot(table: str, x: str, y: str | list[str], title: str) -> dict[str, Any]:
    file = f"{TABLES}/{table}.csv"
    return {"title": title, "x": {file: x}, "y": {file: y}}
