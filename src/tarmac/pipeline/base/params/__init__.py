"""Typed parameters of the stages: `load` reads them, and the sections say what each key may be."""

from tarmac.pipeline.base.params.file import Engine, Params, ParamsError, ProblemParams, Sections, load
from tarmac.pipeline.base.params.pipeline import (
    AnySplit,
    BaselineParams,
    EvaluateParams,
    IntervalParams,
    LogisticRegressionParams,
    PrepareParams,
    RidgeParams,
    RowSplit,
    SplitParams,
    StateParams,
    TrainParams,
    Window,
)
from tarmac.pipeline.base.params.task import TASK, TASKS, Task

__all__ = [
    "TASK",
    "TASKS",
    "AnySplit",
    "BaselineParams",
    "Engine",
    "EvaluateParams",
    "IntervalParams",
    "LogisticRegressionParams",
    "Params",
    "ParamsError",
    "PrepareParams",
    "ProblemParams",
    "RidgeParams",
    "RowSplit",
    "Sections",
    "SplitParams",
    "StateParams",
    "Task",
    "TrainParams",
    "Window",
    "load",
]
