"""Whether training ended at the most rounds that it may take, while the loss still fell."""

import json

from tarmac.pipeline.base.params import TrainParams
from tarmac.pipeline.base.paths import TRAIN_METRICS


def describe_round_cap(params: TrainParams) -> str:
    """Return a note if training ended before early stopping could end it, else nothing."""
    if not TRAIN_METRICS.is_file():
        return ""
    trained = json.loads(TRAIN_METRICS.read_text(encoding="utf-8"))
    rounds = trained["validation"].get("rounds")  # a linear model has none
    if rounds is None or rounds + params.early_stopping_rounds <= params.max_rounds:
        return ""
    return (
        f"note: training ended at train.max_rounds ({params.max_rounds:,}), and its best round is "
        f"{rounds:,}: more rounds may be better, so raise it in params.yaml and run again"
    )
