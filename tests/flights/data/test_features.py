"""Properties of the feature tables that training and evaluation rest on."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from tarmac.interface.problem import problem
from tests.flights.data.stored import FLIGHTS, KEY, MONTHS, assert_month_by_month, monthly

INPUTS = problem.contract.feature_names(list(problem.contract.FEATURES))
NUMBERS = [name for name in INPUTS if name not in problem.contract.CATEGORICAL]
LATE_PERCENT = (22.7, 22.9, 22.8, 27.9, 22.0, 30.8, 31.5, 23.8, 13.2, 16.8, 17.4, 32.6)
TRAIN, TEST = MONTHS[:9], MONTHS[10:]
# Well above the best honest feature alone; an outcome's own minutes exceed it (see the last test).
SMELL = 0.75

# Features by the least and the largest share of a month's flights that may lack them. A share that
# falls to zero is as suspect as one that grows: somebody filled a gap with a number.
MISSING = {
    "the timetable is complete": (
        0,
        0,
        (*problem.contract.FEATURES["schedule"], *problem.contract.FEATURES["traffic"]),
    ),
    "a station is silent for some hours, most of them in December": (
        0,
        0.03,
        ("temp", "dewp", "humid", "precip", "visib", "wind_speed"),
    ),
    "a light and variable wind has no direction": (0.005, 0.05, ("wind_dir",)),
    "a gust is reported only where there is one": (0.55, 0.90, ("wind_gust",)),
    "pressure is left out of many special reports": (0.05, 0.20, ("pressure",)),
    "two airlines write fleet numbers that no register has": (0.14, 0.18, ("seats",)),
    "the register also lacks the year of some aircraft": (0.15, 0.20, ("plane_age",)),
    "a flight number may be new, in January all are": (
        0.005,
        0.08,
        ("flight_delay_21d", "flight_late_21d"),
    ),
    "a route may not be flown daily, and January begins without a past": (
        0.01,
        0.05,
        ("route_delay_1d",),
    ),
    "only January begins without a past": (
        0,
        0.04,
        (
            "route_delay_21d",
            "route_gain_21d",
            "hub_gain_1d",
            "origin_delay_1d",
            "origin_delay_7d",
            "origin_gain_1d",
        ),
    ),
    "a destination may not be flown to daily": (0.001, 0.04, ("dest_gain_1d",)),
    "before the first departures there are none to wait for": (
        0.11,
        0.14,
        ("origin_wait_1h", "origin_wait_3h", "origin_late_3h", "origin_gone_1h", "origin_gone_3h"),
    ),
    "an airline starts after the airport does": (
        0.15,
        0.21,
        ("carrier_wait_3h", "carrier_late_3h", "carrier_gone_1h", "hub_wait_3h", "hub_late_3h"),
    ),
    "the first flights of the day land hours after they leave": (
        0.04,
        0.26,
        ("origin_landed_1h", "origin_landed_3h", "hub_landed_3h"),
    ),
    "few destinations see a landing from New York every three hours": (
        0.30,
        0.42,
        ("dest_landed_3h",),
    ),
    "a third of the aircraft were not in New York for three days, or have no tail number": (
        0.25,
        0.36,
        ("turn", "spare", "previous_wait", "previous_delay", "expected_spare"),
    ),
    "only a cancelled flight has no tail number": (0.001, 0.02, ("legs_before",)),
}


def test_every_flight_appears_exactly_once_in_its_month() -> None:
    assert_month_by_month("features")
    rows = monthly("features")
    assert len(rows) == FLIGHTS
    assert not rows.duplicated(KEY).any()
    assert (rows["day"].astype(str).str[:7] == rows["file"]).all()


def test_columns_are_the_key_the_features_and_the_target() -> None:
    rows = monthly("features").drop(columns="file")
    assert set(rows.columns) == {*KEY, *INPUTS, problem.contract.TARGET}
    assert {str(rows[name].dtype) for name in NUMBERS} == {"float32"}
    assert all(pd.api.types.is_string_dtype(rows[name]) for name in problem.contract.CATEGORICAL)


def test_no_number_is_infinite() -> None:
    """A missing value is an honest gap; an infinity is a division by zero that nobody saw."""
    assert not np.isinf(monthly("features")[NUMBERS].to_numpy()).any()


def test_every_feature_varies_in_every_month() -> None:
    rows = monthly("features")
    assert (rows.groupby("file")[INPUTS].nunique() > 1).all(axis=None)


def test_bounds_of_missing_values_cover_every_feature_once() -> None:
    assert sorted(name for _, _, names in MISSING.values() for name in names) == sorted(INPUTS)


@pytest.mark.parametrize("reason", MISSING)
def test_share_of_missing_values_is_within_bounds(reason: str) -> None:
    low, high, names = MISSING[reason]
    rows = monthly("features")
    share = rows[list(names)].isna().groupby(rows["file"]).mean().stack()
    outside = share[(share < low) | (share > high)]
    assert outside.empty, f"{reason}:\n{outside}"


def test_label_shares_equal_known_values() -> None:
    rows = monthly("features")
    percent = rows.groupby("file")[problem.contract.TARGET].mean() * 100
    assert percent.round(1).tolist() == pytest.approx(LATE_PERCENT, abs=1e-6)
    # Cancelled and diverted flights never arrived.
    assert rows[problem.contract.TARGET].isna().sum() == 8255 + 1175
    assert set(rows[problem.contract.TARGET].dropna().unique()) == {0, 1}


@pytest.mark.parametrize("name", INPUTS)
def test_no_single_feature_leaks_the_label(name: str) -> None:
    """Check each feature alone.

    A feature that ranks the test months this well, in either direction, has seen the outcome.
    """
    rows = monthly("features")
    rows = rows[rows[problem.contract.TARGET].notna()]
    test = rows[rows["file"].isin(TEST)]
    values = test[name]
    if name in problem.contract.CATEGORICAL:
        values = values.map(
            rows[rows["file"].isin(TRAIN)].groupby(name)[problem.contract.TARGET].mean()
        )
    known = values.notna()
    auc = roc_auc_score(test.loc[known, problem.contract.TARGET], values[known])
    assert max(auc, 1 - auc) < SMELL
    # Nor does a value's absence know it.
    assert 1 - SMELL < roc_auc_score(test[problem.contract.TARGET], values.isna()) < SMELL


def test_leak_bound_detects_departure_delay() -> None:
    """The bound is one that the flight's own delay at departure would break."""
    flights = monthly("prepared/flights")
    flown = flights[flights["arr"].notna() & flights["file"].isin(TEST)]
    late = flown["arr"] - flown["sched_arr"] > 15
    assert roc_auc_score(late, flown["dep"] - flown["sched_dep"]) > SMELL
