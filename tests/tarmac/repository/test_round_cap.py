"""A training that its cap ended is noted; one that early stopping ended is not."""

import json
from pathlib import Path

import pytest

from tarmac.pipeline.base.params import TrainParams
from tarmac.repository import round_cap


@pytest.mark.parametrize(
    ("validation", "noted"),
    [
        ({"rounds": 400}, True),
        ({"rounds": 371}, True),
        ({"rounds": 370}, False),
        ({}, False),
        (None, False),
    ],
)
def test_round_cap_is_noted_if_early_stopping_did_not_end_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, validation: dict | None, noted: bool
) -> None:
    path = tmp_path / "metrics.json"
    monkeypatch.setattr(round_cap, "TRAIN_METRICS", path)
    if validation is not None:
        path.write_text(json.dumps({"validation": validation}))
    params = TrainParams.model_construct(max_rounds=400, early_stopping_rounds=30)
    note = round_cap.describe_round_cap(params)
    assert note.startswith("note: training ended at train.max_rounds (400)") == noted
