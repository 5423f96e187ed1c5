"""A dataset that a node writes itself: Kedro sees whether it is there."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset


class Made(AbstractDataset):
    """A file or a folder by its path."""

    def __init__(self, filepath: str) -> None:
        """Take the path."""
        self._path = Path(filepath)

    def load(self) -> Path:
        """The path."""
        return self._path

    def save(self, data: Path) -> None:
        """Nothing: it is there."""

    def _exists(self) -> bool:
        return self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
