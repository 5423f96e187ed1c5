"""Reuse months that were made before from the same inputs by the same code.

One more month then costs the making of one.

A month is kept under the hash of all that can change its bytes. Its folder gets this name when it
is whole, with the hash of each file. What is half written is never found, and what was damaged is
made again. The months are local, outside Git and DVC: a clean clone has none, so that a rebuild is
a rebuild.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tarmac.interface.problem import problem
from tarmac.pipeline.base.hashing import compute_dvc_hash

PACKAGE = Path(__file__).resolve().parents[2]
DVC, KEPT = Path(".dvc"), Path(".dvc/tmp/tarmac/months")
FACTS, HASHES = "facts.json", "hashes.json"
Facts = dict[str, Any]  # what is known of a month beside its files, as JSON


def hash_loaded_code(*roles: str) -> dict[str, str]:
    """Return the MD5 of every loaded file of the machinery and of the problem.

    Keys are paths that begin with the name of the package's folder. The `roles` of the problem are
    loaded for it: others are loaded at their first use, which may be later.
    """
    for role in roles:
        getattr(problem, role)
    origins = (getattr(module, "__file__", None) for module in [*sys.modules.values()])
    files = sorted({Path(file).resolve() for file in origins if file})
    packages = [PACKAGE, problem.folder]
    owned = ((file, package) for file in files for package in packages if package in file.parents)
    return {
        str(file.relative_to(package.parent)): compute_dvc_hash(file) for file, package in owned
    }


class MonthCache:
    """The kept months of one stage, and how many were `made` and `kept`."""

    def __init__(self, stage: str) -> None:
        """Begin to count."""
        self._folder, self._used = KEPT / stage, set[Path]()
        self.made = self.kept = 0

    def get_or_build_month(
        self,
        made_from: Mapping[str, object],
        names: Sequence[str],
        out: Path,
        make: Callable[[], Facts],
    ) -> Facts:
        """Put the files `names` of a month under `out`, and return what `make` returned.

        The files are the kept ones or what `make` writes. `made_from` (JSON) says all that can
        change them.
        """
        facts = self.restore_month(made_from, names, out)
        if facts is None:
            facts = make()
            self.store_month(made_from, names, out, facts)
        return facts

    def restore_month(
        self, made_from: Mapping[str, object], names: Sequence[str], out: Path
    ) -> Facts | None:
        """Put the kept files of a month under `out`, and return its facts.

        Return None if there are no kept files, or if they are damaged.
        """
        place = self._build_entry_path(made_from)
        try:
            facts = _restore_files(place, [out / name for name in names])
        except (OSError, ValueError):
            shutil.rmtree(place, ignore_errors=True)
            return None
        self.kept += 1
        return facts

    def store_month(
        self, made_from: Mapping[str, object], names: Sequence[str], out: Path, facts: Facts
    ) -> None:
        """Keep the files of a month that was made."""
        self.made += 1
        with suppress(OSError):  # no space left: then it is made again the next time
            _store_files(self._build_entry_path(made_from), [out / name for name in names], facts)

    def _build_entry_path(self, made_from: Mapping[str, object]) -> Path:
        text = json.dumps(made_from, sort_keys=True).encode()
        place = self._folder / hashlib.md5(text, usedforsecurity=False).hexdigest()
        self._used.add(place)
        return place

    def prune_months(self) -> None:
        """Remove months that were not used, except the latest.

        Keep as many bytes of those as the used months have.
        """
        left = sum(map(_compute_folder_size, self._used))
        others = set(self._folder.glob("*")) - self._used
        for place in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True):
            left -= _compute_folder_size(place)
            if left < 0:
                shutil.rmtree(place, ignore_errors=True)


@contextmanager
def open_month_cache(stage: str) -> Iterator[MonthCache]:
    """Yield the kept months of a stage.

    Those that are too many are removed when the block has succeeded.
    """
    kept = MonthCache(stage)
    yield kept
    kept.prune_months()


def _restore_files(place: Path, files: Sequence[Path]) -> Facts:
    kept = [*(place / str(number) for number in range(len(files))), place / FACTS]
    if [compute_dvc_hash(path) for path in kept] != json.loads(
        (place / HASHES).read_text(encoding="utf-8")
    ):
        raise ValueError(f"{place} was damaged")
    for path, file in zip(kept, files, strict=False):
        _link_file(path, file)
    os.utime(place)
    return dict(json.loads(kept[-1].read_text(encoding="utf-8")))


def _store_files(place: Path, files: Sequence[Path], facts: Facts) -> None:
    if not DVC.is_dir():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, ignore_cleanup_errors=True) as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        for number, file in enumerate(files):
            _link_file(file, new / str(number))
        (new / FACTS).write_text(json.dumps(facts), encoding="utf-8")
        (new / HASHES).write_text(
            json.dumps([*map(compute_dvc_hash, files), compute_dvc_hash(new / FACTS)]),
            encoding="utf-8",
        )
        new.rename(place)


def _link_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:  # another disk, or one without links
        shutil.copy(source, target)


def _compute_folder_size(place: Path) -> int:
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
