"""Comparison: rows are matched by key.

Both models are evaluated on the same rows with head's labels.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK, TASKS, IntervalParams
from tarmac.pipeline.intervals import delong
from tarmac.pipeline.intervals.bootstrap import draw_weights
from tarmac.pipeline.metrics import metrics
from tarmac.review.compare import (
    Pairing,
    SliceChange,
    compare_metrics,
    compare_slices,
    compute_baseline_gain,
    compute_delong_interval,
    pair_predictions,
)
from tests.tarmac.pipeline.cases import made
from tests.tarmac.pipeline.intervals.test_bootstrap import PLAIN
from tests.tarmac.review.predicted import drawn, of_kind, predictions

METRICS = tuple(TASK.metrics)
PARAMS = IntervalParams(confidence=0.9, resamples=100, seed=3)
ORACLE = {
    "roc_auc": roc_auc_score,
    "average_precision": average_precision_score,
    "log_loss": log_loss,
    "brier": brier_score_loss,
    "calibration_error": lambda y, p: metrics.compute_calibration_error(
        np.asarray(y), np.asarray(p), 15
    ),
}
LINES = st.tuples(st.booleans(), st.floats(0, 1, width=32))
SIDES = st.lists(st.tuples(st.integers(0, 9), LINES), max_size=12, unique_by=lambda line: line[0])


def table(lines: list[tuple[int, tuple[bool, float]]]) -> pd.DataFrame:
    """One row a line: its number is its key, in two of the key's four columns."""
    found = predictions(
        np.array([late for _, (late, _) in lines], dtype="int8"),
        np.array([p for _, (_, p) in lines], dtype="float32"),
        np.array([number // 4 for number, _ in lines], dtype=int),
    )
    return found.assign(flight=np.array([number % 4 for number, _ in lines], dtype="int16"))


@given(SIDES, SIDES)
def test_pair_matches_rows_by_key_and_counts_every_group(before, after):
    pairing = pair_predictions(table(before), table(after))
    old, new = dict(before), dict(after)
    both = old.keys() & new.keys()
    assert pairing.counts == {
        "common": len(both),
        "only_base": len(old) - len(both),
        "only_head": len(new) - len(both),
        "relabelled": sum(old[key][0] != new[key][0] for key in both),
    }
    rows = pairing.rows
    days = (
        (pd.to_datetime(rows["day"]) - pd.Timestamp("2013-11-01")).dt.days
        if len(rows)
        else rows["day"]
    )
    keys = [4 * int(day) + int(flight) for day, flight in zip(days, rows["flight"], strict=True)]
    assert sorted(keys) == sorted(both)
    found = zip(keys, rows["late"], rows["probability"], rows["base_probability"], strict=True)
    assert [
        line for line in found if line[1:] != (new[line[0]][0], new[line[0]][1], old[line[0]][1])
    ] == []


@pytest.mark.parametrize("column", problem.contract.KEY)
def test_rows_that_differ_in_any_key_column_do_not_match(column):
    head = drawn(20, 3, seed=1)
    other = {
        "day": head["day"] + pd.Timedelta(days=90),
        "carrier": "ZZ",
        "flight": head["flight"] + 100,
        "origin": "Z",
    }
    assert pair_predictions(head.assign(**{column: other[column]}), head).counts["common"] == 0
    assert pair_predictions(head, head).counts == {
        "common": 20,
        "only_base": 0,
        "only_head": 0,
        "relabelled": 0,
    }


@pytest.mark.parametrize("side", ["base", "head", "both"])
def test_rejects_duplicate_keys_on_either_side(side):
    rows = drawn(10, 3, seed=2)
    twice = pd.concat([rows, rows.iloc[3:4].assign(probability=0.5)], ignore_index=True)
    with pytest.raises(UserError, match="not unique"):
        pair_predictions(rows if side == "head" else twice, rows if side == "base" else twice)


def test_rejects_key_column_of_another_type():
    rows = drawn(10, 3, seed=2)
    with pytest.raises(UserError, match=r"cannot be joined by their key.*'flight'") as caught:
        pair_predictions(rows, rows.astype({"flight": "str"}))
    assert "concat" not in str(caught.value)
    assert "`make review BASE=COMMIT`" in caught.value.hint


def test_without_base_there_are_no_common_rows():
    head = drawn(30, 4, seed=3)
    pairing = pair_predictions(None, head)
    assert pairing.counts == {"common": 0, "only_base": 0, "only_head": 30, "relabelled": 0}
    assert {*head.columns, "base_probability"} <= set(pairing.rows)


@pytest.mark.parametrize("seed", range(3))
def test_comparison_ignores_row_order(seed):
    base, head = (drawn(400, 12, seed=4), drawn(400, 12, seed=4))
    base["probability"] = np.clip(base["probability"] * 0.8 + 0.1, 0, 1)
    shuffled = base.sample(frac=1, random_state=seed).reset_index(drop=True)
    found, other = (
        compare_metrics(list(METRICS), head, pair_predictions(side, head), PARAMS)
        for side in (base, shuffled)
    )
    assert found == other
    assert compare_slices(head, pair_predictions(base, head), 50, PARAMS) == compare_slices(
        head, pair_predictions(shuffled, head), 50, PARAMS
    )


@pytest.fixture(scope="module")
def sides() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two tables with most rows in common.

    Base knows less, some of its labels differ, and some rows are its own.
    """
    head = drawn(900, 20, seed=5)
    draw = np.random.default_rng(6)
    base = head.assign(
        probability=np.clip(head["probability"] + draw.normal(0, 0.2, 900), 0, 1).astype("float32")
    )
    base["late"] = np.where(draw.random(900) < 0.1, 1 - head["late"], head["late"]).astype("int8")
    return base.iloc[100:].reset_index(drop=True), head.iloc[:800].reset_index(drop=True)


def common(
    sides: tuple[pd.DataFrame, pd.DataFrame],
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Head's common rows with its labels and both probabilities, by position and not by a join."""
    base, head = sides
    rows = head.iloc[100:].reset_index(drop=True)
    return (
        rows,
        rows["late"].to_numpy(),
        base["probability"].to_numpy()[:700],
        rows["probability"].to_numpy(),
    )


@pytest.mark.parametrize("name", METRICS)
def test_metrics_match_scikit_learn_with_labels_of_head(sides, name):
    (change,) = compare_metrics([name], sides[1], pair_predictions(*sides), PARAMS)
    _, y, before, after = common(sides)
    oracle = ORACLE[name]
    assert change.name == name
    whole = oracle(sides[1]["late"], sides[1]["probability"].astype("float64"))
    assert change.whole == pytest.approx(whole, abs=1e-12)
    assert change.base == pytest.approx(oracle(y, before.astype("float64")), abs=1e-12)
    assert change.head == pytest.approx(oracle(y, after.astype("float64")), abs=1e-12)
    assert change.difference.value == change.head - change.base != 0
    assert change.whole != change.head


def by_resampling(
    name: str, rows: pd.DataFrame, sides: list[np.ndarray], params: IntervalParams
) -> np.ndarray:
    """Return the ends of the interval of a difference.

    Whole days are resampled, and both sides are evaluated on the rows of one draw.
    """
    day, count = (
        pd.factorize(rows[problem.contract.CLUSTER])[0],
        rows[problem.contract.CLUSTER].nunique(),
    )
    draws = []
    for weight in draw_weights(count, params.resamples, params.seed):
        again = np.repeat(np.arange(len(rows)), weight[day].astype(int))
        y = rows["late"].to_numpy()[again]
        before, after = (ORACLE[name](y, p[again].astype("float64")) for p in sides)
        draws.append(after - before)
    return (
        stats.t.ppf([0.05, 0.95], count - 1) * np.std(draws, ddof=1) * (count / (count - 1)) ** 0.5
    )


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "log_loss", "brier"])
def test_difference_interval_matches_paired_cluster_bootstrap(sides, name):
    (change,) = compare_metrics([name], sides[1], pair_predictions(*sides), PARAMS)
    rows, _, before, after = common(sides)
    low, high = change.difference.value + by_resampling(name, rows, [before, after], PARAMS)
    assert (change.difference.low, change.difference.high) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_identical_predictions_have_zero_difference(name):
    head = drawn(300, 8, seed=7)
    (change,) = compare_metrics([name], head, pair_predictions(head.copy(), head), PARAMS)
    assert change.whole == change.base == change.head
    assert (change.difference.value, change.difference.low, change.difference.high) == (0, 0, 0)


def other_key(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(flight=rows["flight"] + 5000)


def one_class(rows: pd.DataFrame) -> pd.DataFrame:
    """Of a base that shares only head's rows of one class."""
    return rows[rows["late"] == 1].reset_index(drop=True)


@pytest.mark.parametrize(
    "make", [lambda rows: None, other_key, one_class, lambda rows: rows.iloc[:0]]
)
def test_no_difference_without_common_rows_of_both_classes(make):
    head = drawn(300, 8, seed=8)
    pairing = pair_predictions(make(head), head)
    changes = compare_metrics(list(METRICS), head, pairing, PARAMS)
    assert [change.name for change in changes] == list(METRICS)
    assert all(np.isfinite(change.whole) for change in changes)
    assert {(change.base, change.head, change.difference) for change in changes} == {
        (None, None, None)
    }
    slices = compare_slices(head, pairing, 20, PARAMS)
    assert slices
    assert {(change.base, change.difference) for change in slices} == {(None, None)}
    assert compute_delong_interval(pairing, 0.95) is None


def by_name(changes: list[SliceChange]) -> dict[tuple[str, str], SliceChange]:
    found = {(change.slice, change.value): change for change in changes}
    assert len(found) == len(changes)
    return found


def test_slice_metrics_use_only_rows_of_the_slice(sides):
    head = sides[1]
    found = by_name(compare_slices(head, pair_predictions(*sides), 50, PARAMS))
    assert list(found) == [
        ("origin", "A"),
        ("origin", "B"),
        ("origin", "C"),
        ("carrier", "AA"),
        (problem.contract.SLICES[2], "night to 8:59"),
    ]
    rows, _, before, after = common(sides)
    for (name, value), change in found.items():
        whole, at = head[head[name] == value], (rows[name] == value).to_numpy()
        assert change.rows == len(whole)
        assert change.head.value == pytest.approx(
            roc_auc_score(whole["late"], whole["probability"]), abs=1e-12
        )
        assert change.head.low < change.head.value < change.head.high
        y = rows["late"][at]
        assert change.base == pytest.approx(roc_auc_score(y, before[at]), abs=1e-12)
        wanted = roc_auc_score(y, after[at]) - roc_auc_score(y, before[at])
        assert change.difference.value == pytest.approx(wanted, abs=1e-12)
        assert change.difference.low < change.difference.value < change.difference.high


def test_evaluates_only_slices_with_at_least_minimum_rows():
    head = drawn(300, 8, seed=9)
    sizes = head["origin"].value_counts()
    assert sizes.is_unique

    def judged(least: int) -> set[str]:
        return {
            change.value
            for change in compare_slices(head, pair_predictions(head, head), least, PARAMS)
            if change.slice == "origin"
        }

    for size in sizes:
        assert judged(size) == set(sizes.index[sizes >= size])
        assert judged(size + 1) == set(sizes.index[sizes > size])


@pytest.mark.parametrize("label", [0, 1])
def test_skips_slice_of_one_class(label):
    head = drawn(300, 8, seed=10)
    head.loc[head["origin"] == "B", "late"] = label
    found = by_name(compare_slices(head, pair_predictions(head, head), 20, PARAMS))
    assert [value for name, value in found if name == "origin"] == ["A", "C"]


def test_slice_missing_in_base_has_no_difference():
    head = drawn(300, 8, seed=11)
    found = by_name(
        compare_slices(head, pair_predictions(head[head["origin"] != "B"], head), 20, PARAMS)
    )
    assert (found["origin", "B"].base, found["origin", "B"].difference) == (None, None)
    assert found["origin", "B"].head.value > 0.5
    for value in "AC":
        assert found["origin", value].base == found["origin", value].head.value
        assert found["origin", value].difference.value == 0


def test_skips_slice_missing_in_head():
    base = drawn(300, 8, seed=12)
    head = base[base["origin"] != "B"].reset_index(drop=True)
    assert [
        value
        for name, value in by_name(compare_slices(head, pair_predictions(base, head), 20, PARAMS))
        if name == "origin"
    ] == [
        "A",
        "C",
    ]


def test_slice_of_each_row_is_taken_from_head():
    head = drawn(300, 8, seed=13)
    base = head.assign(departure="another band")
    found = by_name(compare_slices(head, pair_predictions(base, head), 20, PARAMS))
    assert found["departure", "night to 8:59"].difference.value == 0


def test_row_wise_interval_matches_delong_on_common_rows(sides):
    _, y, before, after = common(sides)
    assert compute_delong_interval(
        pair_predictions(*sides), 0.8
    ) == delong.compute_difference_interval(y, before, after, 0.8)


def test_gain_over_baseline_matches_scikit_learn():
    head = drawn(500, 10, seed=14)
    found = compute_baseline_gain(head, PARAMS)
    wanted = roc_auc_score(head["late"], head["probability"]) - roc_auc_score(
        head["late"], head["baseline_probability"]
    )
    assert found.value == pytest.approx(wanted, abs=1e-12)
    assert found.low < found.value < found.high
    model = head.assign(baseline_probability=head["probability"])
    assert (
        compute_baseline_gain(model, PARAMS).value == compute_baseline_gain(model, PARAMS).high == 0
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(100, 300), st.sampled_from([0.6, 0.95, 0.99]))
def test_interval_uses_seed_resamples_and_confidence_of_params(seed, resamples, confidence):
    head = drawn(120, 6, seed=15)
    pairing: Pairing = pair_predictions(head.assign(probability=head["probability"] ** 2), head)
    params = IntervalParams(confidence=confidence, resamples=resamples, seed=seed)
    (change,) = compare_metrics(["brier"], head, pairing, params)
    half = change.difference.high - change.difference.value
    day = pd.factorize(head[problem.contract.CLUSTER])[0]
    squares = (head["probability"].astype("float64") - head["late"]) ** 2
    squares -= ((head["probability"] ** 2).astype("float64") - head["late"]) ** 2
    gaps = [np.average(squares, weights=weight[day]) for weight in draw_weights(6, resamples, seed)]
    wanted = stats.t.ppf((1 + confidence) / 2, 5) * np.std(gaps, ddof=1) * (6 / 5) ** 0.5
    assert half == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_multiclass_and_regression_use_metrics_of_their_task(monkeypatch, kind):
    task = TASKS[kind]
    y, p = made(kind, 400, seed=16)
    monkeypatch.setattr(
        problem.contract,
        "ANSWERS",
        [f"answer_{place}" for place in range(p.shape[1])] if p.ndim == 2 else ["a"],
    )
    worse = (p + np.roll(p, 1, axis=0)) / 2
    head, base = of_kind(y, p, worse), of_kind(y, worse, worse)
    pairing = pair_predictions(base.iloc[20:], head)
    assert pairing.counts == {"common": 380, "only_base": 0, "only_head": 20, "relabelled": 0}
    for change in compare_metrics(list(task.metrics), head, pairing, PARAMS, task=task):
        if change.name != "calibration_error":
            oracle = PLAIN[kind][change.name]
            assert change.whole == pytest.approx(oracle(y, metrics.convert_to_float64(p)), rel=1e-9)
            assert change.head == pytest.approx(
                oracle(y[20:], metrics.convert_to_float64(p[20:])), rel=1e-9
            )
            assert change.base == pytest.approx(
                oracle(y[20:], metrics.convert_to_float64(worse[20:])), rel=1e-9
            )
            assert (change.difference.value > 0) == (task.metrics[change.name] == "higher")
            assert change.difference.low < change.difference.value < change.difference.high
    for change in compare_slices(head, pairing, 20, PARAMS, task):
        at = (head[change.slice] == change.value).to_numpy()
        assert change.head.value == pytest.approx(
            PLAIN[kind][task.main_metric](y[at], metrics.convert_to_float64(p[at])), rel=1e-9
        )
        assert change.difference.value > 0
    assert compute_baseline_gain(head, PARAMS, task).low > 0
    assert compute_delong_interval(pairing, 0.95, task) is None
    alone = compare_metrics(
        list(task.metrics), head, pair_predictions(None, head), PARAMS, task=task
    )
    assert {change.difference for change in alone} == {None}
