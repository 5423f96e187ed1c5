"""Behaviours: the measured value of each expectation.

The models satisfy the expectation, violate it, or ignore it.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.interface.behaviour import Behaviour, add_amount, set_value
from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASKS
from tarmac.pipeline.evaluate.behaviour import DIGITS, measure_behaviours
from tarmac.pipeline.metrics.metrics import compute_main_metric
from tests.tarmac.pipeline.cases import drawn
from tests.tarmac.pipeline.metrics.test_metrics import pairs_auc

ROWS = 200
ROUNDED = 1.01 * 10**-DIGITS
relaxed = settings(deadline=None)  # a busy machine is no mistake


def table(seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows with two numbers between 0 and 1 of which the first tells the label, and a name."""
    y, p = drawn(ROWS, seed)
    other = np.random.default_rng(seed).random(ROWS).astype("float32")
    return pd.DataFrame({"tells": p, "other": other, "name": "x"}), y


def tried(expectation, columns, score, takes=("tells", "other"), change=None) -> float:
    rows, y = table()
    behaviour = Behaviour("tried", expectation, change or add_amount(0.25), columns)
    return measure_behaviours([behaviour], score, takes, rows, y)["value"][0]


def sums(rows: pd.DataFrame) -> np.ndarray:
    """Half of one number and an eighth of the other."""
    return (rows["tells"] / 2 + rows["other"] / 8).to_numpy("float32")


def one_row(rows: pd.DataFrame) -> np.ndarray:
    """Looks at one number of the last row alone, and takes it off the answer."""
    answers = rows["tells"].to_numpy("float32").copy()
    answers[-1] -= rows["other"].iloc[-1]
    return answers


def test_same_is_largest_absolute_change_of_any_prediction():
    assert tried("same", ("tells", "other"), sums) == pytest.approx(0.25 * 5 / 8, abs=ROUNDED)
    assert tried("same", ("other",), one_row) == pytest.approx(0.25, abs=ROUNDED)
    assert tried("same", ("name",), sums, change=set_value("y")) == 0


def test_same_reports_changes_below_displayed_precision():
    assert tried("same", ("other",), lambda rows: rows["tells"] + rows["other"] / 25_000) > 0


def test_same_is_measured_for_columns_outside_declared_inputs():
    assert tried("same", ("other",), sums, takes=("tells",)) == pytest.approx(0.25 / 8, abs=ROUNDED)


@pytest.mark.parametrize("expectation", ["higher", "lower"])
def test_direction_is_signed_mean_change_of_predictions(expectation):
    assert tried(expectation, ("tells",), sums) == pytest.approx(0.125, abs=ROUNDED)
    assert tried(expectation, ("tells",), lambda rows: 1 - sums(rows)) == pytest.approx(
        -0.125, abs=ROUNDED
    )
    assert tried(expectation, ("other",), one_row) == pytest.approx(-0.25 / ROWS, abs=ROUNDED)
    assert tried(expectation, ("tells",), lambda rows: rows["other"].to_numpy()) == 0


def test_usable_is_auc_after_change():
    rows, y = table()
    assert tried("usable", ("tells",), sums, change=set_value(0.0)) == pytest.approx(
        pairs_auc(y, rows["other"].to_numpy()), abs=ROUNDED
    )
    assert tried("usable", ("other",), sums, change=set_value(0.0)) == pytest.approx(
        pairs_auc(y, rows["tells"].to_numpy()), abs=ROUNDED
    )
    assert tried("usable", ("tells", "other"), sums, change=set_value(np.float32(0))) == 0.5


@pytest.mark.parametrize("expectation", ["higher", "lower", "usable"])
@pytest.mark.parametrize(
    ("takes", "known"), [((), False), (("name",), False), (("other",), True), (("tells",), True)]
)
def test_value_is_missing_only_if_model_takes_no_changed_column(expectation, takes, known):
    assert pd.notna(tried(expectation, ("tells", "other"), sums, takes=takes)) == known


@relaxed
@given(st.integers(0, 10_000), st.floats(-1, 1, width=32), st.floats(-1, 1, width=32))
def test_values_match_predictions_before_and_after_change(seed, first, second):
    rows, y = table(seed)

    def score(given: pd.DataFrame) -> np.ndarray:
        return (1 / (1 + np.exp(-first * given["tells"] - second * given["other"]))).to_numpy(
            "float32"
        )

    changed = score(rows.assign(other=rows["other"] + 1)).astype(float)
    moves = [
        new - old
        for new, old in zip(changed.tolist(), score(rows).astype(float).tolist(), strict=True)
    ]
    wanted = {
        "same": max(map(abs, moves)),
        "higher": sum(moves) / ROWS,
        "usable": pairs_auc(y, changed),
    }
    behaviours = [Behaviour(name, name, add_amount(1.0), ("other",)) for name in wanted]
    found = measure_behaviours(behaviours, score, ["other"], rows, y).set_index("behaviour")[
        "value"
    ]
    assert found.to_dict() == pytest.approx(wanted, abs=ROUNDED)


def test_table_has_one_row_per_behaviour_in_given_order():
    rows, y = table()
    behaviours = [Behaviour(name, "same", add_amount(1.0), ("other",)) for name in ("b", "a", "c")]
    found = measure_behaviours(behaviours, sums, [], rows, y)
    assert list(found.columns) == ["behaviour", "expectation", "value"]
    assert list(found["behaviour"]) == ["b", "a", "c"]
    assert list(found["expectation"]) == ["same"] * 3


def test_each_behaviour_changes_copy_of_original_rows():
    rows, y = table()
    before, seen = rows.copy(), []
    behaviours = [Behaviour(name, "same", add_amount(1.0), (name,)) for name in ("tells", "other")]
    measure_behaviours(
        behaviours, lambda given: (seen.append(given.copy()), sums(given))[1], [], rows, y
    )
    pd.testing.assert_frame_equal(rows, before)
    pd.testing.assert_frame_equal(seen[0], before)
    pd.testing.assert_frame_equal(seen[1], before.assign(tells=before["tells"] + 1))
    pd.testing.assert_frame_equal(seen[2], before.assign(other=before["other"] + 1))


NAMES = problem.contract.feature_names(list(problem.contract.FEATURES))
QUEUE, SPARE = (
    "a queue at the gate delays those behind it",
    "spare time on the ground absorbs delay",
)
NUMBER, CARRIER = "the number of the flight says nothing", "a carrier never seen"


def flights() -> tuple[pd.DataFrame, np.ndarray]:
    """Made-up flights with every feature; the queue and the carrier tell who is late."""
    draw = np.random.default_rng(3)
    rows = pd.DataFrame({name: draw.normal(size=500).astype("float32") for name in NAMES})
    rows = rows.assign(
        **{name: draw.choice(["AA", "B6", "UA"], 500) for name in problem.contract.CATEGORICAL}
    )
    rows["flight"] = draw.integers(1, 5000, 500).astype("int16")
    rows["day"] = pd.to_datetime("2013-11-05").date()
    late = rows["origin_wait_1h"] + 3 * (rows["carrier"] == "AA") + draw.normal(size=500) > 1
    return rows, late.to_numpy("int8")


def sane(rows: pd.DataFrame) -> np.ndarray:
    knows = (
        rows["origin_wait_1h"].fillna(0) - rows["spare"] / 100 + 3 * (rows["carrier"] == "AA") - 1
    )
    return (1 / (1 + np.exp(-knows))).to_numpy("float32")


def memorises(rows: pd.DataFrame) -> np.ndarray:
    """Knows one flight by its number."""
    return np.where(rows["flight"] == rows["flight"].max(), 1, sane(rows)).astype("float32")


def upside_down(rows: pd.DataFrame) -> np.ndarray:
    """Take a queue for good news; only the carrier, if known, make it rank better than a coin."""
    return sane(rows.assign(origin_wait_1h=-rows["origin_wait_1h"], spare=-rows["spare"]))


def lost_without_its_carrier(rows: pd.DataFrame) -> np.ndarray:
    return sane(rows) * rows["carrier"].isin(["AA", "B6", "UA"]).to_numpy("float32")


def values(score) -> dict[str, float]:
    rows, y = flights()
    return (
        measure_behaviours(problem.behaviour.BEHAVIOURS, score, NAMES, rows, y)
        .set_index("behaviour")["value"]
        .to_dict()
    )


def test_sound_model_behaves_as_expected():
    found = values(sane)
    assert found[NUMBER] == 0
    assert found[QUEUE] > 0.05
    assert found[SPARE] < -0.05
    assert found[CARRIER] > 0.6


@pytest.mark.parametrize(
    ("score", "told"),
    [
        (memorises, {NUMBER}),
        (upside_down, {QUEUE, SPARE, CARRIER}),
        (lost_without_its_carrier, {CARRIER}),
    ],
)
def test_each_defect_fails_exactly_its_own_behaviours(score, told):
    bad = values(score)
    wrong = {
        NUMBER: bad[NUMBER] > 0,
        QUEUE: bad[QUEUE] < 0,
        SPARE: bad[SPARE] > 0,
        CARRIER: bad[CARRIER] <= 0.5,
    }
    assert {name for name, failed in wrong.items() if failed} == told


def shares(rows: pd.DataFrame) -> np.ndarray:
    """Three classes of which the first number makes the second likelier."""
    first = rows["tells"].to_numpy("float32")
    return np.stack([(1 - first) / 2, first, (1 - first) / 2], axis=1)


def test_multiclass_supports_same_and_usable_but_no_direction():
    rows, y = table()
    task = TASKS["multiclass"]
    behaviours = [
        Behaviour("a", "same", set_value(0.0), ("tells",)),
        Behaviour("b", "usable", set_value(0.0), ("other",)),
    ]
    found = measure_behaviours(behaviours, shares, ["tells", "other"], rows, y, task)["value"]
    assert found[0] == pytest.approx(rows["tells"].max(), abs=ROUNDED)
    assert found[1] == pytest.approx(compute_main_metric(y, shares(rows), task), abs=ROUNDED)
    with pytest.raises(UserError, match=r"'up': classes have no direction `higher`") as caught:
        measure_behaviours(
            [Behaviour("up", "higher", add_amount(1.0), ("tells",))],
            shares,
            ["tells"],
            rows,
            y,
            task,
        )
    assert caught.value.hint == "expect `same` or `usable`"


def test_regression_usable_is_r2_and_higher_is_mean_change():
    rows, _ = table()
    y = rows["tells"].to_numpy()
    behaviours = [
        Behaviour("gone", "usable", set_value(0.0), ("tells",)),
        Behaviour("up", "higher", add_amount(1), ("tells",)),
    ]
    found = measure_behaviours(
        behaviours, lambda given: given["tells"].to_numpy(), ["tells"], rows, y, TASKS["regression"]
    )
    assert found["value"][0] == pytest.approx(1 - (y**2).mean() / y.var(), abs=1e-3)
    assert found["value"][1] == 1
