"""The round that is kept is the first with the lowest loss."""

import pytest

from tarmac.pipeline.base.params import TASKS
from tarmac.pipeline.training.best_round import BestRound


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_best_round_is_first_with_lowest_loss(task):
    best, (other, loss) = BestRound(task), task.rounds
    for number, value in enumerate([3.0, 1.0, 2.0, 1.0], start=1):
        best(number, {other: -value * number, loss: value})
    assert best.metrics == {other: -2.0, loss: 1.0, "rounds": 2}
