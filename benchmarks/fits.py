"""Run only the fits of a sweep: given parameter sets in one plain process.

The features are loaded once.
"""

import json
import sys
from pathlib import Path

from tarmac.pipeline.models.dataset import ModelInputs
from tarmac.pipeline.training import estimators
from tarmac.pipeline.training.best_round import BestRound
from tarmac.pipeline.training.fitting import read_split
from tarmac.policy import load_all_params
from tarmac.policy.sweep import replace_values


def main(sets: Path, first: int, step: int) -> None:
    """Fit every `step`-th of the sets, from `first` on."""
    params = load_all_params()
    split, inputs = (
        read_split(params.split, params.train.features),
        ModelInputs.from_groups(params.train.features),
    )
    for values in json.loads(sets.read_text(encoding="utf-8"))[first::step]:
        estimators.fit_model(replace_values(params.train, values), inputs, split, BestRound())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
