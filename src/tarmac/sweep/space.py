"""Build the search space for Optuna, and a sampler with reproducible draws.

The draws depend on the seed and on what is known, and on nothing else.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from tarmac.policy import Choices, Range, SweepParams
from tarmac.policy.sweep import Value
from tarmac.sweep.slots import compute_slot

DIGITS = 4  # of a fraction: what is drawn goes into params.yaml, where people read it
Space = Mapping[str, Range | Choices]


def build_distribution(searched: Range | Choices) -> BaseDistribution:
    """What Optuna draws a value from."""
    if isinstance(searched, Choices):
        return CategoricalDistribution(searched.choices)
    if searched.is_integer:
        return IntDistribution(
            int(searched.low), int(searched.high), log=searched.log, step=int(searched.step or 1)
        )
    return FloatDistribution(
        float(searched.low), float(searched.high), log=searched.log, step=searched.step
    )


def draw_values(trial: Trial, space: Space) -> dict[str, Value]:
    """A value for every key, as it would be written by hand."""
    return {
        name: _round_value(searched, _suggest_value(trial, name, searched))
        for name, searched in space.items()
    }


def _suggest_value(trial: Trial, name: str, searched: Range | Choices) -> Value:
    drawn_from = build_distribution(searched)
    if isinstance(drawn_from, CategoricalDistribution):
        return trial.suggest_categorical(name, drawn_from.choices)  # type: ignore[return-value]
    if isinstance(drawn_from, IntDistribution):
        return trial.suggest_int(
            name, drawn_from.low, drawn_from.high, step=drawn_from.step, log=drawn_from.log
        )
    assert isinstance(drawn_from, FloatDistribution)
    return trial.suggest_float(
        name, drawn_from.low, drawn_from.high, step=drawn_from.step, log=drawn_from.log
    )


def _round_value(searched: Range | Choices, value: Value) -> Value:
    if isinstance(searched, Choices) or isinstance(value, int):
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), float(searched.low)), float(searched.high))


def build_grid(space: Space) -> list[dict[str, Value]]:
    """Every combination, the last key changing fastest."""
    return [
        dict(zip(space, values, strict=True))
        for values in itertools.product(*map(_list_values, space.values()))
    ]


def _list_values(searched: Range | Choices) -> Sequence[Value]:
    if isinstance(searched, Choices):
        return searched.choices
    step = searched.step or 1
    count = int((searched.high - searched.low) / step + 1e-9) + 1
    values = [searched.low + number * step for number in range(count)]
    return (
        [int(value) for value in values]
        if searched.is_integer
        else [float(f"{value:.12g}") for value in values]
    )


class Sampler(BaseSampler):
    """Sampler that starts again for every trial, by seed and slot.

    An interrupted study goes on as if it had not been interrupted.
    """

    def __init__(self, params: SweepParams) -> None:
        """Take sampler, seed and space of a sweep."""
        self._params = params
        self._points = build_grid(params.space) if params.sampler == "grid" else []
        self._inner: BaseSampler = RandomSampler()
        self._point: Mapping[str, Value] = {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Make the sampler of this trial."""
        number = compute_slot(study.get_trials(deepcopy=False), trial)
        seed = int(np.random.SeedSequence([self._params.seed, number]).generate_state(1)[0])
        if self._params.sampler == "grid":
            self._point = self._points[min(number, len(self._points) - 1)]
        self._inner = (
            TPESampler(seed=seed) if self._params.sampler == "tpe" else RandomSampler(seed=seed)
        )
        self._inner.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """What is drawn together."""
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> Any:
        """Values that are drawn together."""
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """One value."""
        if self._point:
            return self._point[param_name]
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """What the sampler does when a trial has ended."""
        self._inner.after_trial(study, trial, state, values)
