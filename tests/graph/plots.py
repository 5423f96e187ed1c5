"""Check that every plot and metric that `dvc.yaml` names exists and has content.

Content means columns, rows and finite numbers.
"""

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path

from dvc_render.vega_templates import TEMPLATES

from tarmac.testing.pipeline_file import plots, stages

BUILT_IN = {template.DEFAULT_NAME for template in TEMPLATES}
ADDED = {"rev"}  # what DVC itself adds to every row


def faults(root: Path) -> list[str]:
    """One line for each thing wrong with a plot, a template or a metric."""
    lines = [
        f"plot {name}: {line}"
        for name, body in plots(root).items()
        for line in _plot_faults(root, body)
    ]
    lines += [
        line
        for path in sorted((root / ".dvc/plots").glob("*.json"))
        for line in _template_faults(path)
    ]
    paths = [path for stage in stages(root).values() for path in stage.metrics]
    return lines + [
        f"metric {path}: {line}" for path in paths for line in _metric_faults(root / path)
    ]


def _plot_faults(root: Path, body: dict) -> Iterator[str]:
    if not body.get("title"):
        yield "has no title"
    template = body.get("template", "linear")
    if template not in BUILT_IN and not (root / f".dvc/plots/{template}.json").is_file():
        yield f"there is no template {template}"
    for path, columns in _axes(body).items():
        yield from _table_faults(root / path, path, [*columns, *_fixed_fields(root, template)])


def _axes(body: dict) -> dict[str, list[str]]:
    """The columns that a plot draws, by file."""
    columns: dict[str, list[str]] = {}
    # A column of every file of y.
    x = body["x"] if isinstance(body["x"], dict) else dict.fromkeys(body["y"], body["x"])
    for axis in (x, body["y"]):
        for path, names in axis.items():
            columns.setdefault(path, []).extend([names] if isinstance(names, str) else names)
    return columns


def _table_faults(path: Path, shown: str, columns: list[str]) -> Iterator[str]:
    if not path.is_file():
        yield f"there is no file {shown}"
        return
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    if not rows:
        yield f"{shown} has no row"
        return
    for column in columns:
        fault = (
            _column_fault([row.get(column) for row in rows]) if column in rows[0] else "is missing"
        )
        if fault:
            yield f"column {column} of {shown} {fault}"


def _column_fault(values: list[str | None]) -> str | None:
    """What is wrong with a column's values: they must all be words, or all be finite numbers."""
    if not all(values):
        return "has a blank"
    numbers = [_number(value) for value in values if value]
    if any(number is not None and not math.isfinite(number) for number in numbers):
        return "is not finite"
    return (
        "mixes numbers and words"
        if None in numbers and any(number is not None for number in numbers)
        else None
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _template(path: Path) -> dict | None:
    """A custom template; None where it is no JSON object."""
    try:
        content = json.loads(path.read_text())
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _template_faults(path: Path) -> Iterator[str]:
    content = _template(path)
    if content is None:
        yield f"template {path.stem}: is no JSON object"
    elif content.get("data") != {"values": "<DVC_METRIC_DATA>"}:
        yield f"template {path.stem}: has no place for DVC's data"
    elif "<DVC_METRIC_TITLE>" not in json.dumps(content.get("title")):
        yield f"template {path.stem}: has no place for DVC's title"


def _fixed_fields(root: Path, template: str) -> list[str]:
    """Return the columns that a custom template draws by their own names.

    They are drawn whatever `dvc.yaml` says of x and y.
    """
    path = root / f".dvc/plots/{template}.json"
    content = _template(path) if path.is_file() else None
    fields = {field for field in _fields(content) if not field.startswith("<DVC_METRIC_")}
    return sorted(fields - ADDED)


def _fields(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("field"), str):
            yield node["field"]
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _fields(inner)


def _metric_faults(path: Path) -> Iterator[str]:
    if not path.is_file():
        yield "there is no such file"
        return
    try:
        numbers = list(_numbers(json.loads(path.read_text())))
    except ValueError as error:
        yield f"is no JSON: {error}"
        return
    if not numbers:
        yield "holds no number"
    if not all(math.isfinite(number) for number in numbers):
        yield "is not finite"


def _numbers(node: object) -> Iterator[float]:
    if isinstance(node, dict):
        for inner in node.values():
            yield from _numbers(inner)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield float(node)


def page_faults(root: Path, page: str) -> list[str]:
    """Return one line for each declared plot that a page of `dvc plots show` lacks.

    Further lines report a plot without rows and an unfilled placeholder.
    """
    lines = [
        f"{name} is not on the page"
        for name, body in plots(root).items()
        if json.dumps(body["title"]) not in page
    ]
    lines += ["a plot has no rows"] * ('"values": []' in page)
    return lines + ["a placeholder of a template was not filled"] * ("<DVC_METRIC_" in page)


def data_faults(root: Path, shown: dict) -> list[str]:
    """Return one line for each error and each missing plot in `dvc plots show --json`.

    A plot is missing if it is declared and has no data there.
    """
    lines = [f"{error['name']}: {error['msg']}" for error in shown.get("errors", [])]
    data = shown["data"]
    drawn = {
        name for name, views in data.items() if views and all(_has_rows(view) for view in views)
    }
    return lines + [f"{name} has no data" for name in plots(root) if name not in drawn]


def _has_rows(view: dict) -> bool:
    return bool(view["content"]["data"]["values"])
