"""Render Vega-Lite as SVG for a page: once for wide screens and once for phones.

The drawings use the colors of the page.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree

import vl_convert

from tarmac.dashboard.page_blocks import Chart

Spec = dict[str, Any]
VERSION = "6.4"  # of Vega-Lite
# Units of a drawing's width; a phone of 375 px shows the narrow one as it is.
WIDE, NARROW = (832, 336)
# Text is measured with a font that comes with the renderer: every machine draws the same.
# The page sets its own.
FONT = "Liberation Sans"
INK, MUTED, RULE, ACCENT, PAPER, OTHER = (
    f"var(--{name})" for name in ("ink", "muted", "rule", "accent", "paper", "other")
)
SVG = "http://www.w3.org/2000/svg"
DECIMALS = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
AXIS: Spec = {
    "domain": False,
    "ticks": False,
    "labelColor": MUTED,
    "labelFontSize": 12,
    "labelPadding": 8,
    "titleColor": MUTED,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
    "gridColor": RULE,
}
CONFIG: Spec = {
    "font": FONT,
    "background": None,
    "view": {"stroke": None},
    "axis": AXIS,
    "axisX": {"grid": False, "titlePadding": 10},
    "text": {"color": INK, "fontSize": 12},
    "rule": {"color": MUTED},
}
DROPPED = (
    "role",
    "aria-roledescription",
    "aria-hidden",
    "aria-label",
    "pointer-events",
    "font-family",
    "class",
)


def build_name_axis(order: Sequence[object]) -> Spec:
    """An axis of names, in their order."""
    axis = {"title": None, "labelLimit": 160, "labelColor": INK}
    return {"field": "name", "type": "ordinal", "sort": list(order), "axis": axis}


def build_chart(title: str, reads: str, draw: Callable[[int], Spec]) -> Chart:
    """A chart from a function that gives its specification for a width."""
    wide, narrow = (render_svg(draw(width), title, reads) for width in (WIDE, NARROW))
    return Chart(title, reads, wide, narrow)


def build_y_title(title: str) -> Spec:
    """The title of a y axis, level above it: nobody turns their head."""
    return {
        "title": title,
        "titleAngle": 0,
        "titleAlign": "left",
        "titleAnchor": "end",
        "titleX": 0,
        "titleY": -14,
    }


def render_svg(spec: Spec, title: str, reads: str) -> str:
    """Return a drawing as SVG, with a tip on every mark.

    The drawing is one image for a reader who cannot see it. A tip shows if a reader points at it.
    """
    full = {"config": CONFIG, "autosize": {"type": "fit", "contains": "padding"}, **spec}
    drawn = vl_convert.vegalite_to_svg(full, vl_version=VERSION, allowed_base_urls=[])
    root = ElementTree.fromstring(drawn)  # noqa: S314 -- our own drawing, no file of anybody's
    _clean_element(root)
    box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update(
        {"viewBox": box, "role": "img", "aria-label": f"{title}. {reads}", "width": box.split()[2]}
    )
    ElementTree.register_namespace("", SVG)
    return ElementTree.tostring(root, encoding="unicode")


def _clean_element(parent: ElementTree.Element) -> None:
    """Remove invisible elements, round numbers, and turn Vega's label of a mark into a tip.

    A browser shows the tip.
    """
    for child in list(parent):
        _clean_element(child)
        if _is_invisible(child):
            parent.remove(child)
    tip = parent.get("aria-label") if parent.get("role") == "graphics-symbol" else None
    for name in DROPPED:
        parent.attrib.pop(name, None)
    for name, value in parent.attrib.items():
        parent.set(name, DECIMALS.sub(_round_match, value))
    if tip and parent.tag.endswith("}path"):
        ElementTree.SubElement(parent, f"{{{SVG}}}title").text = tip


def _is_invisible(element: ElementTree.Element) -> bool:
    if element.tag.endswith("}g"):
        return len(element) == 0
    painted = element.get("fill", element.get("stroke"))
    return element.get("display") == "none" or (element.tag.endswith("}path") and painted is None)


def _round_match(match: re.Match[str]) -> str:
    """Return a number as text, rounded to hundredths of a unit.

    What lies below is not visible, and may differ on another machine.
    """
    shown = f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown
