"""Feed health: a broken feed is distinguished from a change of season."""

import numpy as np
import pandas as pd
import pytest

from tarmac.monitoring.feed import InputHealth, InputHistory


def healthy(before: object, after: object, dtype: str = "float32", months: int = 1) -> InputHealth:
    values = pd.Series(before, dtype=dtype, name="x")
    month = np.repeat(range(months), len(values) // months)
    return InputHistory(values, month).compute_health(pd.Series(after, dtype=dtype))


def test_missing_unknown_and_gone_values_are_counted_separately():
    found = healthy(["a"] * 60 + ["b"] * 40, ["a"] * 30 + ["new"] * 20 + [None] * 50, "str")
    assert (found.missing, found.unknown, found.gone, found.missing_before) == (0.5, 0.2, 0.4, 0)
    numbers = healthy([1.0, 2.0, 3.0, None], [None, None, 1.0, 2.0])
    assert (numbers.missing, numbers.missing_before, numbers.unknown, numbers.gone) == (
        0.5,
        0.25,
        0,
        0,
    )


def test_previous_missing_share_is_that_of_worst_month():
    assert healthy([1.0] * 8 + [None, None, 2.0, 3.0], [1.0], months=3).missing_before == 0.5


@pytest.mark.parametrize(
    ("values", "stuck"), [([5.0] * 200, True), ([5.0] * 199 + [6.0], False), ([None] * 9, False)]
)
def test_detects_sensor_stuck_at_one_value(values, stuck):
    assert healthy(np.arange(1000), values).stuck is stuck


def test_flag_that_is_off_for_whole_month_is_not_stuck():
    assert not healthy([0.0] * 990 + [1.0] * 10, [0.0] * 500).stuck


def test_next_season_is_near_and_unit_change_is_far():
    draw = np.random.default_rng(1)
    winter_to_april = np.concatenate([draw.normal(mean, 8, 3_000) for mean in (30, 35, 42, 53)])
    may, july = draw.normal(62, 8, 3_000), draw.normal(77, 8, 3_000)
    assert healthy(winter_to_april, may, months=4).apart < 0.6
    # Two months were left out: somebody should look.
    assert healthy(winter_to_april, july, months=4).apart > 0.8
    december = (draw.normal(38, 8, 3_000) - 32) / 1.8
    assert healthy(winter_to_april, december, months=4).apart > 0.85


def test_handles_input_without_any_value_before_or_now():
    found = healthy([None] * 50, [1.0, 2.0])
    assert (found.missing, found.missing_before, found.apart) == (0, 1, 0)
    assert healthy([1.0, 2.0], [None] * 20).missing == 1


def test_category_left_out_by_chance_is_not_gone():
    levels = [f"town {n}" for n in range(300)]
    assert healthy(levels * 10, levels[:250], "str").gone == 0


def test_category_turnover_is_usual_and_loss_of_most_is_not():
    """Check months of twelve products each, two of them new.

    If all rows are of one product, the other products are lost.
    """
    months = [[f"product {month * 2 + place}" for place in range(12)] * 20 for month in range(8)]
    before, last = np.concatenate(months[:7]), months[7]
    found = healthy(before, last, "str", months=7)
    assert (found.unknown, found.unknown_before) == (pytest.approx(1 / 6), pytest.approx(1 / 6))
    assert found.gone - found.gone_before < 0.05
    lost = healthy(before, ["product 18"] * 240, "str", months=7)
    assert lost.gone - lost.gone_before > 0.2


def test_calendar_input_is_neither_stuck_nor_far():
    months = np.repeat(np.arange(1.0, 6.0), 200)
    found = healthy(months, [6.0] * 200, months=5)
    assert (found.stuck, found.apart) == (False, 0)


def test_detects_unit_change_within_days_and_not_usual_days():
    draw = np.random.default_rng(1)
    feed = InputHistory(pd.Series(draw.normal(40, 8, 3_000)), np.repeat(range(3), 1_000))
    days = pd.Series(draw.normal(55, 2, 200))
    assert feed.compute_health(days, whole=False).apart < 0.1
    assert feed.compute_health(days * 60, whole=False).apart == 1
