"""Aircraft: how old and how large the plane is."""

from flights.contract.columns import FEATURES
from flights.features.inputs import FeatureInputs
from tarmac.interface.lookup import Lookup

COLUMNS = FEATURES["aircraft"]


def lookups(known: FeatureInputs) -> list[Lookup]:
    """Return the lookup of `seats` and of the year the aircraft was `built`.

    A value is missing if the register lacks the tail number or the year.
    """
    return [Lookup("aircraft", known.planes.rename(built="year"), ("tailnum",))]
