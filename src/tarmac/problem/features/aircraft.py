"""Aircraft: how old and how large the plane is."""

from ibis import Table

from tarmac.problem.features.known import Known
from tarmac.problem.features.rolling import attach
from tarmac.problem.names import FEATURES

COLUMNS = FEATURES["aircraft"]


def add(flights: Table, known: Known) -> Table:
    """Adds `plane_age` in years and `seats`; missing where the register lacks the tail number or the year."""
    joined = attach(flights, known.planes.rename(built="year"), ("tailnum",))
    return joined.mutate(plane_age=joined.day.year() - joined.built).drop("built")
