"""Schedule: what the timetable says of the flight itself.

All of it is in `row.own`; nothing is looked up.
"""

from flights.contract.columns import FEATURES
from flights.features.inputs import FeatureInputs
from tarmac.interface.lookup import Lookup

COLUMNS = FEATURES["schedule"]


def lookups(known: FeatureInputs) -> list[Lookup]:
    """None."""
    return []
