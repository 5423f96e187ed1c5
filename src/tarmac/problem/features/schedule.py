"""Schedule: what the timetable says of the flight itself. All of it is in `row.own`; nothing is looked up."""

from tarmac.interface.lookup import Lookup
from tarmac.problem.features.known import Known
from tarmac.problem.names import FEATURES

COLUMNS = FEATURES["schedule"]


def lookups(known: Known) -> list[Lookup]:
    """None."""
    return []
