"""Compare `tarmac predict` with what it is built on, on inputs that are ready.

The references are bare ONNX Runtime and the fitted pipeline.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tarmac.batch.run import CHUNK, predict_files
from tarmac.interface.problem import problem
from tarmac.pipeline.models import dataset
from tarmac.pipeline.models.dataset import ModelInputs, Split
from tarmac.pipeline.training.estimators import fit_model
from tarmac.policy import load_all_params
from tarmac.serving.bundle import Bundle

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "batch.md"
MONTH, TIMES = "2013-12", 4  # the requests of a month, so many times
Figures = dict[str, list[tuple[float, float]]]  # wall and CPU seconds of each round


def main(rounds: int) -> None:
    """Measure all sides in turn and write the report."""
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        bundle = Bundle(write_bundle(Path(folder) / "bundle"))
        rows = read_requests()
        files = {
            suffix: write_rows(rows, Path(folder) / f"in.{suffix}") for suffix in ("parquet", "csv")
        }
        cases = {
            **{
                f"`tarmac predict`, {name}": build_batch_case(path, bundle, len(rows))
                for name, path in files.items()
            },
            "bare ONNX Runtime, ready arrays": build_onnx_case(bundle, rows),
            "`model.predict_proba`, ready DataFrame": build_pipeline_case(bundle, rows),
        }
        figures: Figures = {name: [] for name in cases}
        for number in range(1, rounds + 1):
            for name, case in cases.items():
                figures[name].append(measure_seconds(case))
                print(
                    f"round {number} of {rounds}  {name}  {figures[name][-1][0]:.2f} s",
                    file=sys.stderr,
                    flush=True,
                )
    OUT.write_text(render_report(figures, len(rows), rounds, load_before), encoding="utf-8")
    print(OUT.read_text(encoding="utf-8"))


def write_bundle(folder: Path) -> Path:
    """A bundle of the model that is here."""
    shutil.copytree(ROOT / "data" / "online", folder / "online")
    for name in ("model.onnx", "card.md"):
        shutil.copy(ROOT / "models" / name, folder / name)
    (folder / "release.json").write_text(json.dumps({"version": "workspace"}), encoding="utf-8")
    return folder


def read_requests() -> list[dict[str, object]]:
    """What a client would ask."""
    table = pq.read_table(ROOT / "data" / "prepared" / "flights" / f"{MONTH}.parquet")
    return [problem.request.asked(row) for row in table.to_pylist()] * TIMES


def write_rows(rows: list[dict[str, object]], path: Path) -> Path:
    """Write a file to score."""
    table = pa.Table.from_pylist(rows)
    if path.suffix == ".csv":
        table.to_pandas().to_csv(path, index=False)
    else:
        pq.write_table(table, path)
    return path


def build_batch_case(source: Path, bundle: Bundle, rows: int) -> Callable[[], object]:
    """Run the whole command from file to file.

    The start of Python and the reading of the bundle are excluded.
    """

    def run() -> None:
        out = source.with_name("out.parquet")
        out.unlink(missing_ok=True)
        summary = predict_files(source, out, bundle)
        if f"{rows:,} scored" not in summary:
            sys.exit(f"benchmarks.batch: error: {summary}")

    return run


def build_onnx_case(bundle: Bundle, rows: list[dict[str, object]]) -> Callable[[], object]:
    """ONNX Runtime on arrays that are there, as many rows at a time as the batch takes."""
    valid = [
        problem.request.Row.model_validate_json(json.dumps(row))
        for row in rows[: len(rows) // TIMES]
    ]
    inputs = bundle.build_inputs(valid)
    categories, numbers = np.ascontiguousarray(inputs.categories), inputs.numbers
    starts = range(0, len(valid), CHUNK)
    parts = [
        (categories[start : start + CHUNK], numbers[start : start + CHUNK]) for start in starts
    ] * TIMES
    return lambda: [bundle.session.predict(*part) for part in parts]


def build_pipeline_case(bundle: Bundle, rows: list[dict[str, object]]) -> Callable[[], object]:
    """Run XGBoost behind its encoder on a frame of the same rows, with one thread.

    Both are fitted as the stage does it.
    """
    params = load_all_params(ROOT / "params.yaml")
    inputs = ModelInputs.from_groups(params.train.features)
    train, y = dataset.require_labeled_rows(
        dataset.read_window(ROOT / "data" / "features", params.split.train)
    )
    valid, y_valid = dataset.require_labeled_rows(
        dataset.read_window(ROOT / "data" / "features", params.split.validation)
    )
    split = Split(train[inputs.names], y, valid[inputs.names], y_valid)
    model = fit_model(params.train, inputs, split, lambda *_: None)
    model.named_steps["classifier"].get_booster().set_param("nthread", 1)
    requested = bundle.build_inputs(
        [
            problem.request.Row.model_validate_json(json.dumps(row))
            for row in rows[: len(rows) // TIMES]
        ]
    )
    frame = pd.DataFrame(requested.categories, columns=bundle.session.categories).join(
        pd.DataFrame(requested.numbers, columns=bundle.session.numbers)
    )
    whole = pd.concat([frame] * TIMES, ignore_index=True)[inputs.names]
    return lambda: model.predict_proba(whole)


def measure_seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of a piece of work, over all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def render_report(figures: Figures, rows: int, rounds: int, load_before: float) -> str:
    """What was measured, in Markdown."""
    middle = {}
    for name, runs in figures.items():
        walls, cpus = zip(*runs, strict=True)
        middle[name] = median(walls), median(cpus)
    wall, cpu = middle["bare ONNX Runtime, ready arrays"]
    lines = [
        f"| {name} | {rows / one[0]:,.0f} | {one[0] / rows * 1e6:.1f} | {one[1] / rows * 1e6:.1f}"
        f" | {one[0] / wall:.2f} | {one[1] / cpu:.2f} |"
        for name, one in middle.items()
    ]
    return (
        "# Batches against what they stand on\n\n"
        f"`python -m benchmarks.batch --rounds {rounds}`: medians of {rounds} interleaved rounds"
        f" of {rows:,} rows, on {os.cpu_count()} cores, load average before {load_before:.1f} (an"
        " idle machine has 0). Ratios are to bare ONNX Runtime, which gets its inputs as arrays;"
        " a batch also reads, validates, looks up and writes, half of it while ONNX Runtime runs"
        " in another thread: where no second core is free, its wall time is its CPU time. Every"
        " side scores with one thread.\n\n"
        "| | rows/s | wall us a row | CPU us a row | wall ratio | CPU ratio |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: |\n" + "".join(f"{line}\n" for line in lines)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    main(parser.parse_args().rounds)
