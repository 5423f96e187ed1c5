"""Read the typed parameters of the stages with `load_params`.

The sections say what each key may be.
"""

from tarmac.interface.task import TASKS, Task
from tarmac.pipeline.base.params.pipeline import (
    AnySplit,
    BaselineParams,
    EvaluateParams,
    IntervalParams,
    LogisticRegressionParams,
    MonthWindow,
    OnlineParams,
    PrepareParams,
    RidgeParams,
    RowSplit,
    SplitParams,
    TrainParams,
)
from tarmac.pipeline.base.params.task import TASK
from tarmac.pipeline.base.params.yaml_file import (
    Engine,
    ParamsError,
    ParamsSubset,
    PipelineParams,
    ProblemParams,
    load_params,
)

__all__ = [
    "TASK",
    "TASKS",
    "AnySplit",
    "BaselineParams",
    "Engine",
    "EvaluateParams",
    "IntervalParams",
    "LogisticRegressionParams",
    "MonthWindow",
    "OnlineParams",
    "ParamsError",
    "ParamsSubset",
    "PipelineParams",
    "PrepareParams",
    "ProblemParams",
    "RidgeParams",
    "RowSplit",
    "SplitParams",
    "Task",
    "TrainParams",
    "load_params",
]
