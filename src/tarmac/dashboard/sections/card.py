"""The model card, as it is committed."""

from tarmac.dashboard import card_html
from tarmac.dashboard.page_blocks import CommandList, PageSection, Prose
from tarmac.dashboard.page_data import PageData
from tarmac.pipeline.base.paths import CARD

NONE = "There is no model card yet: the last stage of the pipeline writes it."
SAYS = (
    "What the model is for and what it is not for, how good it is, and its limits,"
    " as the pipeline wrote it."
)


def build_section(known: PageData) -> PageSection:
    """The card as HTML, on a click: it is long."""
    if known.card is None:
        return PageSection("card", "Model card", NONE, [CommandList("To write it", ["make run"])])
    shown = Prose(card_html.render_card(known.card), summary="Read the model card")
    return PageSection("card", "Model card", SAYS, [shown], known.list_sources(CARD))
