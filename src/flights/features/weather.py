"""Weather: the last whole hour observed at the origin before the cut-off."""

from flights.contract.columns import FEATURES
from flights.features.inputs import FeatureInputs
from flights.timeline.row import HOUR
from tarmac.interface.lookup import Lookup

COLUMNS = FEATURES["weather"]


def lookups(known: FeatureInputs) -> list[Lookup]:
    """Return the lookup of the observation of the hour before the cut-off's.

    Values are in the source's units, and missing if the station is silent.
    """
    table = known.weather
    return [Lookup("weather", table, ("origin", "hour"), (table.hour + 1) * HOUR, HOUR)]
