"""A year of monitoring and a backtest as their commands leave them.

The shape is theirs, the numbers are made up.
"""

import csv
import json
import random
from calendar import monthrange
from pathlib import Path
from typing import Any

MONTHS = [f"2013-{number:02}" for number in range(3, 13)]
FEATURES = (
    *(
        "temp",
        "dewp",
        "humid",
        "wind_speed",
        "wind_dir",
        "pressure",
        "visib",
        "precip",
        "gust",
        "wind_gust_3h",
    ),
    *(
        "dest_gain_1d",
        "route_delay_1d",
        "previous_delay",
        "expected_spare",
        "distance",
        "dep_minute",
        "weekday",
    ),
    *(
        "origin",
        "carrier",
        "dest",
        "aircraft_age",
        "aircraft_seats",
        "origin_queue",
        "origin_departures_3h",
    ),
)
SEASONAL = {
    "temp": 1.9,
    "dewp": 1.6,
    "humid": 0.35,
    "pressure": 0.3,
    "visib": 0.12,
    "wind_dir": 0.14,
}
WAYS = {
    "never": (0.0, set()),
    "monthly": (0.006, set(MONTHS[1:])),
    "policy": (0.005, {"2013-06", "2013-10"}),
}
DECISIONS = {"ok": "none", "warning": "none", "critical": "retrain"}


def month(name: str, verdict: str = "ok", labelled: bool = True) -> dict[str, Any]:
    """What `make monitor` finds of a month."""
    chance = random.Random(name)
    last = monthrange(int(name[:4]), int(name[5:]))[1]
    return {
        "verdict": verdict,
        "decision": DECISIONS[verdict],
        "summary": {
            "ok": "nothing beyond policy",
            "warning": "2 features moved further than training months do",
            "critical": "ROC-AUC is proven lower by 0.018, and 2 features moved beyond policy",
        }[verdict],
        "period": {"first": f"{name}-01", "last": f"{name}-{last}"},
        "rows": 28135,
        "labelled": 27110 if labelled else 0,
        "model": {"version": "v0.0.2", "commit": "c" * 40, "md5": "d" * 32},
        "reference": {"first": "2013-01", "last": "2013-09", "rows": 250450},
        "checks": checks(verdict),
        "features": [feature(one, int(name[5:]), chance) for one in FEATURES],
        "metrics": metrics(verdict) if labelled else [],
        "calibration": bins(chance) if labelled else [],
        "slices": parts(chance) if labelled else [],
    }


def checks(verdict: str) -> list[dict[str, str]]:
    calm = [
        {"kind": "integrity", "name": "schema", "outcome": "ok", "reason": "every row is valid"},
        {
            "kind": "integrity",
            "name": "missing",
            "outcome": "ok",
            "reason": "no input is missing more often",
        },
        {
            "kind": "prediction",
            "name": "mean",
            "outcome": "ok",
            "reason": "0.243 predicted, 0.249 in training",
        },
        {
            "kind": "calibration",
            "name": "gap",
            "outcome": "ok",
            "reason": "0.011, at most 0.03 is let pass",
        },
        {
            "kind": "slice",
            "name": "origin EWR",
            "outcome": "ok",
            "reason": "a loss beyond 0.02 is not proven",
        },
    ]
    moved = {
        "kind": "drift",
        "name": "temp",
        "outcome": "warning",
        "reason": "PSI 1.90, and 1.41 is usual",
    }
    worse = {
        "kind": "metric",
        "name": "roc_auc",
        "outcome": "critical",
        "reason": "−0.0180 (−0.0290 to −0.0070)",
    }
    loud = {"ok": [], "warning": [moved], "critical": [moved, worse]}[verdict]
    return [*calm, *loud]


def feature(name: str, number: int, chance: random.Random) -> dict[str, Any]:
    season = abs(number - 7) / 6
    psi = round(SEASONAL.get(name, 0.04) * season**2 + chance.uniform(0.002, 0.03), 4)
    gone = {"wind_gust_3h": 0.055, "aircraft_age": 0.17, "previous_delay": 0.08}.get(name, 0.0)
    usual = round(SEASONAL.get(name, 0.05) * 0.5 + 0.02, 4)
    return {
        "feature": name,
        "psi": psi,
        "distance": round(psi**0.5 / 3, 4),
        "usual": usual,
        "missing": round(gone * chance.uniform(0.9, 1.6), 4),
        "missing_before": gone,
        "unknown": 0.0004 if name == "dest" else 0.0,
    }


def metrics(verdict: str) -> list[dict[str, Any]]:
    lost = -0.018 if verdict == "critical" else -0.003
    return [
        {
            "metric": "roc_auc",
            "before": 0.773,
            "value": 0.773 + lost,
            "difference": lost,
            "low": lost - 0.011,
            "high": lost + 0.011,
        },
        {
            "metric": "log_loss",
            "before": 0.46,
            "value": 0.468,
            "difference": 0.008,
            "low": -0.004,
            "high": 0.02,
        },
    ]


def bins(chance: random.Random) -> list[dict[str, Any]]:
    places = [0.04, 0.07, 0.1, 0.14, 0.19, 0.25, 0.32, 0.41, 0.53, 0.7]
    return [
        {"predicted": at, "observed": round(at * chance.uniform(0.93, 1.16), 4), "rows": 2711}
        for at in places
    ]


def parts(chance: random.Random) -> list[dict[str, Any]]:
    found = []
    for value, rows in (("EWR", 9512), ("JFK", 9001), ("LGA", 8597)):
        moved = round(chance.uniform(-0.025, 0.012), 4)
        before = round(chance.uniform(0.76, 0.785), 4)
        found.append(
            {
                "slice": "origin",
                "value": value,
                "rows": rows,
                "roc_auc": round(before + moved, 4),
                "before": before,
                "difference": moved,
                "low": round(moved - 0.02, 4),
                "high": round(moved + 0.02, 4),
            }
        )
    return found


def lived() -> list[dict[str, Any]]:
    """`months.csv` of the backtest."""
    rows = []
    for way, (gain, trained) in WAYS.items():
        first = "2013-02"
        for place, name in enumerate(MONTHS):
            chance = random.Random(name)
            first = MONTHS[place - 1] if name in trained else first
            value = (
                0.752
                + chance.uniform(-0.014, 0.016)
                + gain * place / 5
                - (way == "never") * 0.0022 * place
            )
            half = 0.016 + chance.uniform(0, 0.006)
            rows.append(
                {
                    "way": way,
                    "month": name,
                    "train_first": "2013-01",
                    "train_last": first,
                    "rows": 26000 + 137 * place,
                    "roc_auc": round(value, 5),
                    "low": round(value - half, 5),
                    "high": round(value + half, 5),
                    "log_loss": round(0.42 + chance.uniform(0, 0.06), 5),
                    "calibration_gap": 0.012,
                    "verdict": "critical" if name in trained and way == "policy" else "ok",
                    "retrained": int(name in trained),
                    "released": int(name in trained),
                    "seconds": 41.2,
                }
            )
    return rows


def summary() -> list[dict[str, Any]]:
    """`summary.csv` of the backtest."""
    blank = {"over_never": "", "over_never_low": "", "over_never_high": ""}
    means = {"never": 0.7441, "monthly": 0.7562, "policy": 0.7551}
    gains = {
        "monthly": {"over_never": 0.0121, "over_never_low": 0.0073, "over_never_high": 0.0168},
        "policy": {"over_never": 0.0110, "over_never_low": 0.0059, "over_never_high": 0.0159},
    }
    return [
        {
            "way": way,
            "trainings": len(trained) + 1,
            "released": len(trained) + 1,
            "minutes": 0.7 * (len(trained) + 1),
            "roc_auc": means[way],
            "low": means[way] - 0.008,
            "high": means[way] + 0.008,
            **gains.get(way, blank),
        }
        for way, (_, trained) in WAYS.items()
    ]


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_year(folder: Path, last: str = "critical") -> None:
    """Records of every month, of which the last has a verdict, and a backtest."""
    for name in MONTHS:
        verdict = last if name == MONTHS[-1] else "warning" if name == "2013-11" else "ok"
        write_json(folder / "metrics" / "monitoring" / f"{name}.json", month(name, verdict))
    write_csv(folder / "metrics" / "backtest" / "months.csv", lived())
    write_csv(folder / "metrics" / "backtest" / "summary.csv", summary())
