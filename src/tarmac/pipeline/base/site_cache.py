"""A private folder for what DVC keeps about a repository between commands, its site cache.

Without it DVC uses /var/tmp/dvc, where every user of the machine may write, and reads it with
pickle: another user can run code as you (CVE-2025-69872 of diskcache).
"""

import contextlib
import os
from pathlib import Path

VARIABLE = "DVC_SITE_CACHE_DIR"  # absolute: DVC takes a relative one from the current folder
FOLDER = Path(".dvc/tmp/site")


def use_private_site_cache(root: Path) -> None:
    """Have DVC use a folder of this user alone, here and in programs that are started from here.

    A folder that the environment names stays. Outside a repository there is nothing to do.
    """
    if not (root / ".dvc").is_dir():
        return
    folder = (root / FOLDER).resolve()
    if not os.environ.get(VARIABLE):
        os.environ[VARIABLE] = str(folder)
    if Path(os.environ[VARIABLE]).resolve() == folder:
        with contextlib.suppress(OSError):  # on a read-only disk DVC says so itself
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)  # what DVC makes in it, everyone may write


def is_private_folder(folder: Path) -> bool:
    """Check that a folder is there, and that it is open to this user alone."""
    if not folder.is_dir():
        return False
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o077
