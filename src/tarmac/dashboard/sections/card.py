"""The model card, as it is committed."""

from tarmac.dashboard import card
from tarmac.dashboard.known import Known
from tarmac.dashboard.section import Commands, Prose, Section
from tarmac.pipeline.base.paths import CARD

NONE = "There is no model card yet: the last stage of the pipeline writes it."
SAYS = "What the model is for and what it is not for, how good it is, and its limits, as the pipeline wrote it."


def section(known: Known) -> Section:
    """The card as HTML, on a click: it is long."""
    if known.card is None:
        return Section("card", "Model card", NONE, [Commands("To write it", ["make run"])])
    shown = Prose(card.html(known.card), summary="Read the model card")
    return Section("card", "Model card", SAYS, [shown], known.read(CARD))
