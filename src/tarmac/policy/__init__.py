"""The whole of `params.yaml`: what stages read, and the sections that no stage reads."""

from tarmac.policy.all_params import AllParams, load_all_params
from tarmac.policy.monitor import Levels, MonitorParams, RetrainParams
from tarmac.policy.review import (
    BehaviourPolicy,
    MetricName,
    MetricPolicy,
    ReviewParams,
    SlicePolicy,
)
from tarmac.policy.sweep import Choices, Range, SweepParams

__all__ = [
    "AllParams",
    "BehaviourPolicy",
    "Choices",
    "Levels",
    "MetricName",
    "MetricPolicy",
    "MonitorParams",
    "Range",
    "RetrainParams",
    "ReviewParams",
    "SlicePolicy",
    "SweepParams",
    "load_all_params",
]
