"""Exchanged labels, by which the review finds a feature that knows the label of its row."""

import numpy as np
import pyarrow as pa


def hide(rows: pa.Table, target: str, seed: int, only: np.ndarray | None = None) -> pa.Table:
    """Return rows of declared columns with their labels in another order.

    `only` says of each row whether it takes part, shape (rows,); without it all do.
    """
    order = np.arange(rows.num_rows)
    places = order if only is None else np.flatnonzero(only)
    order[places] = np.random.default_rng(seed).permutation(places)
    values = rows[target].take(pa.array(order))
    return rows.set_column(rows.schema.get_field_index(target), rows.schema.field(target), values)
