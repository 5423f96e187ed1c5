"""Validate a table lazily and quarantine its invalid rows, each with the rule it broke."""

import pandas as pd
import pandera.errors
import pandera.pandas as pa

from tarmac.interface.errors import UserError, suggest_name

FAILURE_COLUMNS = ("row", "column", "rule", "value", "action")


class TableError(UserError):
    """A table that cannot be validated row by row: columns missing, of another type, or unknown."""


def validate_table(
    frame: pd.DataFrame, schema: pa.DataFrameSchema, key: list[str], blanked: frozenset[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The valid rows, and one line for each rule that a row broke, with columns `FAILURE_COLUMNS`.

    `row` is the values of `key`, joined by a space. `action` is "set aside", or "blanked" for a
    rule in `blanked`, which empties the value and keeps the row.

    Raise `TableError` if columns are missing, unknown or mistyped.
    """
    frame = frame.reset_index(drop=True)
    try:
        schema.validate(frame, lazy=True)
        return frame, pd.DataFrame(columns=list(FAILURE_COLUMNS), dtype="str")
    except pandera.errors.SchemaErrors as errors:
        failures = _list_failures(frame, errors.failure_cases, key)
    failures["action"] = failures["rule"].isin(blanked).map({True: "blanked", False: "set aside"})
    return _apply_failures(frame, failures), failures[list(FAILURE_COLUMNS)]


def _list_failures(frame: pd.DataFrame, cases: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Return pandera's failure cases, one line a row and rule.

    Pandera lists a rule across columns once for every column.
    """
    wrong_columns = cases[cases["check"].str.match(r"dtype\(|column_in_|column_ordered")]
    # A check that fails for want of its columns says nothing new, one that fails without such a
    # cause does.
    structural = wrong_columns if len(wrong_columns) else cases[cases["index"].isna()]
    if len(structural):
        lines = dict.fromkeys(
            _format_structure_error(frame, case) for _, case in structural.iterrows()
        )
        raise TableError("; ".join(lines), _suggest_columns(structural))
    rule = (
        cases["check"]
        .str.replace("multiple_fields_uniqueness", f"{key[0]}:unique")
        .str.replace("not_nullable", "present")
    )
    across = rule.str.contains(":")
    lines = pd.DataFrame(
        {
            "index": cases["index"].astype(int),
            "column": rule.str.split(":").str[0].where(across, cases["column"]),
            "rule": rule.str.split(":").str[-1],
        }
    ).drop_duplicates()
    lines = lines.sort_values(["index", "column", "rule"], ignore_index=True)
    rows = frame.loc[lines["index"]]
    lines["row"] = [" ".join(map(str, values)) for values in rows[key].itertuples(index=False)]
    lines["value"] = [str(rows.iloc[n][column]) for n, column in enumerate(lines["column"])]
    return lines


def _format_structure_error(frame: pd.DataFrame, case: pd.Series) -> str:
    """One line on a failure that is not about a row."""
    kind, failing, column = str(case["check"]), case["failure_case"], case["column"]
    if kind == "column_in_dataframe":
        return f"column {failing!r} is missing"
    if kind == "column_in_schema":
        return f"column {failing!r} is unknown"
    if kind == "column_ordered":
        return f"columns are not in the expected order: {', '.join(frame.columns)}"
    if kind.startswith("dtype("):
        return f"column {column!r} is {frame.dtypes[column]}, expected {kind[7:-2]}"
    return f"{column}: {kind}: {failing}"


def _suggest_columns(cases: pd.DataFrame) -> str:
    """Return the missing columns that the unknown ones resemble, and what to do."""
    unknown, missing = (
        cases.loc[cases["check"] == check, "failure_case"].unique()
        for check in ("column_in_schema", "column_in_dataframe")
    )
    suggestions = [suggestion for name in unknown if (suggestion := suggest_name(name, missing))]
    return " ".join([*suggestions, "correct the columns, then ingest the file again"])


def _apply_failures(frame: pd.DataFrame, failures: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    blanked = failures[failures["action"] == "blanked"]
    for column, lines in blanked.groupby("column"):
        frame.loc[lines["index"], column] = None
    gone = failures.loc[failures["action"] == "set aside", "index"]
    return frame[~frame.index.isin(gone)].reset_index(drop=True)
