"""Check where a team may keep its objects, by the URL alone.

make runs this module before anything is installed.
"""

import sys
from configparser import Error, RawConfigParser
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from tarmac.interface.errors import UserError, suggest_name

EXTRAS = {  # what DVC needs besides itself, by the scheme of a URL: requirements/remote-*.txt
    "s3": "s3",
    "gs": "gs",
    "azure": "azure",
    "ssh": "ssh",
    "webdav": "webdav",
    "webdavs": "webdav",
    "http": "",
    "https": "",
    "": "",
}
READ_ONLY = ("http", "https")
WITH_USER = ("ssh", "webdav", "webdavs")  # whose URL may begin with a name
EMBEDDED = "embedded"  # the remote inside the clone, by its name
CONFIGS = (Path(".dvc/config"), Path(".dvc/config.local"))


class AddressError(UserError):
    """A URL that no remote can have, or that would put a secret into a commit."""


def check_url(url: str) -> str:
    """Return the URL as it is.

    Raise `AddressError` if the URL is of no known kind, or contains what must not be committed.
    """
    parts = _split_url(url)
    secret = _find_secret(parts)
    if secret:
        raise AddressError(
            f"the URL has {secret}, which would be committed to Git",
            "remove it from the URL, and give a credential in the environment or as"
            ' OPTIONS="name=value", which is kept in .dvc/config.local (docs/remote.md)',
        )
    if url == EMBEDDED:
        return url
    if parts.scheme not in EXTRAS:
        kinds = ", ".join(f"{scheme}://" for scheme in EXTRAS if scheme)
        hint = f"use {kinds}, the full path of a shared folder, or `{EMBEDDED}`"
        hint = f"{suggest_name(parts.scheme, EXTRAS)} {hint}".strip()
        raise AddressError(f"{url}: unknown kind of remote {parts.scheme!r}", hint)
    if parts.scheme and not parts.netloc:
        raise AddressError(f"{url}: no bucket or host in URL", f"use {parts.scheme}://NAME/PATH")
    if not parts.scheme and not Path(url).is_absolute():
        message = f"{url}: neither a URL nor a folder's full path" if url else "the URL is empty"
        hint = f"{suggest_name(url, [EMBEDDED])} give a URL, or the full path of a shared folder"
        raise AddressError(message, hint.strip())
    return url


def _find_secret(parts: SplitResult) -> str:
    """Return what a URL has that must not be committed, or nothing."""
    if parts.password is not None:
        return "a password"
    if parts.query:
        return "a query (`?…`)"
    return "a user name" if parts.username and parts.scheme not in WITH_USER else ""


def find_dvc_extra(url: str) -> str:
    """Which of requirements/remote-*.txt a URL needs; empty for none."""
    return EXTRAS.get(_split_url(url).scheme, "")


def is_writable(url: str) -> bool:
    """Whether DVC can push there."""
    return _split_url(url).scheme not in READ_ONLY


def read_default_url(folder: Path = Path()) -> str:
    """Return the URL of the remote that a clone uses.

    Return an empty one if there is no remote, or if its settings cannot be read.
    """
    config = RawConfigParser(strict=False)
    try:
        config.read([folder / path for path in CONFIGS], encoding="utf-8")
        return config.get(f"'remote \"{config.get('core', 'remote')}\"'", "url")
    except (Error, UnicodeDecodeError):
        return ""


def _split_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # the port is parsed only on access
    except ValueError as error:
        hint = "write it as s3://BUCKET/PATH, with the scheme of your storage (docs/remote.md)"
        raise AddressError(f"the URL of the remote is not valid: {error}", hint) from None
    return parts


if __name__ == "__main__":
    print(find_dvc_extra(sys.argv[1] or read_default_url()))
