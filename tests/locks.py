"""Compiles the lock files again in a scratch folder, and says whether they are still the same."""

import difflib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GIVEN = ("data.txt", "override.txt")  # written by hand
FOLDER = ROOT / "requirements"
LOCKS = sorted(
    path.relative_to(FOLDER).as_posix()
    for path in (*FOLDER.glob("*.txt"), *FOLDER.glob("peers/*.txt"))
    if path.name not in GIVEN
)


def recompiled(folder: Path) -> dict[str, list[str]]:
    """Return the lines of each lock file after `make lock` in a copy, by file name.

    Present pins are kept wherever they still fit.
    """
    (folder / ".venv").symlink_to(ROOT / ".venv")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(FOLDER, folder / "requirements", ignore=shutil.ignore_patterns("node_modules"))
    # The copies are newer than what the environment's stamps stand for, so make would install. The
    # option `--assume-old` prevents that.
    subprocess.run(["make", "--silent", "--assume-old=.venv/dev", "lock"], cwd=folder, check=True)
    return {name: (folder / "requirements" / name).read_text().splitlines() for name in LOCKS}


def main() -> int:
    """Print the differences and return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        lines = recompiled(Path(folder))
    present = {name: (FOLDER / name).read_text().splitlines() for name in LOCKS}
    stale = [name for name in LOCKS if lines[name] != present[name]]
    for name in stale:
        print(
            "\n".join(
                list(
                    difflib.unified_diff(
                        present[name], lines[name], name, "recompiled", lineterm=""
                    )
                )[:40]
            )
        )
    print(
        f"lock files out of date: {', '.join(stale)}; run make lock"
        if stale
        else "lock files are up to date"
    )
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
