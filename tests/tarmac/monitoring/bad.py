"""Ways in which a month can be bad.

Each has what happens to its tables, and the words that name it in the message that reports it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

Edit = Callable[[pd.DataFrame], pd.DataFrame]
CODES = {"UA": "U2", "B6": "B7", "EV": "E9"}


def same(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


@dataclass(frozen=True)
class Bad:
    """A kind of bad month."""

    # Where it is caught: ingest, block (the monitoring finds broken data) or decay (it finds
    # it worse).
    gate: str
    named: str
    flights: Edit = same
    weather: Edit = same


def arrived(rows: pd.DataFrame) -> pd.Series:
    return rows["arr_delay"].notna()


def a_day_on(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Those that arrived get the columns of others, a day's number of rows before them."""
    known, rows = arrived(rows), rows.sort_values(["day", "sched_dep_time"], kind="stable").copy()
    known = known.loc[rows.index]
    rows.loc[known, columns] = np.roll(rows.loc[known, columns].to_numpy(), 900, axis=0)
    return rows


def late_by(rows: pd.DataFrame, minutes: "pd.Series | np.ndarray") -> pd.DataFrame:
    """Those that arrived were late by so many minutes, and the clock agrees."""
    due = rows["sched_arr_time"] // 100 * 60 + rows["sched_arr_time"] % 100
    at = (due + minutes) % 1440
    clock = (at // 60 * 100 + at % 60).where(arrived(rows))
    return rows.assign(
        arr_delay=pd.Series(minutes, index=rows.index).where(arrived(rows)), arr_time=clock
    )


def shuffled(rows: pd.DataFrame) -> pd.DataFrame:
    """Give each flight the delay of another flight on another day, with clock times that agree."""
    moved = a_day_on(rows, ["arr_delay"])
    return late_by(moved, moved["arr_delay"].fillna(0))


def unheard(rows: pd.DataFrame) -> pd.DataFrame:
    gone = rows.index % 5 < 3
    return rows.assign(
        **{name: rows[name].mask(gone) for name in ("arr_time", "arr_delay", "air_time")}
    )


MONTHS: dict[str, Bad] = {
    "rows doubled": Bad("ingest", "unique", lambda rows: pd.concat([rows, rows])),
    "labels shifted by a day": Bad(
        "ingest", "arr_delay: of_clock", lambda rows: a_day_on(rows, ["arr_delay"])
    ),
    "codes in small letters": Bad(
        "ingest", "carrier: well_formed", lambda r: r.assign(carrier=r["carrier"].str.lower())
    ),
    "clocks in UTC": Bad(
        "ingest", "hour: ", lambda rows: rows.assign(hour=(rows["hour"] + 5) % 24)
    ),
    "last year's dates": Bad("ingest", "2012-12", lambda rows: rows.assign(year=2012)),
    "delays in hours": Bad(
        "ingest", "dep_delay: of_clock", lambda rows: rows.assign(dep_delay=rows["dep_delay"] // 60)
    ),
    "weather of no station": Bad("ingest", "has no rows", weather=lambda rows: rows.iloc[:0]),
    "weather all missing": Bad(
        "block",
        "temp",
        weather=lambda r: r.assign(
            **dict.fromkeys(("temp", "dewp", "humid", "wind_dir", "wind_speed"))
        ),
    ),
    "a barometer that stands still": Bad(
        "block", "pressure", weather=lambda rows: rows.assign(pressure=1013.2)
    ),
    "temperatures in Celsius": Bad(
        "block", "temp", weather=lambda r: r.assign(temp=(r["temp"] - 32) / 1.8)
    ),
    "other codes": Bad(
        "block", "carrier", lambda rows: rows.assign(carrier=rows["carrier"].replace(CODES))
    ),
    "one origin silent": Bad("block", "origin", lambda rows: rows[rows["origin"] != "JFK"]),
    "a file that ends on the 12th": Bad("block", "days", lambda rows: rows[rows["day"] <= 12]),
    "a fifth of the rows": Bad("block", "days", lambda rows: rows[rows.index % 5 == 0]),
    "aircraft masked": Bad(
        "block",
        "plane_age",
        lambda r: r.assign(tailnum=r["tailnum"].mask(r["tailnum"].notna(), "N99999")),
    ),
    "outcomes not reported": Bad("block", "labels", unheard),
    "outcomes all on time": Bad("block", "labels", lambda rows: late_by(rows, np.zeros(len(rows)))),
    "outcomes of other rows": Bad("decay", "roc_auc", shuffled),
}
