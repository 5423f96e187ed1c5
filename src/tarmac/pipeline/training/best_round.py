"""The round of a fit that early stopping keeps."""

from tarmac.pipeline.base.params import TASK, Task


class BestRound:
    """The validation metrics of the round that early stopping keeps.

    It is the round with the lowest loss so far.
    """

    def __init__(self, task: Task = TASK) -> None:
        """Start without a round."""
        self.metrics: dict[str, float] = {}
        self._loss = task.loss_metric

    def __call__(self, number: int, metrics: dict[str, float]) -> None:
        """Take a round's metrics."""
        if not self.metrics or metrics[self._loss] < self.metrics[self._loss]:
            self.metrics = {**metrics, "rounds": number}
