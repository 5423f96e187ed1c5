"""The page in Chromium, opened from a file.

It is shown in both themes, at desktop and phone width, and used by keyboard.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from tarmac.dashboard import build
from tests.conftest import ROOT
from tests.tarmac.dashboard.browser import Page

AXE = ROOT / "requirements" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
DESK, PHONE = 1280, 375  # px
CHARTS = (
    8  # of a year: history, backtest, drift, slices twice, calibration, pipeline, missing inputs
)
OPENED = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
CHECK = """axe.run(document, {resultTypes: ['violations']}).then((found) => \
found.violations.map(({id, nodes}) =>
  `${id}: ${nodes.slice(0, 3).map(({html}) => html.slice(0, 200)).join(' | ')}`))"""
DRAWN = """[...document.querySelectorAll('figure svg')].filter((one) => one.checkVisibility())\
.map((one) => ({
  title: one.getAttribute('aria-label'), role: one.getAttribute('role'), \
width: one.getBoundingClientRect().width,
  height: one.getBoundingClientRect().height, right: one.getBoundingClientRect().right,
  marks: [...one.querySelectorAll('path, rect, line')].filter((mark) => \
mark.getBoundingClientRect().width
    + mark.getBoundingClientRect().height > 0).length,
  texts: [...one.querySelectorAll('text')].map((text) => ({
    right: text.getBoundingClientRect().right, left: text.getBoundingClientRect().left,
    size: text.getBoundingClientRect().height, fill: getComputedStyle(text).fill}))}))"""
FOCUSED = """(() => { const one = document.activeElement; const style = getComputedStyle(one);
  return {tag: one.tagName, id: one.id, text: one.textContent.trim().slice(0, 40), \
outline: style.outlineStyle}; })()"""
themes = pytest.mark.parametrize("theme", ["light", "dark"])
widths = pytest.mark.parametrize("width", [DESK, PHONE])


def axe() -> str:
    """Return the code of axe, and skip the test if it is missing.

    In CI the test fails instead, because a skip would look like success.
    """
    if AXE.is_file():
        return AXE.read_text()
    reason = "axe-core is not here: `make test` installs it, with Node and npm"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def pressed(page: Page, key: str, code: int) -> dict[str, Any]:
    """What has the focus after a key."""
    page.press(key, code)
    return page.run(FOCUSED)


@themes
@widths
def test_every_chart_is_drawn_within_screen_width(chromium, full, theme, width):
    chromium.open(full, width, theme=theme)
    drawn = chromium.run(DRAWN)
    assert len(drawn) == CHARTS
    for chart in drawn:
        assert chart["role"] == "img"
        assert len(chart["title"]) > 40
        assert chart["marks"] >= 8, chart["title"]
        assert chart["width"] > 300
        assert chart["height"] > 80
        assert chart["right"] <= width
        assert all(0 <= text["left"] < text["right"] <= width for text in chart["texts"]), chart[
            "title"
        ]
        assert all(text["size"] >= 10 for text in chart["texts"]), "too small to read"
        assert all(text["fill"].startswith("rgb") for text in chart["texts"]), (
            "a colour that is not there"
        )


@pytest.mark.parametrize(("theme", "width"), [("light", DESK), ("dark", DESK), ("light", PHONE)])
def test_page_passes_accessibility_rules(chromium, full, theme, width):
    checker = axe()
    chromium.open(full, width, theme=theme)
    chromium.run(OPENED)
    chromium.run(f"{checker}; undefined")
    assert chromium.run(CHECK) == []


def test_accessibility_checker_reports_planted_faults(chromium, full):
    checker = axe()
    chromium.open(full)
    chromium.run(
        "document.querySelector('.says').style.color = '#ccc'; "
        "document.querySelector('h1').remove()"
    )
    chromium.run("document.querySelector('figure svg').removeAttribute('aria-label')")
    chromium.run(f"{checker}; undefined")
    found = {told.partition(":")[0] for told in chromium.run(CHECK)}
    assert found >= {"color-contrast", "page-has-heading-one", "svg-img-alt"}


@themes
def test_page_requests_only_itself_and_logs_no_error(chromium, full, theme):
    chromium.open(full, theme=theme)
    chromium.run(OPENED)
    chromium.run("document.querySelectorAll('nav a').forEach((link) => link.click())")
    chromium.run("document.getElementById('theme').click()")
    chromium.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert [url for url in chromium.requests if "#" not in url] == [full.as_uri()]
    assert {url.partition("#")[0] for url in chromium.requests} == {full.as_uri()}
    assert chromium.faults == []


def test_content_policy_blocks_injected_script_and_image(chromium, full, tmp_path):
    """The page's own policy stops what an escape that was forgotten would let in."""
    bad = tmp_path / "bad.html"
    planted = (
        "<script>window.bad = 1</script><img src=x onerror='window.bad = 1'>"
        "<p style='color: red'>a</p></main>"
    )
    bad.write_text(full.read_text().replace("</main>", planted))
    chromium.open(bad)
    assert chromium.run("window.bad ?? 0") == 0
    assert len(chromium.faults) >= 3


@themes
def test_phone_page_does_not_scroll_horizontally(chromium, full, theme):
    chromium.open(full, PHONE, theme=theme)
    chromium.run(OPENED)
    assert chromium.run("document.documentElement.scrollWidth") == PHONE


def test_keyboard_reaches_button_links_and_details(chromium, full):
    chromium.open(full)
    assert pressed(chromium, "Tab", 9)["text"] == "Skip to the content"
    button = pressed(chromium, "Tab", 9)
    assert (button["id"], button["outline"]) == ("theme", "solid")
    links = chromium.run("document.querySelectorAll('nav a').length")
    assert [pressed(chromium, "Tab", 9)["tag"] for _ in range(links)] == ["A"] * links
    summary = pressed(chromium, "Tab", 9)
    assert (summary["tag"], summary["outline"]) == ("SUMMARY", "solid")
    chromium.press("Enter", 13)
    assert chromium.run("document.activeElement.closest('details').open") is True
    seen = [pressed(chromium, "Tab", 9)["text"] for _ in range(40)]
    assert any(text.startswith("Read the model card") for text in seen)


def test_theme_button_switches_theme_and_choice_persists(chromium, full):
    ground = "getComputedStyle(document.body).backgroundColor"
    chromium.open(full, theme="dark")
    dark = chromium.run(ground)
    chromium.open(full, theme="light")
    light = chromium.run(ground)
    assert dark != light
    chromium.run("document.getElementById('theme').focus()")
    chromium.press(" ", 32)
    assert chromium.run(ground) == dark
    assert chromium.run("document.getElementById('theme').getAttribute('aria-pressed')") == "true"
    chromium.open(full, theme="light")
    assert chromium.run(ground) == dark
    chromium.press("Tab", 9)
    chromium.press("Tab", 9)
    chromium.press("Enter", 13)
    assert chromium.run(ground) == light


def test_wide_tables_are_focusable_by_keyboard(chromium, full):
    chromium.open(full, PHONE)
    chromium.run(OPENED)
    chromium.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    wide = (
        "[...document.querySelectorAll('.scroll')]"
        ".filter((one) => one.scrollWidth > one.clientWidth)"
    )
    assert chromium.run(f"{wide}.length") > 3
    assert chromium.run(f"{wide}.every((one) => one.tabIndex === 0)") is True


def test_page_without_history_passes_accessibility_rules(chromium, bare):
    checker = axe()
    build.build_page()
    chromium.open(Path("site/index.html"), PHONE)
    chromium.run(f"{OPENED}; {checker}; undefined")
    assert chromium.run(CHECK) == []
    assert chromium.run("document.documentElement.scrollWidth") == PHONE
