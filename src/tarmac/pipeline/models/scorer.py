"""Score rows of a table with the ONNX file.

It is the only form of the model that is evaluated, released and served.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from tarmac.pipeline.models.session import ModelSession

BATCH = 25_000  # rows that a core has in hand, so that memory does not grow with the table
CORES = os.cpu_count() or 1


class Scorer(ModelSession):
    """An ONNX model that takes its inputs from a table by their names."""

    def score(self, rows: pd.DataFrame) -> np.ndarray:
        """Predictions in the shape of the task, float32. Raises `KeyError` naming missing columns.

        Every core answers for rows of its own: how many cores there are decides no digit.
        """
        step = min(BATCH, max(1, -(-len(rows) // CORES)))
        starts = range(0, max(len(rows), 1), step)
        with ThreadPoolExecutor(CORES) as pool:
            return np.concatenate(
                list(
                    pool.map(
                        lambda start: self._score_batch(rows.iloc[start : start + step]), starts
                    )
                )
            )

    def _score_batch(self, rows: pd.DataFrame) -> np.ndarray:
        return self.predict(
            rows[self.categories].to_numpy(dtype=object),
            rows[self.numbers].to_numpy(dtype=np.float32),
        )
