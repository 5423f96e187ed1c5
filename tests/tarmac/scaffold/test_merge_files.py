"""A release's changes enter a file of the project, and no change of the project is lost."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.scaffold.merge_files import MergedFile, Outcome, merge_file, merge_folders

PATH = Path("Makefile")
OLD = b"one\ntwo\nthree\nfour\nfive\n"
CONTENT = st.none() | st.lists(st.sampled_from(["a", "b", "c"]), max_size=6).map(
    lambda lines: "".join(f"{line}\n" for line in lines).encode()
)


@given(CONTENT, CONTENT)
def test_unchanged_file_becomes_that_of_the_release(old, new):
    assert merge_file(PATH, old, old, new).content == new


@given(CONTENT, CONTENT)
def test_file_that_the_release_has_not_changed_stays(ours, old):
    assert merge_file(PATH, ours, old, old) == MergedFile(PATH, Outcome.SAME, ours)


@given(CONTENT, CONTENT, CONTENT)
def test_every_line_of_the_project_is_in_the_merged_file(ours, old, new):
    merged = merge_file(PATH, ours, old, new)
    if ours is not None and ours != old:
        assert merged.content is not None
        removed = set((old or b"").splitlines()) if new is not None else set()
        assert set(ours.splitlines()) - removed <= set(merged.content.splitlines())


def test_changes_of_different_lines_are_both_kept():
    ours, new = OLD.replace(b"one", b"uno"), OLD.replace(b"five", b"cinque")
    merged = merge_file(PATH, ours, OLD, new)
    assert merged == MergedFile(PATH, Outcome.MERGED, b"uno\ntwo\nthree\nfour\ncinque\n")


def test_changes_of_the_same_line_are_shown_with_markers():
    merged = merge_file(PATH, OLD.replace(b"two", b"due"), OLD, OLD.replace(b"two", b"deux"))
    assert merged.outcome is Outcome.CONFLICT
    assert b"<<<<<<< this project\ndue\n=======\ndeux\n>>>>>>> the new release\n" in merged.content


@pytest.mark.parametrize(
    ("ours", "old", "new", "outcome"),
    [
        (None, None, b"a\n", Outcome.ADDED),
        (b"a\n", b"a\n", b"b\n", Outcome.UPDATED),
        (b"a\n", b"a\n", None, Outcome.REMOVED),
        (b"mine\n", b"a\n", None, Outcome.KEPT),
        (None, b"a\n", b"b\n", Outcome.KEPT),
        (b"b\n", b"a\n", b"b\n", Outcome.SAME),
        (b"mine\n", None, b"b\n", Outcome.CONFLICT),
        (b"\0mine", b"\0a", b"\0b", Outcome.KEPT),
    ],
)
def test_names_what_happens_with_a_file(ours, old, new, outcome):
    assert merge_file(PATH, ours, old, new).outcome is outcome


def test_binary_file_of_the_project_is_not_damaged():
    assert merge_file(PATH, b"\0mine", b"\0a", b"\0b").content == b"\0mine"


def test_merges_the_files_of_both_releases(tmp_path):
    for root, names in {"project": "abx", "old": "ab", "new": "bc"}.items():
        (tmp_path / root).mkdir()
        for name in names:
            (tmp_path / root / name).write_text(f"{root if name == 'b' else name}\n")
    (tmp_path / "project/b").write_text("old\n")
    merged = merge_folders(*(tmp_path / root for root in ("project", "old", "new")))
    assert {str(file.path): file.outcome for file in merged} == {
        "a": Outcome.REMOVED,
        "b": Outcome.UPDATED,
        "c": Outcome.ADDED,
    }
