"""The feature table as a whole has the right rows in the right order.

A month needs only the month before it.
"""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from flights.contract.columns import CATEGORICAL, FEATURES, feature_names
from flights.contract.params import Params
from flights.features.table import LOOKBACK_DAYS
from tarmac.pipeline.base.months import compute_month_bounds, select_lookback_months
from tests.flights import real
from tests.flights.data.stored import MONTHS
from tests.flights.features import samples
from tests.flights.featurizer import Featurizer, flights_of

LONGEST_LEAD = 24  # hours: it reaches back furthest
NUMBERS = [name for name in feature_names(list(FEATURES)) if name not in CATEGORICAL]


def test_longest_lead_is_the_allowed_maximum() -> None:
    Params(lead_hours=LONGEST_LEAD, late_minutes=15)
    with pytest.raises(ValueError, match="lead_hours"):
        Params(lead_hours=LONGEST_LEAD + 1, late_minutes=15)


@pytest.mark.slow
def test_month_computed_alone_equals_month_of_whole_year() -> None:
    """One run over the year, two over a month and the one before: the same to the last digit."""
    featurizer = Featurizer(lead_hours=LONGEST_LEAD)
    year = featurizer.features(real.tables(*MONTHS), (date(2013, 1, 1), date(2014, 1, 1)))
    assert len(year) == sum(real.raw(f"flights/{month}").num_rows for month in MONTHS)
    for month in ("2013-03", "2013-09"):
        first, after = compute_month_bounds(month)
        reach = select_lookback_months(month, LOOKBACK_DAYS, list(MONTHS))
        assert len(reach) == 2
        alone = featurizer.features(real.tables(*reach), (first, after))
        together = year[(year["day"] >= first) & (year["day"] < after)].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, together, check_exact=True)


@pytest.mark.slow
def test_result_is_independent_of_input_row_order() -> None:
    """Files are read by several threads: the bytes must not depend on which is first."""
    first, after = compute_month_bounds(samples.MONTHS[-1])
    period = (first, first + timedelta(days=2))
    tables = real.tables(*samples.MONTHS)
    draw = np.random.default_rng(7)
    shuffled = {name: table.take(draw.permutation(len(table))) for name, table in tables.items()}
    found = [Featurizer().features(rows, period) for rows in (tables, shuffled)]
    pd.testing.assert_frame_equal(*found, check_exact=True)
    month = samples.month(2, 15)[0]
    pd.testing.assert_frame_equal(found[0], month[month["day"] < period[1]], check_exact=True)
    assert found[0]["day"].nunique() == 2
    assert after > period[1]


def test_rows_are_the_flights_of_the_period_in_a_fixed_order() -> None:
    found, _, flights = samples.month(2, 15)
    order = ["day", "origin", "sched_dep", "carrier", "flight"]
    placed = found[["day", "origin", "carrier", "flight"]].merge(
        flights, on=["day", "origin", "carrier", "flight"]
    )
    assert placed[order].equals(
        flights_of(real.tables(samples.MONTHS[-1]), compute_month_bounds(samples.MONTHS[-1]))[order]
    )


def test_numbers_are_float32_and_finite_or_missing() -> None:
    found = samples.month(2, 15)[0]
    assert set(found[NUMBERS].dtypes.astype(str)) == {"float32"}
    assert not np.isinf(found[NUMBERS].to_numpy()).any()
    assert found[list(CATEGORICAL)].notna().all(axis=None)
