"""The report: verdict first, and every fact in its section.

Hostile values are escaped, and the length is limited.
"""

import dataclasses
import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.ci.github_api import read_report
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASKS
from tarmac.policy import ReviewParams
from tarmac.reporting.markdown import (
    CUT,
    LIMIT,
    escape_text,
    format_code,
    render_details,
    truncate_report,
)
from tarmac.repository.stage_inputs import OUTSIDE
from tarmac.review import report as written
from tarmac.review.additions import Addition
from tarmac.review.base_predictions import MovedTestWindow
from tarmac.review.changes import Changes
from tarmac.review.compare import MetricChange, SliceChange
from tarmac.review.cost import ResultCost
from tarmac.review.data import DataDiff
from tarmac.review.facts import Review, to_json_dict
from tarmac.review.report import FILES, render_failure, render_report
from tarmac.review.verdict import ReviewCheck
from tests.github import Page, seen
from tests.hostile import FRAGMENTS, VALUES, WORST
from tests.tarmac.review import cases
from tests.tarmac.review.cases import NAN, review

relaxed = settings(deadline=None)  # a busy machine is no mistake
fewer = settings(deadline=None, max_examples=30)  # of what takes long
SECTIONS = [
    "What changed",
    "Slices that moved",
    "All 3 slices",
    "Behaviour: 2 tests",
    "Charts",
    "Data",
    "Cost",
]
PARTS = [
    "train.xgboost.max_depth",
    "src/tarmac/pipeline/training/estimators.py",
    "EWR",
    "a carrier never seen",
    "xychart-beta",
]
BY_ITSELF = "Evaluated by the working tree's own code; make review JUDGE=base does what CI does."
NOTE = seen(CUT.replace("*", "").replace("`", ""))


def page(found: Review) -> Page:
    return Page(render_report(found))


def part(found: Page, *header: str) -> list[list[str]]:
    """The rows of the one table whose header starts with these names."""
    (rows,) = (rows for rows in found.tables if rows[0][: len(header)] == list(header))
    return rows[1:]


def notes(found: Page) -> str:
    """The line below the verdict."""
    return found.of("p")[0]


def test_report_starts_with_verdict():
    lines = render_report(review()).splitlines()
    assert lines[:2] == ["## ✅ Pass: " + escape_text(review().headline), ""]
    assert Page(lines[0]).of("h2") == [
        "✅ Pass: better: roc_auc; worse within the allowed regression: log_loss"
    ]
    lines = render_report(
        review(checks=cases.judged("roc_auc", "fail", "below the worst allowed"))
    ).splitlines()
    assert Page(lines[0]).of("h2") == ["❌ Fail: roc_auc: below the worst allowed"]


def test_all_sections_appear_in_fixed_order():
    found = page(review())
    assert found.of("h3", "summary") == [*SECTIONS, "Lineage"]
    metrics_first = [
        found.text.index(words)
        for words in ("roc_auc ↑ 0.7700", *PARTS, "scoring one row", "environment")
    ]
    assert metrics_first == sorted(metrics_first)


def test_main_facts_are_visible_and_details_are_folded():
    found = page(review())
    for words in (
        "better than the baseline",
        "train.xgboost.max_depth",
        "estimators.py",
        "1,234 rows changed",
    ):
        assert "details" not in found.around(words), words
    for words in (
        "no weather report",
        "hub_wait_3h",
        "719,086",
        "e98e00cc87272aaccd9f19bacc255e68",
        "xychart",
    ):
        assert "details" in found.around(words), words


def test_metric_row_shows_base_head_change_and_interval():
    header = ["metric", "base", "head", "change", "95% interval", "", "judged"]
    rows = part(page(review()), *header)
    assert rows == [
        ["roc_auc ↑", "0.7700", "0.7715", "+0.0015", "−0.0003 to +0.0032", "✅", "better"],
        [
            "log_loss ↓",
            "0.4601",
            "0.4613",
            "+0.0012",
            "+0.0004 to +0.0021",
            "✅",
            "worse, but within the allowed 0.003",
        ],
        ["calibration_error ↓", "0.0091", "0.0096", "+0.0005", "–", "➖", "too few clusters"],
    ]
    unit = problem.contract.CLUSTERS[0]
    wanted = f"as if every row were independent of its {unit}: +0.0004 to +0.0026."
    assert wanted in page(review()).text
    assert "DeLong" not in page(review(row_wise=None)).text


def test_interval_label_shows_configured_confidence():
    found = page(review(confidence=0.8))
    assert f"80% intervals by resampled {problem.contract.CLUSTERS[1]}" in notes(found)
    assert part(found, "metric", "base", "head", "change", "80% interval")


@pytest.mark.parametrize(("base", "shown"), [(cases.BASE, "fedcba987"), ("none", "none")])
def test_notes_name_compared_commits(base, shown):
    found = page(review(lineage={**cases.lineage(), "base": base}))
    assert notes(found) == (
        f"Head 012345678 against base {shown}. 53,991 test rows are in both, "
        "95% intervals by resampled"
        f" {problem.contract.CLUSTERS[1]}."
        f" {BY_ITSELF}"
    )


def test_notes_name_side_whose_policy_applies():
    params = [("intervals.confidence", "0.95", "0.51")]
    changed = dataclasses.replace(review().changes, params=params)
    by_itself, by_base = (
        notes(page(review(changes=changed, judge=judge))) for judge in ("", cases.BASE)
    )
    assert by_itself.endswith(
        f"{BY_ITSELF} The policy itself changed, and head's is the one that counts."
    )
    assert by_base.endswith(
        "Evaluated by the base's code and policy; head's own code ran in a sandbox alone."
        " The policy changes with the merge, not before: see the parameters."
    )


def test_notes_mark_uncommitted_changes():
    found = page(
        review(lineage={**cases.lineage(), "commit": f"{cases.HEAD} with uncommitted changes"})
    )
    assert notes(found).startswith("Head 012345678 with uncommitted changes against base")


FAILING = {
    "metric": "log_loss",
    "slice": "origin EWR",
    "behaviour": "a carrier never seen",
    "lineage": "reproduced",
    "baseline": "better than the baseline",
    "parity": "ONNX parity",
    "cost": "model size",
}


@pytest.mark.parametrize("kind", FAILING)
def test_failed_check_shows_reason_in_headline_and_tables(kind):
    assert set(FAILING) == {check.kind for check in cases.checks()}
    name, reason = FAILING[kind], "for a reason of its own"
    found = page(review(checks=cases.judged(name, "fail", reason)))
    assert found.of("h2") == [f"❌ Fail: {name}: {reason}"]
    rows = part(found, "metric") if kind == "metric" else part(found, "check")
    (row,) = (row for row in rows if row[0].rstrip(" ↑↓") == name)
    assert row[-2:] == ["❌", reason]
    assert [row[-2:] for rows in found.tables for row in rows].count(["❌", reason]) == {
        "metric": 1,  # with the metrics
        "slice": 3,  # with the checks, the slices that moved, and all slices
        "behaviour": 2,
    }.get(kind, 1)
    assert [mark for mark in "❌" if mark in page(review()).text] == []


def test_checks_table_lists_passed_checks_of_whole_result():
    rows = part(page(review()), "check")
    assert [row[0] for row in rows] == [
        "reproduced",
        "better than the baseline",
        "ONNX parity",
        "model size",
    ]
    assert {row[1] for row in rows} == {"✅"}


def test_moved_slices_section_lists_exactly_moved_slices():
    moved, every = (rows for rows in page(review()).tables if rows[0][0] == "slice")
    header = ["slice", "rows", "base AUC", "head AUC", "change", "95% interval", "", "judged"]
    first = [
        "origin EWR",
        "19,013",
        "0.7601",
        "0.7706",
        "+0.0105",
        "+0.0061 to +0.0149",
        "✅",
        "better",
    ]
    still = ["➖", "neither better nor worse"]
    assert moved == [header, first]
    assert every == [
        header,
        first,
        ["origin LGA", "17,410", "0.7712", "0.7706", "−0.0006", "−0.0040 to +0.0030", *still],
        ["carrier VX", "902", "–", "0.7140", "–", "–", "➖", "nothing to compare with"],
    ]
    moves = (
        ("pass", "inconclusive", "worse"),
        ("fail", "below the worst allowed", None),
        ("pass", "improved", "better"),
    )
    for outcome, reason, way in moves:
        found = page(
            review(
                checks=cases.judged("origin LGA", outcome, reason, way), slices=cases.slices()[1:2]
            )
        )
        assert [row[0] for row in part(found.section("Slices that moved"), "slice")] == [
            "origin LGA"
        ]


def test_reports_no_moved_slices_and_expected_chance_moves():
    still = page(
        review(checks=cases.judged("origin EWR", "inconclusive", "neither better nor worse"))
    )
    assert "Slices that moved None." in still.text
    assert [rows[0][0] for rows in still.tables].count("slice") == 1
    assert "Slices that moved None." not in page(review()).text
    twenty = [dataclasses.replace(cases.slices()[0], value=f"EWR {n}") for n in range(20)]
    moved = [ReviewCheck("slice", f"origin EWR {n}", "pass", "better", "better") for n in range(20)]
    assert (
        "Of 20 slices, about 1.0 seem to move by chance"
        in page(review(slices=twenty, checks=moved + OF_METRICS)).text
    )
    assert "All" not in " ".join(page(review(slices=[])).of("summary"))


OF_METRICS = [check for check in cases.checks() if check.kind == "metric"]


def test_behavior_section_lists_every_behavior_with_result():
    assert part(page(review()), "what is tried") == [
        ["a carrier never seen", "✅", "ROC-AUC 0.7656 is left"],
        ["no weather report", "➖", "the model takes none of these inputs"],
    ]


@pytest.mark.parametrize(
    "reason", ["no default branch with a commit", "commit fedcba9 has no predictions"]
)
def test_report_without_base_states_reason_and_head_values(reason):
    found = page(cases.without_base(reason))
    assert notes(found).startswith(
        f"There is no base to compare with ({reason}): only bounds are checked."
    )
    assert f"({reason})" not in " ".join(found.of("strong"))
    for words in ("in both", "test sets differ", "another label"):
        assert words not in notes(found)
    assert [row[1:5] for row in part(found, "metric")] == [
        ["–", value, "–", "–"] for value in WHOLE
    ]
    assert [row[1] for row in part(found, "", "base")] == ["–", "–", "–", "–"]


WHOLE = ("0.7717", "0.4615", "0.0095")


def test_uncompared_parts_are_not_reported_as_same():
    found = page(cases.without_base("no default branch with a commit"))
    assert "the same" not in found.text
    assert "Parameters: none" not in found.text
    assert "Code: none" not in found.text
    unknown = DataDiff(unknown=["data/features of the base is not at hand"])
    found = page(review(data=unknown))
    assert "data/features of the base is not at hand" in found.text
    assert "the same" not in found.text


def test_unchanged_parts_are_reported_as_unchanged():
    found = page(review(data=DataDiff(), changes=Changes([], {}, [])))
    for words in (
        "Parameters: none.",
        "Data: the same.",
        "Code: none.",
        "are the same, byte for byte.",
    ):
        assert words in found.text


@pytest.mark.parametrize(("only_base", "only_head"), [(3, 0), (0, 4_000), (12_345, 1)])
def test_reports_differing_test_sets(only_base, only_head):
    counts = {"common": 50, "only_base": only_base, "only_head": only_head, "relabelled": 0}
    told = notes(page(review(compared=counts)))
    assert (
        f"The test sets differ: {only_base:,} rows only in base, {only_head:,} only in head;"
        in told
    )
    assert "The test sets differ" not in notes(page(review()))


ASKED = MovedTestWindow(
    "2014-01",
    "2014-02",
    53_991,
    "the base's model predicted the 53,991 rows of the test months of head",
)
UNASKED = MovedTestWindow(
    "2014-01", "2014-02", 0, "the base's model did not predict them: it takes temp"
)


def test_reports_moved_test_months_and_their_handling():
    told = notes(page(review(moved=ASKED, data=DataDiff())))
    assert told.endswith(
        "53,991 test rows of 2014-01 to 2014-02, "
        f"95% intervals by resampled {problem.contract.CLUSTERS[1]}. "
        "The test months moved: the base's model predicted "
        "the 53,991 rows of the test months of head. "
        f"{BY_ITSELF}"
    )
    assert "Columns of the features with other values in rows that both have: 2;" in notes(
        page(review(moved=ASKED))
    )
    counts = {"common": 50, "only_base": 3, "only_head": 4, "relabelled": 0}
    told = notes(page(review(moved=UNASKED, compared=counts)))
    by = f"95% intervals by resampled {problem.contract.CLUSTERS[1]}"
    assert f"50 test rows are in both, {by}. The test months moved: the base's" in told
    assert "did not predict them: it takes temp. The test sets differ: 3 rows only in base" in told
    assert "Columns of the features" not in told
    assert "months moved" not in page(cases.without_base("no default branch")).text


@pytest.mark.parametrize("value", FRAGMENTS)
def test_hostile_input_name_adds_no_markup(value):
    found, usual = (
        page(review(moved=dataclasses.replace(UNASKED, summary=f"it takes {name}")))
        for name in (value, "")
    )
    assert found.tags == usual.tags
    assert found.references == []


def test_reports_relabelled_rows():
    counts = {"common": 50, "only_base": 0, "only_head": 0, "relabelled": 1_234}
    assert (
        "1,234 rows have another label now; both models are judged by the new one."
        in page(review(compared=counts)).text
    )
    assert "another label" not in page(review()).text


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("review.slices.worst_allowed", True),
        ("review.drift", True),
        ("reviewers", False),
        ("a.review.b", False),
    ],
)
def test_policy_note_appears_only_for_policy_parameters(key, told):
    found = page(review(changes=Changes([(key, "0.1", "0.2")], {}, [])))
    assert ("The policy itself changed" in notes(found)) == told
    assert part(found, "parameter") == [[key, "0.1", "0.2"]]


def test_reading_report_file_returns_exact_text(tmp_path):
    path = tmp_path / "report.md"
    path.write_text(render_report(review()))
    assert read_report(path) == path.read_text()


def test_lists_large_additions_and_omits_empty_table():
    added = [
        Addition("src/a.py:7", "a literal", 7_012),
        Addition("`b`.bin|<img>", "a binary file", 300),
    ]
    rows = part(page(review(additions=added)), "where", "what", "bytes")
    assert rows == [["src/a.py:7", "a literal", "7,012"], ["'b'.bin¦<img>", "a binary file", "300"]]
    assert "literals" not in page(review()).text


def test_names_changed_parameters_files_and_data():
    found = page(review())
    assert part(found, "parameter", "base", "head") == [
        ["train.xgboost.max_depth", "6", "4"],
        ["train.features", "['schedule']", "(none)"],
    ]
    assert found.of("li") == [
        "train: src/tarmac/pipeline/training/estimators.py, requirements/stages.txt",
        f"{OUTSIDE}: README.md",
    ]
    (data,) = (line for line in found.of("p") if line.startswith("Data:"))
    said = (
        "5 rows added",
        "1,234 rows changed",
        "spare added",
        "dest string becomes int64",
        "training data drifted: 1",
    )
    for words in ("raw files that differ: 1", *said, "data/raw of the base is not at hand"):
        assert words in data
    assert "removed" not in data


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            ["schedule", "weather", "aircraft", "traffic", "history", "operations", "rotation"],
            ["route"],
        ),
        (["x" * 200], ["y"]),
    ],
)
def test_long_values_that_differ_at_the_end_stay_distinct(old, new):
    found = page(review(changes=Changes([("train.features", str(old), str([*old, *new]))], {}, [])))
    ((_, base, head),) = part(found, "parameter")
    assert base != head


def test_counts_drift_at_or_above_policy_threshold():
    far = {"a": 0.9, "b": cases.POLICY.drift, "c": cases.POLICY.drift - 1e-9}
    assert "columns whose training data drifted: 2" in page(review(data=DataDiff(drift=far))).text


def test_data_section_shows_each_part_in_its_own_table():
    found = page(review())
    assert part(found, "raw file") == [
        ["flights/2013-12.parquet", "changed, 28,135 to 28,140 rows"]
    ]
    assert part(found, "column", "what happened") == [
        ["spare", "added"],
        ["dest", "string becomes int64"],
    ]
    assert part(found, "column", "rows with another value") == [
        ["hub_wait_3h", "1,217"],
        ["origin_wait_1h", "17"],
    ]
    counted = part(found, "counted by prepare", "base", "head")
    assert counted == [["rows.weather_missing", "1,556", "–"], ["set_aside", "0", "12,345"]]
    assert part(found, "column", "distance") == [["gust", "0.2345"], ["visibility", "0.0123"]]


def test_cost_table_shows_each_side_with_its_units():
    assert part(page(review()), "", "base", "head") == [
        ["model, bytes", "719,086", "1,234,567"],
        ["scoring one row, µs (both timed in turn)", "11.3", "12.3"],
        ["train", "34.6 s, CPU 61.2 s, 2.35 GB", "40.0 s, CPU 61.2 s, 2.35 GB"],
        ["card", "–", "34.6 s, CPU 61.2 s, 2.35 GB"],
    ]
    unknown = page(review(cost=(None, ResultCost(None, None, {}))))
    assert {cell for row in part(unknown, "", "base", "head") for cell in row[1:]} == {"–"}
    assert "what they cost is not known here" in unknown.text
    assert "not known here" not in page(review()).text


def test_lineage_table_lists_every_entry():
    assert part(page(review()), "of", "value") == [
        [of, value] for of, value in cases.lineage().items()
    ]


def test_charts_are_mermaid_blocks_in_folded_section():
    found = page(review())
    assert found.tags.count("<pre lang=mermaid>") == 1
    assert found.around("xychart-beta") == ("details", "pre", "code")
    assert "Charts" not in page(review(charts=[])).of("summary")


def test_empty_parts_leave_no_empty_tables():
    bare = review(
        checks=[], metrics=[], slices=[], charts=[], data=DataDiff(), changes=Changes([], {}, [])
    )
    assert [
        rows
        for rows in page(bare).tables
        if len(rows) == 1 and rows[0][0] not in ("metric", "check")
    ] == []
    assert "Behaviour" not in page(bare).text


def hostile(value: str) -> Review:
    """Return a review of which every free word ends in a value.

    One check of each kind fails, so that all of it is shown.
    """
    found = review(lambda word: word + value, no_base="reason" + value)
    return dataclasses.replace(
        found, checks=[dataclasses.replace(check, outcome="fail") for check in found.checks]
    )


def assert_only_words_differ(value: str) -> None:
    found, usual = page(hostile(value)), page(hostile(""))
    assert found.tags == usual.tags
    assert [[len(row) for row in rows] for rows in found.tables] == [
        [len(r) for r in rows] for rows in usual.tables
    ]
    assert found.references == []


@pytest.mark.parametrize("value", [WORST, *FRAGMENTS, "x" * 10_000])
def test_known_hostile_value_leaves_structure_unchanged(value):
    assert_only_words_differ(value)


@fewer
@given(VALUES)
def test_generated_value_leaves_structure_unchanged(value):
    assert_only_words_differ(value)


def test_every_free_text_value_except_output_hashes_is_shown():
    words: list[str] = []

    def word(it: str) -> str:
        words.append(it)
        return f"{it} <b>"

    shown = page(review(word)).text
    unseen = {it for it in words if f"{it} <b>" not in shown}
    assert unseen == {"models/model.onnx", "b55399d4", "c66488e5"}, (
        "hashes of outputs are in the lineage"
    )


MANY, LONG = 2_000, 10_000


def name(number: int, value: str = "") -> str:
    """A name of its own; a few dozen are long enough to be cut."""
    return f"{number:05} {value}{'x' * LONG if number < 40 else ''}"


def many_slices(value: str) -> dict[str, object]:
    estimate = cases.slices()[0].head
    names = [name(number, value) for number in range(MANY)]
    reason = f"worse {value}{'!' * 390}"
    return {
        "slices": [SliceChange("carrier", one, 7, estimate, 0.7, estimate) for one in names],
        "checks": [
            *cases.checks(),
            *(ReviewCheck("slice", f"carrier {one}", "pass", reason, "worse") for one in names),
        ],
    }


def many(what: str, value: str = "") -> dict[str, object]:
    """A part of a review with far too much in it."""
    names = [name(number, value) for number in range(MANY)]
    made = {
        "params": lambda: {"changes": Changes([(one, one, f"{one}.") for one in names], {}, [])},
        "files": lambda: {"changes": Changes([], {"train": names}, [])},
        "stages": lambda: {"changes": Changes([], dict.fromkeys(names, names[50:80]), [])},
        "raw": lambda: {"data": DataDiff(raw=[(one, one) for one in names])},
        "columns": lambda: {"data": DataDiff(columns=[(one, one) for one in names])},
        "changed values": lambda: {"data": DataDiff(changed_values=dict.fromkeys(names, 1))},
        "counts": lambda: {"data": DataDiff(counts=dict.fromkeys(names, (1, None)))},
        "drift": lambda: {"data": DataDiff(drift=dict.fromkeys(names, 0.5))},
        "unknown": lambda: {"data": DataDiff(unknown=names)},
        "slices": lambda: many_slices(value),
        "behaviour": lambda: {
            "checks": [
                *cases.checks(),
                *(ReviewCheck("behaviour", one, "fail", one) for one in names),
            ]
        },
        "lineage": lambda: {"lineage": {**cases.lineage(), **dict(zip(names, names, strict=True))}},
        "cost": lambda: {
            "cost": (
                None,
                ResultCost(1, 1.0, dict.fromkeys(names, cases.cost()[1].stages["train"])),
            )
        },
        "charts": lambda: {"charts": review().charts * MANY},
        "no base": lambda: {"no_base": name(1, value)},
    }
    return made[what]()


def assert_fits(text_: str, limit: int = LIMIT) -> Page:
    """Check that the text is within the limit and closes what it opens.

    If the text was cut, it says so.
    """
    assert len(text_) <= limit
    found = Page(text_)
    assert found.tags.count("<details>") == found.tags.count("</details>")
    if CUT.strip() in text_:
        assert found.around("The report is cut here") == ("p", "strong")
        assert found.text.endswith(NOTE)
    return found


HUGE = [
    *(
        "params",
        "files",
        "stages",
        "raw",
        "columns",
        "changed values",
        "counts",
        "drift",
        "unknown",
        "slices",
    ),
    *("behaviour", "lineage", "cost", "charts", "no base"),
]


@pytest.mark.slow
@pytest.mark.parametrize("what", HUGE)
def test_huge_part_fits_limit_and_is_marked_as_shortened(what):
    text_ = render_report(review(**many(what)))
    found = assert_fits(text_)
    assert " more" in found.text or "…" in found.text or NOTE in found.text
    assert text_.startswith(("## ✅ Pass: ", "## ❌ Fail: "))


@pytest.mark.slow
@pytest.mark.parametrize("value", ["</details>", "<details>", "```", WORST])
def test_cut_note_stays_visible_after_markup_like_names(value):
    parts = many_slices(value)
    found = assert_fits(render_report(review(**parts)))
    assert NOTE in found.text
    assert "All 2000 slices" in found.of("summary")


@pytest.mark.slow
def test_report_with_every_part_huge_fits_limit():
    changed = [many(what, WORST)["changes"] for what in ("params", "stages")]
    data = [
        dataclasses.asdict(many(what, WORST)["data"])
        for what in ("raw", "columns", "counts", "drift", "unknown")
    ]
    slices, behaviours = many("slices", WORST), many("behaviour", WORST)
    parts = {
        **{
            key: part
            for what in ("lineage", "cost", "charts", "no base")
            for key, part in many(what, WORST).items()
        },
        "changes": Changes(changed[0].params, changed[1].files, []),
        "data": DataDiff(**{key: value for one in data for key, value in one.items() if value}),
        "slices": slices["slices"],
        "checks": [*slices["checks"], *behaviours["checks"][len(cases.checks()) :]],
    }
    assert NOTE in assert_fits(render_report(review(**parts))).text


def test_counts_columns_omitted_from_line():
    found = page(review(data=DataDiff(columns=[(f"column_{n}", "added") for n in range(14)])))
    (data,) = (line for line in found.of("p") if line.startswith("Data:"))
    assert data.count("added") == 10
    assert "4 more" in data


def test_counts_files_omitted_from_line():
    for count, told in ((FILES, ""), (FILES + 1, " and 1 more"), (3_000, " and 2,980 more")):
        found = page(review(changes=Changes([], {OUTSIDE: [f"f{n}" for n in range(count)]}, [])))
        assert found.of("li")[0].endswith(f"f{FILES - 1}{told}")


LINES = st.one_of(
    st.sampled_from(["", "text", "- item", "| a | b |", "| --- | --- |", "…"]),
    st.sampled_from(["<details>", "</details>", "```", "~~~", "<!--", WORST]).map(format_code),
    st.text("xé航", max_size=30),
)
PLAIN = st.lists(LINES, max_size=4).map("\n".join)
FENCES = st.lists(st.sampled_from(["xychart-beta", "", "  line [0.1]"]), max_size=3).map(
    lambda lines: "\n".join(["```mermaid", *lines, "```"])
)
BLOCKS = st.lists(PLAIN | FENCES, max_size=3).map("\n\n".join)
TEXTS = st.lists(
    BLOCKS | st.builds(render_details, st.just("Data"), BLOCKS), min_size=1, max_size=4
).map(lambda blocks: "\n\n".join(["## ✅ Pass: better", *blocks]))


@relaxed
@given(TEXTS, st.integers(len(CUT) + 40, 500))
def test_cut_text_fits_limit_closes_markup_and_shows_note(text_, limit):
    found = truncate_report(text_, limit)
    assert_fits(found, limit)
    if len(text_) <= limit:
        assert found == text_
        return
    assert found.endswith(CUT)
    kept = found.removesuffix(CUT).removesuffix("\n\n</details>").removesuffix("\n```")
    assert text_.startswith(kept)
    assert text_[len(kept)] == "\n", "the cut is in the middle of a line"
    longest = max(len(line) for line in text_.split("\n"))
    assert len(kept) > limit - len(CUT) - longest - 30, "more is cut than must be"


@pytest.mark.parametrize("length", [LIMIT - 1, LIMIT, LIMIT + 1])
def test_text_is_cut_only_above_limit(length):
    text_ = ("x" * 99 + "\n") * (length // 100) + "y" * (length % 100)
    assert len(text_) == length
    assert (truncate_report(text_) == text_) == (length <= LIMIT)
    assert len(truncate_report(text_)) <= LIMIT


def test_cuts_single_overlong_line():
    assert len(assert_fits(truncate_report("x" * 100_000)).text) > LIMIT - 500


def test_limit_is_below_size_of_github_comment():
    assert 65_536 * 0.8 < LIMIT < 65_536 - 1_000


ERRORS = st.lists(VALUES, min_size=1, max_size=4).map("\n".join)


@relaxed
@given(ERRORS)
def test_error_text_adds_no_markup(error):
    found = Page(render_failure(error))
    assert found.of("h2") == ["❌ Fail: there is no result to judge"]
    assert set(found.tags) <= {"<h2>", "</h2>", "<ul>", "</ul>", "<li>", "</li>"}
    assert found.tags.count("<ul>") <= 1
    assert found.references == []


def test_error_is_shown_line_by_line():
    found = Page(
        render_failure("params.yaml:33: train.max_round: unknown key\n\nprepare: error: a | b\n")
    )
    assert found.of("li") == [
        "params.yaml:33: train.max_round: unknown key",
        "prepare: error: a | b",
    ]
    assert found.tags.count("<li>") == 2


@pytest.mark.parametrize("value", ["", "x" * 100, WORST.replace("\n", " ")])
def test_long_error_is_cut_and_counts_omitted_lines(value):
    found = assert_fits(render_failure("\n".join(f"{number} {value}" for number in range(10_000))))
    shown = found.of("li")
    assert [line.split()[0] for line in shown[:5]] == list("01234")
    assert f"{10_000 - 20:,} more" in found.text
    assert (
        assert_fits(render_failure("\n".join(f"{number}" for number in range(20)))).of("li")[-1]
        == "19"
    )
    assert len(assert_fits(render_failure(f"{value}\n" + "x" * 1_000_000)).text) < 2_000


def expected(value: object) -> object:
    """A fact as JSON has it."""
    if isinstance(value, ReviewParams):
        return json.loads(value.model_dump_json())
    if isinstance(value, dict):
        return {key: expected(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [expected(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@pytest.mark.parametrize(
    "found",
    [
        review(),
        cases.without_base("no default branch"),
        hostile(WORST),
        review(row_wise=(NAN, NAN), slices=[SliceChange("a", "b", 1, cases.NONE, NAN, cases.NONE)]),
        review(moved=ASKED),
        review(metrics=[MetricChange("roc_auc", math.inf, -math.inf, NAN, cases.NONE)]),
        review(
            data=DataDiff(drift={"a": NAN}),
            cost=(None, ResultCost(None, NAN, {"train": {"wall_seconds": math.inf}})),
        ),
    ],
    ids=["usual", "no base", "hostile", "no interval", "moved", "endless", "unknown"],
)
def test_json_is_strict_and_contains_every_fact(found):
    told = json.loads(json.dumps(to_json_dict(found), allow_nan=False))
    facts = expected(dataclasses.asdict(found))
    assert facts.pop("charts")
    assert told == {"verdict": told["verdict"], "summary": found.headline, **facts}


@pytest.mark.parametrize("outcome", ["pass", "fail", "inconclusive"])
def test_json_verdict_equals_verdict_of_report(outcome):
    found = review(checks=cases.judged("model size", outcome, "because"))
    told = to_json_dict(found)
    assert told["verdict"] == ("fail" if outcome == "fail" else "pass")
    assert found.is_passing == (outcome != "fail")
    assert render_report(found).startswith(f"## {'❌ Fail' if outcome == 'fail' else '✅ Pass'}: ")
    assert seen(told["summary"]) in page(found).of("h2")[0]


def test_regression_report_uses_its_own_metric_and_clusters(monkeypatch):
    monkeypatch.setattr(written, "TASK", TASKS["regression"])
    monkeypatch.setattr(problem.contract, "CLUSTERS", ("house", "houses"))
    monkeypatch.setattr(written, "LEARNED", "rows")
    found = page(review(row_wise=None))
    assert "95% intervals by resampled houses" in notes(found)
    assert {tuple(table[0][:4]) for table in found.tables} >= {
        ("slice", "rows", "base R2", "head R2")
    }
    assert "Distance of the rows, from 0" in found.text
    assert not re.search(r"resampled days|base AUC|training rows", found.text)
