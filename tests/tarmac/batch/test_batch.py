"""Batch scoring equals the service, loses no row, and resumes after a kill.

Each error is reported in one line.
"""

import io
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.batch import run
from tarmac.batch.plan import BatchFile, lock_output
from tarmac.batch.progress import ProgressBar
from tarmac.batch.run import load_bundle, predict_files
from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.serving.bundle import Bundle
from tarmac.serving.question import RequestError, parse_body
from tests.conftest import ROOT, required
from tests.tarmac.batch.batches import key, prepared, read, rejected, requests, write
from tests.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.program

LIVE = {"temp": 39.0, "dewp": 26.1, "wind_speed": 10.0}
WRONG = {
    "flight": 0,
    "origin": "BOS",
    "dest": "nowhere",
    "scheduled_departure": "2013-12-30 at noon",
    "scheduled_arrival": "2013-12-20T16:25:00-05:00",
    "tailnum": "=1+1",
    "distance": 5,
    "carrier": None,
}
COMMAND = (sys.executable, "-m", "tarmac.batch")


@pytest.fixture(scope="module")
def bundle(bundle_folder):
    return Bundle(bundle_folder)


def environment(bundle_folder):
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TARMAC_BUNDLE": str(bundle_folder)}


def command(bundle_folder, *arguments):
    line = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        line,
        env=environment(bundle_folder),
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def refusal(bundle, source, out):
    """Return why there are no scores, and the hint, each of one line; the input is as it was."""
    before = compute_dvc_hash(source)
    with pytest.raises(UserError, match=r".") as error:
        predict_files(source, out, bundle)
    assert compute_dvc_hash(source) == before
    assert "\n" not in str(error.value) + error.value.hint
    return "; ".join(filter(None, (str(error.value), error.value.hint)))


def test_batch_scores_match_service_and_pipeline(bundle, tmp_path):
    rows = prepared()
    asked = requests(len(rows))
    predict_files(write(asked, tmp_path / "in.parquet"), tmp_path / "out.parquet", bundle)
    made = read(tmp_path / "out.parquet")
    assert [key(row) for row in made] == [key(row) for row in rows]
    labelled = {
        key(row): row["probability"]
        for row in pq.read_table(required("data/predictions.parquet")).to_pylist()
    }
    common = [row for row in made if key(row) in labelled]
    assert len(common) > 5000
    assert [row["probability"] for row in common] == [labelled[key(row)] for row in common]
    for row, question in list(zip(made, asked, strict=True))[::40]:
        inputs = bundle.build_inputs(
            [problem.request.Row.model_validate_json(json.dumps(question))]
        )
        assert row["probability"] == bundle.score(inputs)[0]
        assert (row["missing"], row["unknown"]) == (
            len(bundle.list_missing_inputs(inputs)[0]),
            len(bundle.list_unknown_categories(inputs)[0]),
        )


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 300), max_size=4), size=st.integers(1, 400))
def test_scores_are_independent_of_file_and_chunk_boundaries(whole, bundle, cuts, size):
    rows, scores = whole
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in", Path(folder) / "out"
        edges = [0, *sorted(cuts), len(rows)]
        for number, (first, after) in enumerate(itertools.pairwise(edges)):
            if after > first:
                write(rows[first:after], source / f"{number}.{'csv' if number % 2 else 'parquet'}")
        predict_files(source, out, bundle, rows=size)
        made = [row for path in sorted(out.iterdir()) for row in read(path)]
        assert [{**row, "row": 0} for row in made] == [{**row, "row": 0} for row in scores]


@pytest.fixture(scope="module")
def whole(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    rows = [
        {**row, "live": LIVE} if number % 7 == 0 else row
        for number, row in enumerate(requests(300, 20))
    ]
    predict_files(write(rows, folder / "in.parquet"), folder / "out.parquet", bundle)
    return rows, read(folder / "out.parquet")


def test_csv_and_parquet_give_equal_scores(whole, bundle, tmp_path):
    rows, scores = whole
    predict_files(write(rows, tmp_path / "in.csv"), tmp_path / "out.csv", bundle)
    assert read(tmp_path / "out.csv") == scores


def test_na_and_empty_text_give_equal_scores(whole, bundle, tmp_path):
    rows, _ = whole
    empty, named = (
        [{**row, "tailnum": text, "distance": text} for row in rows] for text in ("", "NA")
    )
    for name, written in {"empty": empty, "named": named}.items():
        predict_files(
            write(written, tmp_path / f"{name}.csv"), tmp_path / f"{name}.parquet", bundle
        )
    assert read(tmp_path / "named.parquet") == read(tmp_path / "empty.parquet")


def test_live_inputs_in_file_score_as_in_request(whole, bundle):
    rows, scores = whole
    for question, row in list(zip(rows, scores, strict=True))[:50]:
        assert (
            row["probability"]
            == bundle.score(bundle.build_inputs(parse_body(json.dumps(question).encode())[0]))[0]
        )


@settings(max_examples=25, deadline=None)
@given(
    mistakes=st.lists(st.sampled_from([None, None, *WRONG]), min_size=1, max_size=40),
    size=st.integers(1, 50),
    suffix=st.sampled_from(["parquet", "csv"]),
)
def test_every_row_is_scored_or_rejected_in_order(bundle, mistakes, size, suffix):
    right = requests(len(mistakes))
    rows = [
        {**row, name: WRONG[name]} if name else row
        for row, name in zip(right, mistakes, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        source, out = write(rows, Path(folder) / f"in.{suffix}"), Path(folder) / f"out.{suffix}"
        if all(mistakes):
            assert "0 scored" in refusal(bundle, source, out)
        else:
            predict_files(source, out, bundle, rows=size)
        scores, lines = read(out), rejected(Path(f"{out}.rejects.csv"))
    assert [row["row"] for row in scores] == [
        number for number, name in enumerate(mistakes, 1) if not name
    ]
    assert [int(line["row"]) for line in lines] == [
        number for number, name in enumerate(mistakes, 1) if name
    ]
    assert [(row["carrier"], row["flight"]) for row in scores] == [
        (row["carrier"], row["flight"])
        for row, name in zip(right, mistakes, strict=True)
        if not name
    ]
    for line in lines:
        sent = rows[int(line["row"]) - 1]
        assert {**json.loads(line["json"]), "live": None} == {
            **dict.fromkeys(json.loads(line["json"])),
            **sent,
            "live": None,
        }
        with pytest.raises(RequestError) as refused:
            parse_body(json.dumps(sent).encode())
        told = refused.value.detail
        assert line["field"] == "; ".join(".".join(one["loc"]) for one in told)
        assert line["message"] == "; ".join(one["msg"] for one in told)


def test_killed_run_leaves_no_partial_file_and_resumes_exactly(bundle, bundle_folder, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    rows = requests(500)
    for number, times in enumerate((1, 30, 1)):
        wrong = [
            {**row, "origin": "BOS"} if place % 100 == 0 else row for place, row in enumerate(rows)
        ]
        write(wrong[number:] * times, source / f"{number}.parquet")
    predict_files(source, tmp_path / "undisturbed", bundle)
    before = compute_dvc_hash(source)
    process = subprocess.Popen(
        [*COMMAND, source, out], env=environment(bundle_folder), stdout=subprocess.DEVNULL
    )
    halves = (out / "0.parquet", out / ".1.parquet.new.partial")

    def is_half_done() -> bool:
        assert process.poll() is None, "the run ended before it could be killed: add rows to it"
        return all(path.exists() for path in halves)

    wait_for(is_half_done, "the second file is being written", pause=0.002)
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    assert [path.name for path in sorted(out.iterdir()) if not path.name.startswith(".")] == [
        "0.parquet"
    ]
    done = command(bundle_folder, source, out)
    assert (done.returncode, done.stderr) == (0, "")
    skipped = [line for line in done.stdout.splitlines() if "skipped" in line]
    assert len(skipped) == 1
    assert "0.parquet" in skipped[0]
    assert compute_dvc_hash(out) == compute_dvc_hash(tmp_path / "undisturbed")
    assert compute_dvc_hash(tmp_path / "out.rejects") == compute_dvc_hash(
        tmp_path / "undisturbed.rejects"
    )
    assert compute_dvc_hash(source) == before


def test_skips_only_files_whose_input_output_and_model_match(bundle_folder, tmp_path, capsys):
    source, out, other = tmp_path / "in", tmp_path / "out", tmp_path / "other"
    rows = requests(20)
    write([{**rows[0], "flight": 0}, *rows[1:]], source / "a.parquet")
    write(rows, source / "b.parquet")

    def skipped(folder: Path) -> list[str]:
        return _skipped(capsys, lambda: predict_files(source, out, Bundle(folder)))

    assert skipped(bundle_folder) == []
    assert skipped(bundle_folder) == ["a", "b"]
    os.utime(source / "a.parquet")
    assert skipped(bundle_folder) == ["a", "b"]
    found = (source / "b.parquet").stat()
    write([*rows[1:], rows[0]], source / "b.parquet")
    os.utime(source / "b.parquet", ns=(found.st_atime_ns, found.st_mtime_ns))
    assert skipped(bundle_folder) == ["a"]
    (tmp_path / "out.rejects" / "a.parquet.csv").write_text("row\n")
    assert skipped(bundle_folder) == ["b"]
    cut = (out / "b.parquet").read_bytes()[:-20]
    (out / "b.parquet").write_bytes(cut)
    assert skipped(bundle_folder) == ["a"]
    shutil.copytree(bundle_folder, other)
    state = json.loads((other / "online" / "facts.json").read_text())
    (other / "online" / "facts.json").write_text(json.dumps(state))
    assert skipped(other) == []


def _skipped(capsys, run):
    capsys.readouterr()
    run()
    lines = capsys.readouterr().out.splitlines()
    return [Path(line.split(":")[0]).stem for line in lines if "skipped" in line]


def test_output_metadata_records_release_model_and_input(bundle, bundle_folder, tmp_path):
    source = write([*requests(9), {**requests(1)[0], "origin": "BOS"}], tmp_path / "in.parquet")
    predict_files(source, tmp_path / "out.parquet", bundle)
    schema = pq.read_schema(tmp_path / "out.parquet")
    assert json.loads(schema.metadata[b"tarmac"]) == {
        "version": "v0.0.1",
        "commit": bundle.release["commit"],
        "model": compute_dvc_hash(bundle_folder / "model.onnx"),
        "online": compute_dvc_hash(bundle_folder / "online"),
        "input": compute_dvc_hash(source),
    }
    assert json.loads(pq.read_metadata(tmp_path / "out.parquet").metadata[b"tarmac.rows"]) == {
        "rows": 10,
        "scored": 9,
        "rejected": 1,
        "rejects": compute_dvc_hash(tmp_path / "out.parquet.rejects.csv"),
    }
    assert schema.names == ["row", *problem.contract.KEY, "probability", "missing", "unknown"]


def test_removes_rejects_of_an_earlier_run(bundle, tmp_path):
    rows = requests(5)
    predict_files(
        write([{**rows[0], "flight": 0}, *rows], tmp_path / "in.csv"), tmp_path / "out.csv", bundle
    )
    assert len(rejected(tmp_path / "out.csv.rejects.csv")) == 1
    predict_files(write(rows, tmp_path / "in.csv"), tmp_path / "out.csv", bundle)
    assert not (tmp_path / "out.csv.rejects.csv").exists()


def test_too_many_rejected_rows_fail_the_command(bundle, bundle_folder, tmp_path):
    rows = requests(10)
    source = write([{**rows[0], "flight": 0}, *rows[1:]], tmp_path / "in.parquet")
    predict_files(source, tmp_path / "out.parquet", bundle, 0.1)
    done = command(bundle_folder, source, tmp_path / "out.parquet", "--max-rejects", "0.09")
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()
    assert "10 rows: 9 scored" in error
    reasons = tmp_path / "out.parquet.rejects.csv"
    assert hint == f"hint: correct the rows; {reasons} has the reason for each"
    assert (tmp_path / "out.parquet").exists()


FLIHGT = (
    "'flihgt'; did you mean `flight`? rename or remove them; allowed columns are carrier, flight,"
)
BAD = {
    "empty.parquet": (b"", "is empty; write the file again, with column names"),
    "empty.csv": (b"", "is empty; write the file again, with column names"),
    "blank.csv": (b"\n\n", "cannot be read"),
    "text.parquet": (b"carrier,flight\n", "cannot be read"),
    "header.csv": (b"carrier,flihgt\nDL,1\n", FLIHGT),
    "lacks.csv": (b"carrier,flight\nDL,1\n", "no values for required columns: origin"),
    "twice.csv": (b"carrier,carrier\nDL,1\n", "duplicate columns: carrier"),
    "ragged.csv": (None, "Row #3: Expected 8 columns, got 9"),
    "latin.csv": (None, "is not UTF-8"),
    "latin-header.csv": ("carrier,flügel\nDL,1\n".encode("latin-1"), "is not UTF-8"),
    "utf16.csv": ("carrier,flight\nDL,1\n".encode("utf-16"), "."),
    "long.csv": (b"carrier\n" + b"x" * 3_000_000, "."),
    "rows.jsonl": (b"{}", "not a .parquet or .csv file"),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_file_is_refused_in_one_line(bundle, tmp_path, name):
    content, told = BAD[name]
    source = tmp_path / name
    if content is None:
        lines = write(requests(3), tmp_path / "right.csv").read_bytes().splitlines()
        lines[2] = (
            lines[2] + b",1" if name == "ragged.csv" else lines[2].replace(b"2013", b"\xfc013", 1)
        )
        content = b"\n".join(lines)
    source.write_bytes(content)
    line = refusal(bundle, source, tmp_path / "out.parquet")
    assert told in line
    assert name in line
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_truncated_parquet_file_is_refused(bundle, tmp_path, share):
    whole = write(requests(300), tmp_path / "in.parquet").read_bytes()
    (tmp_path / "in.parquet").write_bytes(whole[: int(len(whole) * share)])
    assert "in.parquet cannot be read" in refusal(
        bundle, tmp_path / "in.parquet", tmp_path / "out.parquet"
    )


def test_corrupt_parquet_page_leaves_no_output(bundle, tmp_path):
    whole = bytearray(write(requests(3000), tmp_path / "in.parquet").read_bytes())
    whole[len(whole) // 3 : len(whole) // 2] = bytes(len(whole) // 2 - len(whole) // 3)
    (tmp_path / "in.parquet").write_bytes(whole)
    refusal(bundle, tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("flight", ["1", "2"], "flight has type string, not integer"),
        ("distance", [1.5, 2.0], "distance has type double, not integer"),
        ("carrier", [1, 2], "carrier has type int64, not string"),
        ("scheduled_departure", [0, 1], "scheduled_departure has type int64, not string"),
        ("live.temp", ["warm", "cold"], "live.temp has type string, not number"),
        (
            "live",
            [{"temp": 1.0}, None],
            "'live'; did you mean `live.turn`? rename or remove them; allowed",
        ),
    ],
)
def test_column_of_wrong_type_is_refused(bundle, tmp_path, column, values, told):
    table = pa.Table.from_pylist(requests(2))
    if column in table.column_names:
        table = table.drop_columns(column)
    pq.write_table(table.append_column(column, pa.array(values)), tmp_path / "in.parquet")
    assert told in refusal(bundle, tmp_path / "in.parquet", tmp_path / "out.parquet")


def test_equivalent_parquet_types_give_equal_scores(bundle, tmp_path):
    plain = pa.Table.from_pylist(requests(50, 50))
    predict_files(
        write(requests(50, 50), tmp_path / "plain.parquet"), tmp_path / "plain-out.parquet", bundle
    )
    texts = [name for name in plain.column_names if pa.types.is_string(plain[name].type)]
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.large_string())):
        fields = [(name, kind if name in texts else pa.int32()) for name in plain.column_names]
        pq.write_table(plain.cast(pa.schema(fields)), tmp_path / "in.parquet")
        predict_files(tmp_path / "in.parquet", tmp_path / "out.parquet", bundle)
        assert read(tmp_path / "out.parquet") == read(tmp_path / "plain-out.parquet")


def test_nan_in_a_row_is_rejected(bundle, tmp_path):
    table = pa.Table.from_pylist(requests(2)).append_column(
        "live.temp", pa.array([float("nan"), 40.0])
    )
    pq.write_table(table, tmp_path / "in.parquet")
    predict_files(tmp_path / "in.parquet", tmp_path / "out.parquet", bundle)
    (line,) = rejected(tmp_path / "out.parquet.rejects.csv")
    assert (line["row"], line["field"]) == ("1", "live.temp")


def test_refuses_overlapping_or_invalid_paths(bundle, tmp_path):
    source = tmp_path / "in"
    write(requests(2), source / "a.parquet")
    write(requests(2), tmp_path / "one.parquet")
    write(requests(2), tmp_path / "x.parquet.rejects.csv")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "a.parquet").symlink_to(source / "a.parquet")
    for out in (source, source / "out", tmp_path, source / ".." / "in"):
        assert "overlap; choose an output folder outside the input folder" in refusal(
            bundle, source, out
        )
    assert "would overwrite the input" in refusal(
        bundle, tmp_path / "one.parquet", tmp_path / "one.parquet"
    )
    assert "would overwrite the input" in refusal(
        bundle, tmp_path / "x.parquet.rejects.csv", tmp_path / "x.parquet"
    )
    assert "would overwrite the input" in refusal(bundle, tmp_path / "linked", source)
    assert "is a file" in refusal(bundle, source, tmp_path / "one.parquet")
    (tmp_path / "out.parquet").mkdir()
    assert "is a folder" in refusal(bundle, tmp_path / "one.parquet", tmp_path / "out.parquet")
    assert "not a .parquet or .csv file" in refusal(
        bundle, tmp_path / "one.parquet", tmp_path / "out.json"
    )
    missing = refusal(bundle, tmp_path / "none.parquet", tmp_path / "scores.parquet")
    assert "none.parquet does not exist; did you mean `one.parquet`?" in missing
    with pytest.raises(UserError, match="is not a bundle"):
        load_bundle(tmp_path)


def test_scores_every_file_of_a_folder_or_refuses_it(bundle, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    assert "contains no .parquet or .csv file" in refusal(bundle, source, tmp_path / "out")
    write(requests(2), source / "day=1" / "a.parquet")
    write(requests(3), source / "day=2" / "a.csv")
    (source / "_SUCCESS").write_text("")
    assert "5 rows: 5 scored" in predict_files(source, tmp_path / "out", bundle)
    assert len(read(tmp_path / "out" / "day=2" / "a.parquet")) == 3
    (source / "notes.txt").write_text("")
    assert "notes.txt" in refusal(bundle, source, tmp_path / "out")
    (source / "notes.txt").unlink()
    write(requests(2), source / "day=2" / "a.parquet")
    assert "would have the same output: day=2/a.parquet" in refusal(
        bundle, source, tmp_path / "out"
    )


def test_file_without_rows_gives_empty_output(bundle, tmp_path):
    pq.write_table(pa.Table.from_pylist(requests(1)).slice(0, 0), tmp_path / "in.parquet")
    assert "0 rows" in predict_files(tmp_path / "in.parquet", tmp_path / "out.parquet", bundle)
    assert read(tmp_path / "out.parquet") == []


@pytest.mark.parametrize("count", [1, 20])
def test_builds_inputs_for_model_without_categories(bundle, count):
    rows = [problem.request.Row.model_validate_json(json.dumps(row)) for row in requests(count)]
    inputs = bundle.online.build_inputs(problem.request.columns(rows), [], bundle.session.numbers)
    assert (inputs.categories.shape, len(inputs.numbers)) == ((count, 0), count)


def test_concurrent_run_with_same_output_is_refused(bundle, tmp_path):
    source = write(requests(2), tmp_path / "in.parquet")
    with lock_output(tmp_path / "out.parquet"):
        assert "another run" in refusal(bundle, source, tmp_path / "out.parquet")
    predict_files(source, tmp_path / "out.parquet", bundle)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "out.parquet"]


def test_input_file_changed_during_run_is_refused(tmp_path):
    part = BatchFile(
        write(requests(2), tmp_path / "in.csv"), tmp_path / "out.csv", tmp_path / "rejects.csv"
    )
    job = run.Job.from_file(part, {})
    job.check_unchanged()
    part.source.write_bytes(part.source.read_bytes() + b"\n")
    with pytest.raises(UserError, match="was changed"):
        job.check_unchanged()


WITHOUT = """
import sys
class Hidden:
    def find_spec(self, name, *_):
        if name in ("typer", "pandas", "sklearn", "dvc", "duckdb", "ibis"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
from tarmac.batch import __main__ as batch
batch.main()
"""


def test_command_runs_with_service_dependencies_only(bundle_folder, tmp_path):
    line = [
        sys.executable,
        "-c",
        WITHOUT,
        write(requests(9), tmp_path / "in.csv"),
        tmp_path / "out.parquet",
    ]
    done = subprocess.run(
        line, env=environment(bundle_folder), check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "9 rows: 9 scored by v0.0.1" in done.stdout


def test_missing_input_ends_with_one_line_error(bundle_folder, tmp_path):
    for line in (COMMAND, (sys.executable, "-c", "from tarmac.cli import app; app()", "predict")):
        arguments = [*line, str(tmp_path / "none.csv"), str(tmp_path / "out.csv")]
        done = subprocess.run(
            arguments, env=environment(bundle_folder), check=False, capture_output=True, text=True
        )
        assert done.returncode == 1
        told, hint = done.stderr.splitlines()
        assert told.endswith("none.csv does not exist")
        assert hint == "hint: name an existing file or folder with `IN=`"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_bar_is_drawn_only_on_terminal(monkeypatch):
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    for stream, lines in ((io.StringIO(), 3), (Terminal(), 9)):
        progress = ProgressBar(900, stream)
        for step in range(1, 10):
            progress.add_rows(50, step * 100)
        progress.close()
        shown = stream.getvalue()
        assert shown.count("rows/s") == lines
        assert ("[####" in shown) == stream.isatty()
        assert "33%  150 rows  5 rows/s  60 s left" in shown
