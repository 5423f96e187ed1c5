"""Large additions of a change, which could hide labels, are found by size.

Nothing else is shown.
"""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.review import additions
from tarmac.review.additions import LEAST, SHOWN, find_additions

LONG = "0110" * 100


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch=main")
    write(tmp_path, {"src/old.py": f'OLD = "{LONG}"\n', "notes.txt": "a\n" * 300})
    git("tag", "base")
    return tmp_path


def git(*words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, *words], check=True, capture_output=True)


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    """Write files and commit them."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    git("add", "--all")
    git("commit", "--quiet", "--message", "work")


def found(folder: Path, files: dict[str, str | bytes]) -> list[tuple[str, str]]:
    write(folder, files)
    return [(one.place, one.what) for one in find_additions("base", "HEAD")]


@pytest.mark.parametrize(
    ("line", "size"),
    [
        (f'LABELS = "{LONG}"', 402),
        (f"LABELS = b'{LONG}'", 403),
        (f"LABELS = 0x{LONG}", 402),
        (f"LABELS = [{', '.join(LONG)}]", 1200),
        (f"LABELS = {{1: ({','.join(LONG)})}}", 806),
        (f'f("{LONG}", f"{{x}}{LONG}")', 406),
        (f'LABELS = ("{LONG[:200]}"\n  "{LONG[200:]}")', 407),
    ],
)
def test_long_literal_is_shown_with_line_and_size(repository, line, size):
    write(repository, {"src/new.py": f"import os\n{line}\n"})
    largest = find_additions("base", "HEAD")[0]
    assert (largest.place, largest.what, largest.size) == ("src/new.py:2", "a literal", size)


def test_existing_or_short_literal_is_not_shown(repository):
    assert (
        found(repository, {"src/old.py": f'# moved\nOLD = "{LONG}"\nNEW = "{LONG[:100]}"\n'}) == []
    )


def test_docstring_is_not_shown_but_used_string_is(repository):
    assert found(repository, {"src/new.py": f'"""{LONG}"""\n'}) == []
    assert found(repository, {"src/new.py": f'"""{LONG}"""\nprint(__doc__, """{LONG}""")\n'}) != []


def test_shows_binary_files_and_grown_text_largest_first(repository):
    files = {
        "src/data.bin": bytes(range(256)) * 9,
        "notes.txt": "a\n" * 900,
        "src/table.csv": "1,0\n" * 200,
    }
    expected = [
        ("src/data.bin", "a binary file"),
        ("notes.txt", "text, 600 lines"),
        ("src/table.csv", "text, 200 lines"),
    ]
    assert found(repository, files) == expected


@pytest.mark.parametrize(
    "path", ["data/remote/files/md5/ab/cd", "dvc.lock", "metrics/a.json", "docs/page.md"]
)
def test_pipeline_outputs_and_documents_are_not_shown(repository, path):
    assert found(repository, {path: bytes(range(256)) * 9}) == []


def test_unparsable_module_is_shown_as_whole(repository):
    assert found(repository, {"src/new.py": f"LABELS = '{LONG}"}) == [
        ("src/new.py", "a module that cannot be read")
    ]
    assert found(repository, {"src/new.py": b"\xff" + LONG.encode()})[0][0] == "src/new.py"


def test_number_of_shown_additions_is_limited(repository):
    files: dict[str, str | bytes] = {
        f"src/{number}.py": f'A = "{LONG}{number}"\n' for number in range(SHOWN + 5)
    }
    assert len(found(repository, files)) == SHOWN


@given(
    st.text(st.characters(codec="ascii", exclude_characters="\0\r"), min_size=LEAST, max_size=400)
)
def test_every_long_string_literal_is_found_at_full_size(text):
    """Whatever a literal holds, it is found with at least as many bytes as it has characters."""
    made = additions._find_new_literals("a.py", b"", f"A = {text!r}\n".encode())
    assert [one.size >= len(text) for one in made] == [True]
