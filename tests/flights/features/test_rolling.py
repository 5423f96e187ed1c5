"""Rolling sums behind history and operations: they count earlier steps, never the step itself."""

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flights.features.rolling import build_board, compute_mean, join_columns

EVENT = st.tuples(st.sampled_from("ab"), st.integers(0, 12), st.integers(-9, 9))
SCHEMA = ibis.schema({"key": "string", "step": "int32", "value": "int32"})


def events(*rows: tuple[str, int, int]) -> ibis.Table:
    return ibis.memtable(pd.DataFrame(rows, columns=list(SCHEMA)), schema=SCHEMA)


def sums(table: ibis.Table, windows: tuple[int, ...]) -> dict[tuple[str, int], tuple]:
    state = build_board(
        table,
        ("key",),
        windows,
        lambda seen: {"n": seen.value.notnull().cast("int32"), "sum": seen.value},
    )
    names = [f"{name}_{window}" for window in windows for name in ("n", "sum")]
    rows = state.to_pyarrow().to_pylist()
    return {(row["key"], row["step"]): tuple(row[name] for name in names) for row in rows}


def test_event_counts_from_next_step_until_window_ends() -> None:
    found = sums(events(("a", 5, 7)), (1, 3))
    assert found == {
        ("a", 6): (1, 7, 1, 7),
        ("a", 7): (None, None, 1, 7),
        ("a", 8): (None, None, 1, 7),
    }


@settings(max_examples=25, deadline=None)
@given(st.lists(EVENT, min_size=1, max_size=15))
def test_board_sums_the_events_of_the_steps_before(rows: list[tuple[str, int, int]]) -> None:
    expected = {}
    for key in "ab":
        for step in range(18):
            seen = {w: [v for k, s, v in rows if k == key and step - w <= s < step] for w in (2, 4)}
            if seen[4]:
                expected[key, step] = tuple(
                    f(seen[w]) if seen[w] else None for w in (2, 4) for f in (len, sum)
                )
    assert sums(events(*rows), (2, 4)) == expected


def test_measures_use_counting_step_not_step_of_event() -> None:
    """Departures use it: how long a flight has waited depends on when one looks."""
    state = build_board(events(("a", 5, 0)), ("key",), (3,), lambda seen: {"at": seen.step})
    assert {row["step"]: row["at_3"] for row in state.to_pyarrow().to_pylist()} == {
        6: 6,
        7: 7,
        8: 8,
    }


def test_attach_keeps_every_flight_once_with_nulls_for_gaps() -> None:
    flights = ibis.memtable({"key": ["a", "b", "c", "a"], "order": [1, 2, 3, 4]})
    state = ibis.memtable(
        {"key": ["a", "b", "z"], "value": [10, None, 30]},
        schema={"key": "string", "value": "int64"},
    )
    rows = join_columns(flights, state, ("key",)).order_by("order").to_pyarrow().to_pylist()
    assert [(row["key"], row["order"], row["value"]) for row in rows] == [
        ("a", 1, 10),
        ("b", 2, None),
        ("c", 3, None),
        ("a", 4, 10),
    ]
    assert list(rows[0]) == ["key", "order", "value"]


@pytest.mark.parametrize(
    ("total", "count", "prior", "digits", "expected"),
    [
        (10, 4, 0.0, 1, 2.5),
        (10, 3, 0.0, 1, 3.3),
        (20, 3, 0.0, 2, 6.67),
        (10, 2, 3.0, 1, 2.0),  # three more that were on time
        (-10, 3, 0.0, 1, -3.3),
        (0, 5, 3.0, 1, 0.0),
        (0, 0, 3.0, 1, None),  # nothing happened: that is no zero
        (None, None, 0.0, 1, None),
    ],
)
def test_mean_shrinks_to_zero_by_prior_and_is_null_if_empty(
    total: int | None, count: int | None, prior: float, digits: int, expected: float | None
) -> None:
    table = ibis.memtable([(total, count)], schema={"total": "int64", "n": "int64"})
    found = (
        table.select(mean=compute_mean(table.total, table.n, prior, digits))
        .to_pyarrow()["mean"]
        .to_pylist()
    )
    assert found == [expected]


def test_mean_defaults_to_tenths_and_no_prior() -> None:
    table = ibis.memtable([(20, 3)], schema={"total": "int64", "n": "int64"})
    found = table.select(mean=compute_mean(table.total, table.n)).to_pyarrow()["mean"].to_pylist()
    assert found == [6.7]
