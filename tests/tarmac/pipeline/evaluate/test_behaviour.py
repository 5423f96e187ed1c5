"""Behaviour: the value of each expectation, for scorers that do what is expected, the reverse, or nothing at all."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.interface.behaviour import Behaviour, becomes, grows
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASKS
from tarmac.pipeline.evaluate.behaviour import DIGITS, measure
from tarmac.pipeline.metrics.metrics import main_score
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
    behaviour = Behaviour("tried", expectation, change or grows(0.25), columns)
    return measure([behaviour], score, takes, rows, y)["value"][0]


def sums(rows: pd.DataFrame) -> np.ndarray:
    """Half of one number and an eighth of the other."""
    return (rows["tells"] / 2 + rows["other"] / 8).to_numpy("float32")


def one_row(rows: pd.DataFrame) -> np.ndarray:
    """Looks at one number of the last row alone, and takes it off the answer."""
    answers = rows["tells"].to_numpy("float32").copy()
    answers[-1] -= rows["other"].iloc[-1]
    return answers


def test_same_is_the_largest_move_of_any_answer_up_or_down():
    assert tried("same", ("tells", "other"), sums) == pytest.approx(0.25 * 5 / 8, abs=ROUNDED)
    assert tried("same", ("other",), one_row) == pytest.approx(0.25, abs=ROUNDED)
    assert tried("same", ("name",), sums, change=becomes("y")) == 0


def test_same_tells_of_a_move_that_is_smaller_than_the_digits_shown():
    assert tried("same", ("other",), lambda rows: rows["tells"] + rows["other"] / 25_000) > 0


def test_same_is_measured_even_of_a_column_that_the_model_does_not_say_it_takes():
    assert tried("same", ("other",), sums, takes=("tells",)) == pytest.approx(0.25 / 8, abs=ROUNDED)


@pytest.mark.parametrize("expectation", ["higher", "lower"])
def test_a_direction_is_the_signed_mean_move(expectation):
    assert tried(expectation, ("tells",), sums) == pytest.approx(0.125, abs=ROUNDED)
    assert tried(expectation, ("tells",), lambda rows: 1 - sums(rows)) == pytest.approx(-0.125, abs=ROUNDED)
    assert tried(expectation, ("other",), one_row) == pytest.approx(-0.25 / ROWS, abs=ROUNDED)
    assert tried(expectation, ("tells",), lambda rows: rows["other"].to_numpy()) == 0


def test_usable_is_the_auc_that_is_left_after_the_change():
    rows, y = table()
    assert tried("usable", ("tells",), sums, change=becomes(0.0)) == pytest.approx(
        pairs_auc(y, rows["other"].to_numpy()), abs=ROUNDED
    )
    assert tried("usable", ("other",), sums, change=becomes(0.0)) == pytest.approx(
        pairs_auc(y, rows["tells"].to_numpy()), abs=ROUNDED
    )
    assert tried("usable", ("tells", "other"), sums, change=becomes(np.float32(0))) == 0.5


@pytest.mark.parametrize("expectation", ["higher", "lower", "usable"])
@pytest.mark.parametrize(("takes", "known"), [((), False), (("name",), False), (("other",), True), (("tells",), True)])
def test_a_value_is_missing_only_where_the_model_takes_none_of_the_columns(expectation, takes, known):
    assert pd.notna(tried(expectation, ("tells", "other"), sums, takes=takes)) == known


@relaxed
@given(st.integers(0, 10_000), st.floats(-1, 1, width=32), st.floats(-1, 1, width=32))
def test_values_are_those_of_the_answers_before_and_after(seed, first, second):
    rows, y = table(seed)

    def score(given: pd.DataFrame) -> np.ndarray:
        return (1 / (1 + np.exp(-first * given["tells"] - second * given["other"]))).to_numpy("float32")

    changed = score(rows.assign(other=rows["other"] + 1)).astype(float)
    moves = [new - old for new, old in zip(changed.tolist(), score(rows).astype(float).tolist(), strict=True)]
    wanted = {"same": max(map(abs, moves)), "higher": sum(moves) / ROWS, "usable": pairs_auc(y, changed)}
    behaviours = [Behaviour(name, name, grows(1.0), ("other",)) for name in wanted]
    found = measure(behaviours, score, ["other"], rows, y).set_index("behaviour")["value"]
    assert found.to_dict() == pytest.approx(wanted, abs=ROUNDED)


def test_the_table_has_one_line_a_behaviour_in_the_order_given():
    rows, y = table()
    behaviours = [Behaviour(name, "same", grows(1.0), ("other",)) for name in ("b", "a", "c")]
    found = measure(behaviours, sums, [], rows, y)
    assert list(found.columns) == ["behaviour", "expectation", "value"]
    assert list(found["behaviour"]) == ["b", "a", "c"]
    assert list(found["expectation"]) == ["same"] * 3


def test_each_behaviour_starts_from_the_rows_as_they_came_and_leaves_them_so():
    rows, y = table()
    before, seen = rows.copy(), []
    behaviours = [Behaviour(name, "same", grows(1.0), (name,)) for name in ("tells", "other")]
    measure(behaviours, lambda given: (seen.append(given.copy()), sums(given))[1], [], rows, y)
    pd.testing.assert_frame_equal(rows, before)
    pd.testing.assert_frame_equal(seen[0], before)
    pd.testing.assert_frame_equal(seen[1], before.assign(tells=before["tells"] + 1))
    pd.testing.assert_frame_equal(seen[2], before.assign(other=before["other"] + 1))


NAMES = problem.contract.feature_names(list(problem.contract.FEATURES))
QUEUE, SPARE = "a queue at the gate delays those behind it", "spare time on the ground absorbs delay"
NUMBER, CARRIER = "the number of the flight says nothing", "a carrier never seen"


def flights() -> tuple[pd.DataFrame, np.ndarray]:
    """Made-up flights with every feature; the queue and the carrier tell who is late."""
    draw = np.random.default_rng(3)
    rows = pd.DataFrame({name: draw.normal(size=500).astype("float32") for name in NAMES})
    rows = rows.assign(**{name: draw.choice(["AA", "B6", "UA"], 500) for name in problem.contract.CATEGORICAL})
    rows["flight"] = draw.integers(1, 5000, 500).astype("int16")
    rows["day"] = pd.to_datetime("2013-11-05").date()
    late = rows["origin_wait_1h"] + 3 * (rows["carrier"] == "AA") + draw.normal(size=500) > 1
    return rows, late.to_numpy("int8")


def sane(rows: pd.DataFrame) -> np.ndarray:
    knows = rows["origin_wait_1h"].fillna(0) - rows["spare"] / 100 + 3 * (rows["carrier"] == "AA") - 1
    return (1 / (1 + np.exp(-knows))).to_numpy("float32")


def memorises(rows: pd.DataFrame) -> np.ndarray:
    """Knows one flight by its number."""
    return np.where(rows["flight"] == rows["flight"].max(), 1, sane(rows)).astype("float32")


def upside_down(rows: pd.DataFrame) -> np.ndarray:
    """Takes a queue for good news; only the carrier, if known, makes it rank better than a coin."""
    return sane(rows.assign(origin_wait_1h=-rows["origin_wait_1h"], spare=-rows["spare"]))


def lost_without_its_carrier(rows: pd.DataFrame) -> np.ndarray:
    return sane(rows) * rows["carrier"].isin(["AA", "B6", "UA"]).to_numpy("float32")


def values(score) -> dict[str, float]:
    rows, y = flights()
    return measure(problem.behaviour.BEHAVIOURS, score, NAMES, rows, y).set_index("behaviour")["value"].to_dict()


def test_a_sane_model_does_as_expected():
    found = values(sane)
    assert found[NUMBER] == 0
    assert found[QUEUE] > 0.05
    assert found[SPARE] < -0.05
    assert found[CARRIER] > 0.6


@pytest.mark.parametrize(
    ("score", "told"),
    [(memorises, {NUMBER}), (upside_down, {QUEUE, SPARE, CARRIER}), (lost_without_its_carrier, {CARRIER})],
)
def test_a_model_gone_wrong_is_told_from_a_sane_one_by_the_behaviour_that_it_lost(score, told):
    bad = values(score)
    wrong = {NUMBER: bad[NUMBER] > 0, QUEUE: bad[QUEUE] < 0, SPARE: bad[SPARE] > 0, CARRIER: bad[CARRIER] <= 0.5}
    assert {name for name, failed in wrong.items() if failed} == told


def shares(rows: pd.DataFrame) -> np.ndarray:
    """Three classes of which the first number makes the second likelier."""
    first = rows["tells"].to_numpy("float32")
    return np.stack([(1 - first) / 2, first, (1 - first) / 2], axis=1)


def test_of_many_classes_the_largest_move_of_any_is_told_and_a_direction_is_refused():
    rows, y = table()
    task = TASKS["multiclass"]
    behaviours = [Behaviour("a", "same", becomes(0.0), ("tells",)), Behaviour("b", "usable", becomes(0.0), ("other",))]
    found = measure(behaviours, shares, ["tells", "other"], rows, y, task)["value"]
    assert found[0] == pytest.approx(rows["tells"].max(), abs=ROUNDED)
    assert found[1] == pytest.approx(main_score(y, shares(rows), task), abs=ROUNDED)
    with pytest.raises(ValueError, match=r"'up': classes have no direction, expect `same` or `usable`"):
        measure([Behaviour("up", "higher", grows(1.0), ("tells",))], shares, ["tells"], rows, y, task)


def test_usable_of_a_number_is_the_variance_that_is_still_explained():
    rows, _ = table()
    y = rows["tells"].to_numpy()
    behaviours = [
        Behaviour("gone", "usable", becomes(0.0), ("tells",)),
        Behaviour("up", "higher", grows(1), ("tells",)),
    ]
    found = measure(behaviours, lambda given: given["tells"].to_numpy(), ["tells"], rows, y, TASKS["regression"])
    assert found["value"][0] == pytest.approx(1 - (y**2).mean() / y.var(), abs=1e-3)
    assert found["value"][1] == 1
