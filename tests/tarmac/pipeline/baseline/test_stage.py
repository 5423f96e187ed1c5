"""baseline: a linear model is trained with those parameters of the main model that apply to it."""

import pytest

from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.baseline.stage import build_baseline_params
from tarmac.policy import load_all_params
from tests.conftest import ROOT

PARAMS = load_all_params(ROOT / "params.yaml")


def test_baseline_trains_linear_model_on_cpu_with_own_features():
    chosen = PARAMS.train.model_copy(update={"device": "cuda", "seed": 11})
    found = build_baseline_params(PARAMS.model_copy(update={"train": chosen}))
    wanted = chosen.model_copy(
        update={"model": TASK.baseline, "device": "cpu", "features": PARAMS.baseline.features}
    )
    read = ("model", "device", "features", "seed", TASK.baseline)
    assert [getattr(found, name) for name in read] == [getattr(wanted, name) for name in read]


@pytest.mark.parametrize(
    "name", ["max_rounds", "early_stopping_rounds", "xgboost", "hist_gradient_boosting"]
)
def test_baseline_cannot_read_parameters_that_do_not_rerun_it(name):
    with pytest.raises(AttributeError):
        getattr(build_baseline_params(PARAMS), name)
