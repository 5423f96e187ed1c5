"""A feed that broke is told from a season that changed."""

import numpy as np
import pandas as pd
import pytest

from tarmac.monitoring.feed import Feed, Health


def healthy(before: object, after: object, dtype: str = "float32", months: int = 1) -> Health:
    values = pd.Series(before, dtype=dtype, name="x")
    month = np.repeat(range(months), len(values) // months)
    return Feed(values, month).health(pd.Series(after, dtype=dtype))


def test_missing_unknown_or_lost_values_are_counted_with_others():
    found = healthy(["a"] * 60 + ["b"] * 40, ["a"] * 30 + ["new"] * 20 + [None] * 50, "str")
    assert (found.missing, found.unknown, found.gone, found.missing_before) == (0.5, 0.2, 0.4, 0)
    numbers = healthy([1.0, 2.0, 3.0, None], [None, None, 1.0, 2.0])
    assert (numbers.missing, numbers.missing_before, numbers.unknown, numbers.gone) == (0.5, 0.25, 0, 0)


def test_one_bad_month_before_is_averaged_away():
    assert healthy([1.0] * 8 + [None, None, 2.0, 3.0], [1.0], months=3).missing_before == 0.5


@pytest.mark.parametrize(("values", "stuck"), [([5.0] * 200, True), ([5.0] * 199 + [6.0], False), ([None] * 9, False)])
def test_a_sensor_that_stands_still_is_not_seen(values, stuck):
    assert healthy(np.arange(1000), values).stuck is stuck


def test_a_flag_that_is_always_off_in_a_month_is_a_broken_sensor():
    assert not healthy([0.0] * 990 + [1.0] * 10, [0.0] * 500).stuck


def test_spring_after_winter_is_another_unit_and_celsius_is_none():
    draw = np.random.default_rng(1)
    winter_to_april = np.concatenate([draw.normal(mean, 8, 3_000) for mean in (30, 35, 42, 53)])
    may, july = draw.normal(62, 8, 3_000), draw.normal(77, 8, 3_000)
    assert healthy(winter_to_april, may, months=4).apart < 0.6
    assert healthy(winter_to_april, july, months=4).apart > 0.8  # two months were left out: somebody should look
    december = (draw.normal(38, 8, 3_000) - 32) / 1.8
    assert healthy(winter_to_april, december, months=4).apart > 0.85


def test_a_new_input_without_any_value_before_breaks_the_watch():
    found = healthy([None] * 50, [1.0, 2.0])
    assert (found.missing, found.missing_before, found.apart) == (0, 1, 0)
    assert healthy([1.0, 2.0], [None] * 20).missing == 1


def test_a_category_that_chance_leaves_out_is_gone():
    levels = [f"town {n}" for n in range(300)]
    assert healthy(levels * 10, levels[:250], "str").gone == 0


def test_products_that_come_and_go_are_broken_data_or_a_lost_shop_is_not():
    """Each month has twelve products, two of them new; where all rows are of one product, the others are lost."""
    months = [[f"product {month * 2 + place}" for place in range(12)] * 20 for month in range(8)]
    before, last = np.concatenate(months[:7]), months[7]
    found = healthy(before, last, "str", months=7)
    assert (found.unknown, found.unknown_before) == (pytest.approx(1 / 6), pytest.approx(1 / 6))
    assert found.gone - found.gone_before < 0.05
    lost = healthy(before, ["product 18"] * 240, "str", months=7)
    assert lost.gone - lost.gone_before > 0.2


def test_a_calendar_is_a_broken_sensor():
    months = np.repeat(np.arange(1.0, 6.0), 200)
    found = healthy(months, [6.0] * 200, months=5)
    assert (found.stuck, found.apart) == (False, 0)


def test_some_days_in_another_unit_are_usual_ones_or_usual_ones_are_not():
    draw = np.random.default_rng(1)
    feed = Feed(pd.Series(draw.normal(40, 8, 3_000)), np.repeat(range(3), 1_000))
    days = pd.Series(draw.normal(55, 2, 200))
    assert feed.health(days, whole=False).apart < 0.1
    assert feed.health(days * 60, whole=False).apart == 1
