"""The first policy of another problem has the keys that the policy reads."""

import numpy as np
import pandas as pd
import pytest

from tarmac.pipeline.base.params.section import ParamsSection
from tarmac.policy.review import BehaviourPolicy, MetricPolicy, SlicePolicy
from tarmac.scaffold.infer import ProblemRequest, infer_problem
from tarmac.scaffold.policy import build_param_changes

ROWS = 300
TARGETS = {
    "binary": [str(number % 2) for number in range(ROWS)],
    "multiclass": ["abc"[number % 3] for number in range(ROWS)],
    "regression": [f"{number / 7:.3f}" for number in range(ROWS)],
}


@pytest.mark.parametrize("task", TARGETS)
def test_first_policy_is_valid_for_every_kind_of_target(task: str) -> None:
    sizes = np.random.default_rng(7).normal(size=ROWS).round(2).astype(str)
    inferred = infer_problem(
        pd.DataFrame({"size": sizes, "target": TARGETS[task]}), ProblemRequest(target="target")
    )
    assert inferred.task == task
    changes = build_param_changes(inferred, [], ["all"])
    sections: list[tuple[type[ParamsSection], dict]] = [
        (SlicePolicy, changes["review.slices"]),
        (BehaviourPolicy, changes["review.behaviour"]),
        *((MetricPolicy, limits) for limits in changes["review.metrics"].values()),
    ]
    for section, values in sections:
        assert section(**values).model_dump(exclude_none=True) == values
