"""Typed parameters: `load` reads `params.yaml`, and the sections say what each key may be."""

from tarmac.params.file import Params, ParamsError, load
from tarmac.params.monitor import Levels, MonitorParams, RetrainParams
from tarmac.params.pipeline import (
    EvaluateParams,
    IntervalParams,
    LogisticRegressionParams,
    SplitParams,
    StateParams,
    TrainParams,
    Window,
)
from tarmac.params.review import BehaviourPolicy, MetricName, MetricPolicy, ReviewParams, SlicePolicy
from tarmac.params.sweep import Choices, Range, SweepParams

__all__ = [
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
    "SlicePolicy",
    "SplitParams",
    "StateParams",
    "SweepParams",
    "TrainParams",
    "Window",
    "load",
]
