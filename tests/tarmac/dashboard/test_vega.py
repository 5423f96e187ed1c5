"""Drawings: the same every time, in colours of the page, with nothing of a value taken for markup."""

import re
from xml.etree import ElementTree

from tarmac.dashboard import vega
from tarmac.dashboard.vega import ACCENT

HOSTILE = "</svg><script>alert(1)</script>\"'&"


def spec(width: int, name: str = "a") -> vega.Spec:
    rows = [{"x": name, "y": 1 / 3, "tip": name}, {"x": "b", "y": 2 / 3, "tip": "second"}]
    return {
        "width": width,
        "height": 100,
        "data": {"values": rows},
        "mark": {"type": "point", "color": ACCENT, "filled": True},
        "encoding": {
            "x": {"field": "x", "type": "nominal"},
            "y": {"field": "y", "type": "quantitative"},
            "description": {"field": "tip"},
        },
    }


def test_a_drawing_differs_from_the_one_before():
    assert vega.chart("Title", "Reads.", spec) == vega.chart("Title", "Reads.", spec)


def test_a_value_becomes_markup():
    drawn = vega.svg(spec(300, HOSTILE), HOSTILE, "Reads.")
    root = ElementTree.fromstring(drawn)
    assert not [one for one in root.iter() if one.tag.endswith("script")]
    assert HOSTILE in [one.text for one in root.iter() if one.tag.endswith("title")]
    assert root.get("aria-label") == f"{HOSTILE}. Reads."


def test_a_reader_who_cannot_see_it_hears_the_marks_one_by_one():
    root = ElementTree.fromstring(vega.svg(spec(300), "Title", "Reads."))
    assert (root.get("role"), root.get("aria-label")) == ("img", "Title. Reads.")
    below = [name for one in root.iter() if one is not root for name in one.attrib]
    assert not [name for name in below if name == "role" or name.startswith("aria")]


def test_a_drawing_has_a_colour_or_a_font_of_its_own():
    drawn = vega.svg(spec(300), "Title", "Reads.")
    painted = set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawn))
    assert {colour for colour in painted if not colour.startswith("var(--")} <= {"none"}
    assert "font-family" not in drawn
    assert "style=" not in drawn


def test_digits_that_nobody_sees_stand_in_a_drawing():
    assert not re.findall(r"\d\.\d{3}", vega.svg(spec(300), "Title", "Reads."))
