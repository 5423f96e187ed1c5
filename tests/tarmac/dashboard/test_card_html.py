"""The model card on the page: no script, link or image in it is active."""

from hypothesis import given
from hypothesis import strategies as st

from tarmac.dashboard import card_html
from tests.conftest import ROOT

CARD = (ROOT / "models" / "card.md").read_text()


def test_card_sections_become_third_level_headings():
    shown = card_html.render_card(CARD)
    assert "<h1" not in shown
    assert "<h2" not in shown
    assert shown.count("<h3>") == CARD.count("\n## ")
    assert "Model card:" not in shown


def test_links_images_and_html_in_card_are_inert():
    shown = card_html.render_card(
        "# a\n\n[x](https://x.org) ![y](https://y.org) <https://z.org> <script>1</script>\n\n"
        "<b>c</b>\n"
    )
    assert "<a" not in shown
    assert "<img" not in shown
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "[x](https://x.org)" in shown


@given(st.text(max_size=200))
def test_any_text_renders_without_error(text):
    assert isinstance(card_html.render_card(text), str)
