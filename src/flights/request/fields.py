"""Fields of a flight that a client sends, and the columns of a prepared flight made from them.

The columns are those of the flight's timetable alone.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, create_model, model_validator

from flights.contract.columns import FEATURES
from tarmac.interface.request import STRICT

HOME = ZoneInfo("America/New_York")
LONGEST, HALF = 24 * 60, 12 * 60  # minutes from gate to gate; half a day
EPOCH = 719_163  # 1970-01-01 as Python counts days
MINUTES, SHARE, COUNT = (
    ("minutes", -1500.0, 6000.0),
    ("share of departures, 0 to 1", 0.0, 1.0),
    ("", 0.0, 10_000.0),
)
UNITS: dict[str, tuple[str, float, float]] = {
    "temp": ("degrees Fahrenheit", -60, 130),
    "dewp": ("degrees Fahrenheit", -80, 100),
    "humid": ("percent", 0, 101),
    "wind_dir": ("degrees", 0, 360),
    "wind_speed": ("miles an hour", 0, 150),
    "wind_gust": ("miles an hour", 0, 150),
    "precip": ("inches an hour", 0, 10),
    "pressure": ("millibars", 850, 1100),
    "visib": ("miles", 0, 20),
    "plane_age": ("years", -1, 100),
    "seats": ("", 1, 900),
    "legs_before": ("departures of the aircraft earlier that day", 0, 50),
    **dict.fromkeys(FEATURES["traffic"], ("departures scheduled at the origin", 0.0, 5000.0)),
}


def _find_unit(name: str) -> tuple[str, float, float]:
    return UNITS.get(name) or (SHARE if {"late", "gone"} & set(name.split("_")) else MINUTES)


def _build_live_field(name: str) -> Any:
    unit, low, high = _find_unit(name)
    return (Annotated[float, Field(ge=low, le=high, description=unit, strict=True)] | None, None)


GIVEN = [name for group, names in FEATURES.items() if group != "schedule" for name in names]
Live = create_model("Live", __config__=STRICT, **{name: _build_live_field(name) for name in GIVEN})
Live.__doc__ = (
    "Inputs that the client knows better than the service, in the units of the model;"
    " they go before its own."
)


def _check_time(time: Any) -> Any:
    """Refuse a number, in digits or not.

    Pydantic takes it for seconds since 1970, on a clock that nobody means.
    """
    if isinstance(time, datetime) or (isinstance(time, str) and time[10:11] in ("T", "t", " ")):
        return time
    raise ValueError("a time in RFC 3339 is expected, such as 2013-12-30T14:00:00-05:00")


def _to_whole_number(number: Any) -> Any:
    """JSON makes no difference between 762 and 762.0, and tables with gaps write the latter."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


Time = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_check_time)]
WHOLE = BeforeValidator(_to_whole_number)


class Row(BaseModel):
    """A scheduled flight.

    Times are those of the timetable, local, with their offset from UTC (RFC 3339).
    """

    model_config = STRICT

    carrier: Annotated[str, Field(pattern="^[A-Z0-9]{2}$", description="IATA code of the airline")]
    flight: Annotated[int, Field(ge=1, le=9999, description="Number of the flight"), WHOLE]
    origin: Annotated[Literal["EWR", "JFK", "LGA"], Field(description="Airport of departure")]
    dest: Annotated[str, Field(pattern="^[A-Z0-9]{3}$", description="IATA code of the destination")]
    scheduled_departure: Annotated[
        Time, Field(description="Local time at the origin, with its offset")
    ]
    scheduled_arrival: Annotated[
        Time, Field(description="Local time at the destination, with its offset")
    ]
    tailnum: (
        Annotated[str, Field(pattern="^[A-Z0-9]{5,6}$", description="Tail number of the aircraft")]
        | None
    ) = None
    distance: Annotated[int, Field(ge=10, le=12_000, description="Miles"), WHOLE] | None = None
    live: Live | None = None  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _check_times(self) -> "Row":
        left, back = self.scheduled_departure, self.scheduled_arrival
        if not 1990 <= left.year <= 2100:
            raise ValueError("scheduled_departure: a year from 1990 to 2100 is expected")
        if left.utcoffset() != left.astimezone(HOME).utcoffset():
            local = left.astimezone(HOME)
            raise ValueError(
                f"scheduled_departure: New York's offset is {local:%z} then, not {left:%z}"
            )
        if not 0 < (back - left).total_seconds() / 60 <= LONGEST:
            raise ValueError("scheduled_arrival: must be at most 24 hours after the departure")
        return self


EXAMPLES: dict[str, dict[str, Any]] = {
    "a flight of the last days": {
        "carrier": "DL", "flight": 2247, "origin": "LGA", "dest": "ATL", "tailnum": "N967DL",
        "distance": 762,
        "scheduled_departure": "2013-12-30T14:00:00-05:00",
        "scheduled_arrival": "2013-12-30T16:35:00-05:00",
    },
    "a later day, with the weather at hand": {
        "carrier": "B6", "flight": 725, "origin": "JFK", "dest": "BQN", "tailnum": "N656JB",
        "distance": 1576,
        "scheduled_departure": "2014-01-06T05:45:00-05:00",
        "scheduled_arrival": "2014-01-06T10:22:00-04:00",
        "live": {
            "temp": 39.0, "dewp": 26.1, "humid": 59.4,
            "wind_speed": 10.4, "precip": 0.0, "visib": 10.0,
        },
    },
}  # fmt: skip


def field_of(column: str) -> str | None:
    """The field that a file's column fills: the one of its name."""
    return column


def asked(flight: Mapping[str, Any]) -> dict[str, Any]:
    """What a client would ask about a prepared flight: the fields of `Row`."""
    given = {
        name: flight[name]
        for name in ("carrier", "flight", "origin", "dest", "tailnum", "distance")
    }
    times = {"departure": ("sched_dep", "local_dep"), "arrival": ("sched_arr", "local_arr")}
    local = {
        f"scheduled_{name}": _format_local_time(*(int(flight[part]) for part in parts))
        for name, parts in times.items()
    }
    return {name: value for name, value in {**given, **local}.items() if value is not None}


def _format_local_time(instant: int, clock: int) -> str:
    """Return an instant in RFC 3339, with the offset that makes its clock show `clock`.

    `instant` is in minutes since 1970, UTC; `clock` is in minutes since midnight.
    """
    ahead = (clock - instant + HALF) % (2 * HALF) - HALF
    zone = timezone(timedelta(minutes=ahead))
    return datetime.fromtimestamp(instant * 60, zone).isoformat()


def columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Return the columns of prepared flights that follow from the timetable.

    They include `date` and `year`, for `row.own`.
    """
    left, back = (
        [getattr(row, name) for row in rows]
        for name in ("scheduled_departure", "scheduled_arrival")
    )
    days = [time.date() for time in left]
    return {
        "day": days,
        **{
            name: [getattr(row, name) for row in rows]
            for name in ("carrier", "flight", "origin", "dest", "tailnum")
        },
        "distance": [row.distance for row in rows],
        "local_dep": [time.hour * 60 + time.minute for time in left],
        "local_arr": [time.hour * 60 + time.minute for time in back],
        "sched_dep": [int(time.timestamp() // 60) for time in left],
        "sched_arr": [int(time.timestamp() // 60) for time in back],
        "date": [day.toordinal() - EPOCH for day in days],
        "year": [day.year for day in days],
    }
