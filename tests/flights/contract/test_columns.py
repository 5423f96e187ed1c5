"""Names: unambiguous, complete, and in one order whatever order is asked for."""

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

SHAPES = {name: ibis.table(ibis.Schema.from_pyarrow(schema), name=name) for name, schema in SCHEMAS.items()}


def test_no_two_names_are_equal_to_an_engine_that_ignores_case() -> None:
    names = [*feature_names(list(FEATURES)), *(name for name in KEY if name not in CATEGORICAL), TARGET]
    assert len({name.casefold() for name in names}) == len(names)


def test_groups_are_the_same_wherever_they_are_listed() -> None:
    assert tuple(FEATURES) == tuple(GROUPS) == get_args(Group)


@given(st.lists(st.sampled_from(list(FEATURES)), unique=True))
def test_order_of_names_does_not_depend_on_the_order_of_groups(groups: list[str]) -> None:
    names = feature_names(groups)
    assert names == feature_names(sorted(groups)) == [name for name in feature_names(list(FEATURES)) if name in names]
    assert set(names) == set(chain.from_iterable(FEATURES[group] for group in groups))


def test_texts_are_features_and_the_key_is_of_known_columns() -> None:
    assert set(CATEGORICAL) < set(feature_names(list(FEATURES)))
    assert set(KEY) < set(SCHEMAS["flights"].names)
    assert CLUSTER in KEY
    assert TARGET not in feature_names(list(FEATURES))


def test_every_raw_table_is_named_and_monthly_or_whole() -> None:
    assert set(TABLES) == set(RAW_TYPES)
    assert set(MONTHLY).isdisjoint(LOOKUPS)
    assert {*MONTHLY, *LOOKUPS} <= set(TABLES)


@pytest.mark.parametrize("group", GROUPS)
def test_group_looks_up_exactly_the_features_of_its_name(group: str) -> None:
    known = seen(SHAPES, PARAMS)
    before = {*known.flights.columns, *(name for lookup in aircraft.lookups(known) for name in lookup.values)}
    found = {*tiny.columns(GROUPS[group], known).columns}
    assert {*FEATURES[group]} <= found
    if group != "aircraft":
        assert found - before - {"plane_age"} == {*FEATURES[group]} - before
    assert FEATURES[group] == GROUPS[group].COLUMNS


def test_no_two_lookups_have_a_name_or_a_value_in_common() -> None:
    found = lookups(seen(SHAPES, PARAMS))
    assert len({lookup.name for lookup in found}) == len(found)
    values = [name for lookup in found for name in lookup.values]
    assert len(set(values)) == len(values)


def test_feature_table_has_the_key_the_texts_float_numbers_and_the_target() -> None:
    found = features(SHAPES, PARAMS).schema()
    numbers = [name for name in feature_names(list(FEATURES)) if name not in CATEGORICAL]
    assert list(found) == [*KEY, *(name for name in CATEGORICAL if name not in KEY), *numbers, TARGET]
    assert {str(found[name]) for name in numbers} == {"float32"}
    assert {str(found[name]) for name in CATEGORICAL} == {"string"}
