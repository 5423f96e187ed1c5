"""Plots and metrics: what a reviewer looks at is there, says something, and DVC can draw it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, Workspace
from tests.graph import plots
from tests.graph.declared import plots as declared_plots
from tests.graph.plant import append, change_dvc_yaml, edit

ROC = "metrics/tables/roc.csv"
CURVE = "metrics/train/plots/metrics/validation/auc.tsv"
TEMPLATE = ".dvc/plots/counts.json"


def rewrite(path: str, change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    """A plant that changes the lines of a file."""

    def plant(root: Path) -> None:
        (root / path).write_text("\n".join(change((root / path).read_text().splitlines())) + "\n")

    return plant


def test_every_plot_and_metric_of_the_committed_result_says_something() -> None:
    assert plots.faults(ROOT) == []


def test_every_plot_and_metric_of_a_small_run_says_something(finished_template: Workspace) -> None:
    assert plots.faults(finished_template.path) == []


def test_dvc_draws_every_declared_plot_under_its_title(finished: Workspace, tmp_path: Path) -> None:
    finished.dvc("plots", "show", "--out", str(tmp_path / "page"))
    assert plots.page_faults(finished.path, (tmp_path / "page" / "index.html").read_text()) == []


def test_dvc_reads_every_declared_plot_without_an_error(finished: Workspace) -> None:
    shown = json.loads(finished.dvc("plots", "show", "--json").stdout)
    assert plots.data_faults(finished.path, shown) == []
    assert shown["data"].keys() == declared_plots(finished.path).keys()


def test_a_plot_that_dvc_cannot_draw_is_found(finished: Workspace, tmp_path: Path) -> None:
    edit(finished.path, ROC, "false_positive_rate,model,baseline", "fpr,model,baseline")
    finished.dvc("plots", "show", "--out", str(tmp_path / "page"), check=False)
    page = (tmp_path / "page" / "index.html").read_text()
    assert "roc is not on the page" in plots.page_faults(finished.path, page)


def test_a_plot_without_rows_is_found_in_what_dvc_reads(finished: Workspace) -> None:
    rewrite(CURVE, lambda lines: lines[:1])(finished.path)
    shown = json.loads(finished.dvc("plots", "show", "--json", check=False).stdout)
    assert "learning_curve_auc has no data" in plots.data_faults(finished.path, shown)


PLANTS = {
    "a column that is gone": (
        rewrite(ROC, lambda lines: ["false_positive_rate,model,other", *lines[1:]]),
        [f"plot roc: column baseline of {ROC} is missing"],
    ),
    "a number that is none": (
        rewrite(ROC, lambda lines: [*lines[:-1], "1.0,nan,1.0"]),
        [f"plot roc: column model of {ROC} is not finite"],
    ),
    "an infinite number": (
        rewrite(CURVE, lambda lines: [*lines, "99\t-inf"]),
        [f"plot learning_curve_auc: column auc of {CURVE} is not finite"],
    ),
    "a blank": (
        rewrite(ROC, lambda lines: [*lines, "1.0,,1.0"]),
        [f"plot roc: column model of {ROC} has a blank"],
    ),
    "a line that is cut short": (
        rewrite(ROC, lambda lines: [*lines, "1.0,1.0"]),
        [f"plot roc: column baseline of {ROC} has a blank"],
    ),
    "a word among numbers": (
        rewrite(ROC, lambda lines: [*lines, "1.0,high,1.0"]),
        [f"plot roc: column model of {ROC} mixes numbers and words"],
    ),
    "a table without rows": (rewrite(ROC, lambda lines: lines[:1]), [f"plot roc: {ROC} has no row"]),
    "a file that is gone": (lambda root: (root / ROC).unlink(), [f"plot roc: there is no file {ROC}"]),
    "a plot without title": (
        lambda root: change_dvc_yaml(root, lambda tree: tree["plots"][0]["roc"].pop("title")),
        ["plot roc: has no title"],
    ),
    "a template that is not there": (
        lambda root: change_dvc_yaml(root, lambda tree: tree["plots"][0]["roc"].update(template="fancy")),
        ["plot roc: there is no template fancy"],
    ),
    "a template that is no JSON": (lambda root: append(root, TEMPLATE, "}"), ["template counts: is no JSON object"]),
    "a template without data": (
        lambda root: edit(root, TEMPLATE, "<DVC_METRIC_DATA>", "<DVC_DATA>"),
        ["template counts: has no place for DVC's data"],
    ),
    "a template without title": (
        lambda root: edit(root, TEMPLATE, "<DVC_METRIC_TITLE>", "Counts"),
        ["template counts: has no place for DVC's title"],
    ),
    "a column that only the template names": (
        lambda root: edit(root, "metrics/tables/confusion.csv", "actual,predicted,rows", "actual,predicted,count"),
        ["plot confusion: column rows of metrics/tables/confusion.csv is missing"],
    ),
    "a metric that is gone": (
        lambda root: (root / "metrics/prepare.json").unlink(),
        ["metric metrics/prepare.json: there is no such file"],
    ),
    "a metric that is none": (
        lambda root: (root / "metrics/prepare.json").write_text('{"rows": {"flights": NaN}}'),
        ["metric metrics/prepare.json: is not finite"],
    ),
    "metrics without a number": (
        lambda root: (root / "metrics/prepare.json").write_text('{"rows": {}, "complete": true}'),
        ["metric metrics/prepare.json: holds no number"],
    ),
}


@pytest.mark.parametrize("name", PLANTS)
def test_what_would_leave_a_reviewer_nothing_to_look_at_is_found(finished: Workspace, name: str) -> None:
    plant, expected = PLANTS[name]
    plant(finished.path)
    assert plots.faults(finished.path) == expected


def test_a_metric_that_is_no_json_is_found(finished: Workspace) -> None:
    append(finished.path, "metrics/evaluate/metrics.json", "}")
    (fault,) = plots.faults(finished.path)
    assert fault.startswith("metric metrics/evaluate/metrics.json: is no JSON")
