"""The study in its storage: opened once and joined by others.

It requires the same commit, data and settings.
"""

import multiprocessing
from pathlib import Path

import pytest

from tarmac.sweep.study import StudyError, load_study, open_storage, open_study, redact_url
from tests.tarmac.sweep.studies import sweep_params

pytestmark = pytest.mark.server

PARAMS = sweep_params()
FACTS = {"commit": "a" * 40, "data": "d.dir", "train.seed": "7"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_reopened_study_keeps_its_trials(here):
    first = open_study(open_storage(""), "mine", PARAMS, FACTS)
    first.tell(first.ask(), 0.5)
    again = open_study(open_storage(""), "mine", PARAMS, FACTS)
    assert [trial.value for trial in again.get_trials()] == [0.5]
    assert (here / ".dvc/tmp/tarmac/sweep.db").is_file()
    assert open_study(open_storage(""), "other", PARAMS, FACTS).get_trials() == []


@pytest.mark.parametrize("name", [*FACTS, "train.more"])
def test_joining_requires_same_commit_data_and_settings(name):
    open_study(open_storage(""), "mine", PARAMS, FACTS)
    with pytest.raises(StudyError) as caught:
        open_study(open_storage(""), "mine", PARAMS, FACTS | {name: "other"})
    first, *lines = str(caught.value).splitlines()
    assert first == "the study 'mine' was started with another commit, data or settings"
    assert "--study NAME" in caught.value.hint
    assert lines == [f"  {name}: {FACTS.get(name, 'none')} in the study, other here"]


@pytest.mark.parametrize("name", ["", "Mine", "a b", "../x", "-a", "a/b"])
def test_rejects_invalid_study_name(name):
    with pytest.raises(StudyError, match="invalid study name") as caught:
        open_study(open_storage(""), name, PARAMS, FACTS)
    assert "lowercase letters, digits and hyphens" in caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://someone:secret@127.0.0.1:1/none",
        "postgresql://someone:secret@127.0.0.1:1/none",
        "mysql://someone:secret@127.0.0.1/none",
        "postgresql://someone:secret@127.0.0.1:port/none",
        "postgresql://someone:p@ss:secret@127.0.0.1/none",
        "postgresql://someone:p@secret@127.0.0.1:1/none",
        "postgresql://someone:p@secret/word@127.0.0.1:1/none",
        "postgresql://someone:p@secret?word@127.0.0.1:1/none",
        "nonsense",
        "nonsense://x",
        "sqlite:////nowhere/at/all.db",
    ],
)
def test_storage_error_is_one_line_without_password(url):
    with pytest.raises(StudyError, match="cannot be opened") as caught:
        open_storage(url)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value) + caught.value.hint


def test_shown_url_masks_password():
    assert (
        redact_url("postgresql://someone:secret@host/name") == "postgresql://someone:***@host/name"
    )
    assert redact_url("postgresql://someone:secret@host:port/name") == "of that URL"
    assert redact_url("postgresql://a@b:secret@host/n%40me") == "postgresql://a%40b:***@host/n%40me"


@pytest.mark.parametrize("password", ["p@ss", "p@ss@word", "p@ss/word", "p@ss?word", "p:p@ss"])
def test_shown_url_has_no_part_of_password_with_unencoded_at_sign(password):
    assert redact_url(f"postgresql://user:{password}@host/db") == "of that URL"


def test_unencoded_at_sign_in_password_is_named_as_cause():
    with pytest.raises(StudyError, match="an `@` in the password is not written as %40"):
        open_storage("postgresql://user:p@ss@host/db")


def test_unknown_study_error_lists_known_studies():
    open_study(open_storage(""), "mine", PARAMS, FACTS)
    with pytest.raises(StudyError, match=r"'other'.*known: mine") as caught:
        load_study(open_storage(""), "other")
    assert caught.value.hint == "start it with `make sweep STUDY=other`"
    with pytest.raises(StudyError) as caught:
        load_study(open_storage(""), "mina")
    assert caught.value.hint.startswith("did you mean `mine`? ")


def take(barrier, numbers, count: int) -> None:
    """A process that takes trials as a worker does."""
    study = open_study(open_storage(""), "mine", PARAMS, FACTS)
    barrier.wait()
    for _ in range(count):
        numbers.put(study.ask().number)


def test_concurrent_workers_get_distinct_trials(here):
    """The file of SQLite is asked by all processes at the same moment."""
    study = open_study(open_storage(""), "mine", PARAMS, FACTS)
    for _ in range(20):
        study.enqueue_trial({})
    context = multiprocessing.get_context("spawn")
    barrier, numbers = context.Barrier(4), context.Queue()
    processes = [context.Process(target=take, args=(barrier, numbers, 10)) for _ in range(4)]
    for process in processes:
        process.start()
    found = [numbers.get(timeout=120) for _ in range(40)]
    for process in processes:
        process.join()
    assert sorted(found) == list(range(40))
