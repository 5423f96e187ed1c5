"""Plots and metrics are present and complete, and DVC can render them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tarmac.pipeline.base.params import TASK
from tarmac.testing.pipeline_file import plots as declared_plots
from tests.conftest import ROOT, Workspace
from tests.graph import plots
from tests.graph.plant import append, change_dvc_yaml, edit

TABLE = "metrics/tables/calibration.csv"  # every task has it, with these columns first
HEADER = "predicted,observed,perfect"
ROUND = next(iter(TASK.rounds))
CURVE = f"metrics/train/plots/metrics/validation/{ROUND}.tsv"
(CURVE_PLOT,) = (name for name, body in declared_plots(ROOT).items() if CURVE in body["y"])
TEMPLATE = ".dvc/plots/counts.json"


def rewrite(path: str, change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    """A plant that changes the lines of a file."""

    def plant(root: Path) -> None:
        (root / path).write_text("\n".join(change((root / path).read_text().splitlines())) + "\n")

    return plant


def plot(tree: dict) -> dict:
    """The body of the calibration's plot in the tree of `dvc.yaml`."""
    return next(body["calibration"] for body in tree["plots"] if "calibration" in body)


def test_committed_plots_and_metrics_are_complete() -> None:
    assert plots.faults(ROOT) == []


def test_small_run_plots_and_metrics_are_complete(finished_template: Workspace) -> None:
    assert plots.faults(finished_template.path) == []


def test_dvc_renders_every_declared_plot_with_its_title(
    finished: Workspace, tmp_path: Path
) -> None:
    finished.dvc("plots", "show", "--out", str(tmp_path / "page"))
    assert plots.page_faults(finished.path, (tmp_path / "page" / "index.html").read_text()) == []


def test_dvc_reads_every_declared_plot_without_an_error(finished: Workspace) -> None:
    shown = json.loads(finished.dvc("plots", "show", "--json").stdout)
    assert plots.data_faults(finished.path, shown) == []
    assert shown["data"].keys() == declared_plots(finished.path).keys()


def test_reports_plot_that_dvc_cannot_render(finished: Workspace, tmp_path: Path) -> None:
    edit(finished.path, TABLE, HEADER, HEADER.replace("predicted", "other"))
    finished.dvc("plots", "show", "--out", str(tmp_path / "page"), check=False)
    page = (tmp_path / "page" / "index.html").read_text()
    assert "calibration is not on the page" in plots.page_faults(finished.path, page)


def test_reports_plot_without_data_in_dvc_output(finished: Workspace) -> None:
    rewrite(CURVE, lambda lines: lines[:1])(finished.path)
    shown = json.loads(finished.dvc("plots", "show", "--json", check=False).stdout)
    assert f"{CURVE_PLOT} has no data" in plots.data_faults(finished.path, shown)


PLANTS = {
    "a column that is gone": (
        rewrite(TABLE, lambda lines: [HEADER.replace("perfect", "other"), *lines[1:]]),
        [f"plot calibration: column perfect of {TABLE} is missing"],
    ),
    "a number that is none": (
        rewrite(TABLE, lambda lines: [*lines[:-1], "1.0,nan,1.0"]),
        [f"plot calibration: column observed of {TABLE} is not finite"],
    ),
    "an infinite number": (
        rewrite(CURVE, lambda lines: [*lines, "99\t-inf"]),
        [f"plot {CURVE_PLOT}: column {ROUND} of {CURVE} is not finite"],
    ),
    "a blank": (
        rewrite(TABLE, lambda lines: [*lines, "1.0,,1.0"]),
        [f"plot calibration: column observed of {TABLE} has a blank"],
    ),
    "a line that is cut short": (
        rewrite(TABLE, lambda lines: [*lines, "1.0,1.0"]),
        [f"plot calibration: column perfect of {TABLE} has a blank"],
    ),
    "a word among numbers": (
        rewrite(TABLE, lambda lines: [*lines, "1.0,high,1.0"]),
        [f"plot calibration: column observed of {TABLE} mixes numbers and words"],
    ),
    "a table without rows": (
        rewrite(TABLE, lambda lines: lines[:1]),
        [f"plot calibration: {TABLE} has no row"],
    ),
    "a file that is gone": (
        lambda root: (root / TABLE).unlink(),
        [f"plot calibration: there is no file {TABLE}"],
    ),
    "a plot without title": (
        lambda root: change_dvc_yaml(root, lambda tree: plot(tree).pop("title")),
        ["plot calibration: has no title"],
    ),
    "a template that is not there": (
        lambda root: change_dvc_yaml(root, lambda tree: plot(tree).update(template="fancy")),
        ["plot calibration: there is no template fancy"],
    ),
    "a template that is no JSON": (
        lambda root: append(root, TEMPLATE, "}"),
        ["template counts: is no JSON object"],
    ),
    "a template without data": (
        lambda root: edit(root, TEMPLATE, "<DVC_METRIC_DATA>", "<DVC_DATA>"),
        ["template counts: has no place for DVC's data"],
    ),
    "a template without title": (
        lambda root: edit(root, TEMPLATE, "<DVC_METRIC_TITLE>", "Counts"),
        ["template counts: has no place for DVC's title"],
    ),
    "a column that only the template names": (
        lambda root: edit(
            root, "metrics/tables/confusion.csv", "actual,predicted,rows", "actual,predicted,count"
        ),
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

if "confusion" not in declared_plots(ROOT):  # a number has none
    del PLANTS["a column that only the template names"]


@pytest.mark.parametrize("name", PLANTS)
def test_reports_each_fault_in_plots_templates_and_metrics(finished: Workspace, name: str) -> None:
    plant, expected = PLANTS[name]
    plant(finished.path)
    assert plots.faults(finished.path) == expected


def test_reports_metric_file_that_is_not_json(finished: Workspace) -> None:
    append(finished.path, "metrics/evaluate/metrics.json", "}")
    (fault,) = plots.faults(finished.path)
    assert fault.startswith("metric metrics/evaluate/metrics.json: is no JSON")
