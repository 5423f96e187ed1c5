"""A changed future for independent rows: the same rows with their labels shuffled."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tarmac.tabular import future


@given(st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=30), st.integers(0, 2**48))
def test_keeps_rows_types_and_multiset_of_labels(labels, seed):
    rows = pa.table({"key": pa.array(range(len(labels))), "label": pa.array(labels, pa.int8())})
    other = future.hide(rows, "label", seed)
    assert other.schema == rows.schema
    assert other["key"] == rows["key"]
    assert sorted(map(str, other["label"].to_pylist())) == sorted(map(str, labels))


def test_shuffles_labels():
    rows = pa.table({"label": pa.array(range(100))})
    assert future.hide(rows, "label", 7) != rows
