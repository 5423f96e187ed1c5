"""Outputs are written completely or not at all.

Numbers that JSON cannot represent are refused by name.
"""

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.outputs import (
    acquire_file_lock,
    recover_output,
    replace_output,
    require_finite,
    write_json,
)


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its content."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def write_folder(path: Path, **contents: str) -> None:
    path.mkdir()
    for name, text in contents.items():
        (path / name).write_text(text)


def test_new_file_is_created_with_its_parent_folders(tmp_path: Path) -> None:
    with replace_output(tmp_path / "a" / "b" / "out") as partial:
        partial.write_text("new")
    assert tree(tmp_path) == {"a/b/out": "new"}


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", old="old", both="old")
    with replace_output(tmp_path / "out") as partial:
        write_folder(partial, both="new")
    assert tree(tmp_path) == {"out/both": "new"}


def test_folder_can_replace_file_and_file_can_replace_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("file")
    with replace_output(out) as partial:
        write_folder(partial, inner="folder")
    assert tree(tmp_path) == {"out/inner": "folder"}
    with replace_output(out) as partial:
        partial.write_text("file")
    assert tree(tmp_path) == {"out": "file"}


def test_old_output_stays_in_path_until_new_one_is_complete(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    with replace_output(tmp_path / "out") as partial:
        partial.write_text("new")
        assert partial.parent == tmp_path  # the same file system, so that the move is one step
        assert partial.match(".*.partial")  # the name that Git and DVC ignore
        assert (tmp_path / "out").read_text() == "old"


def break_off(out: Path, folder: bool, error: type[BaseException]) -> None:
    """Fails after half of the output is written."""
    with replace_output(out) as partial:
        if folder:
            write_folder(partial, half="half")
        else:
            partial.write_text("half")
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("folder", [True, False])
def test_failure_leaves_the_old_output_and_no_partial(
    tmp_path: Path, folder: bool, error: type[BaseException]
) -> None:
    write_folder(tmp_path / "out", kept="old")
    with pytest.raises(error):
        break_off(tmp_path / "out", folder, error)
    assert tree(tmp_path) == {"out/kept": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_leftovers_of_killed_run_are_discarded(tmp_path: Path) -> None:
    write_folder(tmp_path / ".out.new.partial", stale="stale")
    with replace_output(tmp_path / "out") as partial:
        assert not partial.exists()
        write_folder(partial, fresh="fresh")
    assert tree(tmp_path) == {"out/fresh": "fresh"}


KILLED = 9
MOST_MOVES = 4  # of a replacement, and one more


def replace_and_die(path: Path, folder: bool, moves: int, before: bool) -> int:
    """Replace an output in a process that ends at so many moves; return its exit status."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    move, done = Path.replace, [0]

    def count(self: Path, target: Path) -> Path:
        done[0] += 1
        if before and done[0] == moves:
            os._exit(KILLED)
        moved = move(self, target)
        if done[0] == moves:
            os._exit(KILLED)
        return moved

    Path.replace = count  # type: ignore[method-assign,assignment]  # in this process alone
    with replace_output(
        path, commit=lambda: path.with_name("recorded").write_text("new")
    ) as partial:
        write_folder(partial, new="new") if folder else partial.write_text("new")
    os._exit(0)


@pytest.mark.parametrize("again", ["recover", "replace"])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("moves", range(1, MOST_MOVES + 1))
@pytest.mark.parametrize("folder", [True, False])
def test_kill_at_any_move_leaves_old_output_or_recorded_new_one(
    tmp_path: Path, folder: bool, moves: int, before: bool, again: str
) -> None:
    out, recorded = tmp_path / "out", tmp_path / "recorded"
    write_folder(out, old="old") if folder else out.write_text("old")
    status = replace_and_die(out, folder, moves, before)
    assert status in (0, KILLED)
    if again == "replace":
        with pytest.raises(RuntimeError):
            break_off(out, folder, RuntimeError)
    else:
        recover_output(out)
    kept = {name: text for name, text in tree(tmp_path).items() if name != "recorded"}
    new, old = ({f"out/{text}" if folder else "out": text} for text in ("new", "old"))
    assert kept == (new if status == 0 else old) or (kept == new and recorded.exists())
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "recorded"}


def test_error_of_commit_restores_old_output(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", kept="old")

    def fail() -> None:
        assert tree(tmp_path / "out") == {"new": "new"}
        raise RuntimeError

    with pytest.raises(RuntimeError), replace_output(tmp_path / "out", commit=fail) as partial:
        write_folder(partial, new="new")
    assert tree(tmp_path) == {"out/kept": "old"}


def test_error_of_last_move_restores_old_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "out", kept="old")
    move = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if self.name == ".out.new.partial":
            raise OSError(28, "No space left on device")
        return move(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"), replace_output(tmp_path / "out") as partial:
        write_folder(partial, new="new")
    assert tree(tmp_path) == {"out/kept": "old"}


def test_lock_is_held_by_one_and_leaves_no_file(tmp_path: Path) -> None:
    lock = tmp_path / "folder" / "lock"
    for _ in range(2):
        with acquire_file_lock(lock) as held, acquire_file_lock(lock, wait=False) as second:
            assert (held, second) == (True, False)
        assert not lock.exists()


def test_lock_of_process_that_ended_is_free(tmp_path: Path) -> None:
    process = os.fork()
    if not process:
        with acquire_file_lock(tmp_path / "lock"):
            os._exit(KILLED)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == KILLED
    with acquire_file_lock(tmp_path / "lock", wait=False) as held:
        assert held


def test_waiting_processes_hold_lock_one_after_another(tmp_path: Path) -> None:
    counter, processes, times = tmp_path / "counter", 8, 50
    counter.write_text("0")
    started = []
    for _ in range(processes):
        started.append(os.fork())
        if not started[-1]:
            try:
                for _ in range(times):
                    with acquire_file_lock(tmp_path / "lock"):
                        counter.write_text(str(int(counter.read_text()) + 1))
                os._exit(0)
            finally:
                os._exit(1)  # whatever fails here, it is no run of the tests
    assert [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in started] == [0] * processes
    assert counter.read_text() == str(processes * times)


def test_block_that_writes_nothing_raises_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replace_output(tmp_path / "out"):
        pass


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_finite_names_full_path_of_nan_or_infinity(value: float) -> None:
    with pytest.raises(UserError, match=rf"metric test\.model\.auc is {value}"):
        require_finite({"rows": 3, "test": {"model": {"f1": 0.5, "auc": value}}})


@given(
    st.recursive(
        st.floats() | st.integers(),
        lambda inner: st.dictionaries(st.text(max_size=3), inner),
        max_leaves=9,
    )
)
def test_finite_rejects_exactly_values_that_json_lacks(value: object) -> None:
    content = {"value": value}
    try:
        json.dumps(content, allow_nan=False)
    except ValueError:
        with pytest.raises(UserError, match=r"metric value"):
            require_finite(content)
    else:
        require_finite(content)


def test_json_does_not_depend_on_the_order_of_its_keys(tmp_path: Path) -> None:
    write_json(tmp_path / "one.json", {"b": {"y": 0.1, "x": 1}, "a": "ü"})
    write_json(tmp_path / "two.json", {"a": "ü", "b": {"x": 1, "y": 0.1}})
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert json.loads((tmp_path / "one.json").read_text()) == {"a": "ü", "b": {"x": 1, "y": 0.1}}
    assert (tmp_path / "one.json").read_text().endswith("}\n")


def test_json_with_nan_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "out.json", {"auc": 0.5})
    with pytest.raises(UserError, match="metric auc is nan"):
        write_json(tmp_path / "out.json", {"auc": math.nan})
    assert json.loads((tmp_path / "out.json").read_text()) == {"auc": 0.5}
