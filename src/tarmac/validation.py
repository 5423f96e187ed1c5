"""Validates a table lazily and sets its invalid rows aside, each with the rule it broke."""

import pandas as pd
import pandera.errors
import pandera.pandas as pa

FAILURE_COLUMNS = ("row", "column", "rule", "value", "action")


class TableError(ValueError):
    """A table that cannot be validated row by row: columns missing, of another type, or unknown."""


def validate(
    frame: pd.DataFrame, schema: pa.DataFrameSchema, key: list[str], blanked: frozenset[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The valid rows, and one line for each rule that a row broke, with columns `FAILURE_COLUMNS`.

    `row` is the values of `key`, joined by a space; `action` is "set aside", or "blanked" for a rule in `blanked`,
    which empties the value and keeps the row. Raises `TableError` where columns are missing, unknown or mistyped.
    """
    frame = frame.reset_index(drop=True)
    try:
        schema.validate(frame, lazy=True)
        return frame, pd.DataFrame(columns=list(FAILURE_COLUMNS), dtype="str")
    except pandera.errors.SchemaErrors as errors:
        failures = _failures(frame, errors.failure_cases, key)
    failures["action"] = failures["rule"].isin(blanked).map({True: "blanked", False: "set aside"})
    return _apply(frame, failures), failures.drop(columns="index")


def _failures(frame: pd.DataFrame, cases: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Pandera's failure cases, one line a row and rule: it lists a rule across columns once for every column."""
    structural = cases[cases["index"].isna() | cases["check"].str.startswith("dtype(")]
    if len(structural):
        raise TableError("; ".join(dict.fromkeys(_structure(frame, case) for _, case in structural.iterrows())))
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
    lines["row"] = frame.loc[lines["index"], key].astype(str).agg(" ".join, axis=1).to_numpy()
    lines["value"] = [
        str(frame.at[row.index_, row.column]) for row in lines.rename(columns={"index": "index_"}).itertuples()
    ]
    return lines


def _structure(frame: pd.DataFrame, case: pd.Series) -> str:
    """One line on a failure that is not about a row."""
    kind, found, column = str(case["check"]), case["failure_case"], case["column"]
    if kind == "column_in_dataframe":
        return f"column {found!r} is missing"
    if kind == "column_in_schema":
        return f"column {found!r} is unknown"
    if kind.startswith("dtype("):
        return f"column {column!r} is {frame.dtypes[column]}, expected {kind[7:-2]}"
    return f"{column}: {kind}: {found}"


def _apply(frame: pd.DataFrame, failures: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    blanked = failures[failures["action"] == "blanked"]
    for column, lines in blanked.groupby("column"):
        frame.loc[lines["index"], column] = None
    gone = failures.loc[failures["action"] == "set aside", "index"]
    return frame[~frame.index.isin(gone)].reset_index(drop=True)
