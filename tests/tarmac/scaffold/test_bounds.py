"""Bounds that a table suggests."""

import numpy as np
import pytest

from tarmac.scaffold.bounds import round_bound
from tarmac.scaffold.infer import ProblemRequest, infer_column, infer_problem
from tarmac.tabular.columns import Number
from tests.tarmac.scaffold.tables import table, texts


@pytest.mark.parametrize(
    ("rare", "low", "high"), [((), 0, 60), ((-5,), None, 60), ((9e9,), 0, None)]
)
def test_bound_that_a_row_breaks_is_no_rule(rare, low, high) -> None:
    found = infer_column(texts(*np.linspace(10, 20, 198), *rare))
    assert found.low == low
    assert found.high is high is None or found.high <= high


def test_target_has_no_bounds_and_far_values_are_noted() -> None:
    usual = [*np.linspace(10, 20, 198), -3, -5]
    found = infer_problem(table(area=usual, y=usual), ProblemRequest("y"))
    assert found.columns["y"] == Number(missing=True)
    assert found.columns["area"].low is None
    (note,) = [note for note in found.notes if "far from the others" in note]
    assert "area (2 of 200, such as -5); write a bound in columns.py" in note


@pytest.mark.parametrize(
    ("value", "low", "high"), [(123.4, 120, 130), (-123.4, -130, -120), (0.0457, 0.045, 0.046)]
)
def test_bounds_are_rounded_outwards_to_two_digits(value, low, high) -> None:
    assert (round_bound(value, np.floor), round_bound(value, np.ceil)) == (low, high)
