"""Compute DVC's hashes from the bytes that are there.

DVC itself trusts what it noted about a file earlier.
"""

import hashlib
import json
from pathlib import Path


def compute_dvc_hash(path: Path) -> str:
    """Return DVC's hash of a file or a folder in the workspace, computed from its bytes.

    Return an empty string if there is no file.
    """
    if path.is_file():
        return _compute_md5(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    if not files:
        return ""
    listing = [
        {"md5": _compute_md5(file), "relpath": file.relative_to(path).as_posix()} for file in files
    ]
    listing.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(listing).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _compute_md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
