"""Weather: the last whole hour observed at the origin before the cut-off."""

from ibis import Table

from tarmac.problem.clock import HOUR
from tarmac.problem.features.known import Known
from tarmac.problem.features.rolling import attach
from tarmac.problem.names import FEATURES, KEY

COLUMNS = FEATURES["weather"]


def columns(flights: Table, known: Known) -> Table:
    """The observation labelled with the hour before the cut-off's hour; missing where the station is silent.

    An observation labelled 10:00 is taken at some minute of that hour, so only the hour before is surely known.
    """
    timed = flights.select(*KEY, hour=(flights.cut // HOUR - 1).cast("int32"))
    return attach(timed, known.weather, ("origin", "hour")).drop("hour")
