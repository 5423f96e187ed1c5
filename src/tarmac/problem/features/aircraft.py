"""Aircraft: how old and how large the plane is."""

from tarmac.interface.lookup import Lookup
from tarmac.problem.features.known import Known
from tarmac.problem.names import FEATURES

COLUMNS = FEATURES["aircraft"]


def lookups(known: Known) -> list[Lookup]:
    """`seats`, and the year the aircraft was `built`; missing where the register lacks the tail number or the year."""
    return [Lookup("aircraft", known.planes.rename(built="year"), ("tailnum",))]
