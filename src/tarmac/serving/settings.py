"""Settings of the service, from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tarmac.interface.errors import UserError

WRITABLE = "set it to a folder that the service can write to"


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
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read them. Raises `UserError` naming the variable that is wrong."""
        return cls(
            bundle=Path(environment.get("TARMAC_BUNDLE", "served/live")),
            shadow=Path(environment.get("TARMAC_SHADOW", "served/shadow")),
            log=_create_folder(environment, "TARMAC_LOG"),
            host=environment.get("TARMAC_HOST", "127.0.0.1"),
            port=_parse_number(environment, "TARMAC_PORT", 8080, 0, 65_535),
            workers=_parse_number(environment, "TARMAC_WORKERS", 1, 1, 64),
        )


def _create_folder(environment: Mapping[str, str], name: str) -> Path | None:
    """A folder to write to, made where there is none; not asked for where the variable is empty."""
    if not (text := environment.get(name, "")):
        return None
    try:
        Path(text).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{name} is {text!r}, a folder that cannot be created: {error.strerror}"
        raise UserError(message, WRITABLE) from None
    if not os.access(text, os.W_OK):
        raise UserError(f"{name} is {text!r}, a folder without permission to write", WRITABLE)
    return Path(text)


def _parse_number(
    environment: Mapping[str, str], name: str, default: int, low: int, high: int
) -> int:
    text = environment.get(name, str(default))
    if not text.isdecimal() or not low <= int(text) <= high:
        message = f"{name} is {text!r}, not a whole number from {low} to {high}"
        raise UserError(message, f"set a valid number, for example `{name}={default}`")
    return int(text)
