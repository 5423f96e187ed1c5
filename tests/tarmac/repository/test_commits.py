"""Commits are found by a hash in their lock, on any branch, tag or merge.

Otherwise they are searched among experiments.
"""

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


def test_finds_only_commits_that_changed_lock():
    first = locked("aaa\n")
    commit(README_md="aaa")
    second = locked("bbb\naaa\n")
    third = locked("bbb\n")
    fourth = locked("aaa\n")
    assert commits.find_commits_by_hash("aaa") == [first, second, fourth]
    assert commits.find_commits_by_hash("bbb") == [second, third]
    assert commits.find_commits_by_hash("ccc") == []


def test_finds_hash_of_raw_data():
    first = commit(data__raw_dvc="outs: [{md5: ddd}]")
    commit(data__raw_dvc="outs: [{md5: eee}]")
    assert commits.find_commits_by_hash("ddd") == [first]


def test_finds_lock_that_only_merge_commit_has():
    commit(README_md="1")
    run("switch", "--quiet", "--create", "other")
    locked("bbb\n")
    run("switch", "--quiet", "main")
    locked("aaa\n")
    run("merge", "--quiet", "--no-commit", "--strategy", "ours", "other")
    merged = locked("ccc\n")
    assert commits.find_commits_by_hash("ccc") == [merged]
    assert len(commits.find_commits_by_hash("bbb")) == 1, "the side that a merge did not take"


def test_finds_commit_by_renamed_branch_or_remaining_tag():
    commit(README_md="1")
    run("switch", "--quiet", "--create", "try")
    made = locked("aaa\n")
    run("branch", "--move", "try", "renamed")
    assert commits.describe_commit(made).refs == ["renamed"]
    run("tag", "v1")
    run("switch", "--quiet", "main")
    run("branch", "--quiet", "-D", "renamed")
    assert commits.find_commits_by_hash("aaa") == [made]
    assert commits.describe_commit(made).refs == ["v1"]


def test_prefers_branches_to_experiments_and_ignores_stashes():
    first = locked("first\n")
    run("switch", "--quiet", "--detach")
    experiment = locked("aaa\n")
    run("update-ref", f"refs/exps/{first[:2]}/{first[2:]}/tried", "HEAD")
    run("switch", "--quiet", "main")
    assert commits.find_commits_by_hash("aaa") == [experiment]
    applied = locked("aaa\n")
    assert commits.find_commits_by_hash("aaa") == [applied]
    Path("dvc.lock").write_text("stashed\n")
    run("stash")
    assert commits.find_commits_by_hash("stashed") == []


def test_searches_text_literally():
    locked("a.c\n-e\n")
    assert commits.find_commits_by_hash("abc") == []
    assert len(commits.find_commits_by_hash("a.c")) == len(commits.find_commits_by_hash("-e")) == 1


def test_searches_revisions_of_every_batch(monkeypatch):
    monkeypatch.setattr(git, "BATCH", 2)
    made = [locked(f"aaa {number}\n") for number in range(5)]
    assert commits.find_commits_by_hash("aaa") == made
    assert commits.find_commits_by_hash("aaa 4") == made[-1:]


def test_describes_commit_as_git_records_it():
    Path("dvc.lock").write_text("aaa\n")
    run("add", "dvc.lock")
    when = "2024-02-29T23:30:00+05:30"
    subject = "größer | 50% \t<b>"
    run(
        "commit",
        "--quiet",
        "--author",
        "Zoë O'Hara <zoe@example.org>",
        "--date",
        when,
        "--message",
        subject,
    )
    found = commits.describe_commit("HEAD")
    assert (found.author, found.email, found.date) == ("Zoë O'Hara", "zoe@example.org", when)
    assert (found.subject, found.refs, found.name) == (subject, ["main"], run("rev-parse", "HEAD"))


def test_detects_shallow_clone(here, tmp_path, monkeypatch):
    locked("aaa\n")
    locked("bbb\n")
    assert not commits.is_shallow_clone()
    run("clone", "--quiet", "--depth=1", here.as_uri(), str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    assert commits.is_shallow_clone()
