"""The model card: it states every fact or is not written at all."""

import dataclasses
import re

import pandas as pd
import pytest

from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASKS
from tarmac.pipeline.card import model_card as written
from tarmac.pipeline.card.model_card import CardContent, CardError, render_model_card
from tests.github import Page, seen
from tests.hostile import FRAGMENTS, WORST

NAN = float("nan")
METRICS = pd.DataFrame(
    [
        ("roc_auc", 0.77167, 0.7488, 0.7945, 0.62134),
        ("calibration_error", 0.00954, NAN, NAN, 0.0283),
    ],
    columns=["metric", "model", "low", "high", "baseline"],
)
SLICES = pd.DataFrame(
    [("origin", "EWR", 19_013, 0.7706, 0.7444, 0.7967), ("carrier", "OO", 5, NAN, NAN, NAN)],
    columns=["slice", "value", "rows", "roc_auc", "low", "high"],
)
BEHAVIOUR = pd.DataFrame(
    [("spare time absorbs delay", "lower", -0.0102), ("no weather report", "usable", NAN)],
    columns=["behaviour", "expectation", "value"],
)
FACTS: dict[str, object] = {
    "title": "Late arrivals",
    "predicts": "The probability that a flight is late.",
    "intended_use": ("Ranking flights.", "An example."),
    "not_for": ("Promises.", "Other years."),
    "data_source": "The flights of 2013 (CC0).",
    "limits": ("One year.", "Few days."),
    "rows": {"flights": 336_776, "cancelled": 8_255, "rows set aside as invalid": 0},
    "windows": {"train": "2013-01 to 2013-09", "test": "2013-11 to 2013-12"},
    "model": {"kind": "xgboost", "seed": 0, "file": "models/model.onnx (719,086 bytes)"},
    "metrics": METRICS,
    "slices": SLICES,
    "behaviour": BEHAVIOUR,
    "lineage": {
        "data/raw": "061aade4fd4293f7e70c677afe731676.dir",
        "models/model.onnx": "b55399d4586df55b",
    },
}
OPTIONAL = ("slices", "behaviour")
SENTENCES = ("title", "predicts", "data_source")
LISTS = ("intended_use", "not_for", "limits")
NAMED = ("rows", "windows", "model", "lineage")
TABLES = ("metrics", "slices", "behaviour")
HEADINGS = [
    "Intended use",
    "Not for",
    "Data",
    "Model",
    "Metrics on the test months",
    "Slices",
    "Behaviour",
    "Limits",
]


def card(**parts: object) -> str:
    return render_model_card(CardContent(**{**FACTS, **parts}), 0.95)


def rows(page: Page, *header: str) -> list[list[str]]:
    """The rows of the one table with these names."""
    (found,) = (table for table in page.tables if table[0] == list(header))
    return found[1:]


def told(name: str, value: object) -> str:
    """What is said of a fact that is missing."""
    with pytest.raises(CardError) as caught:
        card(**{name: value})
    return str(caught.value)


def test_every_fact_is_covered_by_these_tests():
    assert {field.name for field in dataclasses.fields(CardContent)} == {
        *SENTENCES,
        *LISTS,
        *NAMED,
        *TABLES,
    }
    assert {field.name for field in dataclasses.fields(CardContent)} == FACTS.keys()


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("value", [None, NAN, "", " \n\t", (), {}, pd.DataFrame()], ids=repr)
def test_card_requires_every_fact(name, value):
    if value is None and name in OPTIONAL:
        pytest.skip("a problem may declare none")
    assert told(name, value) == f"the model card has no {name.replace('_', ' ')}, which is required"


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("entry", ["", "  ", "\n", None, NAN])
@pytest.mark.parametrize("place", [0, 1])
def test_card_rejects_empty_list_entry(name, entry, place):
    entries = ["something", "more"]
    entries[place] = entry
    assert name.replace("_", " ") in told(name, entries)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("value", [None, NAN, "", "  ", [], {}])
def test_card_rejects_empty_named_fact_and_reports_its_name(name, value):
    facts = {**FACTS[name], "the last one": value}
    assert re.search(rf"\b{name}\.the last one\b", told(name, facts))


@pytest.mark.parametrize("name", TABLES)
def test_card_rejects_table_without_rows(name):
    assert name in told(name, FACTS[name].iloc[:0])


@pytest.mark.parametrize("column", ["model", "baseline"])
def test_card_rejects_metric_without_value(column):
    table = METRICS.astype({column: "float64"}).copy()
    assert card(metrics=table) == card()
    table.loc[1, column] = NAN
    reason = "the model card has no metrics, which is required"
    assert told("metrics", table) == reason


@pytest.mark.parametrize("column", ["low", "high"])
def test_card_accepts_metric_without_interval(column):
    table = METRICS.copy()
    table.loc[0, column] = NAN
    shown = rows(Page(card(metrics=table)), "metric", "model", "95% interval", "baseline")[0]
    assert shown == ["roc_auc", "0.7717", "–" if column == "low" else "0.7488 to –", "0.6213"]


@pytest.mark.parametrize(
    ("name", "value"), [("seed", 0), ("share", 0.0), ("flag", False), ("groups", ["a"])]
)
def test_card_accepts_zero_and_false_as_facts(name, value):
    page = Page(card(model={name: value}, rows={name: 0}))
    assert rows(page, "", "") == [[name, str(value)]]
    assert rows(page, "what was counted", "rows") == [[name, "0"]]


def test_card_has_all_sections_in_order():
    page = Page(card())
    assert page.of("h1") == ["Model card: Late arrivals"]
    assert page.of("h2") == [*HEADINGS, "Lineage"]
    assert page.of("li") == [*FACTS["intended_use"], *FACTS["not_for"], *FACTS["limits"]]
    assert f"Predicts: {FACTS['predicts']}" in page.of("p")
    assert FACTS["data_source"] in page.of("p")


def test_each_list_is_under_its_own_heading():
    page = Page(card())
    for heading, name in (
        ("Intended use", "intended_use"),
        ("Not for", "not_for"),
        ("Limits", "limits"),
    ):
        assert page.section(heading).of("li") == list(FACTS[name])


def test_each_number_is_in_its_own_row_and_column():
    page = Page(card())
    assert rows(page, "what was counted", "rows") == [
        ["flights", "336,776"],
        ["cancelled", "8,255"],
        ["rows set aside as invalid", "0"],
    ]
    assert rows(page, "part", "months") == [
        ["train", "2013-01 to 2013-09"],
        ["test", "2013-11 to 2013-12"],
    ]
    assert rows(page, "", "") == [
        ["kind", "xgboost"],
        ["seed", "0"],
        ["file", "models/model.onnx (719,086 bytes)"],
    ]
    assert rows(page, "metric", "model", "95% interval", "baseline") == [
        ["roc_auc", "0.7717", "0.7488 to 0.7945", "0.6213"],
        ["calibration_error", "0.0095", "–", "0.0283"],
    ]
    assert rows(page, "slice", "value", "rows", "ROC-AUC", "95% interval") == [
        ["origin", "EWR", "19,013", "0.7706", "0.7444 to 0.7967"],
        ["carrier", "OO", "5", "–", "–"],
    ]
    measured = rows(page, "what is tried", "expected", "measured")
    assert [row[:2] for row in measured] == [
        ["spare time absorbs delay", "lower"],
        ["no weather report", "usable"],
    ]
    assert [row[2].replace("−", "-") for row in measured] == ["-0.0102", "–"]
    assert rows(page, "of", "MD5, as DVC names it") == [
        [of, value] for of, value in FACTS["lineage"].items()
    ]


@pytest.mark.parametrize(
    ("confidence", "share"), [(0.8, "80%"), (0.975, "97.5%"), (0.999, "99.9%"), (0.57, "57%")]
)
def test_intervals_are_labeled_with_their_confidence(confidence, share):
    page = Page(render_model_card(CardContent(**FACTS), confidence))
    assert rows(page, "metric", "model", f"{share} interval", "baseline")
    assert rows(page, "slice", "value", "rows", "ROC-AUC", f"{share} interval")
    assert f"{share} intervals, from resampled {problem.contract.CLUSTERS[1]}" in page.text


@pytest.mark.parametrize("value", [part.replace("\ud800", "") for part in (WORST, *FRAGMENTS)])
def test_names_from_data_do_not_change_card_structure(value):
    def named(word: str) -> str:
        return card(
            rows={f"flights{word}": 1},
            model={"kind": f"xgboost{word}"},
            slices=SLICES.assign(value=SLICES["value"] + word),
            behaviour=BEHAVIOUR.assign(behaviour=BEHAVIOUR["behaviour"] + word),
            lineage={"data/raw": f"061aade4{word}"},
        )

    found, usual = Page(named(value)), Page(named(""))
    assert found.tags == usual.tags
    assert found.references == []


def test_long_fact_about_model_is_not_truncated():
    groups = ", ".join(f"group_number_{number}" for number in range(12))
    assert ["feature groups", groups] in rows(Page(card(model={"feature groups": groups})), "", "")


def test_card_states_number_of_omitted_slices():
    many = pd.concat([SLICES] * 60, ignore_index=True)
    page = Page(card(slices=many))
    shown = rows(page, "slice", "value", "rows", "ROC-AUC", "95% interval")
    left = len(many) - len(shown)
    assert (f"… and {left:,} more." in page.section("Slices").text) == (left > 0)
    assert len(shown) >= 100


def test_card_says_how_to_find_its_commit_and_is_deterministic():
    assert "git log -1 -- models/card.md" in seen(Page(card()).of("p")[-1])
    assert card().endswith(".\n")
    assert card() == card()


def test_card_omits_headings_of_undeclared_slices_and_behaviour():
    page = Page(card(slices=None, behaviour=None))
    assert page.of("h2") == [
        heading for heading in [*HEADINGS, "Lineage"] if heading not in ("Slices", "Behaviour")
    ]


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_card_uses_wording_of_its_target_type(kind):
    task = TASKS[kind]
    facts = {**FACTS, "slices": SLICES.rename(columns={"roc_auc": task.main_metric})}
    page = Page(render_model_card(CardContent(**facts), 0.95, task))
    (listed,) = (table for table in page.tables if table[0][:3] == ["slice", "value", "rows"])
    assert listed[0][3] == task.title
    assert f"usable: {task.title} that is left" in page.text
    assert ("ROC-AUC" in page.text) == (kind == "multiclass")
    assert ("against the mean of the slice's own rows" in page.text) == (kind == "regression")


@pytest.mark.parametrize(
    ("clusters", "told"),
    [
        (("row", "rows"), "from resampled rows."),
        (("house", "houses"), "resampled houses: the rows of a house are alike"),
    ],
)
def test_card_of_untimed_rows_mentions_no_months_or_days(monkeypatch, clusters, told):
    monkeypatch.setattr(problem.contract, "CLUSTERS", clusters)
    monkeypatch.setattr(written, "PART", "rows")
    page = Page(card(windows={"train": "60% of the rows"}, limits=["One year."]))
    assert "Metrics on the test rows" in page.of("h2")
    assert rows(page, "part", "rows") == [["train", "60% of the rows"]]
    assert told in page.text
    assert not re.search("month|day", page.text)
