"""Certify trials: run their parameters as a DVC experiment that must reach the same metrics."""

import json

from optuna.trial import FrozenTrial

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.paths import TRAIN_METRICS
from tarmac.policy.sweep import Value
from tarmac.repository import git
from tarmac.repository.dvc import commands
from tarmac.sweep.trial import METRICS, PARAMS


class CertificateError(UserError):
    """The pipeline did not come to the metrics of the trial."""


def certify_trial(study: str, trial: FrozenTrial) -> str:
    """Run a trial's parameters through the pipeline, in the workspace.

    Return the name of the DVC experiment. Raise `CertificateError` if a validation metric is not
    the trial's to the last digit.
    """
    name, values = f"{study}-{trial.number}", trial.user_attrs[PARAMS]
    if name in list_experiments():
        lines = commands.run_dvc("exp", "apply", name)
    else:
        settings = [f"--set-param={key}={format_value(value)}" for key, value in values.items()]
        lines = commands.run_dvc("exp", "run", "--name", name, *settings)
    for line in lines:
        print(line, flush=True)
    reached = json.loads(TRAIN_METRICS.read_text(encoding="utf-8"))["validation"]
    wanted = trial.user_attrs[METRICS]
    if reached != wanted:
        different = [
            f"  {key}: {wanted.get(key)} in the trial, {reached.get(key)} in the pipeline"
            for key in sorted({*wanted, *reached})
            if wanted.get(key) != reached.get(key)
        ]
        raise CertificateError(
            "\n".join([f"the pipeline does not reproduce trial {trial.number}", *different]),
            f"if {name} is an old experiment, run `dvc exp remove {name}`, then the sweep again",
        )
    return name


def list_experiments() -> set[str]:
    """Names of the experiments on this commit."""
    head = git.run_git("rev-parse", "HEAD").strip()
    place = f"refs/exps/{head[:2]}/{head[2:]}/"
    return {
        line.removeprefix(place)
        for line in git.run_git("for-each-ref", "--format=%(refname)", place).splitlines()
    }


def format_value(value: Value) -> str:
    """A value as DVC's command line takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
