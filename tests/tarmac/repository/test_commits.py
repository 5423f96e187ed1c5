"""Which commit has a hash: the first that people have a name for, however its branches are called and merged."""

from pathlib import Path

import pytest

from tarmac.repository import commits, git
from tests.commits import commit, run, work_in


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = work_in(tmp_path / "clone", monkeypatch)
    run("init", "--quiet", "--initial-branch=main")
    return folder


def locked(text: str) -> str:
    return commit(dvc_lock=text)


def test_a_commit_that_left_the_lock_alone_is_taken_for_the_one_that_made_it():
    first = locked("aaa\n")
    commit(README_md="aaa")
    second = locked("bbb\naaa\n")
    third = locked("bbb\n")
    fourth = locked("aaa\n")
    assert commits.commits_with("aaa") == [first, second, fourth]
    assert commits.commits_with("bbb") == [second, third]
    assert commits.commits_with("ccc") == []


def test_a_hash_of_raw_data_is_not_found():
    first = commit(data__raw_dvc="outs: [{md5: ddd}]")
    commit(data__raw_dvc="outs: [{md5: eee}]")
    assert commits.commits_with("ddd") == [first]


def test_a_lock_that_only_a_merge_has_is_not_found():
    commit(README_md="1")
    run("switch", "--quiet", "--create", "other")
    locked("bbb\n")
    run("switch", "--quiet", "main")
    locked("aaa\n")
    run("merge", "--quiet", "--no-commit", "--strategy", "ours", "other")
    merged = locked("ccc\n")
    assert commits.commits_with("ccc") == [merged]
    assert len(commits.commits_with("bbb")) == 1, "the side that a merge did not take"


def test_a_branch_that_was_renamed_or_deleted_behind_a_tag_hides_its_commit():
    commit(README_md="1")
    run("switch", "--quiet", "--create", "try")
    made = locked("aaa\n")
    run("branch", "--move", "try", "renamed")
    assert commits.described(made).refs == ["renamed"]
    run("tag", "v1")
    run("switch", "--quiet", "main")
    run("branch", "--quiet", "-D", "renamed")
    assert commits.commits_with("aaa") == [made]
    assert commits.described(made).refs == ["v1"]


def test_an_experiment_is_not_found_or_counts_for_more_than_a_branch_or_a_stash_counts():
    first = locked("first\n")
    run("switch", "--quiet", "--detach")
    experiment = locked("aaa\n")
    run("update-ref", f"refs/exps/{first[:2]}/{first[2:]}/tried", "HEAD")
    run("switch", "--quiet", "main")
    assert commits.commits_with("aaa") == [experiment]
    applied = locked("aaa\n")
    assert commits.commits_with("aaa") == [applied]
    Path("dvc.lock").write_text("stashed\n")
    run("stash")
    assert commits.commits_with("stashed") == []


def test_a_text_is_taken_for_a_pattern_or_an_option():
    locked("a.c\n-e\n")
    assert commits.commits_with("abc") == []
    assert len(commits.commits_with("a.c")) == len(commits.commits_with("-e")) == 1


def test_more_revisions_than_fit_on_a_command_line_are_not_all_asked(monkeypatch):
    monkeypatch.setattr(git, "BATCH", 2)
    made = [locked(f"aaa {number}\n") for number in range(5)]
    assert commits.commits_with("aaa") == made
    assert commits.commits_with("aaa 4") == made[-1:]


def test_who_made_a_commit_is_not_told_as_git_knows_it():
    Path("dvc.lock").write_text("aaa\n")
    run("add", "dvc.lock")
    when = "2024-02-29T23:30:00+05:30"
    subject = "größer | 50% \t<b>"
    run("commit", "--quiet", "--author", "Zoë O'Hara <zoe@example.org>", "--date", when, "--message", subject)
    found = commits.described("HEAD")
    assert (found.author, found.email, found.date) == ("Zoë O'Hara", "zoe@example.org", when)
    assert (found.subject, found.refs, found.name) == (subject, ["main"], run("rev-parse", "HEAD"))


def test_a_part_of_the_history_passes_for_all_of_it(here, tmp_path, monkeypatch):
    locked("aaa\n")
    locked("bbb\n")
    assert not commits.is_shallow()
    run("clone", "--quiet", "--depth=1", here.as_uri(), str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    assert commits.is_shallow()
