"""Correct what JSON Schema cannot express in the requests that schemathesis generates as valid.

The two times of a row have to fit together, and columns have to be of equal length. Only these are
changed, and only in bodies that the schema allows. Each of them has to be answered, and
`positive_data_acceptance` applies without exception.
"""

from datetime import datetime, timedelta
from typing import Any

import schemathesis
from schemathesis import GenerationMode

from tarmac.interface.problem import problem


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Put the body of a valid case right."""
    if (
        case.meta
        and case.meta.generation.mode == GenerationMode.POSITIVE
        and isinstance(case.body, dict)
    ):
        body = case.body
        if "columns" in body:
            case.body = {"columns": _columns(body["columns"])}
        else:
            case.body = (
                {"rows": [_row(row) for row in body["rows"]]} if "rows" in body else _row(body)
            )


def _columns(table: dict[str, Any]) -> dict[str, Any]:
    """As long as the shortest of them."""
    rows = min(len(values) for values in table.values() if values is not None)
    cut = {name: values and values[:rows] for name, values in table.items()}
    times = [
        _times(*both)
        for both in zip(cut["scheduled_departure"], cut["scheduled_arrival"], strict=True)
    ]
    return {**cut, **{name: [time[name] for time in times] for name in times[0]}}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, **_times(row["scheduled_departure"], row["scheduled_arrival"])}


def _times(departure: str, arrival: str) -> dict[str, str]:
    """Return the generated clock times, in a year that the service takes.

    They are as far apart as is possible.
    """
    left, back = (_read(text) for text in (departure, arrival))
    left = left.replace(
        year=1990 + left.year % 111, day=min(left.day, 28), tzinfo=problem.request.HOME
    )
    left = (
        left.astimezone(problem.request.HOME)
        if left.utcoffset() == left.astimezone(problem.request.HOME).utcoffset()
        else left
    )
    after = timedelta(minutes=1 + back.minute + 60 * (back.hour % (problem.request.LONGEST // 60)))
    landed = (left.timestamp() + after.total_seconds(), back.tzinfo)
    return {
        "scheduled_departure": left.isoformat(),
        "scheduled_arrival": datetime.fromtimestamp(*landed).isoformat(),
    }


def _read(text: str) -> datetime:
    """RFC 3339; Python has no 61st second."""
    return datetime.fromisoformat(
        text.upper().replace(":60", ":59", 1) if text[17:19] == "60" else text.upper()
    )
