"""Serve the model as tutorials do it, with FastAPI and a pickled scikit-learn pipeline.

Every request becomes a DataFrame of ready features.
"""

from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from fastapi import FastAPI

app = FastAPI()
model = joblib.load(Path("model.joblib"))
COLUMNS = list(model[0].feature_names_in_)


@app.post("/predict")
def predict(body: dict[str, list[dict[str, Any]]]) -> dict[str, list[float]]:
    """Probabilities of rows of features."""
    rows = pd.DataFrame(body["rows"], columns=COLUMNS)
    numbers = [name for name in COLUMNS if name not in model[0].transformers_[0][2]]
    rows[numbers] = rows[numbers].astype("float32")
    return {"probability": model.predict_proba(rows)[:, 1].tolist()}
