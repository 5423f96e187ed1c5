"""A table of what was known, and how a row finds its own in it: the form of every feature that needs the past."""

from dataclasses import dataclass

from ibis import Table
from ibis.expr.types import IntegerColumn


@dataclass(frozen=True)
class Lookup:
    """A row takes that of `table` whose `keys` equal its own columns; what is not there is missing.

    The other columns of `table` are features, or numbers that `row.derived` makes features of. A row serves predictions
    made from the instant `known` on (a column of it, minutes since 1970) and for so many minutes, `lasts`. Without
    `known` it serves at all times.
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
