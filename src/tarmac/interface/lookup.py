"""Define how a row finds its own entry in a table of what was known.

Every feature that needs the past has this form.
"""

from dataclasses import dataclass

from ibis import Table
from ibis.expr.types import IntegerColumn


@dataclass(frozen=True)
class Lookup:
    """A row takes that of `table` whose `keys` equal its own columns; what is not there is missing.

    The other columns of `table` are features, or numbers that `row.derived` makes features of. A
    row of `table` serves predictions made from the instant `known` on, for `lasts` minutes. `known`
    is a column of `table`, in minutes since 1970. Without `known`, the row serves at all times.
    """

    name: str
    table: Table
    keys: tuple[str, ...]
    known: IntegerColumn | None = None
    lasts: int = 0

    @property
    def values(self) -> list[str]:
        """The columns that a row gets."""
        return [name for name in self.table.columns if name not in self.keys]
