"""Ways to damage an input, each a function of the path that it damages."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import onnx
import pyarrow as pa
import pyarrow.parquet as pq
from onnx import TensorProto, helper


def truncate(path: Path) -> None:
    """Keep the first half: an interrupted download."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def fake(path: Path) -> None:
    """Both marks of a Parquet file with nothing sensible between them."""
    path.write_bytes(b"PAR1" + b"\x07" * 400 + b"PAR1")


def garbage(path: Path) -> None:
    path.write_bytes(b"this is a text that someone saved under the wrong name\n" * 20)


def remove(path: Path) -> None:
    path.unlink()


def empty_folder(path: Path) -> None:
    shutil.rmtree(path)
    path.mkdir()


def copy_to(name: str) -> Callable[[Path], None]:
    """Put a copy of the file next to it, or over another one."""
    return lambda path: shutil.copy(path, path.with_name(name)) and None


def rename(column: str) -> Callable[[Path], None]:
    return partial(edit, change=lambda table: table.rename_columns({column: f"{column}_new"}))


def retype(column: str, kind: pa.DataType) -> Callable[[Path], None]:
    return partial(edit, change=lambda table: _with(table, column, table[column].cast(kind)))


def no_rows(path: Path) -> None:
    edit(path, change=lambda table: table.slice(0, 0))


def every(nth: int, column: str, value: int) -> Callable[[Path], None]:
    """Give every nth row another value."""

    def change(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[::nth] = [value] * len(values[::nth])
        return _with(table, column, pa.array(values, table[column].type))

    return partial(edit, change=change)


def expand(path: Path) -> None:
    """Put a file of some kilobytes in its place that takes gigabytes in memory."""
    table = pa.table({"dep_time": pa.nulls(2**20, pa.int16())})
    with pq.ParquetWriter(path, table.schema) as writer:
        for _ in range(300):
            writer.write_table(table)


def edit(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path)), path, store_schema=False)


def replace_text(old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change


def foreign_model(path: Path) -> None:
    """A valid ONNX model that another program made."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in ("x", "y")
    ]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "foreign", ends[:1], ends[1:]
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path
    )


def _with(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, values)
