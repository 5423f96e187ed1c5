"""A file that lacks the number of its rows is numbered; any other row keeps what it says."""

import pandas as pd
import pytest
from pydantic import BaseModel

from tarmac.batch import source
from tarmac.tabular.columns import Number, RowNumber
from tarmac.tabular.request import build_row_model


@pytest.fixture
def numbered(monkeypatch: pytest.MonkeyPatch) -> type[BaseModel]:
    """The model of a row with an added key, which the batch reads files of."""
    row = build_row_model({"size": Number(), "id": RowNumber()}, "A row.")
    monkeypatch.setattr(source, "KINDS", source.list_field_kinds(row))
    monkeypatch.setattr(source, "REQUIRED", ["size"])
    monkeypatch.setattr(source, "ROW_NUMBERS", source.list_row_numbers(row))
    monkeypatch.setattr(source.problem.request, "field_of", lambda name: name)
    return row


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_file_without_row_numbers_is_numbered_over_all_chunks(numbered, tmp_path, suffix) -> None:
    path = tmp_path / f"rows.{suffix}"
    rows = pd.DataFrame({"size": [0.5] * 10})
    rows.to_csv(path, index=False) if suffix == "csv" else rows.to_parquet(path)
    found = [row for chunk in source.iter_chunks(path, 4) for row in chunk.rows]
    assert [row["id"] for row in found] == list(range(10))
    assert [numbered(**row).id for row in found] == list(range(10))


def test_row_number_that_a_file_has_is_kept(numbered, tmp_path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id,size\n7,1.5\n,2.5\n")
    (chunk,) = source.iter_chunks(path, 4)
    assert [row["id"] for row in chunk.rows] == [7, None]


def test_row_in_no_file_must_have_its_number(numbered) -> None:
    with pytest.raises(ValueError, match="id"):
        numbered(size=0.5)
