"""The prepared tables are complete and sorted.

They have unique keys and plausible times and values.
"""

import pandas as pd
import pytest

from tests.flights.data.stored import FLIGHTS, KEY, assert_month_by_month, folder, monthly

WEATHER_RANGES = {
    "temp": (-10, 110),  # degrees Fahrenheit at New York's airports
    "dewp": (-30, 85),
    "humid": (5, 100),
    "wind_dir": (0, 360),
    "wind_speed": (0, 60),  # miles an hour; the one reading of 1048 is blanked
    "wind_gust": (10, 80),
    "precip": (0, 3),  # inches in an hour
    "pressure": (960, 1050),  # millibars
    "visib": (0, 10),  # miles, as far as the instrument sees
}


@pytest.mark.parametrize("table", ["flights", "weather"])
def test_no_month_is_missing(table: str) -> None:
    assert_month_by_month(f"prepared/{table}")


def test_every_flight_appears_exactly_once_in_its_month() -> None:
    flights = monthly("prepared/flights")
    assert len(flights) == FLIGHTS
    assert not flights.duplicated(KEY).any()
    assert (flights["day"].astype(str).str[:7] == flights["file"]).all()
    assert (
        flights[["distance", "local_dep", "local_arr", "sched_dep", "sched_arr"]]
        .notna()
        .all(axis=None)
    )


def test_scheduled_block_times_are_plausible() -> None:
    flights = monthly("prepared/flights")
    block = flights["sched_arr"] - flights["sched_dep"]
    assert block.between(
        40, 720
    ).all()  # Boston to Honolulu; a mistake of a day or an hour of zone falls outside
    assert (
        block.groupby(flights["dest"])
        .median()
        .loc[["BOS", "HNL", "ANC", "SJU"]]
        .between([60, 600, 400, 200], [100, 700, 480, 270])
        .all()
    )


def test_outcomes_are_complete_and_in_order() -> None:
    flights = monthly("prepared/flights")
    flown = flights[flights["arr"].notna()]
    assert flights["dep"].isna().sum() == 8255
    assert (flights["dep"].notna() & flights["arr"].isna()).sum() == 1175
    assert (flown["arr"] > flown["dep"]).all()
    assert (flown["dep"] - flown["sched_dep"]).between(-60, 1440).all()


def test_rows_of_each_file_are_sorted() -> None:
    order = {
        "flights": ["day", "origin", "sched_dep", "carrier", "flight"],
        "weather": ["hour", "origin"],
    }
    for table, columns in order.items():
        rows = monthly(f"prepared/{table}")[["file", *columns]]
        assert rows.equals(rows.sort_values(["file", *columns], ignore_index=True)), table


@pytest.mark.parametrize(("column", "limits"), WEATHER_RANGES.items())
def test_weather_values_are_plausible_for_new_york(
    column: str, limits: tuple[float, float]
) -> None:
    values = monthly("prepared/weather")[column]
    known = values.dropna()
    assert known.between(*limits).all()
    assert known.nunique() > 5  # a constant would mean a lost column
    assert values.dtype == "float32"


def test_weather_rows_are_unique_and_one_wind_speed_is_blanked() -> None:
    weather, raw = monthly("prepared/weather"), monthly("raw/weather")
    assert not weather.duplicated(["origin", "hour"]).any()
    assert len(weather) == len(raw) == 26_115
    assert weather["wind_speed"].isna().sum() == raw["wind_speed"].isna().sum() + 1


def test_planes_have_unique_tail_numbers_and_plausible_values() -> None:
    planes = pd.read_parquet(folder("prepared") / "planes.parquet")
    assert planes["tailnum"].is_unique
    assert planes["year"].dropna().between(1940, 2013).all()
    assert planes["seats"].between(1, 900).all()
