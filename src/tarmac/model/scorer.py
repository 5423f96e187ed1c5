"""Scores rows of a table with the ONNX file: the only form of the model that is evaluated, released and served."""

import numpy as np
import pandas as pd

from tarmac.model.session import Session

BATCH = 100_000  # rows at a time, so that memory does not grow with the table


class Scorer(Session):
    """An ONNX model that takes its inputs from a table by their names."""

    def score(self, rows: pd.DataFrame) -> np.ndarray:
        """Predictions in the shape of the task, float32. Raises `KeyError` naming missing columns."""
        starts = range(0, max(len(rows), 1), BATCH)
        return np.concatenate([self._score(rows.iloc[start : start + BATCH]) for start in starts])

    def _score(self, rows: pd.DataFrame) -> np.ndarray:
        return self.run(rows[self.categories].to_numpy(dtype=object), rows[self.numbers].to_numpy(dtype=np.float32))
