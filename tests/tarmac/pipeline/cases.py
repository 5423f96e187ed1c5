"""Labels and predictions to evaluate.

Some are small, with ties and at least two labels; others are larger and look like a model's.
"""

import numpy as np
from hypothesis import strategies as st

from tarmac.pipeline.base.params import TASKS

CLASSES = 3
TIED = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
ANY = st.floats(0, 1, width=32)
Case = tuple[np.ndarray, np.ndarray]


def case(pairs: list[tuple[int, float]]) -> Case:
    """Labels as int8 and probabilities as float32, as the scorer gives them."""
    y, p = zip(*pairs, strict=True)
    return np.array(y, dtype="int8"), np.array(p, dtype="float32")


def cases(largest: int = 25) -> st.SearchStrategy[Case]:
    """Return a strategy for rows of both classes.

    Some lists have few distinct probabilities, so that ties are the rule.
    """
    rows = st.one_of(
        st.lists(st.tuples(st.integers(0, 1), values), min_size=2, max_size=largest)
        for values in (TIED, ANY)
    )
    return rows.filter(lambda pairs: len({label for label, _ in pairs}) == 2).map(case)


def kind_cases(
    kind: str, clusters: int, largest: int = 25
) -> st.SearchStrategy[tuple[np.ndarray, ...]]:
    """Labels, predictions and clusters of rows of any kind, with two distinct labels at least."""
    labels = {
        "binary": st.integers(0, 1),
        "multiclass": st.integers(0, CLASSES - 1),
        "regression": st.integers(-2, 4),
    }
    answers = {
        "binary": st.one_of(TIED, ANY),
        "multiclass": st.tuples(*[st.integers(0, 4)] * CLASSES).filter(any),
        "regression": st.one_of(TIED, st.floats(-50, 50, width=32)),
    }
    row = st.tuples(labels[kind], answers[kind], st.integers(0, clusters - 1))
    rows = st.lists(row, min_size=2, max_size=largest).filter(
        lambda rows: len({label for label, _, _ in rows}) > 1
    )
    return rows.map(lambda rows: _of_kind(kind, *zip(*rows, strict=True)))


def _of_kind(kind: str, labels: tuple, answers: tuple, clusters: tuple) -> tuple[np.ndarray, ...]:
    p = np.array(answers, dtype="float32")
    p = p / p.sum(axis=1, keepdims=True) if kind == "multiclass" else p
    return np.array(labels, dtype=TASKS[kind].label), p, np.array(clusters)


def made(kind: str, rows: int, seed: int) -> Case:
    """Predictions of any kind that know something, and labels drawn by them."""
    if kind == "binary":
        return drawn(rows, seed)
    draw = np.random.default_rng(seed)
    if kind == "regression":
        p = draw.normal(500, 30, rows).astype("float32")
        return (p + draw.normal(0, 20, rows)).astype("float32"), p
    p = draw.dirichlet([0.6] * CLASSES, rows).astype("float32")
    return (draw.random((rows, 1)) > p.cumsum(axis=1)[:, :-1]).sum(axis=1).astype("int8"), p


def drawn(rows: int, seed: int) -> Case:
    """Calibrated probabilities and labels drawn by them."""
    draw = np.random.default_rng(seed)
    p = draw.beta(1, 3, rows).astype("float32")
    return (draw.random(rows) < p).astype("int8"), p
