"""Weather: the last whole hour observed at the origin before the cut-off."""

from tarmac.interface.lookup import Lookup
from tarmac.problem.features.known import Known
from tarmac.problem.names import FEATURES
from tarmac.problem.row import HOUR

COLUMNS = FEATURES["weather"]


def lookups(known: Known) -> list[Lookup]:
    """The observation of the hour before the cut-off's, in the source's units; missing where the station is silent."""
    table = known.weather
    return [Lookup("weather", table, ("origin", "hour"), (table.hour + 1) * HOUR, HOUR)]
