"""Feature tables in memory: the right months, the right columns, only rows with a label."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import MonthWindow
from tarmac.pipeline.models.dataset import ModelInputs, read_window, require_labeled_rows
from tests.tarmac.pipeline.sample import GROUPS


@pytest.fixture
def folder(tmp_path):
    for month in ("2012-11", "2012-12", "2013-01", "2013-02", "2013-04"):
        pd.DataFrame({"month": [month, month], "x": [1.0, 2.0]}).to_parquet(
            tmp_path / f"{month}.parquet"
        )
    return tmp_path


def test_reads_exactly_months_of_window_in_order(folder):
    read = read_window(folder, MonthWindow(first="2012-12", last="2013-02"))
    assert list(read["month"]) == ["2012-12", "2012-12", "2013-01", "2013-01", "2013-02", "2013-02"]
    assert list(read.index) == list(range(6))


def test_reads_only_requested_columns(folder):
    assert list(
        read_window(folder, MonthWindow(first="2013-01", last="2013-01"), ["x"]).columns
    ) == ["x"]


def test_reports_missing_month_by_name(folder):
    with pytest.raises(UserError, match=r"2013-03\.parquet is missing"):
        read_window(folder, MonthWindow(first="2013-01", last="2013-04"))


def test_reports_truncated_month_by_name(folder):
    path = folder / "2013-01.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"2013-01\.parquet is not a complete Parquet file"):
        read_window(folder, MonthWindow(first="2012-12", last="2013-02"))


def test_drops_unlabelled_rows_and_keeps_labels_aligned():
    table = pd.DataFrame(
        {problem.contract.TARGET: [1.0, np.nan, 0.0, np.nan, 1.0], "row": [0, 1, 2, 3, 4]},
        index=[9, 8, 7, 6, 5],
    )
    rows, labels = require_labeled_rows(table)
    assert list(zip(rows["row"], labels, strict=True)) == [(0, 1), (2, 0), (4, 1)]
    assert list(rows.index) == [0, 1, 2]
    assert labels.dtype == np.int8


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1, 1, None], "2 labeled rows have 1 class"),
        ([0], "have 1 class"),
        ([None, None], "0 labeled rows"),
    ],
)
def test_rejects_labels_with_fewer_than_two_classes(values, told):
    with pytest.raises(UserError, match=told):
        require_labeled_rows(
            pd.DataFrame({problem.contract.TARGET: pd.array(values, dtype="Int8")})
        )


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(GROUPS), min_size=1).flatmap(
        lambda groups: st.permutations(groups).map(lambda other: (groups, other))
    )
)
def test_the_inputs_do_not_depend_on_the_order_of_the_groups(both):
    groups, other = both
    inputs = ModelInputs.from_groups(groups)
    assert inputs == ModelInputs.from_groups(other) == ModelInputs.from_groups([*other, *groups])
    assert len(set(inputs.names)) == len(inputs.names)
    assert set(inputs.names) == {
        name for group in groups for name in problem.contract.FEATURES[group]
    }
    assert inputs.names == [*inputs.categories, *inputs.numbers]
    assert set(inputs.categories) == set(inputs.names) & set(problem.contract.CATEGORICAL)


def test_inputs_exclude_label_and_non_categorical_keys():
    assert not {problem.contract.TARGET, *problem.contract.KEY} - set(
        problem.contract.CATEGORICAL
    ) & set(ModelInputs.from_groups(GROUPS).names)
