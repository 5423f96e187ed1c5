"""Typed parameters of the stages: `load` reads them, and the sections say what each key may be."""

from tarmac.pipeline.params.file import Params, ParamsError, load
from tarmac.pipeline.params.pipeline import (
    AnySplit,
    EvaluateParams,
    IntervalParams,
    LogisticRegressionParams,
    RidgeParams,
    RowSplit,
    SplitParams,
    StateParams,
    TrainParams,
    Window,
)
from tarmac.pipeline.params.task import TASK, TASKS, Task

__all__ = [
    "TASK",
    "TASKS",
    "AnySplit",
    "EvaluateParams",
    "IntervalParams",
    "LogisticRegressionParams",
    "Params",
    "ParamsError",
    "RidgeParams",
    "RowSplit",
    "SplitParams",
    "StateParams",
    "Task",
    "TrainParams",
    "Window",
    "load",
]
