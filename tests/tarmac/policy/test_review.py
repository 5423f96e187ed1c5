"""Review policy in `params.yaml`: wrong bounds and misspelt metrics are reported, never ignored."""

import re
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tarmac.pipeline.base.params import TASK
from tarmac.policy import AllParams, MetricName, MetricPolicy, load_all_params
from tests.conftest import ROOT
from tests.tarmac.policy.test_all_params import TEXT, below, mistakes, places, with_value, without

METRICS = tuple(TASK.metrics)
LINES = places(TEXT)
SECTIONS = [
    "intervals",
    "review",
    "review.metrics",
    "review.slices",
    "review.behaviour",
    "review.cost",
]
IN_POLICY = [
    key for key in LINES if key.startswith(("intervals.", "review.")) and key not in SECTIONS
]
KEYS = [
    "evaluate.behaviour_rows",
    *(key for key in IN_POLICY if key.rpartition(".")[2] not in METRICS),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "params.yaml"


def told_once(path, text: str, key: str, line: int, expected: str) -> None:
    """The text has one mistake, described on its line and by its key with what was expected."""
    reported = mistakes(path, text)
    assert len(reported) == 1, reported
    assert re.match(
        rf"{re.escape(str(path))}:{line}: {re.escape(key)}: .*{expected}", reported[0]
    ), reported[0]


def removed(text: str, section: str) -> str:
    """The text without a key and all that is below it."""
    lines = text.splitlines(keepends=True)
    inside = [
        number
        for key, number in places(text).items()
        if key == section or key.startswith(f"{section}.")
    ]
    return "".join(line for number, line in enumerate(lines, 1) if number not in inside)


def renamed(text: str, key: str, name: str) -> str:
    lines = text.splitlines(keepends=True)
    lines[LINES[key] - 1] = lines[LINES[key] - 1].replace(f"{key.rpartition('.')[2]}:", f"{name}:")
    return "".join(lines)


def test_policy_metric_names_equal_those_of_task():
    assert get_args(MetricName) == METRICS


def test_committed_policy_states_direction_of_every_metric():
    better = {
        name: policy.better
        for name, policy in load_all_params(ROOT / "params.yaml").review.metrics.items()
    }
    rising = {"roc_auc", "average_precision"}
    assert better == {name: "higher" if name in rising else "lower" for name in METRICS}


@pytest.mark.parametrize("name", ["rocauc", "ROC_AUC", "f1", "baseline/roc_auc", "7"])
def test_reports_unknown_metric_by_line_and_name(path, name):
    text = renamed(TEXT, "review.metrics.roc_auc", name)
    line = LINES["review.metrics.roc_auc"]
    told_once(
        path,
        text,
        f"review.metrics.{name}",
        line,
        "should be 'roc_auc', 'average_precision', 'log_loss'",
    )


@pytest.mark.parametrize(
    ("metric", "best"),
    [
        ("roc_auc", "0.753"),
        ("roc_auc", "0.7"),
        ("log_loss", "0.475"),
        ("log_loss", "0.5"),
        ("brier", "1"),
    ],
)
def test_reports_worst_allowed_that_is_not_worse_by_metric(path, metric, best):
    key = f"review.metrics.{metric}"
    text = (
        TEXT
        if f"{key}.suspicious_beyond" not in LINES
        else without(TEXT, f"{key}.suspicious_beyond")
    )
    text = below(text, f"{key}.worst_allowed", f"      suspicious_beyond: {best}")
    worst = yaml.safe_load(TEXT)["review"]["metrics"][metric]["worst_allowed"]
    told_once(
        path,
        text,
        key,
        LINES[key],
        rf"worst_allowed \({worst}\) must be worse than suspicious_beyond \({float(best)}\)",
    )


@given(st.sampled_from(["higher", "lower"]), st.floats(-2, 2), st.floats(-2, 2))
def test_policy_requires_worst_allowed_to_be_worse_than_suspicious(better, worst, best):
    def policy() -> MetricPolicy:
        return MetricPolicy(
            better=better, max_regression=0.0, worst_allowed=worst, suspicious_beyond=best
        )

    if (worst < best) if better == "higher" else (worst > best):
        assert policy().suspicious_beyond == best
    else:
        with pytest.raises(ValidationError, match="must be worse than suspicious_beyond"):
            policy()


@pytest.mark.parametrize("metric", METRICS)
def test_ceiling_of_metric_is_optional(path, metric):
    text = (
        TEXT
        if f"review.metrics.{metric}.suspicious_beyond" not in LINES
        else without(TEXT, f"review.metrics.{metric}.suspicious_beyond")
    )
    path.write_text(text)
    assert load_all_params(path).review.metrics[metric].suspicious_beyond is None
    path.write_text(
        below(text, f"review.metrics.{metric}.worst_allowed", "      suspicious_beyond: null")
    )
    assert load_all_params(path).review.metrics[metric].suspicious_beyond is None


def test_policy_requires_at_least_one_metric(path):
    text = TEXT
    for metric in list(METRICS)[1:]:
        text = removed(text, f"review.metrics.{metric}")
    path.write_text(text)
    assert list(load_all_params(path).review.metrics) == ["roc_auc"]
    empty = removed(text, "review.metrics.roc_auc")
    line = LINES["review.metrics"]
    told_once(
        path, with_value(empty, "review.metrics", "{}"), "review.metrics", line, "at least (1|one)"
    )
    told_once(path, empty, "review.metrics", line, "section with keys is expected")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("review.metrics.roc_auc.max_regression", "-0.001", "greater than or equal to 0"),
        ("review.metrics.log_loss.max_regression", "-.inf", "finite number"),
        ("review.metrics.brier.worst_allowed", ".nan", "finite number"),
        ("review.metrics.roc_auc.suspicious_beyond", ".inf", "finite number"),
        ("review.metrics.brier.better", "smaller", "'higher' or 'lower'"),
        ("review.slices.max_regression", "-0.01", "greater than or equal to 0"),
        ("review.slices.worst_allowed", "65", "less than or equal to 1"),
        ("review.slices.worst_allowed", "-.inf", "finite number"),
        ("review.behaviour.min_move", "-0.005", "greater than or equal to 0"),
        ("review.behaviour.usable", "70", "less than or equal to 1"),
        ("review.beat_baseline", "1", "valid boolean"),
        ("review.drift", "10", "less than or equal to 1"),
        ("review.require_reproduced", "yes", "valid boolean"),
        ("review.cost.model_megabytes", "0", "greater than 0"),
        ("review.cost.scoring_microseconds", "-1", "greater than 0"),
        ("review.cost.pipeline_minutes", "0", "greater than 0"),
        ("review.cost.memory_gigabytes", ".inf", "finite number"),
        ("intervals.confidence", "95", "less than 1"),
        ("intervals.confidence", "1", "less than 1"),
        ("intervals.confidence", "0.5", "greater than 0.5"),
        ("intervals.resamples", "99", "greater than or equal to 100"),
        ("intervals.resamples", "100001", "less than or equal to 100000"),
        ("intervals.resamples", "1000.0", "valid integer"),
        ("intervals.seed", "-1", "greater than or equal to 0"),
        ("intervals.seed", "2147483648", "less than 2147483648"),
        ("evaluate.behaviour_rows", "0", "greater than or equal to 1"),
    ],
)
def test_reports_invalid_value_by_key_and_line(path, key, value, expected):
    told_once(path, with_value(TEXT, key, value), key, LINES[key], expected)


def test_only_ceiling_and_range_options_have_defaults():
    schema = AllParams.model_json_schema()
    sections = [schema, *schema["$defs"].values()]
    unseen = {
        name for part in sections for name in part["properties"] if name not in part["required"]
    }
    of_other_targets = {"logistic_regression", "ridge", "threshold_beta"}
    assert unseen - of_other_targets == {"suspicious_beyond", "log", "step"}


@pytest.mark.parametrize("section", SECTIONS)
def test_reports_missing_section_where_it_belongs(path, section):
    parent = section.rpartition(".")[0]
    told_once(
        path, removed(TEXT, section), section, LINES[parent] if parent else 1, "this key is missing"
    )


@pytest.mark.parametrize("key", KEYS)
def test_reports_misspelt_key_as_unknown_and_missing(path, key):
    parent, _, name = key.rpartition(".")
    reported = mistakes(path, renamed(TEXT, key, f"{name}s"))
    assert f"{path}:{LINES[key]}: {key}s: unknown key" in "\n".join(reported)
    missing = f"{path}:{LINES[parent]}: {key}: this key is missing"
    assert (missing in reported) == (name != "suspicious_beyond")
    assert len(reported) == 2 - (name == "suspicious_beyond")
