"""Rows whose label is another one's, by which the review finds a feature that knows the label of its row."""

import numpy as np
import pyarrow as pa


def hide(rows: pa.Table, target: str, seed: int) -> pa.Table:
    """Return rows of declared columns with their labels in another order."""
    order = np.random.default_rng(seed).permutation(rows.num_rows)
    values = rows[target].take(pa.array(order))
    return rows.set_column(rows.schema.get_field_index(target), rows.schema.field(target), values)
