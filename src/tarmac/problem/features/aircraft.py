"""Aircraft: how old and how large the plane is."""

from ibis import Table

from tarmac.problem.features.known import Known
from tarmac.problem.features.rolling import attach
from tarmac.problem.names import FEATURES, KEY

COLUMNS = FEATURES["aircraft"]


def columns(flights: Table, known: Known) -> Table:
    """`plane_age` in years and `seats`; missing where the register lacks the tail number or the year."""
    joined = attach(flights.select(*KEY, "tailnum"), known.planes.rename(built="year"), ("tailnum",))
    return joined.select(*KEY, "seats", plane_age=joined.day.year() - joined.built)
