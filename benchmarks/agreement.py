"""Check that the features of the pipeline equal those of the plain pandas program."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

KEY = ["day", "carrier", "flight", "origin"]
TARGET = "late"
OWN = [*KEY, TARGET]
KEY_FEATURES = ("carrier", "origin")  # of the key, and features too: rows are paired by them
SHARES = ("late", "gone")  # measures rounded to two digits; the other means to one
ROUNDED = ("1d", "7d", "21d", "1h", "3h")  # how the names of means end
FEATURES = 52


def get_tolerance(column: str) -> float:
    """One unit of the last digit that a column is rounded to; zero where it is not rounded."""
    _, _, ending = column.rpartition("_")
    if ending not in ROUNDED:
        return 0.0
    return 0.01 if column.split("_")[-2] in SHARES else 0.1


def find_differences(ours: pd.Series, plain: pd.Series, allowed: float = 0.0) -> np.ndarray:
    """Which rows differ by more than is allowed; missing agrees with missing only."""
    if not pd.api.types.is_numeric_dtype(ours):
        return (ours != plain).to_numpy()
    left, right = (
        ours.to_numpy("float64", na_value=np.nan),
        plain.to_numpy("float64", na_value=np.nan),
    )
    # Stored features are float32: the slack is what that type cannot tell apart.
    slack = allowed + 1e-6 * np.maximum(np.abs(left), 1)
    return ~((np.abs(left - right) <= slack) | (np.isnan(left) & np.isnan(right)))


def read_ours(folder: Path) -> pd.DataFrame:
    """The pipeline's features of all months in a folder."""
    frame = pd.concat(
        [pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))], ignore_index=True
    )
    return frame.assign(day=pd.to_datetime(frame["day"]))


def compare_features(ours: pd.DataFrame, plain: pd.DataFrame) -> tuple[list[str], int]:
    """Return the differences, one line per column, and the number of rounded values.

    A rounded value differs by one unit of its last digit, which is allowed.
    """
    missing = [name for name in ours.columns if name not in plain.columns]
    if missing or len(ours) != len(plain):
        absent = ", ".join(missing) or "none"
        return [f"rows {len(ours):,} and {len(plain):,}; columns missing: {absent}"], 0
    paired = ours[KEY].merge(plain[ours.columns], on=KEY, how="left", validate="one_to_one")
    lines, rounded = [], 0
    for name in ours.columns.drop(KEY):
        wrong = find_differences(ours[name], paired[name], get_tolerance(name))
        rounded += int((find_differences(ours[name], paired[name]) & ~wrong).sum())
        if wrong.any():
            first = int(np.argmax(wrong))
            key = " ".join(str(value) for value in ours.loc[first, KEY])
            values = f"{ours.at[first, name]} and {paired.at[first, name]}"
            lines.append(f"{name}: {wrong.sum():,} rows; {key}: {values}")
    return lines, rounded


def main() -> None:
    """Compare the feature tables of a folder with one plain frame.

    Exit with 1 if they differ.
    """
    ours, plain = read_ours(Path(sys.argv[1])), pd.read_parquet(sys.argv[2])
    features = len(ours.columns.drop(OWN)) + len(KEY_FEATURES)
    lines, rounded = compare_features(ours, plain)
    if features != FEATURES:
        lines.append(f"{features} features, expected {FEATURES}")
    if lines:
        sys.exit("\n".join(["the features differ:", *lines]))
    print(
        f"All {features} features of {len(ours):,} flights are the same on both sides; {rounded:,}"
        f" of the {features * len(ours):,} values were rounded the other way, by one unit of their"
        " last digit."
    )


if __name__ == "__main__":
    main()
