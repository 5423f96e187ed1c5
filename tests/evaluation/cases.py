"""Labels and probabilities to judge: small, with ties, of both classes; and larger ones that look like a model's."""

import numpy as np
from hypothesis import strategies as st

TIED = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
ANY = st.floats(0, 1, width=32)
Case = tuple[np.ndarray, np.ndarray]


def case(pairs: list[tuple[int, float]]) -> Case:
    """Labels as int8 and probabilities as float32, as the scorer gives them."""
    y, p = zip(*pairs, strict=True)
    return np.array(y, dtype="int8"), np.array(p, dtype="float32")


def cases(largest: int = 25) -> st.SearchStrategy[Case]:
    """Rows of both classes; some lists have few distinct probabilities, so that ties are the rule."""
    rows = st.one_of(
        st.lists(st.tuples(st.integers(0, 1), values), min_size=2, max_size=largest) for values in (TIED, ANY)
    )
    return rows.filter(lambda pairs: len({label for label, _ in pairs}) == 2).map(case)


def drawn(rows: int, seed: int) -> Case:
    """Calibrated probabilities and labels drawn by them."""
    draw = np.random.default_rng(seed)
    p = draw.beta(1, 3, rows).astype("float32")
    return (draw.random(rows) < p).astype("int8"), p
