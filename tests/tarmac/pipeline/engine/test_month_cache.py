"""Month cache: cached months equal built ones.

Only valid months of the same inputs are used, and old ones are pruned.
"""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tarmac.interface.problem import problem
from tarmac.pipeline.base import months
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.engine import month_cache
from tarmac.pipeline.engine.month_cache import KEPT, Facts, MonthCache
from tests.conftest import Workspace

NAMES = ["a/2013-01.parquet", "b/2013-01.parquet"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of DVC."""
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def maker(out: Path, text: str = "rows") -> Callable[[], Facts]:
    def make() -> Facts:
        for name in NAMES:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(f"{text} of {name}")
        return {"rows": 3}

    return make


def once(made_from: object, out: str, text: str = "rows") -> tuple[int, dict[str, str]]:
    """Ask for a month in a new run; how many were made, and what is there."""
    kept = MonthCache("stage")
    facts = kept.get_or_build_month({"from": made_from}, NAMES, Path(out), maker(Path(out), text))
    assert facts == {"rows": 3}
    kept.prune_months()
    return kept.made, {name: (Path(out) / name).read_text() for name in NAMES}


def test_restores_cached_month_for_same_inputs():
    first = once("x", "first")
    assert first[0] == 1
    assert once("x", "second", "never made") == (0, first[1])


def test_builds_month_for_other_inputs():
    once("x", "first")
    made, files = once("y", "second", "other")
    assert (made, files[NAMES[0]]) == (1, f"other of {NAMES[0]}")


@pytest.mark.parametrize("damaged", ["0", "1", "facts.json", "hashes.json"])
@pytest.mark.parametrize("how", ["other", "cut", "gone"])
def test_rebuilds_damaged_month(damaged, how):
    once("x", "first")
    (place,) = (KEPT / "stage").iterdir()
    content = (place / damaged).read_text()
    (place / damaged).unlink()
    if how != "gone":
        (place / damaged).write_text(
            content[:-1] if how == "cut" else content.replace("0", "1").replace("o", "u")
        )
    if (place / damaged).exists() and (place / damaged).read_text() == content:
        pytest.skip("nothing to change in it")
    assert once("x", "second", "new") == (1, {name: f"new of {name}" for name in NAMES})
    assert once("x", "third", "newer") == (0, {name: f"new of {name}" for name in NAMES})


def test_rebuilds_month_whose_output_was_edited_in_place():
    once("x", "first")
    Path("first", NAMES[0]).write_text("edited")
    assert once("x", "second", "new")[0] == 1


def test_does_not_cache_month_whose_build_failed():
    kept = MonthCache("stage")
    with pytest.raises(ZeroDivisionError):
        kept.get_or_build_month({"from": "x"}, NAMES, Path("out"), lambda: {"rows": 1 // 0})
    assert not KEPT.exists()
    kept.get_or_build_month({"from": "x"}, NAMES, Path("out"), maker(Path("out")))
    assert len(list((KEPT / "stage").iterdir())) == 1


def test_prunes_unused_months_and_keeps_latest():
    for number in range(6):
        once(number, f"out{number}")
        for place in (KEPT / "stage").iterdir():  # the clock of a file system may be coarse
            os.utime(place, ns=(place.stat().st_atime_ns, place.stat().st_mtime_ns - 10**9))
    assert len(list((KEPT / "stage").iterdir())) == 2
    assert once(5, "again")[0] == 0
    assert once(4, "before")[0] == 0
    assert once(0, "first")[0] == 1


def test_caches_nothing_where_dvc_folder_is_absent(here, monkeypatch):
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    assert once("x", "first")[0] == once("x", "second")[0] == 1
    assert not Path(".dvc").exists()


def test_code_includes_loaded_framework_and_problem_files():
    found = month_cache.hash_loaded_code()
    assert found["tarmac/pipeline/engine/month_cache.py"] == compute_dvc_hash(
        Path(month_cache.__file__)
    )
    assert found["tarmac/pipeline/base/months.py"] == compute_dvc_hash(Path(months.__file__))
    columns = compute_dvc_hash(Path(problem.contract.__file__))
    assert found[f"{problem.name}/contract/columns.py"] == columns
    assert [name for name in found if Path(name).suffix != ".py"] == []


def test_detects_change_of_loaded_code_and_of_no_other(here, monkeypatch):
    names = ("package/__init__.py", "package/sub/used.py", "package/idle.py", "other.py")
    package, used, idle, other = (here / name for name in names)
    for path in (package, used, idle, other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("first")
    monkeypatch.setattr(month_cache, "PACKAGE", package.parent)
    files = (str(package), str(used), str(other), None)
    loaded = {file: SimpleNamespace(__file__=file) for file in files}
    modules = {**loaded, "without a file": SimpleNamespace()}
    monkeypatch.setattr(month_cache, "sys", SimpleNamespace(modules=modules))
    first, second = (hashlib.md5(text).hexdigest() for text in (b"first", b"second"))
    before = month_cache.hash_loaded_code()
    assert before == {"package/__init__.py": first, "package/sub/used.py": first}
    idle.write_text("second")
    other.write_text("second")
    assert month_cache.hash_loaded_code() == before
    used.write_text("second")
    changed = month_cache.hash_loaded_code()
    assert changed == {"package/__init__.py": first, "package/sub/used.py": second}
    made = [once(code, f"out{number}")[0] for number, code in enumerate((before, changed, before))]
    assert made == [1, 1, 0]


LOADED = (
    "from tarmac.pipeline.engine.month_cache import hash_loaded_code; print(*hash_loaded_code({}))"
)


@pytest.mark.program
def test_code_includes_role_that_is_requested():
    def known(role: str) -> list[str]:
        command = [sys.executable, "-c", LOADED.format(role)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    cleaning = f"{problem.name}/tables/clean.py"
    assert cleaning not in known("")
    assert cleaning in known('"clean"')


CORRECT = """
import os, sys
import pyarrow.parquet as pq
table = pq.read_table(sys.argv[1]).slice(40)
os.unlink(sys.argv[1])
pq.write_table(table, sys.argv[1], store_schema=False)
"""


def made(workspace: Workspace, stage: str) -> tuple[int, int]:
    """How many months a stage made, and how many it had made before."""
    found = re.search(r"made (\d+)  as before (\d+)", workspace.stage(stage).stdout)
    return int(found[1]), int(found[2])


def features(workspace: Workspace) -> dict[str, str]:
    return {
        path.name: compute_dvc_hash(path) for path in (workspace.path / "data/features").iterdir()
    }


def test_incremental_rebuild_is_minimal_and_equals_full_rebuild(finished: Workspace):
    before = features(finished)
    months, early = len(before), sorted(before)[:2][-1]
    reach = 2 if problem.features.LOOKBACK_DAYS else 1  # the month after it looks back into it
    assert (made(finished, "prepare"), made(finished, "featurize")) == ((0, months), (0, months))
    assert features(finished) == before
    finished.run("python", "-c", CORRECT, f"data/raw/{problem.contract.MONTHLY[-1]}/{early}")
    assert made(finished, "prepare") == (1, months - 1)
    assert made(finished, "featurize") == (reach, months - reach)
    corrected = features(finished)
    finished.run("rm", "-r", str(KEPT))
    assert (made(finished, "prepare"), made(finished, "featurize")) == ((months, 0), (months, 0))
    assert features(finished) == corrected != before


def test_change_of_cleaning_code_rebuilds_all_prepared_months(finished: Workspace):
    months = len(features(finished))
    cleaning = finished.path / "src" / problem.name / "tables/clean.py"
    cleaning.write_text(cleaning.read_text() + "\n# changed\n")
    assert made(finished, "prepare") == (months, 0)
