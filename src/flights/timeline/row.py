"""What a flight says by itself: arithmetic on its timetable.

The engine does it on columns, and the service on numbers and on arrays. Only + - * // and % stand
here: they mean the same in all three, and what is missing stays missing.
"""

from typing import Any

from flights.contract.params import Params

HOUR, DAY = 60, 1440  # minutes
QUARTER = 15  # minutes: the airports' boards are read at full quarters of an hour
# History's day runs from 05:00 UTC, midnight in New York in winter:
# one fixed cut the year round keeps "before" exact.
DAY_START = 300


def own(row: Any, params: Params) -> dict[str, Any]:
    """Return what follows from the timetable of a flight.

    This is the instant of the prediction (`cut`), features, and the keys of `Lookup`s. `weekday` is
    0 on Monday; `block` is minutes from gate to gate.

    `row` has `sched_dep` and `sched_arr` (minutes since 1970, UTC), `local_dep` (minutes since
    midnight) and `date` (days since 1970).
    """
    cut = row.sched_dep - params.lead_hours * HOUR
    return {
        "weekday": (row.date + 3) % 7,
        "block": row.sched_arr - row.sched_dep,
        "cut": cut,
        "hour": cut // HOUR
        - 1,  # an observation labelled 10:00 is taken at some minute of that hour
        "quarter": cut // QUARTER,
        "past_day": (cut - DAY_START) // DAY,
        "local_hour": row.local_dep // HOUR,
    }


def derived(row: Any) -> dict[str, Any]:
    """Features of the flight together with what was looked up: the age of its aircraft in years."""
    return {"plane_age": row.year - row.built}
