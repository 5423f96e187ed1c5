"""Rows that declared columns allow."""

import pandas as pd
import pytest

from tarmac.pipeline.prepare.validation import validate_table
from tarmac.tabular import schema as declared
from tarmac.tabular.columns import Number


@pytest.mark.parametrize(
    ("column", "valid"),
    [
        (Number(), [-1.0, 0.0, 9.0]),
        (Number(low=0), [0.0, 9.0]),
        (Number(high=5), [-1.0, 0.0]),
        (Number(0, 5), [0.0]),
    ],
)
def test_number_is_finite_and_within_the_bounds_that_it_has(column, valid) -> None:
    inf = float("inf")
    frame = pd.DataFrame({"key": range(5), "size": [-1.0, 0.0, 9.0, inf, -inf]})
    frame = frame.astype({"key": "int64[pyarrow]", "size": "float64[pyarrow]"})
    columns = {"key": Number(whole=True), "size": column}
    schema = declared.schema(columns, ["key"], None, None)
    kept, _ = validate_table(frame, schema, ["key"], frozenset())
    assert kept["size"].tolist() == valid
