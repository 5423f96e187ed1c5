"""Feature names: unambiguous, complete, and in one fixed order."""

from itertools import chain
from typing import get_args

import ibis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flights.contract.columns import (
    CATEGORICAL,
    CLUSTER,
    FEATURES,
    KEY,
    LOOKUPS,
    MONTHLY,
    TABLES,
    TARGET,
    Group,
    feature_names,
)
from flights.features import aircraft
from flights.features.table import GROUPS, features, lookups, seen
from flights.tables.raw import RAW_TYPES
from tests.flights.features import tiny
from tests.flights.features.tiny import PARAMS, SCHEMAS

SHAPES = {
    name: ibis.table(ibis.Schema.from_pyarrow(schema), name=name)
    for name, schema in SCHEMAS.items()
}


def test_names_are_unique_ignoring_case() -> None:
    names = [
        *feature_names(list(FEATURES)),
        *(name for name in KEY if name not in CATEGORICAL),
        TARGET,
    ]
    assert len({name.casefold() for name in names}) == len(names)


def test_groups_are_the_same_wherever_they_are_listed() -> None:
    assert tuple(FEATURES) == tuple(GROUPS) == get_args(Group)


@given(st.lists(st.sampled_from(list(FEATURES)), unique=True))
def test_order_of_names_does_not_depend_on_the_order_of_groups(groups: list[str]) -> None:
    names = feature_names(groups)
    assert (
        names
        == feature_names(sorted(groups))
        == [name for name in feature_names(list(FEATURES)) if name in names]
    )
    assert set(names) == set(chain.from_iterable(FEATURES[group] for group in groups))


def test_key_columns_exist_and_text_columns_are_features() -> None:
    assert set(CATEGORICAL) < set(feature_names(list(FEATURES)))
    assert set(KEY) < set(SCHEMAS["flights"].names)
    assert CLUSTER in KEY
    assert TARGET not in feature_names(list(FEATURES))


def test_tables_match_raw_types_and_monthly_excludes_lookups() -> None:
    assert set(TABLES) == set(RAW_TYPES)
    assert set(MONTHLY).isdisjoint(LOOKUPS)
    assert {*MONTHLY, *LOOKUPS} <= set(TABLES)


@pytest.mark.parametrize("group", GROUPS)
def test_group_computes_exactly_its_declared_features(group: str) -> None:
    known = seen(SHAPES, PARAMS)
    before = {
        *known.flights.columns,
        *(name for lookup in aircraft.lookups(known) for name in lookup.values),
    }
    found = {*tiny.columns(GROUPS[group], known).columns}
    assert {*FEATURES[group]} <= found
    if group != "aircraft":
        assert found - before - {"plane_age"} == {*FEATURES[group]} - before
    assert FEATURES[group] == GROUPS[group].COLUMNS


def test_lookups_share_no_name_or_value() -> None:
    found = lookups(seen(SHAPES, PARAMS))
    assert len({lookup.name for lookup in found}) == len(found)
    values = [name for lookup in found for name in lookup.values]
    assert len(set(values)) == len(values)


def test_feature_table_has_expected_columns_and_types() -> None:
    found = features(SHAPES, PARAMS).schema()
    numbers = [name for name in feature_names(list(FEATURES)) if name not in CATEGORICAL]
    assert list(found) == [
        *KEY,
        *(name for name in CATEGORICAL if name not in KEY),
        *numbers,
        TARGET,
    ]
    assert {str(found[name]) for name in numbers} == {"float32"}
    assert {str(found[name]) for name in CATEGORICAL} == {"string"}
