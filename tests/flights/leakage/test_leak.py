"""No feature uses data from after its cut-off, and the leak check detects each planted leak."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache

import ibis
import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from ibis import _ as row

from flights.contract.columns import FEATURES
from flights.features import history, operations, rolling, rotation, weather
from flights.features.inputs import FeatureInputs
from tarmac.interface.lookup import Lookup
from tests.flights import real
from tests.flights.features.tiny import minute
from tests.flights.featurizer import Featurizer
from tests.flights.leaks import differs, moved, rewritten

SUMMER, WINTER = ("2013-05", "2013-06"), ("2013-01", "2013-02")
JUNE, FEBRUARY = (date(2013, 6, 1), date(2013, 7, 1)), (date(2013, 2, 1), date(2013, 3, 1))
WEEK = (date(2013, 6, 10), date(2013, 6, 16))
STORM = "2013-06-13 18:00"  # before thunderstorms, when many aircraft are between two flights
LONG_LEAD = 6  # hours
PLANNED = {
    *FEATURES["schedule"],
    *FEATURES["aircraft"],
    *FEATURES["traffic"],
    "turn",
    "spare",
    "legs_before",
}
OUTCOMES = {name for names in FEATURES.values() for name in names} - PLANNED


@cache
def featurizer(lead_hours: int) -> Featurizer:
    return Featurizer(lead_hours)


@pytest.mark.parametrize("lead_hours", [2, LONG_LEAD])
@pytest.mark.parametrize(
    ("months", "period", "instant"),
    [
        (SUMMER, JUNE, STORM),
        (SUMMER, JUNE, "2013-06-18 05:00"),  # where history begins a new day
        (SUMMER, JUNE, "2013-06-20 15:52"),  # within an hour and within a quarter of one
        (
            WINTER,
            FEBRUARY,
            "2013-02-08 17:15",
        ),  # before a blizzard that cancelled hundreds of flights
    ],
)
def test_no_feature_uses_data_after_cutoff(
    months: tuple, period: tuple, instant: str, lead_hours: int
) -> None:
    found = moved(featurizer(lead_hours), real.tables(*months), period, minute(instant))
    assert found.leaks == []
    assert set(found.later) == OUTCOMES  # all that is no plan has looked at what was rewritten


def test_rewriting_changes_only_data_known_after_cutoff() -> None:
    tables, instant = real.tables(*SUMMER), minute(STORM)
    other = rewritten(tables, instant)
    old, new = tables["flights"].to_pandas(), other["flights"].to_pandas()
    outcomes = ["dep", "arr"]
    assert old.drop(columns=outcomes).equals(new.drop(columns=outcomes))
    for name in outcomes:
        known = old[name] < instant
        assert (new.loc[known, name] == old.loc[known, name]).all()
        assert not (new.loc[~known, name] == old.loc[~known, name]).any()
        assert not (new.loc[~known, name] < instant).any()
        assert (new[name] == instant).sum() > 50
    assert not (new["arr"].notna() & new["dep"].isna()).any()
    later = old["sched_dep"] >= instant
    assert (
        (old["dep"].isna() & new["dep"].notna() & later).sum()
        == (old["dep"].isna() & later).sum()
        > 100
    )
    assert (old["dep"].notna() & new["dep"].isna()).sum() > 1000
    seen = [pc.less(given["weather"]["hour"], instant // 60) for given in (tables, other)]
    assert tables["weather"].filter(seen[0]).equals(other["weather"].filter(seen[1]))
    assert other["weather"].num_rows < tables["weather"].num_rows


Plant = Callable[[pytest.MonkeyPatch], None]


def own_delay(patch: pytest.MonkeyPatch) -> None:
    """The flight's own delay at departure passes for that of the previous leg."""
    honest = rotation.lookups

    def lookups(known: FeatureInputs) -> list[Lookup]:
        own = known.flights.select(*rotation.LEG, previous_wait=row.dep - row.sched_dep)
        [found] = honest(known)
        table = rolling.join_columns(found.table.drop("previous_wait"), own, rotation.LEG)
        return [replace(found, table=table)]

    patch.setattr(rotation, "lookups", lookups)


def share_of_today(patch: pytest.MonkeyPatch) -> None:
    """The airport's share late of the whole day passes for that of the day before."""
    honest = history.lookups

    def lookups(known: FeatureInputs) -> list[Lookup]:
        today = known.flights.group_by("origin", "day").aggregate(
            origin_delay_1d=row.late.mean().round(2)
        )
        kept = [
            replace(found, table=_without(found.table, "origin_delay_1d"))
            for found in honest(known)
        ]
        return [*kept, Lookup("today", today, ("origin", "day"))]

    patch.setattr(history, "lookups", lookups)


def _without(table: ibis.Table, name: str) -> ibis.Table:
    return table.drop(name) if name in table.columns else table


def wide_board(module: object) -> Plant:
    """The board of a step counts the step itself."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        def board(events: ibis.Table, *rest: object) -> ibis.Table:
            return rolling.build_board(events.mutate(step=row.step - 1), *rest)

        patch.setattr(module, "build_board", board)

    return plant


def whole_wait(patch: pytest.MonkeyPatch) -> None:
    """A flight at the gate waits as long as it will have waited in the end."""

    def waits(due: ibis.Table, late_minutes: int) -> dict:
        behind = due.dep - due.sched_dep
        gone = due.dep.notnull().cast("int32")
        return {
            "due": due.one,
            "gone": gone,
            "wait": behind,
            "late": (behind > late_minutes).cast("int32"),
        }

    patch.setattr(operations, "_measure_waits", waits)


def current_hour(patch: pytest.MonkeyPatch) -> None:
    """The observation of the hour that is still running counts as made."""

    def lookups(known: FeatureInputs) -> list[Lookup]:
        return [
            Lookup("weather", known.weather.mutate(hour=known.weather.hour - 1), ("origin", "hour"))
        ]

    patch.setattr(weather, "lookups", lookups)


def delay_at_once(patch: pytest.MonkeyPatch) -> None:
    """The previous leg's arrival is known whenever it was."""
    patch.setattr(rotation, "_select_if", lambda condition, value: value)


def quarter_late(patch: pytest.MonkeyPatch) -> None:
    """The previous leg is looked at a quarter of an hour after the cut-off."""
    honest = rotation._compute_turns
    patch.setattr(
        rotation,
        "_compute_turns",
        lambda legs: honest(legs.mutate(cut=row.cut + 15)).mutate(cut=row.cut - 15),
    )


LANDED = {name for name in FEATURES["operations"] if "_landed_" in name}
PLANTED = {
    "own delay": (own_delay, {"previous_wait"}),
    "share of today": (share_of_today, {"origin_delay_1d"}),
    "history counts today": (wide_board(history), set(FEATURES["history"])),
    "boards count the running quarter": (wide_board(operations), LANDED),
    "whole wait": (whole_wait, set(FEATURES["operations"]) - LANDED),
    "weather of the running hour": (current_hour, set(FEATURES["weather"])),
    "arrival known at once": (delay_at_once, {"previous_delay", "expected_spare"}),
    "previous leg a quarter too late": (
        quarter_late,
        {"previous_wait", "previous_delay", "expected_spare"},
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_reports_exactly_the_features_of_a_planted_leak(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, leaking = PLANTED[name]
    plant(monkeypatch)
    found = moved(Featurizer(LONG_LEAD), real.tables(*SUMMER), WEEK, minute(STORM))
    assert set(found.leaks) == leaking


def test_reports_no_leak_without_a_planted_one() -> None:
    assert moved(featurizer(LONG_LEAD), real.tables(*SUMMER), WEEK, minute(STORM)).leaks == []


def test_missing_value_differs_from_number_but_not_from_missing() -> None:
    one, other = pd.Series([1.0, np.nan, np.nan, 2.0]), pd.Series([1.0, np.nan, 3.0, np.nan])
    assert differs(one, other).tolist() == [False, False, True, True]
