"""What retraining is worth: the year lived once without it, once every month, and once by the policy."""

from collections.abc import Mapping, Sequence

from tarmac.dashboard import vega
from tarmac.dashboard.known import LIVED, WAYS, Known
from tarmac.dashboard.records import WAYS as NAMES
from tarmac.dashboard.records import Lived, Way
from tarmac.dashboard.section import Block, Code, Commands, Section, Table, Verdict
from tarmac.dashboard.vega import ACCENT, INK, OTHER, PAPER, Spec, y_title
from tarmac.dashboard.words import MAIN, between, count, difference, label, month, span, ticks
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK
from tarmac.reporting.markdown import number, signed

NONE = "The year has not been replayed yet, so nobody knows here what retraining is worth."
READS = (
    f"A dot is a month's value and a thin line its 95% interval, from resampled {problem.contract.CLUSTERS[1]};"
    " after a filled dot a new model was live, after a hollow one the same."
)
SUBJECTS = {"monthly": "Retraining monthly", "policy": "Retraining by policy"}
COLOURS = {"never": OTHER, "monthly": INK, "policy": ACCENT}
APART = 0.16  # of a month, between the ways: their intervals would hide one another


def section(known: Known) -> Section:
    """The metric by month for every way, and what each cost and gained."""
    if not known.ways:
        return Section(
            "replay", "Is retraining worth it?", NONE, [Commands("To live it month by month", ["make replay"])]
        )
    lived = list(known.lived)
    title = f"{label(MAIN)} by month, {span(sorted({one.month for one in lived}))}"
    draw = vega.chart(title, READS, lambda width: _drawn(lived, width))
    blocks: list[Block] = [draw, _costs(known.ways), _months(lived)]
    return Section("replay", "Is retraining worth it?", _says(known.ways), blocks, known.read(LIVED, WAYS))


def _says(ways: Sequence[Way]) -> str:
    return " ".join(_gain(way) for way in ways if way.way != "never")


def _gain(way: Way) -> str:
    """What a way brought over never retraining, and whether that is proven."""
    made = f"{count(way.trainings, 'training')} ({way.released} released)"
    cost = f"takes {made} and {number(way.minutes, 1)} minutes"
    name = SUBJECTS.get(way.way, way.way)
    if way.over_never is None or way.over_never_low is None or way.over_never_high is None:
        return f"What {name[0].lower()}{name[1:]} gains is not known; it {cost}."
    ends = f"{label(MAIN)} over never ({between(way.over_never_low, way.over_never_high, 4, sign=True)})"
    if way.over_never_low <= 0 <= way.over_never_high:
        return f"{name} gains nothing that is proven: {signed(way.over_never)} {ends}; it {cost}."
    verb = "gains" if way.over_never > 0 else "loses"
    return f"{name} {verb} {number(abs(way.over_never))} {ends} and {cost}."


def _drawn(lived: Sequence[Lived], width: int) -> Spec:
    months = sorted({one.month for one in lived})
    known = [one for one in lived if one.score is not None]
    rows = [_point(one, months) for one in known]
    narrow = width < vega.WIDE
    labels = {"labelExpr": f"{ticks(months)}[datum.value]", "values": list(range(0, len(months), 2 if narrow else 1))}
    x = {"field": "x", "type": "quantitative", "axis": {"title": None, "grid": False, **labels}}
    y = {"type": "quantitative", "scale": {"zero": False}, "axis": {**y_title(label(MAIN)), "tickCount": 5}}
    colour = {"field": "way", "legend": None, "scale": {"domain": list(COLOURS), "range": list(COLOURS.values())}}
    scale = {"scale": {"domain": [-0.4, len(months) - 0.6], "nice": False}}
    return {
        "width": width,
        "height": 300,
        "padding": {"top": 4, "bottom": 4, "left": 6, "right": 60 if narrow else 126},
        "data": {"values": rows},
        "encoding": {"x": {**x, **scale}, "color": {**colour, "type": "nominal"}},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.4},
                "encoding": {"y": {"field": "low", **y}, "y2": {"field": "high"}},
            },
            {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {"y": {"field": "value", **y}}},
            {
                "mark": {"type": "point", "filled": True, "size": 46, "opacity": 1, "strokeWidth": 1.5},
                "encoding": {
                    "y": {"field": "value", **y},
                    "description": {"field": "tip"},
                    "fill": {
                        "condition": {
                            "test": "datum.released",
                            "field": "way",
                            "type": "nominal",
                            "scale": colour["scale"],
                            "legend": None,
                        },
                        "value": PAPER,
                    },
                    "stroke": {**colour, "type": "nominal"},
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 10, "fontWeight": 600, "fontSize": 12},
                "data": {"values": _labels(known, months, narrow)},
                "encoding": {"y": {"field": "y", **y}, "text": {"field": "label"}},
            },
        ],
    }


def _point(one: Lived, months: Sequence[str]) -> Spec:
    place = months.index(one.month) + APART * (list(COLOURS).index(one.way) - 1 if one.way in COLOURS else 2)
    ends = f", 95% interval {between(one.low, one.high)}" if one.low is not None else ""
    tip = f"{NAMES.get(one.way, one.way)}, {month(one.month)}: {number(one.score)}{ends}"
    facts = {"x": place, "way": one.way, "value": one.score, "low": one.low, "high": one.high}
    return {**facts, "released": one.released, "tip": tip + ("; then a new model" if one.released else "")}


def _labels(known: Sequence[Lived], months: Sequence[str], narrow: bool) -> list[Spec]:
    """A name at the end of every line, each moved up as far as it needs to stand clear of the one below."""
    ends = {one.way: float(one.score or 0) for one in sorted(known, key=lambda one: one.month)}
    seen = [bound for one in known for bound in (one.low, one.high, one.score) if bound is not None]
    step = (max(seen) - min(seen)) * 18 / 250  # a line of text, in units of the axis
    names: Mapping[str, str] = {way: way for way in NAMES} if narrow else NAMES
    labels, above = [], float("-inf")
    for way, value in sorted(ends.items(), key=lambda end: end[1]):
        above = max(value, above + step)
        labels.append({"x": len(months) - 1 + APART, "y": above, "way": way, "label": names.get(way, way)})
    return labels


def _costs(ways: Sequence[Way]) -> Table:
    head = (
        "way",
        "#trainings",
        "#minutes",
        "#over never",
        "#95% interval",
        f"#{label(MAIN)}",
        "#95% interval",
        "#released",
    )
    rows = [
        (
            way.way,
            f"{way.trainings:,}",
            number(way.minutes, 1),
            "–" if way.way == "never" else difference(way.over_never),
            "–" if way.way == "never" else between(way.over_never_low, way.over_never_high, sign=True),
            number(way.score),
            between(way.low, way.high),
            f"{way.released:,}",
        )
        for way in ways
    ]
    return Table("What each way cost, and what it gained", head, rows)


def _months(lived: Sequence[Lived]) -> Table:
    head = (
        "month",
        "way",
        "trained on",
        f"#{label(MAIN)}",
        "#95% interval",
        f"#{label(TASK.loss)}",
        "verdict",
        "retrained",
        "released",
    )
    rows = [
        (
            one.month,
            one.way,
            Code(f"{one.train_first} to {one.train_last}") if one.train_first else "–",
            number(one.score),
            between(one.low, one.high),
            number(one.loss),
            Verdict(one.verdict) if one.verdict else "–",
            "yes" if one.retrained else "–",
            "yes" if one.released else "–",
        )
        for one in sorted(lived, key=lambda one: (one.month, list(COLOURS).index(one.way) if one.way in COLOURS else 9))
    ]
    return Table("Every month", head, rows, folded=True)
