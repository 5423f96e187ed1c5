"""Compute the features plainly in pandas, without regard to speed.

The whole year is in memory, and one merge follows another.

Run it in a folder with `data/raw` and `params.yaml`; it writes one frame to the path given. Its
code is separate and follows the definitions of the features, so that it also checks them. Only what
the data needs is cleaned: nothing is validated.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

Frame = pd.DataFrame
PUERTO_RICO = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")
OBSERVED = [
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
]
MINUTE, DAY = pd.Timedelta(minutes=1), pd.Timedelta(days=1)
DAY_START = pd.Timedelta(hours=5)  # in UTC: days of history begin at midnight of New York's winter
PRIOR = 3  # flights on time that every mean over days starts with
REACH = pd.Timedelta(hours=72)  # an earlier departure of the aircraft says nothing of today
QUARTER = pd.Timedelta(minutes=15)
HELPERS = [
    *(
        "year",
        "month",
        "dep_time",
        "sched_dep_time",
        "dep_delay",
        "arr_time",
        "sched_arr_time",
        "arr_delay",
        "tailnum",
    ),
    *(
        "air_time",
        "hour",
        "minute",
        "time_hour",
        "zone",
        "sched_dep",
        "sched_arr",
        "dep",
        "arr",
        "cut",
        "observed",
    ),
    *("built", "date", "now"),
]


def read_raw(name: str) -> Frame:
    """All months of a raw table."""
    paths = sorted(Path("data/raw", name).glob("*.parquet"))
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)


def clock(hhmm: pd.Series) -> pd.Series:
    """A clock time hhmm as the time since midnight."""
    return pd.to_timedelta(hhmm // 100 * 60 + hhmm % 100, unit="min")


def to_utc(local: pd.Series) -> pd.Series:
    """Local times to UTC; the series goes by the name of their zone, as `groupby` calls it."""
    # An hour that the clocks repeat in autumn is its first pass.
    first_pass = np.ones(len(local), dtype=bool)
    zoned = local.dt.tz_localize(
        local.name, ambiguous=first_pass, nonexistent=pd.Timedelta(hours=1)
    )
    return zoned.dt.tz_convert("UTC").dt.tz_localize(None)


def scheduled_arrival(flights: Frame) -> pd.Series:
    """The first time that the destination's clock shows the scheduled time after departure."""
    local = flights["day"] + clock(flights["sched_arr_time"])
    same_day = local.groupby(flights["zone"]).transform(to_utc)
    next_day = (local + DAY).groupby(flights["zone"]).transform(to_utc)
    return same_day.where(same_day > flights["sched_dep"], next_day)


def read_flights(lead_hours: int, late_minutes: int) -> Frame:
    """Flights with instants in UTC, delays in minutes, the cut-off and the target."""
    flights = read_raw("flights")
    airports = pd.read_parquet("data/raw/airports.parquet").set_index("faa")["tzone"]
    flights["zone"] = flights["dest"].map(airports).fillna(flights["dest"].map(PUERTO_RICO))
    flights["day"] = pd.to_datetime(flights[["year", "month", "day"]])
    flights["sched_dep"] = flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min")
    flights["sched_arr"] = scheduled_arrival(flights)
    flights["dep"] = flights["sched_dep"] + pd.to_timedelta(flights["dep_delay"], unit="min")
    flights["arr"] = flights["sched_arr"] + pd.to_timedelta(flights["arr_delay"], unit="min")
    flights["cut"] = flights["sched_dep"] - pd.Timedelta(hours=lead_hours)
    flights["late"] = (
        (flights["arr_delay"] > late_minutes).astype(float).where(flights["arr_delay"].notna())
    )
    return flights


def add_schedule(flights: Frame) -> Frame:
    """What the timetable says of the flight itself."""
    flights["weekday"] = flights["day"].dt.day_of_week
    flights["local_dep"] = clock(flights["sched_dep_time"]) / MINUTE
    flights["local_arr"] = clock(flights["sched_arr_time"]) / MINUTE
    flights["block"] = (flights["sched_arr"] - flights["sched_dep"]) / MINUTE
    return flights


def add_weather(flights: Frame) -> Frame:
    """The observation of the hour before the cut-off's hour."""
    weather = read_raw("weather")
    # One reading is 1,048 mph.
    weather["wind_speed"] = weather["wind_speed"].where(weather["wind_speed"] < 150)
    flights["observed"] = flights["cut"].dt.floor("h") - pd.Timedelta(hours=1)
    weather = weather.rename(columns={"time_hour": "observed"})[["origin", "observed", *OBSERVED]]
    return flights.merge(weather, on=["origin", "observed"], how="left")


def add_aircraft(flights: Frame) -> Frame:
    """Age and size of the plane."""
    planes = pd.read_parquet("data/raw/planes.parquet")[["tailnum", "year", "seats"]]
    flights = flights.merge(planes.rename(columns={"year": "built"}), on="tailnum", how="left")
    flights["plane_age"] = flights["day"].dt.year - flights["built"]
    return flights


def add_traffic(flights: Frame) -> Frame:
    """How busy the origin's timetable is that day."""
    day = flights.groupby(["origin", "day"])["local_dep"]
    hour = flights.groupby(["origin", "day", flights["local_dep"] // 60])["local_dep"]
    flights["origin_hour_flights"] = hour.transform("size")
    flights["origin_flights_before"] = day.rank(method="min") - 1
    flights["origin_day_flights"] = day.transform("size")
    return flights


def past_days(daily: Frame, days: int) -> Frame:
    """Sums over the `days` before each day, of one flight, route or airport."""
    calendar = pd.date_range(daily.index.min(), daily.index.max() + 22 * DAY, name="date")
    return daily.reindex(calendar, fill_value=0).rolling(days, min_periods=1).sum().shift(1)


def add_history(flights: Frame, name: str, keys: list[str], wanted: dict[int, list[str]]) -> Frame:
    """Mean delay, share late or mean gain over past days, for each window in `wanted`."""
    arrived = flights[flights["arr"].notna()].copy()
    arrived["date"] = (arrived["arr"] - DAY_START).dt.floor("D")
    arrived["gain"] = arrived["arr_delay"] - arrived["dep_delay"]
    arrived = arrived.rename(columns={"arr_delay": "delay"}).assign(n=1)
    daily = (
        arrived.groupby([*keys, "date"])[["n", "delay", "late", "gain"]].sum().reset_index("date")
    )
    for days, measures in wanted.items():
        sums = daily.groupby(keys).apply(
            lambda group, days=days: past_days(group.set_index("date"), days)
        )
        sums = sums[sums["n"] > 0]
        means = (
            sums[measures].div(sums["n"] + PRIOR, axis=0).round({"delay": 1, "late": 2, "gain": 1})
        )
        means.columns = [f"{name}_{measure}_{days}d" for measure in measures]
        flights["date"] = (flights["cut"] - DAY_START).dt.floor("D")
        flights = flights.merge(means.reset_index(), on=[*keys, "date"], how="left")
    return flights


def on_later_quarters(events: Frame, time: str) -> Frame:
    """Each event once for each of the twelve quarters of an hour that look back on it."""
    events["age"] = [range(1, 13)] * len(events)
    events = events.explode("age")
    events["age"] = events["age"].astype(int)
    events["now"] = events[time].dt.floor("15min") + events["age"] * QUARTER
    return events


def departures(flights: Frame, late_minutes: int) -> Frame:
    """How far behind schedule the departures due are, at each later quarter."""
    due = on_later_quarters(flights[["carrier", "origin", "sched_dep", "dep"]].copy(), "sched_dep")
    due["gone"] = due["dep"] < due["now"]
    due["wait"] = (due["dep"].where(due["gone"], due["now"]) - due["sched_dep"]) / MINUTE
    due["late"] = due["wait"] > late_minutes
    return due


def arrivals(flights: Frame) -> Frame:
    """How late the flights that have landed were, at each later quarter."""
    landed = flights.loc[flights["arr"].notna(), ["carrier", "origin", "dest", "arr", "arr_delay"]]
    return on_later_quarters(landed.rename(columns={"arr_delay": "landed"}), "arr")


def add_board(
    flights: Frame, events: Frame, name: str, keys: list[str], wanted: dict[int, list[str]]
) -> Frame:
    """Means of the events over the last hours, for each window in `wanted`."""
    flights["now"] = flights["cut"].dt.floor("15min")
    for hours, measures in wanted.items():
        seen = events[events["age"] <= hours * 4]
        means = seen.groupby([*keys, "now"])[measures].mean()
        means = means.round({"wait": 1, "late": 2, "gone": 2, "landed": 1})
        means.columns = [f"{name}_{measure}_{hours}h" for measure in measures]
        flights = flights.merge(means.reset_index(), on=[*keys, "now"], how="left")
    return flights


def add_operations(flights: Frame, late_minutes: int) -> Frame:
    """The airports' boards at the last full quarter of an hour before the cut-off."""
    due, landed, hub = departures(flights, late_minutes), arrivals(flights), ["carrier", "origin"]
    flights = add_board(
        flights, due, "origin", ["origin"], {1: ["wait", "gone"], 3: ["wait", "late", "gone"]}
    )
    flights = add_board(flights, landed, "origin", ["origin"], {1: ["landed"], 3: ["landed"]})
    flights = add_board(flights, due, "carrier", ["carrier"], {1: ["gone"], 3: ["wait", "late"]})
    flights = add_board(flights, due, "hub", hub, {3: ["wait", "late"]})
    flights = add_board(flights, landed, "hub", hub, {3: ["landed"]})
    return add_board(flights, landed, "dest", ["dest"], {3: ["landed"]})


def add_rotation(flights: Frame) -> Frame:
    """What the aircraft's previous departure from New York says."""
    flights = flights.sort_values(["sched_dep", "carrier", "flight", "origin"], ignore_index=True)
    last = flights.groupby("tailnum")[
        ["sched_dep", "sched_arr", "dep", "arr", "block", "arr_delay"]
    ].shift()
    recent = flights["sched_dep"] - last["sched_dep"] <= REACH
    turn = (flights["sched_dep"] - last["sched_arr"]) / MINUTE
    flights["turn"] = turn.where(recent)
    flights["spare"] = (turn - last["block"]).where(recent)
    left = last["dep"].where(last["dep"] < flights["cut"], flights["cut"])
    wait = (left - last["sched_dep"]) / MINUTE
    flights["previous_wait"] = wait.where(recent & (last["sched_dep"] < flights["cut"]))
    flights["previous_delay"] = last["arr_delay"].where(recent & (last["arr"] < flights["cut"]))
    best_known = flights["previous_delay"].fillna(flights["previous_wait"]).fillna(0)
    flights["expected_spare"] = flights["spare"] - best_known
    flights["legs_before"] = flights.groupby(["tailnum", "day"])["sched_dep"].rank(method="min") - 1
    return flights


def main() -> None:
    """Read the raw data and write the features of all flights."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["problem"]
    flights = read_flights(params["lead_hours"], params["late_minutes"])
    flights = add_traffic(add_aircraft(add_weather(add_schedule(flights))))
    flights = add_history(flights, "flight", ["carrier", "flight"], {21: ["delay", "late"]})
    route = ["carrier", "origin", "dest"]
    flights = add_history(flights, "route", route, {1: ["delay"], 21: ["delay", "gain"]})
    flights = add_history(flights, "hub", ["carrier", "origin"], {1: ["gain"]})
    flights = add_history(flights, "origin", ["origin"], {1: ["delay", "gain"], 7: ["delay"]})
    flights = add_history(flights, "dest", ["dest"], {1: ["gain"]})
    flights = add_rotation(add_operations(flights, params["late_minutes"]))
    flights.drop(columns=HELPERS).to_parquet(sys.argv[1], index=False)


if __name__ == "__main__":
    main()
