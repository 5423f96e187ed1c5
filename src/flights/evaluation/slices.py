"""Slices: the parts of the traffic that a model must not fail while its average looks well."""

import pandas as pd

_BANDS = {
    "night to 8:59": (0, 9),
    "9:00 to 12:59": (9, 13),
    "13:00 to 16:59": (13, 17),
    "17:00 to midnight": (17, 24),
}


def slices(rows: pd.DataFrame) -> dict[str, "pd.Series[str]"]:
    """For each way of slicing, the slice that every row of a feature table belongs to."""
    hour = rows["local_dep"] // 60
    edges = [low for low, _ in _BANDS.values()] + [24]
    band = pd.cut(hour, edges, right=False, labels=list(_BANDS)).astype("str")
    return {"origin": rows["origin"], "carrier": rows["carrier"], "departure": band}
