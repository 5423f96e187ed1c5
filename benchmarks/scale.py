"""Measure the cost and growth of every stage on many years, and extrapolate it.

The extrapolation is to the whole record. Each scale has a folder of its own that notes every
measured step. So the same command goes on from where it was stopped, and writes the report and the
picture again.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import yaml

from benchmarks import measure, workspace
from benchmarks.measure import CommandError, Run
from benchmarks.workspace import STAGES

INGEST = ["-m", "benchmarks.synthetic_years"]
TRAIN, VALIDATION, TEST = 9, 1, 2  # months of a year, as in params.yaml; at N years N times as many
ROWS, RECORD = 336_776, 220_000_000  # flights of a year, and of the whole American record
# Rounds of training, at every scale: how many a fit wants depends on the data, and is not the cost
# of a row.
ROUNDS = 100
NOTED, RESULTS, TOTAL = "measured.json", "scale", "**all stages**"
Noted = dict[str, dict[str, float]]


def format_month(number: int) -> str:
    """The name of a month, counted from the first of 2013."""
    return f"{2013 + number // 12}-{number % 12 + 1:02}"


def build_split(years: int) -> dict[str, dict[str, str]]:
    """The split in the proportions of the repository's own."""
    ends = [0, TRAIN * years, (TRAIN + VALIDATION) * years, (TRAIN + VALIDATION + TEST) * years]
    names = ("train", "validation", "test")
    return {
        name: {"first": format_month(ends[n]), "last": format_month(ends[n + 1] - 1)}
        for n, name in enumerate(names)
    }


def prepare_copy(repository: Path, folder: Path, years: int) -> Path:
    """Copy the repository with parameters that split so many years.

    If the copy exists, it is used unchanged.
    """
    if (folder / "params.yaml").is_file():
        return folder
    workspace.copy_repository(repository, folder)
    for path in (folder / "data").iterdir():
        workspace.remove_path(path)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["split"] = build_split(years)
    params["train"]["max_rounds"] = ROUNDS
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    return folder


def build_steps(folder: Path, raw: Path, years: int) -> dict[str, Callable[[], Run]]:
    """What is measured, in order."""
    repository = raw.parents[1]
    ingest = [*INGEST, str(years), str(folder / "data" / "raw")]
    return {
        "ingest": lambda: workspace.run_python(repository, *ingest),
        **{name: partial(workspace.run_stage, folder, name) for name in STAGES},
        "dvc add, all outputs": lambda: workspace.run_dvc(folder, "add", "data/raw").then(
            workspace.run_dvc(folder, "commit", "--force")
        ),
        "dvc status, nothing to do": lambda: workspace.run_dvc(folder, "status"),
    }


def measure_scale(repository: Path, folder: Path, years: int) -> Noted:
    """Take every step that was not taken yet, noting each."""
    copy = prepare_copy(repository, folder / str(years), years)
    path = copy / NOTED
    noted: Noted = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    wanted = build_steps(copy, repository / "data" / "raw", years)
    for name, step in wanted.items():
        if name in noted:
            continue
        load = os.getloadavg()[0]
        run = step()
        noted[name] = {"wall": run.wall, "cpu": run.cpu, "peak": run.peak, "load": load}
        path.write_text(json.dumps(noted, indent=2), encoding="utf-8")
        print(f"{years:>4} years  {name}  {run.wall:.1f} s", file=sys.stderr, flush=True)
    return {name: noted[name] for name in wanted} | {
        TOTAL: sum_stages(noted),
        "facts": read_facts(copy),
    }


def sum_stages(noted: Noted) -> dict[str, float]:
    """What the stages take together: the memory is that of the one that takes most."""
    stages = [noted[name] for name in STAGES]
    return {
        "wall": sum(stage["wall"] for stage in stages),
        "cpu": sum(stage["cpu"] for stage in stages),
        "peak": max(stage["peak"] for stage in stages),
    }


def read_facts(copy: Path) -> dict[str, float]:
    """What a reader needs beside the figures: rows, rounds, and bytes by folder."""
    rows = json.loads((copy / "metrics/prepare.json").read_text(encoding="utf-8"))["rows"][
        "flights"
    ]
    trained = json.loads((copy / "metrics/train/metrics.json").read_text(encoding="utf-8"))[
        "validation"
    ]
    sizes = {}
    for name in ("raw", "prepared", "features"):
        files = [file for file in (copy / "data" / name).rglob("*") if file.is_file()]
        sizes[f"{name} MB"] = sum(file.stat().st_size for file in files) / 1e6
    return {"rows": rows, "rounds": trained["rounds"], "auc": trained["auc"], **sizes}


def describe_conditions(noted: dict[int, Noted]) -> str:
    """Which machine, and how busy it was."""
    loads = []
    for costs in noted.values():
        loads += [step["load"] for step in costs.values() if "load" in step]
    return (
        f"`python -m benchmarks.scale --scales {' '.join(map(str, noted))}`, one run of each step"
        f" as a program, on {os.cpu_count()} cores, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()},"
        f" TARMAC_MEMORY={os.environ.get('TARMAC_MEMORY', 'not set')}. Load average before the"
        f" steps: {min(loads):.1f} to {max(loads):.1f} (an idle machine has 0): where it is high"
        " the wall time is that of a busy machine, CPU and memory are not."
    )


def render_figure_table(noted: dict[int, Noted], figure: str, unit: float, digits: int) -> str:
    """Return one figure of every step by scale, and its growth.

    The growth is from the smallest scale to the largest, divided by that of the rows.
    """
    scales = sorted(noted)
    lines = [["", *(f"{scale}x" for scale in scales), "growth over that of the rows"]]
    lines.append(["---", *["---:"] * (len(scales) + 1)])
    for name in noted[scales[0]]:
        if name == "facts" or any(name not in noted[scale] for scale in scales):
            continue
        values = [noted[scale][name][figure] / unit for scale in scales]
        rows = [noted[scale]["facts"]["rows"] for scale in scales]
        growth = values[-1] / values[0] / (rows[-1] / rows[0])
        lines.append([name, *(f"{value:,.{digits}f}" for value in values), f"{growth:.2f}"])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def render_facts_table(noted: dict[int, Noted]) -> str:
    """Rows, rounds and sizes by scale."""
    scales = sorted(noted)
    lines = [["", *(f"{scale}x" for scale in scales)], ["---", *["---:"] * len(scales)]]
    for name in noted[scales[0]]["facts"]:
        digits = 4 if name == "auc" else 0
        lines.append([name, *(f"{noted[scale]['facts'][name]:,.{digits}f}" for scale in scales)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def extrapolate_costs(noted: dict[int, Noted]) -> dict[str, dict[str, float]]:
    """Extrapolate every step to `RECORD` rows.

    The line through the two largest scales keeps fixed costs fixed.
    """
    low, high = sorted(noted)[-2:]
    x0, x1 = (noted[scale]["facts"]["rows"] for scale in (low, high))
    extrapolated: Noted = {}
    for name in (name for name in noted[high] if name not in (TOTAL, "facts")):
        at = {}
        for figure in ("wall", "cpu", "peak"):
            y0, y1 = noted[low][name][figure], noted[high][name][figure]
            at[figure] = max(y1, y1 + (y1 - y0) / (x1 - x0) * (RECORD - x1))
        extrapolated[name] = at
    return extrapolated | {TOTAL: sum_stages(extrapolated)}


def render_extrapolation(noted: dict[int, Noted]) -> str:
    """The extrapolation, a row a step."""
    lines = [["", "wall h", "CPU h", "peak GB"], ["---", "---:", "---:", "---:"]]
    for name, at in extrapolate_costs(noted).items():
        cells = (at["wall"] / 3600, at["cpu"] / 3600, at["peak"] / 1e9)
        lines.append([name, *(f"{cell:,.1f}" for cell in cells)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def render_report(noted: dict[int, Noted]) -> str:
    """The whole report."""
    parts = [
        "# The pipeline at many times the data",
        describe_conditions(noted),
        "Scale N is N years made by `python -m benchmarks.synthetic_years`, split in the"
        " proportions of `params.yaml`: 9/12 to train on, 1/12 to tune on, 2/12 to judge on;"
        f" {ROUNDS} rounds of training. The last column is the growth from the first scale to the"
        " last, divided by that of the rows: 1 is linear, less is better.",
        render_facts_table(noted),
        "## Wall seconds\n\n" + render_figure_table(noted, "wall", 1, 1),
        "## CPU seconds\n\n" + render_figure_table(noted, "cpu", 1, 1),
        "## Peak memory, 10^6 bytes\n\n" + render_figure_table(noted, "peak", 1e6, 0),
    ]
    if len(noted) > 1:
        parts.append(f"## {RECORD:,} rows, extrapolated\n\n" + render_extrapolation(noted))
    return "\n\n".join(parts)


def draw_chart(noted: dict[int, Noted], path: Path) -> None:
    """Draw the cost curve: CPU and memory of every stage by rows.

    Both axes are logarithmic. Extrapolated parts are dashed.
    """
    import vl_convert

    chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "title": {
            "text": "solid: measured, dashed: extrapolated",
            "fontWeight": "normal",
            "anchor": "middle",
        },
        "data": {"values": list_points(noted)},
        "hconcat": [build_panel("cpu", "CPU minutes"), build_panel("peak", "peak memory, GB")],
    }
    path.write_text(vl_convert.vegalite_to_svg(chart), encoding="utf-8")


def list_points(noted: dict[int, Noted]) -> list[dict[str, object]]:
    """Return the cost of each stage at each scale: CPU in minutes, memory in GB.

    The extrapolated parts begin at the last scale that was measured.
    """
    points = []
    for _, costs in sorted(noted.items()):
        known = {"rows": costs["facts"]["rows"], "kind": "measured"}
        points += [build_point(name, costs[name], **known) for name in STAGES if name in costs]
    if len(noted) > 1:
        last = noted[max(noted)]
        rows = last["facts"]["rows"]
        points += [
            build_point(name, last[name], rows, "extrapolated") for name in STAGES if name in last
        ]
        far = extrapolate_costs(noted)
        points += [
            build_point(name, cost, RECORD, "extrapolated")
            for name, cost in far.items()
            if name in STAGES
        ]
    return points


def build_point(stage: str, cost: dict[str, float], rows: float, kind: str) -> dict[str, object]:
    """Return one point of the curve."""
    scaled = {"cpu": cost["cpu"] / 60, "peak": cost["peak"] / 1e9}
    return {"stage": stage, **cost, **scaled, "rows": rows, "kind": kind}


def build_panel(figure: str, title: str) -> dict[str, object]:
    """Return the chart of one figure."""
    scaled = {"type": "quantitative", "scale": {"type": "log"}}
    kinds = {"sort": ["measured", "extrapolated"], "legend": None}
    return {
        "width": 360,
        "height": 300,
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {
                "field": "rows",
                **scaled,
                "title": "rows",
                "axis": {"format": "~s", "gridOpacity": 0.3},
            },
            "y": {
                "field": figure,
                **scaled,
                "title": title,
                "axis": {"format": "~r", "gridOpacity": 0.3},
            },
            "color": {"field": "stage", "type": "nominal", "sort": list(STAGES), "title": None},
            "strokeDash": {"field": "kind", "type": "nominal", **kinds},
        },
    }


def main() -> None:
    """Measure what is left to measure; print and write the report and the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", type=int, nargs="+", default=[1, 10], help="how many years")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("/var/tmp/tarmac-scale"),
        help="where it is done, and kept",
    )
    parser.add_argument(
        "--repository", type=Path, default=workspace.ROOT, help="whose code and data"
    )
    chosen = parser.parse_args()
    try:
        noted = {
            scale: measure_scale(chosen.repository, chosen.folder, scale)
            for scale in sorted(chosen.scales)
        }
    except CommandError as error:
        sys.exit(f"benchmarks.scale: error: {error}")
    measure.write_report(chosen.repository, RESULTS, render_report(noted))
    draw_chart(noted, chosen.repository / "docs" / "scale.svg")


if __name__ == "__main__":
    main()
