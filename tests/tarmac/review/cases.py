"""Facts of a review, made up by hand.

Every part is filled, and every word that a stranger could choose can be set.
"""

from collections.abc import Callable
from dataclasses import replace

from tarmac.pipeline.intervals.sample import MetricEstimate
from tarmac.policy import load_all_params
from tarmac.repository.stage_inputs import OUTSIDE
from tarmac.review.changes import Changes
from tarmac.review.charts import render_xy_chart
from tarmac.review.compare import MetricChange, SliceChange
from tarmac.review.cost import ResultCost
from tarmac.review.data import DataDiff
from tarmac.review.facts import Review
from tarmac.review.verdict import Direction, Outcome, ReviewCheck
from tests.conftest import ROOT

Word = Callable[[str], str]
POLICY = load_all_params(ROOT / "params.yaml").review
NAN = float("nan")
NONE = MetricEstimate(NAN, NAN, NAN)
HEAD, BASE = "0123456789abcdef0123456789abcdef01234567", "fedcba9876543210fedcba9876543210fedcba98"
KINDS = ("metric", "slice", "behaviour", "lineage", "baseline", "parity", "cost")


def plain(word: str) -> str:
    """A word that does no harm."""
    return word


def checks(word: Word = plain) -> list[ReviewCheck]:
    """Return a check of each kind, none of them failing.

    In `review`, each metric and each slice has one.
    """
    return [
        ReviewCheck("lineage", word("reproduced"), "pass", word("rebuilt from raw data")),
        ReviewCheck("metric", word("roc_auc"), "pass", word("better"), "better"),
        ReviewCheck(
            "metric",
            word("log_loss"),
            "pass",
            word("worse, but within the allowed 0.003"),
            "worse",
        ),
        ReviewCheck("metric", word("calibration_error"), "inconclusive", word("too few clusters")),
        ReviewCheck("slice", f"{word('origin')} {word('EWR')}", "pass", word("better"), "better"),
        ReviewCheck(
            "slice",
            f"{word('origin')} {word('LGA')}",
            "inconclusive",
            word("neither better nor worse"),
        ),
        ReviewCheck(
            "slice",
            f"{word('carrier')} {word('VX')}",
            "inconclusive",
            word("nothing to compare with"),
        ),
        ReviewCheck("baseline", word("better than the baseline"), "pass", word("ROC-AUC +0.1503")),
        ReviewCheck(
            "behaviour", word("a carrier never seen"), "pass", word("ROC-AUC 0.7656 is left")
        ),
        ReviewCheck(
            "behaviour",
            word("no weather report"),
            "inconclusive",
            word("the model takes none of these inputs"),
        ),
        ReviewCheck("parity", word("ONNX parity"), "pass", word("answers within 1e-06")),
        ReviewCheck("cost", word("model size"), "pass", word("0.7 MB, at most 5")),
    ]


def metrics(word: Word = plain) -> list[MetricChange]:
    return [
        MetricChange(
            word("roc_auc"), 0.77167, 0.77004, 0.77154, MetricEstimate(0.0015, -0.0003, 0.0032)
        ),
        MetricChange(
            word("log_loss"), 0.46154, 0.46012, 0.46133, MetricEstimate(0.00121, 0.0004, 0.0021)
        ),
        MetricChange(
            word("calibration_error"), 0.00955, 0.00912, 0.00961, MetricEstimate(0.00049, NAN, NAN)
        ),
    ]


def slices(word: Word = plain) -> list[SliceChange]:
    sure = MetricEstimate(0.7706, 0.7444, 0.7967)
    return [
        SliceChange(
            word("origin"),
            word("EWR"),
            19_013,
            sure,
            0.7601,
            MetricEstimate(0.0105, 0.0061, 0.0149),
        ),
        SliceChange(
            word("origin"),
            word("LGA"),
            17_410,
            sure,
            0.7712,
            MetricEstimate(-0.0006, -0.004, 0.003),
        ),
        SliceChange(word("carrier"), word("VX"), 902, replace(sure, value=0.714)),
    ]


def data(word: Word = plain) -> DataDiff:
    return DataDiff(
        raw=[(word("flights/2013-12.parquet"), word("changed, 28,135 to 28,140 rows"))],
        rows={"added": 5, "removed": 0, "changed": 1_234},
        columns=[(word("spare"), word("added")), (word("dest"), word("string becomes int64"))],
        changed_values={word("origin_wait_1h"): 17, word("hub_wait_3h"): 1_217},
        drift={word("gust"): 0.2345, word("visibility"): 0.0123},
        counts={word("rows.weather_missing"): (1_556, None), word("set_aside"): (0, 12_345)},
        unknown=[word("data/raw of the base is not at hand")],
    )


def changes(word: Word = plain) -> Changes:
    return Changes(
        params=[
            (word("train.xgboost.max_depth"), word("6"), word("4")),
            (word("train.features"), word("['schedule']"), word("(none)")),
        ],
        files={
            word("train"): [
                word("src/tarmac/pipeline/training/estimators.py"),
                word("requirements/stages.txt"),
            ],
            OUTSIDE: [word("README.md")],
        },
        outputs=[(word("models/model.onnx"), word("b55399d4"), word("c66488e5"))],
    )


def cost(word: Word = plain) -> tuple[ResultCost, ResultCost]:
    spent = {"wall_seconds": 34.56, "cpu_seconds": 61.2, "peak_bytes": 2_345_000_000}
    return (
        ResultCost(719_086, 11.26, {word("train"): spent}),
        ResultCost(
            1_234_567, 12.34, {word("train"): {**spent, "wall_seconds": 40.04}, word("card"): spent}
        ),
    )


def lineage(word: Word = plain) -> dict[str, str]:
    return {
        "commit": word(HEAD),
        "base": word(BASE),
        "raw data": word("061aade4fd4293f7e70c677afe731676.dir"),
        "code": word("11cdc5e3253c672d6cdee00121974a11"),
        "environment": word("e98e00cc87272aaccd9f19bacc255e68"),
        "dvc.lock": word("971fcdf447ff11b1a8e68f61cb43a4fc"),
        "model": word("b55399d4586df55b543c51e5230ba614"),
        "reproduced": word("not tried"),
        "run for this review": word("prepare, featurize"),
    }


def review(word: Word = plain, **parts: object) -> Review:
    """Return a review that passes.

    `word` may turn each free word into another, and `parts` replace whole parts.
    """
    facts: dict[str, object] = {
        "checks": checks(word),
        "no_base": "",
        "compared": {"common": 53_991, "only_base": 0, "only_head": 0, "relabelled": 0},
        "moved": None,
        "metrics": metrics(word),
        "slices": slices(word),
        "row_wise": (0.0004, 0.0026),
        "policy": POLICY,
        "confidence": 0.95,
        "data": data(word),
        "changes": changes(word),
        "cost": cost(word),
        "lineage": lineage(word),
        "charts": [
            (
                "ROC-AUC by month: head in blue",
                render_xy_chart(["2013-11", "2013-12"], {"head": [0.7, 0.8]}, "AUC"),
            )
        ],
    }
    return Review(**{**facts, **parts})


def judged(
    name: str, outcome: Outcome, reason: str, direction: Direction | None = None
) -> list[ReviewCheck]:
    """The checks of a review that passes, of which one is judged otherwise."""
    assert name in {check.name for check in checks()}
    other = {"outcome": outcome, "reason": reason, "direction": direction}
    return [replace(one, **other) if one.name == name else one for one in checks()]


def without_base(reason: str) -> Review:
    """A review of a first commit: nothing to compare with."""
    return review(
        no_base=reason,
        compared={"common": 0, "only_base": 0, "only_head": 53_991, "relabelled": 0},
        metrics=[MetricChange(one.name, one.whole) for one in metrics()],
        slices=[SliceChange(one.slice, one.value, one.rows, one.head) for one in slices()],
        row_wise=None,
        data=DataDiff(),
        changes=Changes([], {}, []),
        cost=(None, cost()[1]),
        lineage={**lineage(), "base": "none"},
    )
