"""Modules that play the roles of `tarmac.interface`.

Only the type checker reads this module: it compares the modules with their roles.
"""

from flights.card import words
from flights.contract import columns, params
from flights.evaluation import behaviour, slices
from flights.features import table
from flights.leakage import future
from flights.request import fields
from flights.source import distribution
from flights.tables import clean, raw, schema
from flights.timeline import row
from tarmac.interface.roles import Roles

ROLES = Roles(
    contract=columns,
    params=params,
    raw=raw,
    schema=schema,
    clean=clean,
    source=distribution,
    row=row,
    features=table,
    slices=slices,
    behaviour=behaviour,
    request=fields,
    card=words,
    future=future,
)
