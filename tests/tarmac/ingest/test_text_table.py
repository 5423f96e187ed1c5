"""CSV files as different countries write them."""

from pathlib import Path

import pytest

from tarmac.batch import source
from tarmac.ingest.text_table import IncomingError, read_as_text

ROWS = [["größe", "ort, land", "n"], ["1,5", "Köln; DE", "7"], ["-20,25", "1,5 m", "8"]]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_separator_is_that_of_the_header(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "rows.csv"
    lines = [separator.join(f'"{cell}"' for cell in row) for row in ROWS]
    path.write_text("\n".join(lines), encoding="utf-8-sig")
    frame = read_as_text(path)
    assert list(frame) == ROWS[0]
    assert frame["ort, land"].tolist() == ["Köln; DE", "1,5 m"]
    numbers = ["1.5", "-20.25"] if separator == ";" else ["1,5", "-20,25"]
    assert frame["größe"].tolist() == numbers


def test_batch_reads_decimal_commas_as_ingest_does(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(source, "KINDS", {"size": "number", "place": "string"})
    monkeypatch.setattr(source, "REQUIRED", ["size"])
    monkeypatch.setattr(source.problem.request, "field_of", lambda name: name)
    path = tmp_path / "rows.csv"
    path.write_text("size;place\n1,5;a\n-20,25;2,5\n")
    (chunk,) = source.iter_chunks(path, 4)
    assert chunk.rows == [{"size": 1.5, "place": "a"}, {"size": -20.25, "place": "2.5"}]
    assert read_as_text(path)["place"].tolist() == ["a", "2.5"]


@pytest.mark.parametrize(("encoding", "named"), [("latin-1", "windows-1252"), ("utf-16", "utf-16")])
def test_other_encoding_is_rejected_with_command_that_converts(
    tmp_path: Path, encoding: str, named: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("größe,n\n1,2\n".encode(encoding))
    with pytest.raises(IncomingError, match="is not UTF-8 text") as caught:
        read_as_text(path)
    assert f"`iconv -f {named} -t utf-8 {path} > utf8-rows.csv`" in caught.value.hint
