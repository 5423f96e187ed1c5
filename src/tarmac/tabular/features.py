"""Features from valid rows of declared columns.

These are texts, float32 numbers, the parts of dates, and the label.
"""

from collections.abc import Sequence

import ibis
from ibis import Table

from tarmac.tabular.columns import MISSING, Category, Columns, Date, list_date_columns

NAN = ibis.literal(float("nan"), "float32")


def clean(
    table: Table, columns: Columns, key: Sequence[str], target: str, classes: Sequence[str]
) -> Table:
    """Return the prepared table, sorted by its key.

    No text is missing, dates have their parts, and a class is its place in `classes`.
    """
    prepared = {}
    for name, column in columns.items():
        value = table[name]
        prepared[name] = value.fill_null(MISSING) if isinstance(column, Category) else value
        if isinstance(column, Date):
            parts = (value.year(), value.month(), value.day(), value.day_of_week.index())
            prepared |= dict(zip(list_date_columns(name), parts, strict=True))
    places = [(table[target] == text, place) for place, text in enumerate(classes)]
    prepared[target] = ibis.cases(*places).cast("int8") if places else table[target].cast("float32")
    return table.select(**prepared).order_by(list(key))


def features(
    table: Table, key: Sequence[str], inputs: Sequence[str], texts: Sequence[str], target: str
) -> Table:
    """Return row key, inputs and label of prepared rows, sorted by the key.

    What is no number is missing.
    """
    numbers = {
        name: table[name].cast("float32").nullif(NAN) for name in inputs if name not in texts
    }
    own = [*key, *(name for name in inputs if name in texts and name not in key)]
    return table.order_by(list(key)).select(*own, **numbers, **{target: table[target]})


def select_period(table: Table, day: str | None, period: Table) -> Table:
    """Return the rows of a period, or all rows if there is no `day`.

    `period` has one row with the dates `first` (included) and `after` (not).
    """
    if day is None:
        return table
    first, after = (period[name].as_scalar() for name in ("first", "after"))
    return table.filter(table[day] >= first, table[day] < after)
