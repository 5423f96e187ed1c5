"""Declare what each role of a problem has: the public names of its module.

The machinery goes by these names. A problem states in its module `roles` which module plays which
role, and the type checker compares them with these.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import pandas as pd
import pandera.pandas
import pyarrow as pa
from ibis import Table
from pydantic import BaseModel

from tarmac.interface.behaviour import Behaviour
from tarmac.interface.lookup import Lookup
from tarmac.interface.params import ProblemParams


class ContractRole(Protocol):
    """The names that the machinery uses: tables, row key, target and features of each group."""

    @property
    def TASK(self) -> Literal["binary", "multiclass", "regression"]:
        """The kind of the target."""

    @property
    def TABLES(self) -> tuple[str, ...]:
        """All raw tables in order of validation: a later one is checked against earlier ones."""

    @property
    def MONTHLY(self) -> tuple[str, ...]:
        """Raw tables with one file a month, the rows to predict last."""

    @property
    def LOOKUPS(self) -> tuple[str, ...]:
        """Prepared tables that are whole."""

    @property
    def KEY(self) -> tuple[str, ...]:
        """The columns that name a row."""

    @property
    def DAY(self) -> str | None:
        """The column that says when; None where rows have no time."""

    @property
    def CLUSTER(self) -> str:
        """The column by which rows are alike: intervals resample whole clusters."""

    @property
    def CLUSTERS(self) -> tuple[str, str]:
        """What a cluster is called, and what several are called."""

    @property
    def TARGET(self) -> str:
        """The column with the label."""

    @property
    def CLASSES(self) -> tuple[str, ...]:
        """What a target of 0, of 1 and so on is called; empty where it is a number."""

    @property
    def SLICES(self) -> tuple[str, ...]:
        """The ways of slicing; predictions have a column for each."""

    @property
    def ANSWERS(self) -> tuple[str, ...]:
        """The columns of an answer: one a class where there are more than two."""

    @property
    def CATEGORICAL(self) -> tuple[str, ...]:
        """Features that are text; every other one is a float32 number."""

    @property
    def FEATURES(self) -> Mapping[Any, tuple[str, ...]]:
        """Feature names of each group."""

    def feature_names(self, groups: Sequence[str], /) -> list[str]:
        """Feature names of some groups, in a fixed order."""


class ParamsRole(Protocol):
    """The problem's own section of `params.yaml`."""

    @property
    def Params(self) -> type[ProblemParams]:
        """The model of the section."""


class RawRole(Protocol):
    """Raw tables as `data/raw` stores them."""

    @property
    def RAW_TYPES(self) -> Mapping[str, pa.Schema]:
        """Columns and types of each table."""


class SchemaRole(Protocol):
    """What a valid raw table is."""

    @property
    def KEYS(self) -> Mapping[str, list[str]]:
        """The columns that name a row of each raw table."""

    @property
    def BLANKED(self) -> frozenset[str]:
        """Rules that cost a row its value, and not its place."""

    def schema(
        self, table: str, month: str | None, valid: dict[str, pd.DataFrame], /
    ) -> pandera.pandas.DataFrameSchema:
        """The schema of a raw table; `valid` holds the tables already validated."""

    def tallies(self, valid: dict[str, pd.DataFrame], /) -> dict[str, int]:
        """Counts, in a month's valid tables, of what is no error but missing."""


class CleanRole(Protocol):
    """Valid raw rows to prepared tables."""

    def clean(self, name: str, valid: dict[str, Table], month: str, /) -> Table:
        """The prepared table of one month of valid raw tables."""


class SourceRole(Protocol):
    """Where raw tables come from."""

    @property
    def DISTRIBUTION(self) -> str:
        """The package with the published data, pinned in `requirements/data.txt`.

        It is empty if nothing is published.
        """

    def raw_tables(self, sdist: Path, /) -> Iterator[tuple[str, pa.Table]]:
        """Yield the path and table of every raw file of the published data.

        The path is that under `data/raw`, without suffix.
        """

    def by_file(self, name: str, table: pa.Table, /) -> Iterator[tuple[str, pa.Table]]:
        """Yield a raw table as the files that `data/raw` keeps of it."""


class RowRole(Protocol):
    """What follows from a row alone.

    It is computed on columns in the engine, and on numbers and arrays in the service.
    """

    def own(self, row: Any, params: Any, /) -> dict[str, Any]:
        """What follows from a row before anything is looked up, the keys of lookups among it."""

    def derived(self, row: Any, /) -> dict[str, Any]:
        """What follows from a row together with what was looked up."""


class FeaturesRole(Protocol):
    """Features, each known when the prediction is made."""

    @property
    def LOOKBACK_DAYS(self) -> int:
        """How far before a period's first day its features may reach."""

    def features(self, tables: dict[str, Table], params: Any, /) -> Table:
        """Row key, all features and target of the rows of a period, in a fixed order."""

    def seen(self, tables: dict[str, Table], params: Any, /) -> Any:
        """What the features of a period may look at."""

    def lookups(self, known: Any, /) -> list[Lookup]:
        """What the features look up in what is `seen`."""

    def span(self, known: Any, /) -> tuple[Any, Any] | None:
        """Return the instants between which what is looked up was known; None if always.

        Instants are in minutes since 1970, UTC.
        """


class SlicesRole(Protocol):
    """Parts of the rows that a model must not fail while its average looks well."""

    def slices(self, rows: pd.DataFrame, /) -> Mapping[str, "pd.Series[Any]"]:
        """For each way of slicing, the slice that every row of a feature table belongs to."""


class BehavioursRole(Protocol):
    """What a model must do whatever its metrics say."""

    @property
    def BEHAVIOURS(self) -> tuple[Behaviour, ...]:
        """Changes of rows, and what they may do to the answers."""


class RequestRole(Protocol):
    """What a client says of a row, and the prepared columns that it makes."""

    @property
    def Row(self) -> type[BaseModel]:
        """The fields of a row."""

    @property
    def Live(self) -> type[BaseModel]:
        """Inputs that a client may know better than the service."""

    @property
    def EXAMPLES(self) -> dict[str, dict[str, Any]]:
        """Rows for the service's page, by what they are."""

    def field_of(self, column: str, /) -> str | None:
        """The field that a file's column fills; None where nobody needs it."""

    def asked(self, row: Mapping[str, Any], /) -> dict[str, Any]:
        """What a client would ask about a prepared row: the fields of `Row`."""

    def columns(self, rows: Sequence[Any], /) -> dict[str, list[Any]]:
        """The prepared columns of some rows."""


class CardRole(Protocol):
    """What the model card says of the problem; `PREDICTS` may name parameters in braces."""

    @property
    def TITLE(self) -> str: ...
    @property
    def PREDICTS(self) -> str: ...
    @property
    def INTENDED_USE(self) -> tuple[str, ...]: ...
    @property
    def NOT_FOR(self) -> tuple[str, ...]: ...
    @property
    def DATA_SOURCE(self) -> str: ...
    @property
    def LIMITS(self) -> tuple[str, ...]: ...


class FutureRole(Protocol):
    """Raw tables with another future, by which the review finds features that look ahead."""

    def draw(self, months: Sequence[str], seed: int, /) -> Any:
        """What the future is changed by, such as an instant within some months."""

    def hide(self, name: str, rows: pa.Table, cut: Any, /) -> pa.Table:
        """The rows of a raw table with another future, after what was drawn."""

    def decided(self, name: str, rows: pa.Table, cut: Any, params: Any, /) -> pd.DataFrame | None:
        """The keys of rows whose features may not change; None where that is every row."""


@dataclass(frozen=True)
class Roles:
    """One module for each role of `tarmac.interface.problem.ROLES`."""

    contract: ContractRole
    params: ParamsRole
    raw: RawRole
    schema: SchemaRole
    clean: CleanRole
    source: SourceRole
    row: RowRole
    features: FeaturesRole
    slices: SlicesRole
    behaviour: BehavioursRole
    request: RequestRole
    card: CardRole
    future: FutureRole
