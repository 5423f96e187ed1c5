"""Typed parameters: `load` reads `params.yaml`, and the sections say what each key may be."""

from tarmac.params.file import Params, ParamsError, load
from tarmac.params.monitor import Levels, MonitorParams, RetrainParams
from tarmac.params.pipeline import (
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
from tarmac.params.review import BehaviourPolicy, MetricName, MetricPolicy, ReviewParams, SlicePolicy
from tarmac.params.sweep import Choices, Range, SweepParams
from tarmac.params.task import TASK, TASKS, Task

__all__ = [
    "TASK",
    "TASKS",
    "AnySplit",
    "BehaviourPolicy",
    "Choices",
    "EvaluateParams",
    "IntervalParams",
    "Levels",
    "LogisticRegressionParams",
    "MetricName",
    "MetricPolicy",
    "MonitorParams",
    "Params",
    "ParamsError",
    "Range",
    "RetrainParams",
    "ReviewParams",
    "RidgeParams",
    "RowSplit",
    "SlicePolicy",
    "SplitParams",
    "StateParams",
    "SweepParams",
    "Task",
    "TrainParams",
    "Window",
    "load",
]
