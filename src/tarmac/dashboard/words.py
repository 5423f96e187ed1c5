"""How the page writes names, numbers and months."""

from collections.abc import Sequence

from tarmac.dashboard.records import EstimateRecord
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK
from tarmac.reporting.markdown import format_number, format_signed_number

LABELS = {
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
}
MAIN = TASK.main_metric  # the metric that charts show
TESTED = "test months" if problem.contract.DAY else "test rows"
WATCHED = "stored month" if problem.contract.DAY else "rows asked"
WATCH = "make monitor" if problem.contract.DAY else "make monitor LOG=JOURNAL"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def format_metric_name(metric: str) -> str:
    """A metric's name as people write it."""
    return LABELS.get(metric, metric.replace("_", " "))


def format_month(name: str) -> str:
    """2013-12 as December 2013."""
    return f"{MONTH_NAMES[int(name[5:7]) - 1]} {name[:4]}"


def format_month_range(months: Sequence[str]) -> str:
    """The first and the last of some months."""
    return (
        format_month(months[0])
        if len(months) == 1
        else f"{format_month(months[0])} to {format_month(months[-1])}"
    )


def format_month_ticks(months: Sequence[str]) -> list[str]:
    """Names of months on an axis: a later January is named by its year, which begins there."""
    named = [MONTHS[int(name[5:7]) - 1] for name in months]
    return [months[at][:4] if at and name == MONTHS[0] else name for at, name in enumerate(named)]


def format_interval(
    low: float | None, high: float | None, digits: int = 4, sign: bool = False
) -> str:
    """An interval; a dash where it is not known."""
    if low is None or high is None:
        return "–"
    write = format_signed_number if sign else format_number
    return f"{write(low, digits)} to {write(high, digits)}"


def format_estimate(estimate: EstimateRecord | None, digits: int = 3) -> str:
    """A number with its interval, in running text."""
    if estimate is None or estimate.value is None:
        return "not known"
    value = format_number(estimate.value, digits)
    if estimate.low is None:
        return value
    return f"{value} ({format_interval(estimate.low, estimate.high, digits)})"


def format_difference(value: float | None, digits: int = 4) -> str:
    """A difference with its sign; a dash where it is not known."""
    return "–" if value is None else format_signed_number(value, digits)


def format_share(value: float | None) -> str:
    """A share as a percentage with one decimal."""
    return "–" if value is None else f"{100 * value:.1f}%"


def format_count(size: int, one: str, many: str = "") -> str:
    """A number of things with their name."""
    return f"{size:,} {one if size == 1 else many or one + 's'}"


def join_names(names: list[str], most: int = 4) -> str:
    """Names in a sentence; many are cut."""
    shown = names if len(names) <= most + 1 else [*names[:most], f"{len(names) - most} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
