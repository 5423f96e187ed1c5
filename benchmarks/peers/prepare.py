"""Write what the servers of a benchmark need.

These are the fitted pipeline as a pickle, and the same rows as requests of both kinds.
"""

import json
import sys
from pathlib import Path

import joblib
import pandas as pd

from tarmac.interface.problem import problem
from tarmac.pipeline.models import dataset
from tarmac.pipeline.models.dataset import ModelInputs
from tarmac.pipeline.online.stage import list_records
from tarmac.pipeline.training import estimators
from tarmac.pipeline.training.fitting import read_split
from tarmac.policy import load_all_params

MONTH, DAYS = "2013-12", ("2013-12-26", "2013-12-30")


def fit(folder: Path) -> None:
    """The pipeline that the ONNX file was made of, fitted again, as tutorials keep it."""
    params = load_all_params()
    inputs = ModelInputs.from_groups(params.train.features)
    pipeline = estimators.fit_model(
        params.train, inputs, read_split(params.split, params.train.features), lambda *_: None
    )
    pipeline.named_steps[
        "classifier"
    ].callbacks = None  # a function of this process, which cannot be pickled
    joblib.dump(pipeline, folder / "model.joblib")


def bodies(folder: Path) -> None:
    """Write request bodies of one row and of a thousand rows.

    The service gets a timetable, the others get features.
    """
    features = dataset.read_window(Path("data/features"), load_all_params().split.test)
    days = pd.to_datetime(features["day"]).between(*DAYS)
    drawn = features[days].sample(1000, random_state=7)
    planned = drawn[list(problem.contract.KEY)].merge(
        pd.read_parquet(f"data/prepared/flights/{MONTH}.parquet"),
        on=list(problem.contract.KEY),
        how="left",
    )
    names = ModelInputs.from_groups(load_all_params().train.features).names
    rows = {
        "timetable": [problem.request.asked(row) for row in list_records(planned)],
        "features": list_records(drawn[names]),
    }
    for kind, requests in rows.items():
        for size in (1, 1000):
            (folder / f"{kind}-{size}.json").write_text(
                json.dumps({"rows": requests[:size]}), encoding="utf-8"
            )
    timetable = rows["timetable"]
    columns: dict[str, list[object]] = {}
    for name in sorted(set().union(*timetable)):
        columns[name] = [row.get(name) for row in timetable]
    (folder / "columns-1000.json").write_text(json.dumps({"columns": columns}), encoding="utf-8")


if __name__ == "__main__":
    fit(Path(sys.argv[1]))
    bodies(Path(sys.argv[1]))
