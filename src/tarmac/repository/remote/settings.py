"""Read and write what DVC's two files say of a remote.

The committed file has what all need, and the ignored one what is private.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tarmac.interface.errors import UserError, suggest_name
from tarmac.repository.dvc import config
from tarmac.repository.remote.address import EMBEDDED, check_url

PRIVATE = Path(".dvc/config.local")  # Git ignores it
# What is the same for everybody and no secret; whatever is not named here stays private.
SHARED = frozenset(
    {
        "account_name",
        "acl",
        "allow_anonymous_login",
        "auth",
        "connect_timeout",
        "connection_timeout",
        "endpointurl",
        "jobs",
        "max_sessions",
        "method",
        "port",
        "projectname",
        "read_timeout",
        "region",
        "sse",
        "sse_kms_key_id",
        "tenant_id",
        "timeout",
        "use_ssl",
    }
)


RESERVED = {  # options that the caller does not set, and what to do instead
    "url": "give it as `make remote URL=...`",
    "verify": "remove it: what is fetched is always verified",
}


class SettingsError(UserError):
    """An option that DVC does not know for this kind of remote, or a file that it cannot read."""


def parse_options(options: Iterable[str]) -> dict[str, str]:
    """Return the options that are given as `name=value`.

    Raise `SettingsError` if one is not given so, and `AddressError` if it would leak.
    """
    values = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not (name and equals):
            message = f"{name or 'an option'} is not in the form name=value"
            raise SettingsError(message, 'write it as OPTIONS="name=value"')
        if name in RESERVED:
            raise SettingsError(f"option {name} cannot be set", RESERVED[name])
        if name in SHARED and "://" in value:
            check_url(value)
        values[name] = value
    return values


def format_remote_name(url: str) -> str:
    """Return the name of the remote that a URL is kept under.

    Each URL has a name of its own, so that credentials go nowhere else.
    """
    return re.sub("[^a-z0-9]+", "-", url.lower()).strip("-")


def write_remote_settings(folder: Path, url: str, options: Mapping[str, str]) -> None:
    """Make a URL the default remote of a clone.

    What was set for it before, and other remotes, stay. Raise `SettingsError` if an option does not
    fit; the files are written all the same, so try it on a copy.
    """
    chosen = {name: value for name, value in options.items() if name in SHARED}
    private = {name: value for name, value in options.items() if name not in SHARED}
    try:
        with config.edit_config(folder, "repo") as shared:
            shared["core"]["remote"] = format_remote_name(url)
            if url != EMBEDDED:
                _add_remote(shared["remote"], url, {**chosen, "verify": "true"})
        if private or (folder / PRIVATE).is_file():
            with config.edit_config(folder, "local") as own:
                # It would hide the committed choice on this machine alone.
                own["core"].pop("remote", None)
                if private:
                    _add_remote(own["remote"], url, private)
            (folder / PRIVATE).chmod(0o600)
        config.check_config(folder)
    except config.ConfigError as error:
        message = f"DVC rejects these settings: {error.__cause__}"
        raise SettingsError(message, _format_advice(url, options)) from error


def _format_advice(url: str, options: Iterable[str]) -> str:
    """Return what to do about options that DVC rejects."""
    known = config.find_options(url)
    questions = {suggest_name(name, known) for name in options if name not in known}
    return " ".join([*sorted(questions - {""}), "use the options of this remote (docs/remote.md)"])


def _add_remote(remotes: dict[str, dict[str, str]], url: str, options: Mapping[str, str]) -> None:
    """Add options to a remote.

    Its URL is written in each file: a commit from before the move does not know it.
    """
    name = format_remote_name(url)
    remotes[name] = {**remotes.get(name, {}), "url": url, **options}
