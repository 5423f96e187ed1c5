"""Aircraft: how old and how large the plane is."""

from flights.contract.columns import FEATURES
from flights.features.known import FeatureInputs
from tarmac.interface.lookup import Lookup

COLUMNS = FEATURES["aircraft"]


def lookups(known: FeatureInputs) -> list[Lookup]:
    """`seats`, and the year the aircraft was `built`; missing where the register lacks the tail number or the year."""
    return [Lookup("aircraft", known.planes.rename(built="year"), ("tailnum",))]
