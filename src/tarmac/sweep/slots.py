"""The slot of a trial in its study: what is drawn, and how many are run, goes by it.

A trial that a dead worker left is run again as another trial of the same slot, so that nothing is
lost or run twice.
"""

from collections.abc import Sequence

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

RETRIES = 2  # of a trial that takes its worker with it
HISTORY, SURPLUS = "retry_history", "surplus"


def select_effective_trials(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials of a study, one for each slot.

    Trials that were run again, or that were one too many, are left out.
    """
    replaced = set[int]()
    for trial in trials:
        replaced.update(trial.system_attrs.get(HISTORY, []))
    return [
        trial
        for trial in trials
        if trial.number not in replaced and SURPLUS not in trial.user_attrs
    ]


def has_open_slots(trials: Sequence[FrozenTrial], total: int) -> bool:
    """Whether there is a trial to take: one that waits, or a slot that nobody has."""
    known = select_effective_trials(trials)
    return len(known) < total or any(trial.state == TrialState.WAITING for trial in known)


def compute_slot(trials: Sequence[FrozenTrial], trial: FrozenTrial) -> int:
    """How many slots came before this trial's."""
    own = _find_origin_number(trial)
    origins = {_find_origin_number(other) for other in select_effective_trials(trials)}
    return sum(origin < own for origin in origins)


def requeue_trial(study: Study, trial: FrozenTrial) -> None:
    """Queue a trial that did not finish once more, with the parameters that it had drawn."""
    history = [*trial.system_attrs.get(HISTORY, []), trial.number]
    if len(history) <= RETRIES:
        study.add_trial(
            create_trial(
                state=TrialState.WAITING,
                params=trial.params,
                distributions=trial.distributions,
                system_attrs={HISTORY: history},
            )
        )


def fail_and_requeue_trial(study: Study, trial: FrozenTrial) -> None:
    """Fail a trial whose worker is gone, and queue it once more.

    Do nothing if another machine was first.
    """
    try:
        study.tell(trial.number, state=TrialState.FAIL)
    except (
        UpdateFinishedTrialError,
        ValueError,
    ):  # it has ended: just now, or before it was asked for
        return
    requeue_trial(study, trial)


def _find_origin_number(trial: FrozenTrial) -> int:
    """Number of the trial that this one is, or of the first of those that it is run for again."""
    return int(next(iter(trial.system_attrs.get(HISTORY, [])), trial.number))
