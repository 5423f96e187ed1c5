"""The folder of a problem, written from what a table says: code to be read and changed."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template

import pandas as pd

from tarmac.scaffold.infer import InferredProblem
from tarmac.tabular.columns import MISSING, Category, Column, Date, Number, list_date_columns
from tarmac.tabular.raw import WHOLE

TEMPLATES = Path(__file__).parent / "templates"
WIDTH = 100
NO_SOURCE = "Not written yet: where it comes from, who may use it, how the rows were chosen."
SHOWN = 5  # levels of an open category that its comment names
BANDS = 4  # slices of a number
TWO_YEARS = 24  # months


def write_package(found: InferredProblem, name: str, source: str, folder: Path) -> None:
    """Writes every module of the problem into an empty folder."""
    groups = group_features(found)
    told = {
        **_format_contract(found, name, groups),
        **_format_request(found),
        **_format_behaviour(found),
        **_format_slices(found),
    }
    # The card puts parameters into braces.
    escaped = describe_prediction(found).replace("{", "{{").replace("}", "}}")
    told |= {"title": quote_text(format_title(found, name)), "predicts": quote_text(escaped)}
    told["source"] = quote_text(f"{source}, {len(found.rows):,} rows. {NO_SOURCE}")
    told["rows"] = f"{len(found.rows):,}"
    folder.mkdir(parents=True)
    for template in sorted(TEMPLATES.rglob("*.txt")):
        text = Template(template.read_text(encoding="utf-8")).substitute(told)
        path = folder / template.relative_to(TEMPLATES).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        for package in {folder, path.parent}:
            (package / "__init__.py").touch()
        path.write_text(text, encoding="utf-8")


def group_features(found: InferredProblem) -> dict[str, list[str]]:
    """Return the feature groups: numbers, categories, and the parts of dates.

    A group that would be empty is left out.
    """
    own = found.inputs
    groups = {
        "numbers": [name for name, column in own.items() if isinstance(column, Number)],
        "categories": [name for name, column in own.items() if isinstance(column, Category)],
        "dates": [
            part
            for name, column in own.items()
            if isinstance(column, Date)
            for part in select_recurring_date_parts(found, name)
        ],
    }
    return {group: names for group, names in groups.items() if names}


def select_recurring_date_parts(found: InferredProblem, name: str) -> list[str]:
    """Return the parts of a date that rows to come share with these.

    If a date goes with the time of the rows, its year is left out: no year to come was seen. So is
    its month, unless the rows have two years of months.
    """
    if not found.day:
        return list_date_columns(name)
    days = found.rows[found.day].str
    if (found.rows[name].str[:4] == days[:4]).mean() <= 1 / 2:
        return list_date_columns(name)
    new = {f"{name}_year"} | ({f"{name}_month"} if days[:7].nunique() < TWO_YEARS else set())
    return [part for part in list_date_columns(name) if part not in new]


def _format_contract(
    found: InferredProblem, name: str, groups: Mapping[str, list[str]]
) -> dict[str, str]:
    kinds = sorted({type(column).__name__ for column in found.columns.values()} | {"Columns"})
    answers = {"binary": ["probability"], "regression": ["prediction"]}
    several = [f"probability_{place}" for place in range(len(found.classes))]
    cluster = "day" if found.cluster == found.day else found.cluster if found.group else "row"
    note = "  # of two, the second is predicted" if found.task == "binary" else ""
    left_out = [f"    {quote_text(name)},  # {why}" for name, why in found.left_out.items()]
    return {
        "task": found.task,
        "name": name,
        "file": "a file a month" if found.day else f"{WHOLE}.parquet",
        "kinds": ", ".join(kinds),
        "key": format_tuple(found.row_key),
        "day": quote_text(found.day),
        "cluster": found.cluster,
        "clusters": format_tuple((cluster, f"{cluster}s")),
        "target": found.target,
        "classes": format_tuple(found.classes),
        "class_note": note,
        "answers": format_tuple(answers.get(found.task, several)),
        "columns": "\n".join(_format_declaration(found, name) for name in found.columns),
        "left_out": "\n".join(["(", *left_out, ")"]) if left_out else "()",
        "groups": ", ".join(map(quote_text, groups)),
        "features": "\n".join(
            _format_feature_group(group, names) for group, names in groups.items()
        ),
        "categorical": format_tuple(
            groups.get("categories", ()), "CATEGORICAL: tuple[str, ...] = "
        ),
    }


def _format_declaration(found: InferredProblem, name: str) -> str:
    """A column's line, with what was seen of it."""
    column, values = found.columns[name], found.rows[name].dropna()
    seen = ""
    if isinstance(column, Number) and column.low is not None:
        numbers = pd.to_numeric(values)
        seen = f"  # seen: {numbers.min():g} to {numbers.max():g}"
    elif isinstance(column, Category) and not column.levels:
        seen = f"  # seen: {values.nunique():,} different"
    line = f"    {quote_text(name)}: {format_column(column)},{seen}"
    return (
        line
        if len(line) <= WIDTH
        else f"    {quote_text(name)}: {_wrap_call(format_column(column))},"
    )


def format_column(column: Column) -> str:
    """A column as its declaration."""
    options = [
        f"{option}=True" for option in ("whole", "missing") if getattr(column, option, False)
    ]
    if isinstance(column, Number):
        limits = [limit for limit in (column.low, column.high) if limit is not None]
        options = [
            *(str(int(limit) if limit.is_integer() else limit) for limit in limits),
            *options,
        ]
    elif isinstance(column, Category):
        options = [*map(quote_text, column.levels), *options]
    return f"{type(column).__name__}({', '.join(options)})"


def _wrap_call(call: str) -> str:
    """A call over several lines, an argument each."""
    head, _, rest = call.partition("(")
    return "\n".join([f"{head}(", *(f"        {part}," for part in rest[:-1].split(", ")), "    )"])


def _format_feature_group(group: str, names: list[str]) -> str:
    line = (
        f"    {quote_text(group)}: ({', '.join(map(quote_text, names))}{',' * (len(names) == 1)}),"
    )
    if len(line) <= WIDTH:
        return line
    return "\n".join(
        [
            f"    {quote_text(group)}: (",
            *(f"        {quote_text(name)}," for name in names),
            "    ),",
        ]
    )


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


def _format_request(found: InferredProblem) -> dict[str, str]:
    """Two rows of the table, as a client would send them."""
    asked = [name for name in found.columns if name != found.target]
    lines = []
    for title, (_, row) in zip(
        ("a row", "another row"), found.rows.iloc[[0, -1]].iterrows(), strict=True
    ):
        values = [
            f"{quote_text(name)}: {_format_value(found.columns[name], row[name])}"
            for name in asked
            if pd.notna(row[name])
        ]
        lines += [f'    "{title}": {{', *(f"        {value}," for value in values), "    },"]
    return {"examples": "\n".join(lines)}


def _format_value(column: Column, text: str) -> str:
    if isinstance(column, Number):
        return str(int(text)) if column.whole else str(float(text))
    return quote_text(text)


def _format_behaviour(found: InferredProblem) -> dict[str, str]:
    texts = [name for name, column in found.inputs.items() if isinstance(column, Category)]
    other = "1" if isinstance(found.columns[found.key], Number) else '"1"'
    changed = f'set_value({other}), ("{found.key}",)'
    calls = [f'Behaviour("what a row is called says nothing", "same", {changed})']
    calls += [
        f'Behaviour("{name} never seen", "usable", set_value("??"), ("{name}",))'
        for name in texts[:3]
    ]
    if len(calls) == 1:
        return {"behaviours": f"({calls[0]},)"}
    return {"behaviours": "\n".join(["(", *(f"    {call}," for call in calls), ")"])}


def _format_slices(found: InferredProblem) -> dict[str, str]:
    texts = [
        name
        for name, column in found.inputs.items()
        if isinstance(column, Category) and column.levels
    ][:3]
    body = "return {name: rows[name] for name in SLICES}"
    if texts:
        return {"slices": format_tuple(texts), "body": body}
    numbers = [name for name, column in found.inputs.items() if isinstance(column, Number)]
    if not numbers:
        return {"slices": "()", "body": body}
    values = pd.to_numeric(found.rows[numbers[0]].dropna())
    edges = sorted({float(f"{values.quantile(n / BANDS):.3g}") for n in range(1, BANDS)})
    body = (
        f'edges = [float("-inf"), {", ".join(map(str, edges))}, float("inf")]\n'
        f'    bands = pd.cut(rows["{numbers[0]}"], edges).astype("str")\n'
        f'    return {{SLICES[0]: bands.replace("nan", "{MISSING}")}}'
    )
    return {"slices": format_tuple([f"{numbers[0]}_band"]), "body": body}


def format_title(found: InferredProblem, name: str) -> str:
    """What the problem is called."""
    return f"{found.target} of {name}".capitalize()


def describe_prediction(found: InferredProblem) -> str:
    """What the answer is."""
    what = f"{'class' if found.classes else 'value'} of {found.target}"
    if found.task == "binary":
        what = f"probability that {found.target} is {found.classes[1]}"
    return f"The {what}, from what else a row says."
