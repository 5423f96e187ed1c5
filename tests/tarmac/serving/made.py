"""Online features made of tables in memory, as the pipeline makes them of files.

The requests that they must answer are here too.
"""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tarmac.interface.problem import problem
from tarmac.interface.request import Row
from tarmac.pipeline import engine
from tarmac.pipeline.base.outputs import write_json
from tarmac.pipeline.online.stage import list_records, write_background, write_lookups, write_probes
from tarmac.policy import load_all_params
from tarmac.serving.online import OnlineFeatures
from tests.conftest import ROOT

NAMES = problem.contract.feature_names(list(problem.contract.FEATURES))
NUMBERS = [name for name in NAMES if name not in problem.contract.CATEGORICAL]
PARAMS = load_all_params(ROOT / "params.yaml")


def write_online(
    tables: Mapping[str, pa.Table], period: tuple[date, date], features: pd.DataFrame, out: Path
) -> None:
    """Write the online features of a period's predictions.

    `features` gives the rows that explanations start from.
    """
    backend = engine.connect_backend()
    for name, table in tables.items():
        backend.con.register(name, table)
    shown = {name: backend.table(name) for name in tables}
    shown["period"] = engine.show_dates(
        backend, "period", dict(zip(("first", "after"), period, strict=True))
    )
    out.mkdir(parents=True)
    facts = write_lookups(backend, shown, PARAMS.problem, out)
    prepared = tables["flights"].to_pandas()
    write_probes(features.tail(1000), prepared, PARAMS.online.seed, out / "probes.json")
    write_background([features[NAMES]], PARAMS, out / "background.parquet")
    categories = {
        name: sorted(features[name].unique().tolist()) for name in problem.contract.CATEGORICAL
    }
    write_json(out / "facts.json", {**facts, "categories": categories})


def make_online(*arguments: object, out: Path) -> OnlineFeatures:
    """Write online features and load them."""
    write_online(*arguments, out)
    return OnlineFeatures(out)


def rows_of(flights: pd.DataFrame) -> list[Row]:
    """What a client would ask about prepared flights, as the service reads it."""
    return [
        problem.request.Row.model_validate_json(json.dumps(problem.request.asked(record)))
        for record in list_records(flights)
    ]
