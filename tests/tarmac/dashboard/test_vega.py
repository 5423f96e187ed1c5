"""Charts: deterministic, in the colors of the page, with every value escaped."""

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


def test_chart_is_deterministic():
    assert vega.build_chart("Title", "Reads.", spec) == vega.build_chart("Title", "Reads.", spec)


def test_values_in_chart_are_escaped():
    drawn = vega.render_svg(spec(300, HOSTILE), HOSTILE, "Reads.")
    root = ElementTree.fromstring(drawn)
    assert not [one for one in root.iter() if one.tag.endswith("script")]
    assert HOSTILE in [one.text for one in root.iter() if one.tag.endswith("title")]
    assert root.get("aria-label") == f"{HOSTILE}. Reads."


def test_only_chart_root_has_role_and_aria_label():
    root = ElementTree.fromstring(vega.render_svg(spec(300), "Title", "Reads."))
    assert (root.get("role"), root.get("aria-label")) == ("img", "Title. Reads.")
    below = [name for one in root.iter() if one is not root for name in one.attrib]
    assert not [name for name in below if name == "role" or name.startswith("aria")]


def test_chart_uses_only_page_colors_and_font():
    drawn = vega.render_svg(spec(300), "Title", "Reads.")
    painted = set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawn))
    assert {colour for colour in painted if not colour.startswith("var(--")} <= {"none"}
    assert "font-family" not in drawn
    assert "style=" not in drawn


def test_chart_numbers_have_at_most_two_decimals():
    assert not re.findall(r"\d\.\d{3}", vega.render_svg(spec(300), "Title", "Reads."))
