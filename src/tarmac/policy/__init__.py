"""The whole of `params.yaml`: what stages read, and the sections that no stage reads."""

from tarmac.policy.file import Params, load
from tarmac.policy.monitor import Levels, MonitorParams, RetrainParams
from tarmac.policy.review import BehaviourPolicy, MetricName, MetricPolicy, ReviewParams, SlicePolicy
from tarmac.policy.sweep import Choices, Range, SweepParams

__all__ = [
    "BehaviourPolicy",
    "Choices",
    "Levels",
    "MetricName",
    "MetricPolicy",
    "MonitorParams",
    "Params",
    "Range",
    "RetrainParams",
    "ReviewParams",
    "SlicePolicy",
    "SweepParams",
    "load",
]
