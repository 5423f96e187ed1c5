"""BentoML with ready features: the pickled pipeline, and the ONNX file."""

import json
from pathlib import Path
from typing import Any

import bentoml
import joblib
import numpy as np
import onnxruntime
import pandas as pd


@bentoml.service(workers=1)
class Pickled:
    """The scikit-learn pipeline on a DataFrame."""

    def __init__(self) -> None:
        """Load the pickle."""
        self.model = joblib.load(Path("model.joblib"))
        self.columns = list(self.model[0].feature_names_in_)
        self.numbers = [
            name for name in self.columns if name not in self.model[0].transformers_[0][2]
        ]

    @bentoml.api
    def predict(self, rows: list[dict[str, Any]]) -> dict[str, list[float]]:
        """Probabilities of rows of features."""
        frame = pd.DataFrame(rows, columns=self.columns)
        frame[self.numbers] = frame[self.numbers].astype("float32")
        return {"probability": self.model.predict_proba(frame)[:, 1].tolist()}


@bentoml.service(workers=1)
class Onnx:
    """The ONNX file on arrays."""

    def __init__(self) -> None:
        """Load the file."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            Path("model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        names = self.session.get_modelmeta().custom_metadata_map
        self.texts, self.numbers = (json.loads(names[kind]) for kind in ("categories", "numbers"))

    @bentoml.api
    async def predict(self, rows: list[dict[str, Any]]) -> dict[str, list[float]]:
        """Probabilities of rows of features."""
        texts = np.array([select_values(row, self.texts) for row in rows], dtype=object)
        numbers = np.array([select_values(row, self.numbers) for row in rows], dtype=np.float32)
        probabilities = self.session.run(
            ["probabilities"], {"categories": texts, "numbers": numbers}
        )[0]
        return {"probability": probabilities[:, 1].tolist()}


def select_values(row: dict[str, Any], names: list[str]) -> list[Any]:
    """Return the values of some fields of a row."""
    return [row[name] for name in names]
