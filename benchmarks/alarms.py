"""Measure how often monitoring reports drift in a month that has not drifted.

Every round deals the days that the model was not made with to a past of four months and one new
month. So only chance separates the new month from the past. The model is the one in the working
tree. The policy is that of `params.yaml`.
"""

import argparse
from collections import Counter
from datetime import date, timedelta

import numpy as np
import pandas as pd

from tarmac.interface.problem import problem
from tarmac.monitoring.judge import evaluate_observed_rows
from tarmac.monitoring.reference import Reference
from tarmac.monitoring.rows import ObservedRows
from tarmac.pipeline.base import months
from tarmac.pipeline.base.params import MonthWindow, SplitParams
from tarmac.pipeline.base.paths import FEATURES
from tarmac.pipeline.models.dataset import read_window
from tarmac.policy import load_all_params
from tarmac.registry.live_model import load_live_model

MONTH = 18  # days of a dealt month: five of them are in the ninety-two days of three months
SPLIT = SplitParams(
    train=MonthWindow(first="2001-01", last="2001-02"),
    validation=MonthWindow(first="2001-03", last="2001-03"),
    test=MonthWindow(first="2001-04", last="2001-04"),
)


def deal_days(
    rows: pd.DataFrame, p: np.ndarray, draw: np.random.Generator
) -> tuple[Reference, ObservedRows]:
    """The days in another order, as months of 2001."""
    places = rows.groupby(problem.contract.DAY).indices
    order = draw.permutation(list(places))
    parts = []
    for number in range(5):
        first = date(2001, number + 1, 1)
        for offset, day in enumerate(order[number * MONTH : (number + 1) * MONTH]):
            at = places[day]
            parts.append(
                (
                    number,
                    rows.iloc[at].assign(**{problem.contract.DAY: first + timedelta(days=offset)}),
                    p[at],
                )
            )
    before, _ = join_months(parts, {0, 1, 2, 3})
    evaluated, evaluated_p = join_months(parts, {2, 3})
    new, new_p = join_months(parts, {4})
    observed = ObservedRows(new, new_p, date(2001, 5, 1), date(2001, 5, MONTH), whole=True)
    return Reference(before, SPLIT, evaluated, evaluated_p), observed


def join_months(
    parts: list[tuple[int, pd.DataFrame, np.ndarray]], numbers: set[int]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows and predictions of some months, whose number each part begins with."""
    kept = [(part, p) for number, part, p in parts if number in numbers]
    rows = pd.concat([part for part, _ in kept], ignore_index=True)
    return rows, np.concatenate([p for _, p in kept])


def main() -> None:
    """Print how often each verdict was given, and by which checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    rounds, params, model = parser.parse_args().rounds, load_all_params(), load_live_model()
    last = months.list_stored_months(FEATURES)[-1]
    rows = read_window(FEATURES, MonthWindow(first=model.split.validation.first, last=last))
    p, draw = model.scorer.score(rows), np.random.default_rng(7)
    verdicts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for _ in range(rounds):
        known, observed = deal_days(rows, p, draw)
        outcome = evaluate_observed_rows(observed, known, SPLIT, params)
        verdicts[outcome.verdict] += 1
        kinds.update({check.kind for check in outcome.checks if check.outcome == "critical"})
    print(
        f"{rounds} months without drift: "
        + ", ".join(f"{name} {count}" for name, count in sorted(verdicts.items()))
    )
    print(
        "critical by " + (", ".join(f"{name} {count}" for name, count in kinds.items()) or "none")
    )


if __name__ == "__main__":
    main()
