"""Start and watch the workers of this machine, and replace those that die.

At the end the workers are stopped and everything is put back.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from optuna.exceptions import ExperimentalWarning
from optuna.storages import fail_stale_trials
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from tarmac.interface.errors import UserError
from tarmac.repository import git
from tarmac.sweep import machine
from tarmac.sweep.slots import fail_and_requeue_trial, has_open_slots
from tarmac.sweep.study import GRACE, HEARTBEAT
from tarmac.sweep.trial import WORKER, select_finished_trials
from tarmac.sweep.worker import STORAGE

# Seconds between looks; seconds to end in; deaths that are too many.
LOOK, PATIENCE, DEATHS = (0.25, 30.0, 5)
AGAIN = "fix the cause, then run the same command again: finished trials are kept"


class WorkerError(UserError):
    """Workers cannot start, or die again and again."""


@dataclass
class WorkerPool:
    """Up to `jobs` workers that run `total` trials of a study."""

    study: Study
    url: str
    total: int
    jobs: int
    _workers: dict[int, tuple[str, "subprocess.Popen[bytes]"]] = field(default_factory=dict)
    _deaths: int = 0
    _started: int = 0
    # Trials that no worker has put its name to: seen since.
    _unsigned: dict[int, float] = field(default_factory=dict)

    def run_trials(self, show: Callable[[list[FrozenTrial]], None]) -> None:
        """Run until every trial has ended; call `show` with all trials when one has ended.

        End the workers on any error.
        """
        looked, ended = 0.0, -1
        try:
            while True:
                trials = self.study.get_trials(deepcopy=False)
                finished = len(select_finished_trials(trials))
                if finished >= self.total:
                    break
                if finished != ended:
                    ended = finished
                    show(trials)
                if time.monotonic() - looked > HEARTBEAT:
                    self._requeue_stale_trials()
                    looked = time.monotonic()
                self._reap_workers()
                self._start_missing_workers(trials)
                time.sleep(LOOK)
            show(trials)
        except BaseException:
            for _, process in self._workers.values():
                process.send_signal(signal.SIGTERM)
            raise
        finally:
            self._stop_workers()

    def _requeue_stale_trials(self) -> None:
        """Put back the trials of machines that are gone."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            fail_stale_trials(self.study)
        self._requeue_unsigned_trials()

    def _requeue_unsigned_trials(self) -> None:
        """Put back trials whose worker died between taking them and its first heartbeat.

        Optuna does not detect those.
        """
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        unsigned = {trial.number: trial for trial in running if WORKER not in trial.user_attrs}
        now = time.monotonic()
        self._unsigned = {number: self._unsigned.get(number, now) for number in unsigned}
        for number, since in self._unsigned.items():
            if now - since > GRACE:
                fail_and_requeue_trial(self.study, unsigned[number])

    def _start_missing_workers(self, trials: list[FrozenTrial]) -> None:
        for place in range(self.jobs):
            if place not in self._workers and has_open_slots(trials, self.total):
                self._started += 1
                name = f"{socket.gethostname()}-{os.getpid()}-{self._started}"
                self._workers[place] = name, self._start_worker(place, name)

    def _start_worker(self, place: int, name: str) -> "subprocess.Popen[bytes]":
        own = machine.build_worker_environment(
            place, self.jobs, machine.list_visible_gpus(os.environ)
        )
        arguments = [self.study.study_name, str(self.total), name, str(os.getpid())]
        return subprocess.Popen(
            [sys.executable, "-m", "tarmac.sweep.worker", *arguments],
            env={**git.build_git_environment(), **own, "PYTHONPATH": "src", STORAGE: self.url},
            start_new_session=True,  # Ctrl-C reaches them through this process alone
        )

    def _reap_workers(self) -> None:
        """Take leave of workers that have ended, and put back what the dead ones were running."""
        for place, (name, process) in list(self._workers.items()):
            if process.poll() is None:
                continue
            del self._workers[place]
            if process.returncode:
                self._requeue_trials_of(name)
                self._deaths += 1
            if process.returncode == 1:
                message = f"the sweep worker {name} stopped with an error (see above)"
                raise WorkerError(message, AGAIN)
            if self._deaths >= DEATHS:
                raise WorkerError(
                    f"{DEATHS} sweep workers died, the last with exit status {process.returncode}",
                    "run fewer at once if memory is short: `make sweep JOBS=1`",
                )

    def _requeue_trials_of(self, name: str) -> None:
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.user_attrs.get(WORKER) == name:
                print(
                    f"sweep: the worker of trial {trial.number} died, it is run again", flush=True
                )
                fail_and_requeue_trial(self.study, trial)

    def _stop_workers(self) -> None:
        """Wait for the workers; they go when no trial is left, or when they get a signal."""
        limit = time.monotonic() + PATIENCE
        for name, process in self._workers.values():
            try:
                process.wait(max(0.1, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self._requeue_trials_of(name)
