"""Settings of the service, from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What each variable `TARMAC_<NAME>` may say."""

    bundle: Path  # the folder that is served; a link that is pointed elsewhere is noticed
    shadow: Path  # another that runs beside it, where it exists
    log: Path | None  # folder for the log of predictions
    host: str
    port: int
    workers: int

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Reads them. Raises `ValueError` naming the variable that is wrong."""
        log = environment.get("TARMAC_LOG", "")
        return cls(
            bundle=Path(environment.get("TARMAC_BUNDLE", "served/live")),
            shadow=Path(environment.get("TARMAC_SHADOW", "served/shadow")),
            log=Path(log) if log else None,
            host=environment.get("TARMAC_HOST", "127.0.0.1"),
            port=_number(environment, "TARMAC_PORT", 8080, 0, 65_535),
            workers=_number(environment, "TARMAC_WORKERS", 1, 1, 64),
        )


def _number(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environment.get(name, str(default))
    if not text.isdecimal() or not low <= int(text) <= high:
        raise ValueError(f"{name} is {text!r}: a whole number from {low} to {high} is expected")
    return int(text)
