"""Data differences match a brute-force count, row by row, on small random folders."""

import datetime
import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.interface.problem import problem
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.review import data
from tarmac.review.data import DataDiff, compare_data
from tarmac.review.drift import effect
from tarmac.review.result_folder import FEATURES, RAW, ResultFolder

Key = tuple[int, str, int, str]  # day of the month, carrier, flight, origin
Rows = dict[Key, dict[str, object]]
Side = dict[str, Rows]  # month: its rows
MONTHS = ("2013-01", "2013-02", "2013-03")
KEY_TYPES = {
    "day": pa.date32(),
    "carrier": pa.string(),
    "flight": pa.int16(),
    "origin": pa.string(),
}
NUMBERS, TEXTS = (
    st.sampled_from([None, 0.0, 0.5, -2.0, 3.0]),
    st.sampled_from([None, "BOS", "bos", "ATL"]),
)
# What a column may be called, what may be in it, and the types it may have. The first two names
# differ in case only.
COLUMNS: Mapping[str, tuple[st.SearchStrategy, tuple[pa.DataType, ...]]] = {
    "temp": (NUMBERS, (pa.float32(), pa.float64())),
    "Temp": (NUMBERS, (pa.float32(),)),
    "dest": (TEXTS, (pa.string(),)),
    "seats": (st.sampled_from([0.0, 3.0]), (pa.float32(), pa.int16())),
}
KEYS = st.tuples(
    st.integers(1, 2),
    st.sampled_from(["AA", "UA"]),
    st.integers(1, 3),
    st.sampled_from(["EWR", "JFK"]),
)
IN_KEY = {"carrier": 1, "origin": 3}  # what is a feature as well, by its place
NEVER = ("2012-01", "2012-01")
WHOLE = (MONTHS[0], MONTHS[-1])


def write(folder: Path, side: Side, types: Mapping[str, pa.DataType]) -> Path:
    """One file a month, in the order that the rows come in."""
    folder.mkdir(parents=True)
    for month, rows in side.items():
        year, number = map(int, month.split("-"))
        columns = {name: [key[place] for key in rows] for place, name in enumerate(KEY_TYPES)}
        columns["day"] = [datetime.date(year, number, day) for day in columns["day"]]
        columns |= {name: [values[name] for values in rows.values()] for name in types}
        schema = pa.schema({**KEY_TYPES, **types}.items())
        pq.write_table(
            pa.table(columns, schema=schema), folder / f"{month}.parquet", store_schema=False
        )
    return folder


def result(folder: Path, *present: str) -> ResultFolder:
    """A result of what lies in a folder; `present` is what may be read of it."""
    return ResultFolder(
        folder,
        "c" * 40,
        {name: compute_dvc_hash(folder / name) for name in (RAW, FEATURES)},
        frozenset(present),
    )


@st.composite
def sides(draw: st.DrawFn) -> tuple[Side, Side, dict[str, pa.DataType], dict[str, pa.DataType]]:
    """Draw base and head with columns and types of their own.

    Most rows of head are base's, of which some changed.
    """
    types = []
    for _ in range(2):
        names = draw(st.lists(st.sampled_from(list(COLUMNS)), unique=True))
        types.append({name: draw(st.sampled_from(COLUMNS[name][1])) for name in names})
    values = st.fixed_dictionaries({name: made for name, (made, _) in COLUMNS.items()})
    months = st.dictionaries(KEYS, values, max_size=5)
    base = {
        month: draw(months)
        for month in draw(st.lists(st.sampled_from(MONTHS), unique=True, min_size=1))
    }
    head: Side = {}
    for month in draw(st.lists(st.sampled_from(MONTHS), unique=True, min_size=1)):
        kept = [
            (key, draw(st.one_of(st.just(row), values))) for key, row in base.get(month, {}).items()
        ]
        kept = [line for line in kept if draw(st.integers(0, 3))]
        head[month] = dict(draw(st.permutations([*kept, *draw(months).items()])))
    return base, head, *types


def keyed(side: Side, month: str) -> set[Key]:
    return set(side.get(month, {}))


def by_hand(base: Side, head: Side, shared: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Rows added, removed and changed, and rows with another value by column."""
    rows, values = dict.fromkeys(("added", "removed", "changed"), 0), dict.fromkeys(shared, 0)
    for month in MONTHS:
        both = keyed(base, month) & keyed(head, month)
        rows["added"] += len(keyed(head, month) - both)
        rows["removed"] += len(keyed(base, month) - both)
        for key in both:
            other = [name for name in shared if base[month][key][name] != head[month][key][name]]
            rows["changed"] += bool(other)
            for name in other:
                values[name] += 1
    return rows, {name: count for name, count in values.items() if count}


@given(sides())
def test_counts_of_rows_values_and_columns_match_brute_force(tmp_path_factory, case):
    base, head, *types = case
    folder = tmp_path_factory.mktemp("sides")
    written = [
        write(folder / who / FEATURES, *side)
        for who, *side in zip("bh", (base, head), types, strict=True)
    ]
    found = compare_data(result(folder / "b", RAW, FEATURES), result(folder / "h"), (WHOLE, WHOLE))
    if compute_dvc_hash(written[0]) == compute_dvc_hash(written[1]):
        assert found == DataDiff()
        return
    old, new = types
    assert (found.rows, found.changed_values) == by_hand(
        base, head, [name for name in new if name in old]
    )
    assert dict(found.columns) == {
        **dict.fromkeys(old.keys() - new.keys(), "removed"),
        **dict.fromkeys(new.keys() - old.keys(), "added"),
        **{
            name: f"{old[name]} becomes {new[name]}"
            for name in old.keys() & new.keys()
            if old[name] != new[name]
        },
    }
    assert found.columns == sorted(dict(found.columns).items())
    names = (old.keys() & new.keys()) | IN_KEY.keys()
    apart = {name: effect(*(column(side, name) for side in (base, head))) for name in names}
    assert found.drift == pytest.approx(apart, abs=1e-12)  # a sum depends on the order of the rows
    assert list(found.drift.items()) == sorted(
        found.drift.items(), key=lambda item: (-item[1], item[0])
    )


def column(side: Side, name: str) -> "pd.Series[float]":
    rows = [line for rows in side.values() for line in rows.items()]
    values = [key[IN_KEY[name]] if name in IN_KEY else values[name] for key, values in rows]
    return pd.Series(values, dtype="str" if name in ("dest", *IN_KEY) else "float32")


LINE: dict[str, object] = {"temp": 1.0, "dest": "BOS"}
TYPES = {"temp": pa.float32(), "dest": pa.string()}


def row(number: int) -> Key:
    return (1, "AA", number, "EWR")


def compared(
    tmp_path: Path, base: Side, head: Side, types: Mapping[str, pa.DataType] = TYPES, **other
) -> DataDiff:
    """Return the difference of two folders of features.

    `other` are head's types if they differ from base's.
    """
    write(tmp_path / "b" / FEATURES, base, types)
    write(tmp_path / "h" / FEATURES, head, other or types)
    return compare_data(
        result(tmp_path / "b", RAW, FEATURES), result(tmp_path / "h"), (WHOLE, WHOLE)
    )


def test_missing_value_equals_missing_and_differs_from_known(tmp_path):
    none: dict[str, object] = {"temp": None, "dest": None}
    head = {row(1): none, row(2): LINE, row(3): none}
    found = compared(
        tmp_path, {MONTHS[0]: dict.fromkeys((row(1), row(2)), none)}, {MONTHS[0]: head}
    )
    assert found.rows == {"added": 1, "removed": 0, "changed": 1}
    assert found.changed_values == {"temp": 1, "dest": 1}


def test_reordered_rows_are_not_counted_as_changed(tmp_path):
    rows = {row(number): {"temp": float(number), "dest": str(number)} for number in range(5)}
    found = compared(tmp_path, {MONTHS[0]: rows}, {MONTHS[0]: dict(reversed(rows.items()))})
    assert found.rows == {"added": 0, "removed": 0, "changed": 0}
    assert found.changed_values == {}
    assert set(found.drift.values()) == {0}


def test_counts_rows_of_added_and_removed_months(tmp_path):
    rows = {row(number): LINE for number in range(3)}
    less = {row(1): LINE}
    found = compared(
        tmp_path, {MONTHS[0]: rows, MONTHS[1]: less}, {MONTHS[0]: rows, MONTHS[2]: rows}
    )
    assert found.rows == {"added": 3, "removed": 1, "changed": 0}
    assert found.columns == []


def test_case_change_in_column_name_is_removal_and_addition(tmp_path):
    types = {"Temp": pa.float32(), "dest": pa.string()}
    head: Rows = {row(1): {"Temp": 9.0, "dest": "BOS"}}
    found = compared(tmp_path, {MONTHS[0]: {row(1): LINE}}, {MONTHS[0]: head}, **types)
    assert found.columns == [("Temp", "added"), ("temp", "removed")]
    assert found.rows == {"added": 0, "removed": 0, "changed": 0}
    assert found.changed_values == {}
    assert list(found.drift) == ["carrier", "dest", "origin"]


def test_columns_that_differ_only_in_case_are_both_compared(tmp_path):
    types = {"temp": pa.float32(), "TEMP": pa.float32()}
    base: Rows = {row(1): {"temp": 1.0, "TEMP": 2.0}}
    found = compared(
        tmp_path, {MONTHS[0]: base}, {MONTHS[0]: {row(1): {"temp": 1.0, "TEMP": 3.0}}}, types
    )
    assert found.changed_values == {"TEMP": 1}
    assert list(found.drift.items()) == [
        ("TEMP", 1.0),
        ("carrier", 0.0),
        ("origin", 0.0),
        ("temp", 0.0),
    ]


KINDS = {
    "float": pa.array([1, None, 0.5], pa.float32()),
    "double": pa.array([1, None, 0.5], pa.float64()),
    "int16": pa.array([1, None, 2], pa.int16()),
    "bool": pa.array([True, None, False]),
    "string": pa.array(["1", None, "x"]),
    "categories": pa.array(["1", None, "y"]).dictionary_encode(),
    "date": pa.array([datetime.date(2013, 1, 1), None, datetime.date(2013, 1, 2)]),
    "instant": pa.array([datetime.datetime(2013, 1, 1, 5), None, None], pa.timestamp("us", "UTC")),
    "nothing": pa.nulls(3),
}


@pytest.mark.parametrize("new", KINDS)
@pytest.mark.parametrize("old", KINDS)
def test_compares_columns_of_different_types(tmp_path, old, new):
    """Where a value is known on one side only, it changed; where neither knows it, it did not."""
    for who, kind in (("b", old), ("h", new)):
        folder = write(
            tmp_path / who / FEATURES, {MONTHS[0]: {row(number): {} for number in range(3)}}, {}
        )
        table = pq.read_table(folder / f"{MONTHS[0]}.parquet").append_column("x", KINDS[kind])
        pq.write_table(table, folder / f"{MONTHS[0]}.parquet", store_schema=False)
    found = compare_data(
        result(tmp_path / "b", RAW, FEATURES), result(tmp_path / "h"), (WHOLE, WHOLE)
    )
    assert [name for name, _ in found.columns] == (["x"] if stored(old) != stored(new) else [])
    if "nothing" in (old, new):
        kept = KINDS[new if old == "nothing" else old]
        assert found.changed_values.get("x", 0) == len(kept) - kept.null_count
    assert found.changed_values.get("x", 0) <= 2 + (
        KINDS[old].is_valid().to_pylist() != KINDS[new].is_valid().to_pylist()
    )
    if old == new:
        assert found == DataDiff()


def stored(kind: str) -> str:
    """The type that Parquet keeps: categories are text in it."""
    found = KINDS[kind].type
    return str(found.value_type if isinstance(found, pa.DictionaryType) else found)


def drifting(tmp_path: Path, windows: tuple[tuple[str, str], tuple[str, str]]) -> DataDiff:
    """Compare columns that drift from month to month and one that stays.

    They are the same in base and head.
    """
    types = {
        "still": pa.float32(),
        "slow": pa.float32(),
        "fast": pa.float32(),
        "also": pa.float32(),
    }
    side = {
        month: {
            row(n): {
                "still": n / 4,
                "slow": (n + number) / 4,
                "fast": n + 9.0 * number,
                "also": n + 9.0 * number,
            }
            for n in range(4)
        }
        for number, month in enumerate(MONTHS)
    }
    for who in "bh":
        write(tmp_path / who / FEATURES, side, types)
    return compare_data(result(tmp_path / "b", RAW, FEATURES), result(tmp_path / "h"), windows)


def test_moved_window_over_same_features_reports_drift_only(tmp_path):
    found = drifting(tmp_path, ((MONTHS[0], MONTHS[0]), (MONTHS[1], MONTHS[1])))
    moved, still = [("also", 1.0), ("fast", 1.0), ("slow", 0.25)], ("carrier", "origin", "still")
    assert list(found.drift.items()) == [*moved, *((name, 0.0) for name in still)]
    assert found == DataDiff(drift=found.drift)


def test_same_window_over_same_features_gives_empty_diff(tmp_path):
    assert drifting(tmp_path, (WHOLE, WHOLE)) == DataDiff()


@pytest.mark.parametrize(
    ("windows", "columns"),
    [
        ((WHOLE, (MONTHS[0], MONTHS[1])), (12, 8)),
        (((MONTHS[1], MONTHS[1]), WHOLE), (4, 12)),
        ((("2012-11", MONTHS[0]), (MONTHS[2], "2013-09")), (4, 4)),
    ],
)
def test_drift_is_measured_on_rows_of_training_windows(tmp_path, monkeypatch, windows, columns):
    seen = []
    monkeypatch.setattr(
        data, "effect", lambda old, new: seen.append((len(old), len(new))) or effect(old, new)
    )
    drifting(tmp_path, windows)
    assert seen == [columns] * 6


@pytest.mark.parametrize("windows", [(WHOLE, NEVER), (NEVER, WHOLE), (("", ""), WHOLE)])
def test_window_without_data_has_maximal_drift(tmp_path, windows):
    assert set(drifting(tmp_path, windows).drift.values()) == {1.0}


def test_reports_unavailable_base_data_as_unknown(tmp_path):
    write(tmp_path / "h" / FEATURES, {MONTHS[0]: {row(1): LINE}}, TYPES)
    hashes = {RAW: "1" * 32, FEATURES: "2" * 32}
    for present, lacking in (((RAW,), [FEATURES]), ((), [RAW, FEATURES])):
        base = ResultFolder(tmp_path / "none", "c" * 40, hashes, frozenset(present))
        found = compare_data(base, result(tmp_path / "h", RAW, FEATURES), (WHOLE, NEVER))
        assert found.unknown == [f"{name} of the base is not at hand" for name in lacking]
        assert (found.rows, found.columns, found.drift) == ({}, [], {})


def raw(folder: Path, files: Mapping[str, int]) -> None:
    """Raw tables with so many rows of something."""
    for name, rows in files.items():
        path = folder / RAW / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"x": list(range(rows))}), path)


def test_reports_added_removed_and_changed_raw_files(tmp_path):
    raw(
        tmp_path / "b",
        {"planes.parquet": 3, "flights/2013-01.parquet": 1200, "weather/2013-01.parquet": 5},
    )
    raw(
        tmp_path / "h",
        {"planes.parquet": 3, "flights/2013-01.parquet": 1300, "flights/2013-02.parquet": 2000},
    )
    found = compare_data(
        result(tmp_path / "b", RAW, FEATURES), result(tmp_path / "h"), (WHOLE, WHOLE)
    )
    assert found.raw == [
        ("flights/2013-01.parquet", "changed, 1,200 to 1,300 rows"),
        ("flights/2013-02.parquet", "added, 2,000 rows"),
        ("weather/2013-01.parquet", "removed, 5 rows"),
    ]


def test_reports_raw_file_changed_with_equal_row_count(tmp_path):
    for who, value in (("b", 1), ("h", 2)):
        raw(tmp_path / who, {"planes.parquet": 1})
        pq.write_table(pa.table({"x": [value] * 7}), tmp_path / who / RAW / "planes.parquet")
    found = compare_data(
        result(tmp_path / "b", RAW, FEATURES), result(tmp_path / "h"), (WHOLE, WHOLE)
    )
    assert found.raw == [("planes.parquet", "changed, 7 to 7 rows")]


def test_does_not_read_raw_files_when_hashes_match(tmp_path):
    """The hash of all of them says enough: a year of raw data is not read again for nothing."""
    base, head = (
        ResultFolder(tmp_path / who, "c" * 40, {RAW: "1" * 32}, frozenset({RAW, FEATURES}))
        for who in "bh"
    )
    raw(tmp_path / "b", {"planes.parquet": 3})
    assert compare_data(base, head, (WHOLE, WHOLE)).raw == []


def prepared(folder: Path, content: object) -> ResultFolder:
    (folder / "metrics").mkdir(parents=True)
    (folder / "metrics" / "prepare.json").write_text(json.dumps(content))
    return result(folder, RAW, FEATURES)


def test_counts_reports_exactly_the_differing_counts(tmp_path):
    base = prepared(
        tmp_path / "b",
        {"set_aside": 0, "rows": {"flights": 10, "weather": 3}, "broken_rules": {"a": 1}},
    )
    head = prepared(
        tmp_path / "h",
        {"set_aside": 2, "rows": {"flights": 10, "weather": 4}, "broken_rules": {"b": 0}},
    )
    assert data.compare_prepare_counts(base, head) == {
        "broken_rules.a": (1, None),
        "broken_rules.b": (None, 0),
        "rows.weather": (3, 4),
        "set_aside": (0, 2),
    }
    assert data.compare_prepare_counts(head, head) == {}


def test_counts_accepts_base_without_counts(tmp_path):
    head = prepared(tmp_path / "h", {"set_aside": 2})
    assert data.compare_prepare_counts(result(tmp_path / "b"), head) == {"set_aside": (None, 2)}


def test_counts_accepts_fractional_values(tmp_path):
    base = prepared(tmp_path / "b", {"share_set_aside": 0.25, "set_aside": 1})
    head = prepared(tmp_path / "h", {"share_set_aside": 0.5, "set_aside": 1})
    assert data.compare_prepare_counts(base, head) == {"share_set_aside": (0.25, 0.5)}


@pytest.mark.parametrize("who", ["b", "h"])
def test_reports_features_with_different_key_as_unknown(tmp_path, who):
    """Check features from before the template's problem was replaced.

    Their rows had other key columns, so that there is nothing to join by.
    """
    for side in "bh":
        write(tmp_path / side / FEATURES, {MONTHS[0]: {row(1): LINE}}, TYPES)
    other = tmp_path / who / FEATURES / f"{MONTHS[0]}.parquet"
    pq.write_table(pq.read_table(other).drop(["flight"]), other, store_schema=False)
    found = compare_data(
        result(tmp_path / "b", RAW, FEATURES), result(tmp_path / "h"), (WHOLE, WHOLE)
    )
    assert ("flight", {"b": "added", "h": "removed"}[who]) in found.columns
    assert found.rows == {}
    assert any(FEATURES in why for why in found.unknown)


def test_drift_without_day_column_covers_every_file(tmp_path, monkeypatch):
    monkeypatch.setattr(problem.contract, "DAY", None)
    row = {(1, "AA", 1, "EWR"): {"temp": 1.0}}
    other = {(1, "AA", 1, "EWR"): {"temp": 2.0}, (2, "AA", 2, "EWR"): {"temp": 2.0}}
    folders = [
        write(tmp_path / name, {"2013-01": rows}, {"temp": pa.float32()})
        for name, rows in (("a", row), ("b", other))
    ]
    for folder in folders:
        (folder / "2013-01.parquet").rename(folder / "all.parquet")
    assert data.compute_drift(*folders, (("", ""), ("", "")))["temp"] == 1.0
    assert data.compute_drift(folders[0], folders[0], (("", ""), ("", "")))["temp"] == 0.0
