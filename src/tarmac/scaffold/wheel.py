"""Pack the package that runs as a wheel, from a clone or from an installed wheel alike.

The same files give the same bytes on every machine: names are sorted, times are fixed, and nothing
is compressed. Git compresses the wheel, and stores the next release as a difference.
"""

import importlib.metadata
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tarmac.pipeline.base.wheel import PACKAGE, compute_record_hash

DISTRIBUTION = "tarmac-ml"
TAG = "py3-none-any"
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that a ZIP file can store
FORMAT = f"Wheel-Version: 1.0\nGenerator: tarmac\nRoot-Is-Purelib: true\nTag: {TAG}\n"
COPIED = ("METADATA", "entry_points.txt", "licenses/LICENSE")


def write_wheel(folder: Path) -> Path:
    """Write the wheel of the package that runs into a folder, and return its path."""
    distribution = importlib.metadata.distribution(DISTRIBUTION)
    name = f"{DISTRIBUTION.replace('-', '_')}-{distribution.version}"
    info = f"{name}.dist-info"
    files = _read_package_files()
    files[f"{info}/WHEEL"] = FORMAT.encode()
    for part in COPIED:
        text = distribution.read_text(part)
        if text is not None:
            files[f"{info}/{part}"] = text.encode()
    files[f"{info}/RECORD"] = _format_record(files, f"{info}/RECORD")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{TAG}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for entry in sorted(files, key=lambda entry: (entry.startswith(info), entry)):
            archive.writestr(_create_entry(entry), files[entry])
    return path


def _read_package_files() -> dict[str, bytes]:
    return {
        str(path.relative_to(PACKAGE.parent)): path.read_bytes()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def _format_record(files: Mapping[str, bytes], record: str) -> bytes:
    lines = [f"{name},{compute_record_hash(files[name])},{len(files[name])}" for name in files]
    return "\n".join([*sorted(lines), f"{record},,", ""]).encode()


def _create_entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EARLIEST)
    entry.external_attr = 0o100644 << 16  # a regular file that everybody may read
    entry.create_system = 3  # Unix, also on other systems
    return entry
