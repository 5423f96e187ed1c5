"""baseline: the model's own training, but for the model, and for what a linear one has no use for."""

import pytest

from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.baseline.stage import baseline_params
from tarmac.policy import load
from tests.conftest import ROOT

PARAMS = load(ROOT / "params.yaml")


def test_the_baseline_is_another_training_than_that_of_a_linear_model_on_its_features():
    chosen = PARAMS.train.model_copy(update={"device": "cuda", "seed": 11})
    found = baseline_params(PARAMS.model_copy(update={"train": chosen}))
    wanted = chosen.model_copy(update={"model": TASK.baseline, "device": "cpu", "features": PARAMS.baseline.features})
    read = ("model", "device", "features", "seed", TASK.baseline)
    assert [getattr(found, name) for name in read] == [getattr(wanted, name) for name in read]


@pytest.mark.parametrize("name", ["max_rounds", "early_stopping_rounds", "xgboost", "hist_gradient_boosting"])
def test_the_baseline_reads_a_parameter_that_does_not_rerun_it(name):
    with pytest.raises(AttributeError):
        getattr(baseline_params(PARAMS), name)
