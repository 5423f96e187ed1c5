"""The wheel of Tarmac that a project keeps in its repository, pinned by its hash.

Tarmac's own repository has no wheel: there the code of the source tree runs.
"""

import base64
import csv
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tarmac.interface.errors import UserError
from tarmac.interface.problem import SOURCE
from tarmac.pipeline.base.paths import WHEEL_PIN

PACKAGE = Path(__file__).resolve().parents[2]
INSTALL = "install the pinned wheel: `make setup`"


class WheelError(UserError):
    """The pinned wheel is missing or damaged, or is not what is installed."""


@dataclass(frozen=True)
class PinnedWheel:
    """A wheel in the repository, and the SHA-256 that its pin names, in hexadecimal."""

    path: Path
    sha256: str

    @property
    def version(self) -> str:
        """The version of the release, which its name has."""
        return self.path.name.split("-")[1]

    def read_bytes(self) -> bytes:
        """Return the wheel. Raise `WheelError` if it is missing or differs from its pin."""
        restore = f"restore both: `git restore {WHEEL_PIN} {self.path.parent.name}`"
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise WheelError(f"{self.path} cannot be read: {error.strerror}", restore) from None
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise WheelError(f"{self.path} has another hash than {WHEEL_PIN} names", restore)
        return content

    def extract(self, folder: Path) -> None:
        """Write the files of the wheel to a folder, from which Python can import them."""
        with zipfile.ZipFile(io.BytesIO(self.read_bytes())) as archive:
            archive.extractall(folder)


def read_pinned_wheel(root: Path) -> PinnedWheel | None:
    """Return the wheel that a repository pins; None in a repository with Tarmac's source.

    Raise `WheelError` if the repository has neither.
    """
    if (root / SOURCE / PACKAGE.name).is_dir():
        return None
    pin = root / WHEEL_PIN
    lines = pin.read_text(encoding="utf-8").splitlines() if pin.is_file() else []
    for line in lines:
        name, separator, sha256 = line.partition(" --hash=sha256:")
        if separator:
            return PinnedWheel(root / name, sha256.strip())
    raise WheelError(f"{pin} pins no wheel", f"restore it: `git restore {WHEEL_PIN}`")


def check_installed_package(root: Path) -> None:
    """Raise `WheelError` if the package that runs is not the one that the repository pins."""
    wheel = read_pinned_wheel(root)
    if wheel is None:
        return
    with zipfile.ZipFile(io.BytesIO(wheel.read_bytes())) as archive:
        record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        rows = csv.reader(archive.read(record).decode().splitlines())
        pinned = {row[0]: row[1] for row in rows if row[0].startswith(f"{PACKAGE.name}/")}
    for name, digest in pinned.items():
        path = PACKAGE.parent / name
        if not path.is_file() or compute_record_hash(path.read_bytes()) != digest:
            raise WheelError(f"{path} is not the file of {wheel.path}", INSTALL)


def compute_record_hash(content: bytes) -> str:
    """Return a hash in the form of a wheel's RECORD (PEP 376): SHA-256 in Base64 without padding.

    Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    """
    digest = hashlib.sha256(content).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
