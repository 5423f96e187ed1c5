"""DVC's settings: `.dvc/config` is committed, `.dvc/config.local` is of this machine alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tarmac.interface.errors import UserError


class ConfigError(UserError):
    """DVC cannot read its settings, or does not take them."""


@contextmanager
def edit_config(folder: Path, level: str) -> Iterator[Any]:
    """Yield the settings of a clone as a dictionary that is written afterwards: `repo` or `local`.

    Raises `ConfigError` if the file cannot be read. What is written is not checked.
    """
    with _open_config(folder) as config, config.edit(level, validate=False) as settings:
        yield settings


def check_config(folder: Path) -> None:
    """Check the settings of a clone. Raises `ConfigError`."""
    with _open_config(folder) as config:
        config.load()


def lend_remotes(clone: Path, folder: Path = Path(), level: str | None = "local") -> None:
    """Let a clone use the remotes of a folder, but not its cache.

    The credentials of these remotes are in no commit. With `level` None, the clone gets every
    remote as it is set in the folder, committed or not.
    """
    with _open_config(folder) as config:
        lent = config.read(level)
    with edit_config(clone, "local") as own:
        own["remote"] = lent["remote"]
        own["core"] = {name: value for name, value in lent["core"].items() if name == "remote"}


def lend_cache(clone: Path, folder: Path = Path()) -> None:
    """Let a clone use the cache of a folder, wherever that is set to be. Raises `ConfigError`."""
    with _open_config(folder) as config:
        cache = config["cache"].get("dir") or (folder / ".dvc/cache").absolute()
    with edit_config(clone, "local") as own:
        own["cache"]["dir"] = str(cache)


def find_options(url: str) -> list[str]:
    """Return the options that DVC knows for the kind of remote that a URL names."""
    from dvc.config_schema import REMOTE_SCHEMAS

    scheme = url.partition("://")[0] if "://" in url else ""
    return sorted(map(str, REMOTE_SCHEMAS.get(scheme, {})))


@contextmanager
def _open_config(folder: Path) -> Iterator[Any]:
    from dvc.config import Config
    from dvc.exceptions import DvcException

    try:
        yield Config(str(folder / ".dvc"), validate=False)
    except DvcException as error:
        hint = "correct .dvc/config or .dvc/config.local"
        raise ConfigError(f"DVC cannot read its settings: {error}", hint) from error
