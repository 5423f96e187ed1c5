"""The folder of a problem, written from what a table says: code to be read and changed."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template

import pandas as pd

from tarmac.scaffold.infer import LEVELS, InferredProblem
from tarmac.scaffold.notes import join_some
from tarmac.tabular.columns import MISSING, Category, Column, Number, RowNumber, list_date_columns
from tarmac.tabular.raw import WHOLE

TEMPLATES = Path(__file__).parent / "templates"
WIDTH = 100
NO_SOURCE = "Not written yet: where it comes from, who may use it, how the rows were chosen."
BANDS = 4  # slices of a number
TWO_YEARS = 24  # months


def write_package(inferred: InferredProblem, name: str, source: str, folder: Path) -> None:
    """Write every module of the problem into an empty folder."""
    groups = group_features(inferred)
    texts = {
        **_format_contract(inferred, name, groups),
        **_format_request(inferred),
        **_format_behaviour(inferred),
        **_format_slices(inferred),
    }
    # The card puts parameters into braces.
    escaped = describe_prediction(inferred).replace("{", "{{").replace("}", "}}")
    texts |= {"title": quote_text(format_title(inferred, name)), "predicts": quote_text(escaped)}
    texts["source"] = quote_text(f"{source}, {len(inferred.rows):,} rows. {NO_SOURCE}")
    texts["rows"] = f"{len(inferred.rows):,}"
    folder.mkdir(parents=True)
    for template in sorted(TEMPLATES.rglob("*.txt")):
        code = Template(template.read_text(encoding="utf-8")).substitute(texts)
        path = folder / template.relative_to(TEMPLATES).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        for package in {folder, path.parent}:
            (package / "__init__.py").touch()
        path.write_text(code, encoding="utf-8")


def group_features(inferred: InferredProblem) -> dict[str, list[str]]:
    """Return the feature groups: numbers, categories, and the parts of dates.

    A group that would be empty is left out.
    """
    groups: dict[str, list[str]] = {"numbers": [], "categories": [], "dates": []}
    for name, column in inferred.inputs.items():
        if isinstance(column, Number):
            groups["numbers"].append(name)
        elif isinstance(column, Category):
            groups["categories"].append(name)
        else:
            groups["dates"] += select_recurring_date_parts(inferred, name)
    return {group: names for group, names in groups.items() if names}


def select_recurring_date_parts(inferred: InferredProblem, name: str) -> list[str]:
    """Return the parts of a date that rows to come share with these.

    If a date goes with the time of the rows, its year is left out: no year to come was seen. So is
    its month, unless the rows have two years of months.
    """
    if not inferred.day:
        return list_date_columns(name)
    days = inferred.rows[inferred.day].str
    if (inferred.rows[name].str[:4] == days[:4]).mean() <= 1 / 2:
        return list_date_columns(name)
    unseen = {f"{name}_year"}
    if days[:7].nunique() < TWO_YEARS:
        unseen.add(f"{name}_month")
    return [part for part in list_date_columns(name) if part not in unseen]


def _format_contract(
    inferred: InferredProblem, name: str, groups: Mapping[str, list[str]]
) -> dict[str, str]:
    kinds = sorted({type(column).__name__ for column in inferred.columns.values()} | {"Columns"})
    cluster = _describe_cluster(inferred)
    note = "  # of two, the second is predicted" if inferred.task == "binary" else ""
    left_out = [f"    {quote_text(name)},  # {why}" for name, why in inferred.left_out.items()]
    return {
        "task": inferred.task,
        "name": name,
        "file": "a file a month" if inferred.day else f"{WHOLE}.parquet",
        "kinds": ", ".join(kinds),
        "key": format_tuple(inferred.row_key),
        "day": quote_text(inferred.day),
        "cluster": inferred.cluster,
        "clusters": format_tuple((cluster, f"{cluster}s")),
        "target": inferred.target,
        "classes": format_tuple(inferred.classes),
        "class_note": note,
        "answers": format_tuple(_list_predictions(inferred)),
        "columns": "\n".join(_format_declaration(inferred, name) for name in inferred.columns),
        "left_out": "\n".join(["(", *left_out, ")"]) if left_out else "()",
        "groups": ", ".join(map(quote_text, groups)),
        "features": "\n".join(
            _format_feature_group(group, names) for group, names in groups.items()
        ),
        "categorical": format_tuple(
            groups.get("categories", ()), "CATEGORICAL: tuple[str, ...] = "
        ),
    }


def _describe_cluster(inferred: InferredProblem) -> str:
    if inferred.cluster == inferred.day:
        return "day"
    return inferred.cluster if inferred.group else "row"


def _list_predictions(inferred: InferredProblem) -> list[str]:
    """Return the names of what the model predicts for a row."""
    if inferred.task == "binary":
        return ["probability"]
    if inferred.task == "regression":
        return ["prediction"]
    return [f"probability_{position}" for position in range(len(inferred.classes))]


def _format_declaration(inferred: InferredProblem, name: str) -> str:
    """A column's line, with what was seen of it."""
    column, values = inferred.columns[name], inferred.rows[name].dropna()
    seen = ""
    if isinstance(column, RowNumber):
        seen = "  # in its file, if the file has no such column"
    elif isinstance(column, Number):
        numbers = pd.to_numeric(values)
        seen = f"  # seen: {numbers.min():g} to {numbers.max():g}"
    elif isinstance(column, Category) and not column.levels:
        seen = f"  # seen: {_describe_levels(values)}"
    line = f"    {quote_text(name)}: {format_column(column)},{seen}"
    if len(line) <= WIDTH:
        return line
    lines = [f"        {argument}," for argument in _list_arguments(column)]
    head = f"    {quote_text(name)}: {type(column).__name__}("
    return "\n".join([head, *lines, "    ),"])


def _describe_levels(values: "pd.Series[str]") -> str:
    """Describe the levels of an open category: the first ones if they are short, else how many."""
    named = join_some([quote_text(level) for level in sorted(values.unique())])
    return named if len(named) <= WIDTH / 2 else f"{values.nunique():,} different"


def format_column(column: Column) -> str:
    """Return a column as its declaration."""
    return f"{type(column).__name__}({', '.join(_list_arguments(column))})"


def _list_arguments(column: Column) -> list[str]:
    """Return the arguments of a column's declaration, each as code."""
    arguments: list[str] = []
    if isinstance(column, RowNumber):
        return arguments
    if isinstance(column, Number):
        arguments += _list_bounds(column)
    elif isinstance(column, Category):
        arguments += map(quote_text, column.levels)
    flags = [option for option in ("whole", "missing") if getattr(column, option, False)]
    return [*arguments, *(f"{flag}=True" for flag in flags)]


def _list_bounds(column: Number) -> list[str]:
    """Return the bounds of a number as arguments, by name where one is missing."""
    bounds = {"low": column.low, "high": column.high}
    written = {
        name: str(int(bound) if bound.is_integer() else bound)
        for name, bound in bounds.items()
        if bound is not None
    }
    if len(written) == len(bounds):
        return list(written.values())
    return [f"{name}={bound}" for name, bound in written.items()]


def _format_feature_group(group: str, names: list[str]) -> str:
    texts = [quote_text(name) for name in names]
    comma = "," if len(texts) == 1 else ""
    line = f"    {quote_text(group)}: ({', '.join(texts)}{comma}),"
    if len(line) <= WIDTH:
        return line
    lines = [f"        {text}," for text in texts]
    return "\n".join([f"    {quote_text(group)}: (", *lines, "    ),"])


def format_tuple(names: Iterable[str], before: str = "") -> str:
    """A tuple of texts as code, over several lines where one is too long."""
    texts = [quote_text(name) for name in names]
    line = f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
    if len(before) + len(line) + 60 <= WIDTH or not texts:
        return line
    return "\n".join(["(", *(f"    {text}," for text in texts), ")"])


def quote_text(text: str | None) -> str:
    """A text as code, in double quotes."""
    return "None" if text is None else json.dumps(text, ensure_ascii=False)


def _format_request(inferred: InferredProblem) -> dict[str, str]:
    """Two rows of the table, as a client would send them."""
    lines = []
    for title, position in (("a row", 0), ("another row", -1)):
        row = inferred.rows.iloc[position]
        lines.append(f'    "{title}": {{')
        for name, column in inferred.columns.items():
            if name != inferred.target and pd.notna(row[name]):
                lines.append(f"        {quote_text(name)}: {_format_value(column, row[name])},")
        lines.append("    },")
    return {"examples": "\n".join(lines)}


def _format_value(column: Column, text: str) -> str:
    if isinstance(column, Number):
        return str(int(text)) if column.whole else str(float(text))
    return quote_text(text)


def _format_behaviour(inferred: InferredProblem) -> dict[str, str]:
    categories = [
        name
        for name, column in inferred.inputs.items()
        if isinstance(column, Category) and not column.levels
    ]
    other = "1" if isinstance(inferred.columns[inferred.key], Number) else '"1"'
    changed = f'set_value({other}), ("{inferred.key}",)'
    calls = [f'Behaviour("what a row is called says nothing", "same", {changed})']
    calls += [
        f'Behaviour("{name} never seen", "usable", set_value("??"), ("{name}",))'
        for name in categories[:3]
    ]
    if len(calls) == 1:
        return {"behaviours": f"({calls[0]},)"}
    return {"behaviours": "\n".join(["(", *(f"    {call}," for call in calls), ")"])}


def _format_slices(inferred: InferredProblem) -> dict[str, str]:
    few = [
        name
        for name, column in inferred.inputs.items()
        if isinstance(column, Category) and inferred.rows[name].nunique() <= LEVELS
    ]
    body = "return {name: rows[name] for name in SLICES}"
    if few:
        return {"slices": format_tuple(few[:3]), "body": body}
    numbers = [name for name, column in inferred.inputs.items() if isinstance(column, Number)]
    if not numbers:
        return {"slices": "()", "body": body}
    values = pd.to_numeric(inferred.rows[numbers[0]].dropna())
    edges = sorted({float(f"{values.quantile(n / BANDS):.3g}") for n in range(1, BANDS)})
    body = (
        f'edges = [float("-inf"), {", ".join(map(str, edges))}, float("inf")]\n'
        f'    bands = pd.cut(rows["{numbers[0]}"], edges).astype("str")\n'
        f'    return {{SLICES[0]: bands.replace("nan", "{MISSING}")}}'
    )
    return {"slices": format_tuple([f"{numbers[0]}_band"]), "body": body}


def format_title(inferred: InferredProblem, name: str) -> str:
    """What the problem is called."""
    return f"{inferred.target} of {name}".capitalize()


def describe_prediction(inferred: InferredProblem) -> str:
    """What the prediction is."""
    target = inferred.target
    prediction = f"class of {target}" if inferred.classes else f"value of {target}"
    if inferred.task == "binary":
        prediction = f"probability that {target} is {inferred.classes[1]}"
    return f"The {prediction}, from what else a row says."
