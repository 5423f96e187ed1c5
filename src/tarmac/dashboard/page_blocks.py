"""Define what a section of the page is made of.

It has a sentence, then charts and tables, and the sources of their numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar


class CodeCell(str):
    """A cell that is set as code: a hash, a path, a name of a person's choice."""

    __slots__ = ()


class VerdictCell(str):
    """A cell with the outcome of a check: ok, warning or critical."""

    __slots__ = ()


@dataclass(frozen=True)
class DataSource:
    """A file that numbers were read from, and the last commit that changed it.

    The commit is None if the file is not committed as it is here.
    """

    path: str
    commit: str | None
    note: str = ""  # in place of the commit, where there is more than one


@dataclass(frozen=True)
class Table:
    """A table of finished cells.

    Columns whose name starts with `#` contain numbers. A folded table opens on a click.
    """

    kind: ClassVar = "table"
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    folded: bool = False


@dataclass(frozen=True)
class Chart:
    """A drawing as SVG, for wide screens and for phones.

    It has a description for a reader who cannot see it.
    """

    kind: ClassVar = "chart"
    title: str
    reads: str  # how to read it, a sentence
    wide: str
    narrow: str


@dataclass(frozen=True)
class KeyFacts:
    """What is to be known first: label, value, and a sentence on it."""

    kind: ClassVar = "facts"
    items: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Prose:
    """Text that was made HTML by a Markdown parser that lets no HTML through."""

    kind: ClassVar = "prose"
    html: str
    summary: str = ""  # of what opens on a click; empty where it is open


@dataclass(frozen=True)
class CommandList:
    """Commands that a person can type, and what they are for."""

    kind: ClassVar = "commands"
    why: str
    lines: Sequence[str]


Block = Table | Chart | KeyFacts | Prose | CommandList


@dataclass(frozen=True)
class PageSection:
    """A part of the page.

    `says` is its result in a sentence or two: a reader with one minute reads no more.
    """

    name: str  # of its anchor
    title: str
    says: str
    blocks: Sequence[Block] = ()
    sources: Sequence[DataSource] = field(default_factory=list)
    verdict: VerdictCell | None = None
