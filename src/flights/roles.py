"""Which module plays which role of `tarmac.interface`: read by the type checker alone, which compares them."""

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
