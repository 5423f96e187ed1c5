"""The bundle that serves now, and its shadow.

They are changed between two requests, never within one.
"""

import logging
from pathlib import Path

from tarmac.serving import meters
from tarmac.serving.bundle import Bundle

logger = logging.getLogger(__name__)
Identity = tuple[tuple[str, int, int, int], ...]


class BundleSlot:
    """A folder, or a link to one, whose bundle is loaded again when another is put there."""

    def __init__(self, path: Path, optional: bool) -> None:
        """Store the arguments, and load nothing yet.

        If it is not `optional`, a bundle that vanishes stays: that is no order to stop.
        """
        self.path, self._optional = path, optional
        self.bundle: Bundle | None = None
        self._seen: Identity | None = None

    def refresh_bundle(self) -> None:
        """Load the bundle at the path if it is new.

        A bundle that cannot be loaded is logged, and leaves the old one in place.
        """
        now = self._compute_identity()
        if now == self._seen:
            return
        self._seen = now
        if now:
            self._load_bundle()
        elif self._optional:
            self.bundle = None
            logger.info("bundle gone", extra={"facts": {"path": str(self.path)}})

    def _load_bundle(self) -> None:
        try:
            self.bundle = Bundle(self.path.resolve())
        except Exception as error:  # noqa: BLE001 -- whatever a damaged file makes of its reader
            meters.loads.labels("refused").inc()
            reason = f"{type(error).__name__}: {error}"
            facts = {"path": str(self.path), "reason": reason, "hint": getattr(error, "hint", "")}
            logger.error("bundle refused", extra={"facts": facts})
            return
        meters.loads.labels("loaded").inc()
        logger.info(
            "bundle", extra={"facts": {"path": str(self.path), "version": self.bundle.version}}
        )

    def _compute_identity(self) -> Identity | None:
        """Return every file as it is now, or None if there is no bundle.

        A copy that has not come to its end is looked at again when it has.
        """
        try:
            (self.path / "release.json").stat()
            files = [(str(file), file.stat()) for file in sorted(self.path.resolve().rglob("*"))]
        except OSError:
            return None
        return tuple((name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in files)


class BundleReloader:
    """What answers, and what runs in its shadow."""

    def __init__(self, bundle: Path, shadow: Path) -> None:
        """Load nothing yet."""
        self._live, self._shadow = (
            BundleSlot(bundle, optional=False),
            BundleSlot(shadow, optional=True),
        )

    @property
    def bundle(self) -> Bundle | None:
        """The bundle that answers; a caller keeps it for the whole of a request."""
        return self._live.bundle

    @property
    def shadow(self) -> Bundle | None:
        """The candidate, if there is one."""
        return self._shadow.bundle

    def refresh_bundles(self) -> None:
        """Load what is new."""
        before = self.bundle
        self._live.refresh_bundle()
        self._shadow.refresh_bundle()
        if before and before is not self.bundle:
            meters.serving.labels(before.version).set(0)
        if self.bundle:
            meters.serving.labels(self.bundle.version).set(1)
