"""Bad months, one kind at a time, through the real commands.

Each is caught at its gate, and clean months pass.
"""

import re
import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tarmac.ingest.incoming import merge_into_raw, read_incoming_tables
from tarmac.interface.errors import UserError
from tarmac.monitoring.judge import MonitoringResult, evaluate_integrity, evaluate_observed_rows
from tarmac.monitoring.reference import Reference, load_reference
from tarmac.monitoring.rows import ObservedRows, load_scored_month
from tarmac.pipeline.base.params import MonthWindow
from tarmac.pipeline.base.paths import FEATURES
from tarmac.pipeline.featurize import stage as featurize
from tarmac.pipeline.models.scorer import Scorer
from tarmac.pipeline.prepare import stage as prepare
from tarmac.policy import load_all_params
from tarmac.registry.live_model import LiveModel
from tests.conftest import ROOT, required
from tests.tarmac.monitoring.bad import MONTHS, Bad

pytestmark = pytest.mark.slow

MONTH, BEFORE = "2013-12", "2013-11"
PARAMS = load_all_params(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def live() -> LiveModel:
    return LiveModel("v0.0.1", "", "", PARAMS.split, Scorer(required("models/model.onnx")))


@pytest.fixture(scope="module")
def known(live: LiveModel) -> Reference:
    tables = required("data/features")
    return load_reference(live, load_scored_month(MONTH, live.scorer, tables), tables)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the tables and features of the month before, and the parameters.

    Copy it, do not change it.
    """
    folder, raw = tmp_path_factory.mktemp("before"), required("data/raw")
    for path in [
        *raw.glob("*.parquet"),
        *(raw / table / f"{BEFORE}.parquet" for table in ("flights", "weather")),
    ]:
        target = folder / "data" / "raw" / path.relative_to(raw)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    shutil.copyfile(ROOT / "params.yaml", folder / "params.yaml")
    (folder / ".dvc").mkdir()  # months are kept in it
    with chdir(folder):
        prepare.main()
        featurize.main()
    return folder


@pytest.fixture
def place(before: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of its own, which is the working folder."""
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sent(place: Path, bad: Bad) -> list[Path]:
    paths = []
    for table, edit in (("flights", bad.flights), ("weather", bad.weather)):
        rows = pq.read_table(required("data/raw") / table / f"{MONTH}.parquet").to_pandas()
        paths.append(place / f"{table}.csv")
        rows = edit(rows if bad.gate != "ingest" else rows.iloc[::9].reset_index(drop=True))
        whole = {
            name: "Int64"
            for name in rows
            if rows[name].dtype.kind == "f" and (rows[name].dropna() % 1 == 0).all()
        }
        rows.astype(whole).to_csv(
            paths[-1], index=False, date_format="%Y-%m-%dT%H:%M:%SZ", na_rep="NA"
        )
    return paths


def watched(place: Path, bad: Bad, live: LiveModel, known: Reference) -> MonitoringResult:
    """What the monitoring reports of the month, once it is taken in and its features are made."""
    merge_into_raw(read_incoming_tables(sent(place, bad)), PARAMS.prepare.max_quarantine_share)
    prepare.main()
    featurize.main()
    return evaluate_observed_rows(
        load_scored_month(MONTH, live.scorer, FEATURES), known, live.split, PARAMS
    )


def at(gate: str) -> list[object]:
    return [pytest.param(bad, id=name) for name, bad in MONTHS.items() if bad.gate == gate]


def test_bad_months_cover_twelve_kinds_and_every_gate():
    assert len(MONTHS) >= 12
    assert {bad.gate for bad in MONTHS.values()} == {"ingest", "block", "decay"}


@pytest.mark.parametrize("bad", at("ingest"))
def test_ingest_rejects_bad_month_and_keeps_existing_data(place, bad):
    before = {path: path.read_bytes() for path in (place / "data").rglob("*.parquet")}
    with pytest.raises(UserError, match=re.escape(bad.named)):
        merge_into_raw(read_incoming_tables(sent(place, bad)), PARAMS.prepare.max_quarantine_share)
    assert {path: path.read_bytes() for path in (place / "data").rglob("*.parquet")} == before


@pytest.mark.parametrize("bad", at("block"))
def test_month_with_broken_data_is_blocked_from_training(place, live, known, bad):
    found = watched(place, bad, live, known)
    assert (found.verdict, found.decision) == ("critical", "block")
    named = {
        check.name
        for check in found.checks
        if (check.kind, check.outcome) == ("integrity", "critical")
    }
    assert bad.named in named
    assert found.summary.startswith("the data are broken: ")


@pytest.mark.parametrize("bad", at("decay"))
def test_month_with_decayed_model_triggers_retraining(place, live, known, bad):
    found = watched(place, bad, live, known)
    assert (found.verdict, found.decision) == ("critical", "retrain")
    assert bad.named in {check.name for check in found.checks if check.outcome == "critical"}


def test_clean_month_sent_same_way_is_not_blocked(place, live, known):
    found = watched(place, Bad("none", ""), live, known)
    assert found.decision == "none"
    assert [
        check for check in found.checks if (check.kind, check.outcome) == ("integrity", "critical")
    ] == []


@pytest.fixture(scope="module")
def year() -> dict[str, pd.DataFrame]:
    """Every third row of each month: enough to tell a month that is whole."""
    paths = sorted(required("data/features").glob("*.parquet"))
    return {path.stem: pd.read_parquet(path).iloc[::3].reset_index(drop=True) for path in paths}


@pytest.mark.parametrize("number", range(1, 13))
def test_clean_month_of_year_passes_integrity_checks(year, number):
    month = f"2013-{number:02}"
    before = [rows for name, rows in year.items() if name < month]
    others = pd.concat(
        before or [rows for name, rows in year.items() if name != month], ignore_index=True
    )
    split = PARAMS.split.model_copy(update={"train": MonthWindow(first="2013-01", last="2013-12")})
    rows, known = year[month], Reference(others, split, others.iloc[:0], np.array([]))
    day = pd.to_datetime(rows["day"]).dt.date
    observed = ObservedRows(rows, np.zeros(len(rows)), day.min(), day.max(), whole=True)
    health = {name: feed.compute_health(rows[name]) for name, (_, feed) in known.inputs.items()}
    assert [
        check
        for check in evaluate_integrity(observed, known, health, PARAMS)
        if check.outcome == "critical"
    ] == []
