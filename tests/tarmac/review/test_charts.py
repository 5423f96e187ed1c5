"""Charts: each line shows the values of its table at the axis labels.

Mermaid can parse the text.
"""

import itertools
import math
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tarmac.pipeline.base.params import TASKS
from tarmac.review.charts import COLOURS, POINTS, list_chart_specs, render_charts, render_xy_chart
from tarmac.review.result_folder import ResultFolder
from tests.conftest import ROOT
from tests.hostile import FRAGMENTS, VALUES, WORST

relaxed = settings(deadline=None)  # a busy machine is no mistake
MONTHS, CALIBRATION, LOSS = (chart.table for chart in list_chart_specs())
NUMBER = r"-?\d+\.\d{4}"
LABEL = r'"[A-Za-z0-9² .:+_-]{1,30}"'
GRAMMAR = [  # the text of a chart, line by line; the last but one stands once or more often
    r"```mermaid",
    r'%%\{init: \{"themeVariables": \{"xyChart": \{"plotColorPalette": '
    r'"(#[0-9a-f]{6}(?:, #[0-9a-f]{6})*)"\}\},'
    r' "xyChart": \{"height": \d+\}\}\}%%',
    r"xychart-beta",
    rf"  x-axis \[({LABEL}(?:, {LABEL})*)\]",
    rf"  y-axis {LABEL} ({NUMBER}) --> ({NUMBER})",
    rf"  line \[({NUMBER}(?:, {NUMBER})*)\]",
    r"```",
]
FLOATS = st.floats(-1e6, 1e6)


@dataclass(frozen=True)
class Chart:
    """A chart read back from its text."""

    ticks: list[str]
    lines: dict[str, list[float]]  # by who is drawn in the line's colour
    low: float
    high: float


def parsed(text: str) -> Chart:
    """Read a chart by the grammar, and check what any chart must be."""
    lines = text.split("\n")
    patterns = [*GRAMMAR[:5], *GRAMMAR[5:6] * (len(lines) - 6), GRAMMAR[6]]
    assert len(lines) >= len(GRAMMAR)
    found = []
    for line, pattern in zip(lines, patterns, strict=True):
        match = re.fullmatch(pattern, line)
        assert match, f"{line!r} is not {pattern}"
        found.append(match.groups())
    (palette,), (ticks,), (low, high), drawn = (
        found[1],
        found[3],
        found[4],
        [found_[0] for found_ in found[5:-1]],
    )
    who = {colour: name for name, (_, colour) in COLOURS.items()}
    values = [[float(value) for value in line.split(", ")] for line in drawn]
    chart = Chart(
        [tick.strip('"') for tick in ticks.split(", ")],
        {who[colour]: line for colour, line in zip(palette.split(", "), values, strict=True)},
        float(low),
        float(high),
    )
    assert chart.low < min(map(min, values)) + 1e-4
    assert chart.high > max(map(max, values)) - 1e-4
    assert chart.low < chart.high
    assert all(len(line) <= len(chart.ticks) for line in values)
    assert len(chart.ticks) <= POINTS
    return chart


def result(folder: Path, tables: dict[str, str]) -> ResultFolder:
    """A result that has nothing but these files."""
    for name, text in tables.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return ResultFolder(folder, "commit", {}, frozenset())


def drawn(tmp_path: Path, name: str, head: str, base: str | None = None) -> list[Chart]:
    """The charts of head's and base's text of one table."""
    sides = [
        result(tmp_path / "base", {} if base is None else {name: base}),
        result(tmp_path / "head", {name: head}),
    ]
    return [parsed(text) for _, text in render_charts(*sides)]


def months(values: dict[str, object]) -> str:
    return "month,model,baseline\n" + "".join(
        f"{month},{value},0.6\n" for month, value in values.items()
    )


def losses(count: int, worse: float = 0.0) -> str:
    """A learning curve whose loss tells its round."""
    return "step\tlog_loss\n" + "".join(
        f"{step}\t{1 + worse - step / 1000}\n" for step in range(count)
    )


HEAD = {"2013-11": 0.751, "2013-12": 0.782}


def test_each_line_shows_values_of_its_side(tmp_path):
    (chart,) = drawn(tmp_path, MONTHS, months(HEAD), months({"2013-11": 0.741, "2013-12": 0.762}))
    assert chart.ticks == ["2013-11", "2013-12"]
    assert chart.lines == {"base": [0.741, 0.762], "head": [0.751, 0.782]}


def test_titles_name_colour_of_each_line(tmp_path):
    tables = {
        MONTHS: months(HEAD),
        CALIBRATION: "predicted,observed\n0.1,0.12\n0.3,0.35\n",
        LOSS: losses(3),
    }
    base, head = result(tmp_path / "base", tables), result(tmp_path / "head", tables)
    both, alone = render_charts(base, head), render_charts(None, head)
    assert [title for title, _ in both] == [
        "ROC-AUC by month: base in orange, head in blue",
        "Calibration: base in orange, head in blue, perfect in grey",
        "Validation log loss by round: base in orange, head in blue",
    ]
    assert [title for title, _ in alone] == [
        title.replace("base in orange, ", "") for title, _ in both
    ]
    for title, text in [*both, *alone]:
        assert set(parsed(text).lines) == {
            one for one in COLOURS if f"{one} in {COLOURS[one][0]}" in title
        }


def test_perfect_line_has_observed_equal_to_predicted(tmp_path):
    (chart,) = drawn(tmp_path, CALIBRATION, "predicted,observed\n0.1,0.12\n0.3,0.35\n0.75,0.7\n")
    assert chart.ticks == ["0.10", "0.30", "0.75"]
    assert chart.lines == {"head": [0.12, 0.35, 0.7], "perfect": [0.1, 0.3, 0.75]}


def test_committed_tables_make_every_chart():
    here = ResultFolder(ROOT, "commit", {}, frozenset())
    found = [parsed(text) for _, text in render_charts(here, here)]
    assert len(found) == len(list_chart_specs())
    for chart in found:
        assert chart.lines["base"] == chart.lines["head"]
        assert len(set(chart.ticks)) == len(chart.ticks)
        assert all(0 <= value <= 1 for value in chart.lines["head"])


@pytest.mark.parametrize(("head", "base"), [(255, 401), (401, 255), (20, 21), (1_000, 81)])
def test_base_rounds_are_drawn_at_same_rounds_of_head(tmp_path, head, base):
    (chart,) = drawn(tmp_path, LOSS, losses(head), losses(base, worse=0.5))
    rounds = [int(tick) for tick in chart.ticks]
    assert chart.lines["head"] == pytest.approx([1 - step / 1000 for step in rounds], abs=1e-4)
    reached = [step for step in rounds if step < base]
    assert chart.lines["base"] == pytest.approx([1.5 - step / 1000 for step in reached], abs=1e-4)


def test_base_line_ends_before_first_missing_month(tmp_path):
    head = {"2013-10": 0.71, **HEAD}
    (chart,) = drawn(tmp_path, MONTHS, months(head), months({"2013-10": 0.7, "2013-12": 0.76}))
    assert chart.ticks == list(head)
    assert chart.lines == {"base": [0.7], "head": list(head.values())}


def test_row_order_and_duplicate_rows_do_not_move_points(tmp_path):
    curve = losses(30).splitlines(keepends=True)
    base = "".join([curve[0], *reversed(curve[1:]), curve[5]])
    (chart,) = drawn(tmp_path, LOSS, losses(30), base)
    assert chart.lines["base"] == chart.lines["head"]
    months_twice = months(HEAD) + "2013-12,0.5,0.5\n"
    (chart,) = drawn(tmp_path / "twice", MONTHS, months_twice, months_twice)
    assert chart.ticks == ["2013-11", "2013-12"]
    assert [len(line) for line in chart.lines.values()] == [2, 2]


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ({"2013-10": 0.7, "2013-11": 0.74, "2013-12": 0.76}, [0.74, 0.76]),
        ({"2013-12": 0.76, "2013-11": 0.74}, [0.74, 0.76]),
        ({"2013-11": 0.74}, [0.74]),
        ({"2013-09": 0.74, "2013-10": 0.76}, None),
    ],
)
def test_base_months_are_drawn_at_same_months_of_head(tmp_path, base, wanted):
    (chart,) = drawn(tmp_path, MONTHS, months(HEAD), months(base))
    assert chart.ticks == ["2013-11", "2013-12"]
    assert chart.lines["head"] == [0.751, 0.782]
    assert chart.lines.get("base") == wanted


UNUSABLE = {
    "missing": None,
    "empty": "",
    "blank": "\n",
    "no row": "month,model,baseline\n",
    "no x": "m,model\n2013-11,0.7\n",
    "no y": "month,other\n2013-11,0.7\n",
    "no number": "month,model\n2013-11,x\n2013-12,y\n",
    "not known": "month,model\n2013-11,\n2013-12,nan\n",
    "ragged": "month,model\n2013-11,0.7\n1,2,3,4,5\n",
    "not a table": WORST.replace("\ud800", ""),
}


@pytest.mark.parametrize("why", UNUSABLE)
def test_unusable_table_is_not_drawn(tmp_path, why):
    tables = {} if UNUSABLE[why] is None else {MONTHS: UNUSABLE[why]}
    good = result(tmp_path / "good", {MONTHS: months(HEAD)})
    assert render_charts(good, result(tmp_path / "bad", tables)) == []
    ((title, text),) = render_charts(result(tmp_path / "bad", tables), good)
    assert title == "ROC-AUC by month: head in blue"
    assert parsed(text).lines == {"head": [0.751, 0.782]}


@pytest.mark.parametrize("value", ["nan", "", "inf", "-inf"])
def test_unknown_value_is_omitted_from_chart(tmp_path, value):
    (chart,) = drawn(
        tmp_path, MONTHS, months({"2013-10": 0.7, "2013-11": value, "2013-12": 0.78}), months(HEAD)
    )
    assert dict(zip(chart.ticks, chart.lines["head"], strict=True)) == {
        "2013-10": 0.7,
        "2013-12": 0.78,
    }


def test_single_point_makes_no_chart(tmp_path):
    assert drawn(tmp_path, MONTHS, months({"2013-11": 0.7})) == []


@pytest.mark.parametrize("count", [POINTS - 1, POINTS, POINTS + 1, 2 * POINTS, 5_000])
def test_long_curve_is_thinned_evenly_to_point_limit(tmp_path, count):
    (chart,) = drawn(tmp_path, LOSS, losses(count))
    rounds = [int(tick) for tick in chart.ticks]
    assert POINTS // 2 <= len(rounds) <= POINTS
    assert len({later - earlier for earlier, later in itertools.pairwise(rounds)}) == 1
    assert rounds[0] == 0
    assert len(chart.lines["head"]) == len(rounds)
    if count <= POINTS:
        assert len(rounds) == count


def test_axis_labels_are_distinct(tmp_path):
    lines = "".join(f"{0.05 + step / 1000},{step / 100}\n" for step in range(POINTS))
    (chart,) = drawn(tmp_path, CALIBRATION, f"predicted,observed\n{lines}")
    assert len(set(chart.ticks)) == len(chart.ticks) == POINTS


@pytest.mark.parametrize("tick", [WORST, *FRAGMENTS])
def test_unsafe_axis_label_keeps_chart_parsable(tick):
    assert (
        len(parsed(render_xy_chart([tick, "x", tick + "]"], {"head": [1, 2, 3]}, tick)).ticks) == 3
    )


@relaxed
@given(
    st.lists(VALUES, min_size=1, max_size=POINTS),
    st.lists(FLOATS, min_size=1, max_size=2 * POINTS),
    st.lists(FLOATS, min_size=1, max_size=2 * POINTS),
    VALUES,
)
@example(["a", "b"], [0.771234, 0.771235], [0.771234], "")
@example(["a"], [0.5], [0.5], "AUC")
@example(["a", "b"], [1e6, 1e6], [1e6], "AUC")
def test_any_numbers_and_labels_make_valid_chart(ticks, base, head, label):
    chart = parsed(render_xy_chart(ticks, {"base": base, "head": head}, label))
    assert len(chart.ticks) == len(ticks)
    for who, values in (("base", base), ("head", head)):
        assert chart.lines[who] == pytest.approx(values[: len(ticks)], abs=5.1e-5)
    shown = [value for line in (base, head) for value in line[: len(ticks)]]
    spread = max(shown) - min(shown)
    assert chart.high - chart.low <= 1.2 * spread + 0.1, "the lines are too flat to be told apart"
    assert math.isclose(chart.high - max(shown), min(shown) - chart.low, abs_tol=2e-4)


@pytest.mark.parametrize("kind", TASKS)
def test_tables_titles_and_axis_labels_match_task(tmp_path, kind):
    task = TASKS[kind]
    validation = "metrics/train/plots/metrics/validation"
    tables = {
        f"metrics/tables/monthly_{task.short}.csv": "month,model\n2013-11,0.5\n2013-12,0.6\n",
        "metrics/tables/calibration.csv": "predicted,observed\n100.5,99\n700,712\n",
        f"{validation}/{task.loss_metric}.tsv": f"step\t{task.loss_metric}\n0\t3\n1\t2\n",
    }
    found = render_charts(None, result(tmp_path, tables), task)
    assert [title.split(":")[0] for title, _ in found] == [
        f"{task.title} by month",
        "Calibration",
        f"Validation {task.loss_metric.replace('_', ' ')} by round",
    ]
    assert [re.search('y-axis "(.*?)"', text)[1] for _, text in found] == [
        task.title,
        "observed" if kind == "regression" else "observed share",
        task.loss_metric.replace("_", " "),
    ]
    assert render_charts(None, result(tmp_path / "none", {}), task) == []
