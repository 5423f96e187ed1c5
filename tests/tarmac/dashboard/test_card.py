"""The card on the page: nothing in it runs or leads away."""

from hypothesis import given
from hypothesis import strategies as st

from tarmac.dashboard import card
from tests.conftest import ROOT

CARD = (ROOT / "models" / "card.md").read_text()


def test_a_heading_of_the_card_skips_a_level_or_is_the_pages_own():
    shown = card.html(CARD)
    assert "<h1" not in shown
    assert "<h2" not in shown
    assert shown.count("<h3>") == CARD.count("\n## ")
    assert "Model card:" not in shown


def test_a_link_a_picture_or_html_of_a_card_is_alive():
    shown = card.html("# a\n\n[x](https://x.org) ![y](https://y.org) <https://z.org> <script>1</script>\n\n<b>c</b>\n")
    assert "<a" not in shown
    assert "<img" not in shown
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "[x](https://x.org)" in shown


@given(st.text(max_size=200))
def test_a_text_of_anybody_stops_the_page(text):
    assert isinstance(card.html(text), str)
