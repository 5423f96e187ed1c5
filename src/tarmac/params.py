"""`params.yaml` as one strict model: a mistake is an error that names file, line, key and what was expected."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tarmac.problem.names import Group
from tarmac.problem.params import ProblemParams

PATH = Path("params.yaml")
Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="A month, written 2013-01")]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
HIGHER_IS_BETTER = ("roc_auc", "average_precision")
MetricName = Literal["roc_auc", "average_precision", "log_loss", "brier", "calibration_error"]


EXPECTED = {  # in place of pydantic's words
    "extra_forbidden": "unknown key; `tarmac params` lists the known ones",
    "missing": "this key is missing",
    "model_type": "a section with keys is expected here",
    "dict_type": "a section with keys is expected here",
    "too_short": "at least one is expected here",
}


class ParamsError(ValueError):
    """`params.yaml` is missing or wrong; one line for each mistake."""


class Section(BaseModel):
    """A section of `params.yaml`: typed, complete, and without unknown keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class PrepareParams(Section):
    """How much dirt a month may hold."""

    max_quarantine_share: Annotated[Share, Field(description="Share of a month's rows set aside that stops the stage")]


class Window(Section):
    """Months from `first` to `last`, both included."""

    first: Month
    last: Month

    @model_validator(mode="after")
    def _in_order(self) -> "Window":
        if self.first > self.last:
            raise ValueError(f"first ({self.first}) is after last ({self.last})")
        return self


class SplitParams(Section):
    """Months to train on, to tune on, and to judge on, in the order of time."""

    train: Window
    validation: Window
    test: Window

    @model_validator(mode="after")
    def _apart(self) -> "SplitParams":
        if not self.train.last < self.validation.first <= self.validation.last < self.test.first:
            raise ValueError("train, validation and test must follow one another without overlap")
        return self


class XGBoostParams(Section):
    """Parameters of XGBoost, by its own names."""

    learning_rate: Annotated[float, Field(gt=0, le=1)]
    max_depth: Annotated[int, Field(ge=1, le=16)]
    min_child_weight: Annotated[float, Field(ge=0)]
    subsample: Annotated[float, Field(gt=0, le=1)]
    colsample_bytree: Annotated[float, Field(gt=0, le=1)]
    reg_lambda: Annotated[float, Field(ge=0)]
    max_bin: Annotated[int, Field(ge=2, le=1024)]


class HistGradientBoostingParams(Section):
    """Parameters of scikit-learn's HistGradientBoostingClassifier, by its own names."""

    learning_rate: Annotated[float, Field(gt=0, le=1)]
    max_leaf_nodes: Annotated[int, Field(ge=2, le=4096)]
    min_samples_leaf: Count
    l2_regularization: Annotated[float, Field(ge=0)]


class LogisticRegressionParams(Section):
    """Parameters of scikit-learn's LogisticRegression, by its own names."""

    C: Annotated[Positive, Field(description="Inverse of the regularisation's strength")]
    max_iter: Count


class TrainParams(Section):
    """Which model, on which features, where, and for how long."""

    model: Literal["xgboost", "hist_gradient_boosting", "logistic_regression"]
    features: Annotated[list[Group], Field(min_length=1, description="Feature groups that the model sees")]
    device: Annotated[Literal["cpu", "cuda"], Field(description="Where xgboost trains; the others know the CPU only")]
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    max_rounds: Annotated[Count, Field(description="Boosting rounds at most")]
    early_stopping_rounds: Annotated[Count, Field(description="Rounds without a better validation log loss")]
    xgboost: XGBoostParams
    hist_gradient_boosting: HistGradientBoostingParams
    logistic_regression: LogisticRegressionParams

    @model_validator(mode="after")
    def _device_known(self) -> "TrainParams":
        if self.device != "cpu" and self.model != "xgboost":
            raise ValueError(f"model {self.model} trains on the CPU only, device is {self.device}")
        return self


class BaselineParams(Section):
    """The logistic regression that a model must beat to be worth its keep."""

    features: Annotated[list[Group], Field(min_length=1)]


class EvaluateParams(Section):
    """How the model is judged."""

    threshold_beta: Annotated[Positive, Field(description="The threshold maximises F-beta on validation")]
    calibration_bins: Annotated[int, Field(ge=2, le=100)]
    min_slice_rows: Annotated[Count, Field(description="Smaller slices are listed without a metric")]
    importance_rows: Annotated[Count, Field(description="Validation rows that permutation importance is measured on")]
    behaviour_rows: Annotated[Count, Field(description="Test rows that behaviour is measured on")]
    seed: Annotated[int, Field(ge=0, lt=2**31)]


class IntervalParams(Section):
    """How intervals of metrics are made: whole clusters (days) are resampled."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    resamples: Annotated[int, Field(ge=100, le=100_000)]
    seed: Annotated[int, Field(ge=0, lt=2**31)]


class MetricPolicy(Section):
    """What a change may do to one metric. A bound is on its worse side for `floor`, on its better for `ceiling`."""

    better: Annotated[Literal["higher", "lower"], Field(description="Which direction is an improvement")]
    tolerance: Annotated[float, Field(ge=0, description="Loss that a change may bring; its interval must exclude more")]
    floor: Annotated[float, Field(description="The worst value that may be released")]
    ceiling: Annotated[float | None, Field(description="Better than this is too good to be true: a leak")] = None

    @model_validator(mode="after")
    def _in_order(self) -> "MetricPolicy":
        sign = 1 if self.better == "higher" else -1
        if self.ceiling is not None and sign * self.floor >= sign * self.ceiling:
            raise ValueError(f"the floor ({self.floor}) must be worse than the ceiling ({self.ceiling})")
        return self


class SlicePolicy(Section):
    """What a change may do to a slice's ROC-AUC. Slices are many and small: only a loss that is proven fails."""

    tolerance: Share
    floor: Share


class BehaviourPolicy(Section):
    """What counts as a move of the model's answers, and how well it must rank when inputs fail."""

    min_move: Annotated[Share, Field(description="Smaller moves of the mean probability are none")]
    usable_auc: Annotated[Share, Field(description="ROC-AUC that must be left with an input missing or unknown")]


class CostPolicy(Section):
    """What the result may cost. Times are those of the machine at hand: keep the limits wide."""

    model_megabytes: Positive
    scoring_microseconds: Annotated[Positive, Field(description="For one row, on one thread")]
    pipeline_minutes: Annotated[Positive, Field(description="Wall time of all stages that ran")]
    memory_gigabytes: Annotated[Positive, Field(description="Peak memory of any stage that ran")]


class ReviewParams(Section):
    """The policy: what a pull request may do, and what fails it."""

    require_reproduced: Annotated[bool, Field(description="Fail where a rebuild from raw data gave other bytes")]
    drift: Annotated[Share, Field(description="Distance of training data, from 0 to 1, that the report points out")]
    metrics: Annotated[dict[MetricName, MetricPolicy], Field(min_length=1)]
    slices: SlicePolicy
    behaviour: BehaviourPolicy
    cost: CostPolicy

    @model_validator(mode="after")
    def _directions(self) -> "ReviewParams":
        for name, policy in self.metrics.items():
            if (policy.better == "higher") != (name in HIGHER_IS_BETTER):
                raise ValueError(f"{name} does not get better when it is {policy.better}")
        return self


class Params(Section):
    """The whole of `params.yaml`."""

    problem: ProblemParams
    prepare: PrepareParams
    split: SplitParams
    train: TrainParams
    baseline: BaselineParams
    evaluate: EvaluateParams
    intervals: IntervalParams
    review: ReviewParams


def load(path: Path = PATH) -> Params:
    """Reads (as YAML 1.2, like DVC) and checks the whole file. Raises `ParamsError` with every mistake on its line."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = YAML(typ="safe", pure=True).compose(text)
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; run from the repository's root") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if isinstance(tree, MappingNode) and not all(isinstance(key, ScalarNode) for key, _ in tree.value):
        raise ParamsError(f"{path}:1: (the whole file): {EXPECTED['model_type']}")
    if twice := _repeated(tree):
        raise ParamsError("\n".join(f"{path}:{line}: {key}: this key is there already" for line, key in twice))
    try:
        return Params.model_validate(YAML(typ="safe", pure=True).load(text))
    except ValidationError as error:
        lines = sorted(_line(tree, mistake) for mistake in error.errors())
        raise ParamsError("\n".join(f"{path}:{line}: {text}" for line, text in lines)) from None


def _line(tree: Node | None, mistake: Any) -> tuple[int, str]:
    """Line and text of one of pydantic's mistakes."""
    where = [part for part in mistake["loc"] if not str(part).startswith(("function-", "literal[", "[key]"))]
    key = ".".join(str(part) for part in where) or "(the whole file)"
    expected = EXPECTED.get(mistake["type"], mistake["msg"].removeprefix("Value error, "))
    shown = mistake["input"]
    got = f" (got {shown!r})" if not isinstance(shown, dict | BaseModel) and shown is not None else ""
    return _line_number(tree, where), f"{key}: {expected}{got}"


def _repeated(node: Node | None) -> list[tuple[int, str]]:
    """Lines and names of keys that stand twice in one section: YAML would quietly take the last."""
    if not isinstance(node, MappingNode):
        return []
    keys = [key.value for key, _ in node.value]
    here = [(key.start_mark.line + 1, key.value) for n, (key, _) in enumerate(node.value) if key.value in keys[:n]]
    return here + [found for _, value in node.value for found in _repeated(value)]


def _line_number(node: Node | None, where: list[Any]) -> int:
    """Line, counted from 1, of the deepest part of the key path that the file has."""
    line = 1
    for part in where:
        if isinstance(node, MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
