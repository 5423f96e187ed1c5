"""The folder of a problem, written from what a table says: code to be read and changed."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template

import pandas as pd

from tarmac.scaffold.infer import Found
from tarmac.tabular.columns import MISSING, Category, Column, Date, Number, parts
from tarmac.tabular.raw import WHOLE

TEMPLATES = Path(__file__).parent / "templates"
WIDTH = 120
NO_SOURCE = "Not written yet: where it comes from, who may use it, how the rows were chosen."
SHOWN = 5  # levels of an open category that its comment names
BANDS = 4  # slices of a number
TWO_YEARS = 24  # months


def write(found: Found, name: str, source: str, folder: Path) -> None:
    """Writes every module of the problem into an empty folder."""
    groups = features_of(found)
    told = {**_names(found, name, groups), **_request(found), **_behaviour(found), **_slices(found)}
    escaped = predicted(found).replace("{", "{{").replace("}", "}}")  # the card puts parameters into braces
    told |= {"title": repr_of(title(found, name)), "predicts": repr_of(escaped)}
    told["source"] = repr_of(f"{source}, {len(found.rows):,} rows. {NO_SOURCE}")
    told["rows"] = f"{len(found.rows):,}"
    folder.mkdir(parents=True)
    for template in sorted(TEMPLATES.rglob("*.txt")):
        text = Template(template.read_text(encoding="utf-8")).substitute(told)
        path = folder / template.relative_to(TEMPLATES).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        for package in {folder, path.parent}:
            (package / "__init__.py").touch()
        path.write_text(text, encoding="utf-8")


def features_of(found: Found) -> dict[str, list[str]]:
    """The feature groups: numbers, categories, and the parts of dates; a group that would be empty is left out."""
    own = found.inputs
    groups = {
        "numbers": [name for name, column in own.items() if isinstance(column, Number)],
        "categories": [name for name, column in own.items() if isinstance(column, Category)],
        "dates": [part for name, column in own.items() if isinstance(column, Date) for part in seen(found, name)],
    }
    return {group: names for group, names in groups.items() if names}


def seen(found: Found, name: str) -> list[str]:
    """The parts of a date that rows to come share with these.

    Where a date goes with the time of the rows, no year to come was seen, and no month before its second year.
    """
    if not found.day:
        return parts(name)
    days = found.rows[found.day].str
    if (found.rows[name].str[:4] == days[:4]).mean() <= 1 / 2:
        return parts(name)
    new = {f"{name}_year"} | ({f"{name}_month"} if days[:7].nunique() < TWO_YEARS else set())
    return [part for part in parts(name) if part not in new]


def _names(found: Found, name: str, groups: Mapping[str, list[str]]) -> dict[str, str]:
    kinds = sorted({type(column).__name__ for column in found.columns.values()} | {"Columns"})
    answers = {"binary": ["probability"], "regression": ["prediction"]}
    several = [f"probability_{place}" for place in range(len(found.classes))]
    cluster = "day" if found.cluster == found.day else found.cluster if found.group else "row"
    note = "  # of two, the second is predicted" if found.task == "binary" else ""
    left_out = [f"    {repr_of(name)},  # {why}" for name, why in found.left_out.items()]
    return {
        "task": found.task,
        "name": name,
        "file": "a file a month" if found.day else f"{WHOLE}.parquet",
        "kinds": ", ".join(kinds),
        "key": listed(found.row_key),
        "day": repr_of(found.day),
        "cluster": found.cluster,
        "clusters": listed((cluster, f"{cluster}s")),
        "target": found.target,
        "classes": listed(found.classes),
        "class_note": note,
        "answers": listed(answers.get(found.task, several)),
        "columns": "\n".join(_declared(found, name) for name in found.columns),
        "left_out": "\n".join(["(", *left_out, ")"]) if left_out else "()",
        "groups": ", ".join(map(repr_of, groups)),
        "features": "\n".join(_entry(group, names) for group, names in groups.items()),
        "categorical": listed(groups.get("categories", ()), "CATEGORICAL: tuple[str, ...] = "),
    }


def _declared(found: Found, name: str) -> str:
    """A column's line, with what was seen of it."""
    column, values = found.columns[name], found.rows[name].dropna()
    seen = ""
    if isinstance(column, Number) and column.low is not None:
        numbers = pd.to_numeric(values)
        seen = f"  # seen: {numbers.min():g} to {numbers.max():g}"
    elif isinstance(column, Category) and not column.levels:
        seen = f"  # seen: {values.nunique():,} different"
    line = f"    {repr_of(name)}: {written(column)},{seen}"
    return line if len(line) <= WIDTH else f"    {repr_of(name)}: {_long(written(column))},"


def written(column: Column) -> str:
    """A column as its declaration."""
    options = [f"{option}=True" for option in ("whole", "missing") if getattr(column, option, False)]
    if isinstance(column, Number):
        limits = [limit for limit in (column.low, column.high) if limit is not None]
        options = [*(str(int(limit) if limit.is_integer() else limit) for limit in limits), *options]
    elif isinstance(column, Category):
        options = [*map(repr_of, column.levels), *options]
    return f"{type(column).__name__}({', '.join(options)})"


def _long(call: str) -> str:
    """A call over several lines, an argument each."""
    head, _, rest = call.partition("(")
    return "\n".join([f"{head}(", *(f"        {part}," for part in rest[:-1].split(", ")), "    )"])


def _entry(group: str, names: list[str]) -> str:
    line = f"    {repr_of(group)}: ({', '.join(map(repr_of, names))}{',' * (len(names) == 1)}),"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"    {repr_of(group)}: (", *(f"        {repr_of(name)}," for name in names), "    ),"])


def listed(names: Iterable[str], before: str = "") -> str:
    """A tuple of texts as code, over several lines where one is too long."""
    texts = [repr_of(name) for name in names]
    line = f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
    if len(before) + len(line) + 60 <= WIDTH or not texts:
        return line
    return "\n".join(["(", *(f"    {text}," for text in texts), ")"])


def repr_of(text: str | None) -> str:
    """A text as code, in double quotes."""
    return "None" if text is None else json.dumps(text, ensure_ascii=False)


def _request(found: Found) -> dict[str, str]:
    """Two rows of the table, as a client would send them."""
    asked = [name for name in found.columns if name != found.target]
    lines = []
    for title, (_, row) in zip(("a row", "another row"), found.rows.iloc[[0, -1]].iterrows(), strict=True):
        values = [f"{repr_of(name)}: {_value(found.columns[name], row[name])}" for name in asked if pd.notna(row[name])]
        lines += [f'    "{title}": {{', *(f"        {value}," for value in values), "    },"]
    return {"examples": "\n".join(lines)}


def _value(column: Column, text: str) -> str:
    if isinstance(column, Number):
        return str(int(text)) if column.whole else str(float(text))
    return repr_of(text)


def _behaviour(found: Found) -> dict[str, str]:
    texts = [name for name, column in found.inputs.items() if isinstance(column, Category)]
    other = "1" if isinstance(found.columns[found.key], Number) else '"1"'
    calls = [f'Behaviour("what a row is called says nothing", "same", becomes({other}), ("{found.key}",))']
    calls += [f'Behaviour("{name} never seen", "usable", becomes("??"), ("{name}",))' for name in texts[:3]]
    if len(calls) == 1:
        return {"behaviours": f"({calls[0]},)"}
    return {"behaviours": "\n".join(["(", *(f"    {call}," for call in calls), ")"])}


def _slices(found: Found) -> dict[str, str]:
    texts = [name for name, column in found.inputs.items() if isinstance(column, Category) and column.levels][:3]
    body = "return {name: rows[name] for name in SLICES}"
    if texts:
        return {"slices": listed(texts), "body": body}
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
    return {"slices": listed([f"{numbers[0]}_band"]), "body": body}


def title(found: Found, name: str) -> str:
    """What the problem is called."""
    return f"{found.target} of {name}".capitalize()


def predicted(found: Found) -> str:
    """What the answer is."""
    what = f"{'class' if found.classes else 'value'} of {found.target}"
    if found.task == "binary":
        what = f"probability that {found.target} is {found.classes[1]}"
    return f"The {what}, from what else a row says."
