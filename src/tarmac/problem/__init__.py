"""The problem: which flights out of New York will arrive late. A team replaces this folder; nothing else knows a flight.

The rest of the package uses only what is listed in `__all__`.
"""

from tarmac.problem.clean import KEY, LOOKUPS, clean
from tarmac.problem.features import CATEGORICAL, LOOKBACK_DAYS, TARGET, columns, features
from tarmac.problem.params import Group, ProblemParams
from tarmac.problem.schema import BLANKED, KEYS, MONTHLY, TABLES, schema, tallies
from tarmac.problem.slices import CLUSTER, slices
from tarmac.problem.source import DISTRIBUTION, raw_tables

__all__ = [
    "BLANKED",
    "CATEGORICAL",
    "CLUSTER",
    "DISTRIBUTION",
    "Group",
    "KEY",
    "KEYS",
    "LOOKBACK_DAYS",
    "LOOKUPS",
    "MONTHLY",
    "ProblemParams",
    "TABLES",
    "TARGET",
    "clean",
    "columns",
    "features",
    "raw_tables",
    "schema",
    "slices",
    "tallies",
]
