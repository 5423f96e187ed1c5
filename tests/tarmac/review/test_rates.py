"""Error rates of the policy on simulated days.

The day has a random effect on outcomes and on each model.
"""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from tarmac.pipeline.base.params import IntervalParams
from tarmac.policy import MetricPolicy
from tarmac.review import verdict
from tarmac.review.compare import compare_metrics, pair_predictions
from tests.needs import times
from tests.tarmac.review.predicted import chance, predictions

pytestmark = pytest.mark.repeated

CASES, DAYS = times(40, 1000), 40
SIZES = np.random.default_rng(1).integers(60, 141, DAYS)
PARAMS = IntervalParams(confidence=0.95, resamples=150, seed=7)
POLICY = {
    "roc_auc": MetricPolicy(better="higher", max_regression=0.01, worst_allowed=0),
    "log_loss": MetricPolicy(better="lower", max_regression=0.01, worst_allowed=9),
}
# How far every model errs by itself: by the row and, alike for all rows of a day, by the day.
OWN = 0.05
# How much further than that base and head err, by the row.
WORSE, EQUAL, BETTER, JUST_WORSE = (0.05, 0.42), (0.1, 0.1), (0.42, 0.05), (0.05, 0.34)
Sides = tuple[float, float]


def simulated(
    sizes: np.ndarray, errs: Sides, seed: int
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Return labels, the predictions of base and head, and the day of each row.

    What both know is the same, their noise is not.
    """
    draw = np.random.default_rng(seed)
    day = np.repeat(np.arange(len(sizes)), sizes)
    mood, known = draw.normal(0, 0.5, len(sizes))[day], draw.normal(size=len(day))
    y = draw.random(len(day)) < chance(known + mood + draw.normal(0, 0.7, len(day)))

    def answers(err: float) -> np.ndarray:
        by_day = draw.normal(0, OWN, len(sizes))[day]
        return chance(known + by_day + draw.normal(0, np.hypot(OWN, err), len(day)))

    return y, [answers(err) for err in errs], day


@cache
def gain(errs: Sides) -> dict[str, float]:
    """What head truly gains (positive is better), on two hundred times as many days."""
    y, (before, after), _ = simulated(np.resize(SIZES, 200 * DAYS), errs, seed=10**6)
    return {
        "roc_auc": float(roc_auc_score(y, after) - roc_auc_score(y, before)),
        "log_loss": float(log_loss(y, before) - log_loss(y, after)),
    }


@cache
def judged(errs: Sides) -> list[dict[str, verdict.ReviewCheck]]:
    """What the policy says of every metric, in so many cases."""
    cases = []
    for seed in range(CASES):
        y, answers, day = simulated(SIZES, errs, seed)
        base, head = (predictions(y, p, day) for p in answers)
        changes = compare_metrics(list(POLICY), head, pair_predictions(base, head), PARAMS)
        cases.append(
            {
                change.name: verdict.evaluate_metric(change, POLICY[change.name])
                for change in changes
            }
        )
    return cases


@pytest.mark.parametrize(
    ("errs", "outcome", "reason", "least"),
    [
        pytest.param(
            WORSE, "fail", "", 95, id="truly worse by 1.6 times the allowed regression: failed"
        ),
        pytest.param(
            JUST_WORSE,
            "fail",
            "",
            90,
            id="truly worse by the allowed regression: failed, for it is not ruled out",
        ),
        pytest.param(EQUAL, "pass inconclusive", "", 95, id="equal, with other noise: not failed"),
        pytest.param(EQUAL, "inconclusive", "", 90, id="equal: called neither better nor worse"),
        pytest.param(BETTER, "pass inconclusive", "", 95, id="truly better: not failed"),
        pytest.param(
            BETTER,
            "pass",
            "better",
            90,
            id="truly better by 1.6 times the allowed regression: called so",
        ),
    ],
)
def test_policy_decides_correctly_at_required_rate(errs, outcome, reason, least):
    """Check how often the policy decides correctly.

    A case counts if every metric has the expected outcome. The whole verdict fails at least as
    often as each metric.
    """
    cases = judged(errs)
    told = {name: Counter(checks[name].reason for checks in cases) for name in POLICY}
    right = sum(
        all(c.outcome in outcome and c.reason.startswith(reason) for c in case.values())
        for case in cases
    )
    gains = ", ".join(f"{name} {value:+.4f}" for name, value in gain(errs).items())
    assert right >= least * CASES / 100, (
        f"right in {right} of {CASES}, where the true gain is {gains}: {told}"
    )


@pytest.mark.parametrize(
    ("errs", "times"), [(WORSE, -1.6), (JUST_WORSE, -1), (EQUAL, 0), (BETTER, 1.6)]
)
def test_simulated_models_differ_by_stated_amount(errs, times):
    wanted = {
        name: pytest.approx(times * policy.max_regression, abs=0.0025)
        for name, policy in POLICY.items()
    }
    assert gain(errs) == wanted
