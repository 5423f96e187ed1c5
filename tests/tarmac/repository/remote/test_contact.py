"""Library errors from a remote are translated into messages that state what is wrong."""

from pathlib import Path

import pytest

from tarmac.repository.remote.contact import (
    KEPT_OUT,
    PATIENCE,
    REJECTED,
    ContactError,
    check_remote,
    explain_error,
)


class HTTPError(Exception):
    """As WebDAV's client names it."""


class ForbiddenOperation(Exception):  # noqa: N818 -- the client's name
    """As WebDAV's client names it, where a folder was to be made."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ForbiddenOperation("the server does not allow it"), KEPT_OUT),
        (HTTPError("received 403 (Forbidden)"), KEPT_OUT),
        (HTTPError("received 401 (Unauthorized)"), REJECTED),
        (HTTPError("received 507 (Insufficient Storage)"), REJECTED),
    ],
)
def test_webdav_errors_distinguish_no_permission_from_refusal(error, words):
    assert explain_error(error) == f"{words} ({error})"


@pytest.mark.parametrize("value", ["1m", "nan", "0", "-1", "inf", "1e300"])
def test_rejects_patience_that_is_no_number_of_seconds(tmp_path: Path, monkeypatch, value):
    monkeypatch.setenv(PATIENCE, value)
    with pytest.raises(ContactError) as caught:
        check_remote(tmp_path, "storage", "s3://bucket", writes=False)
    assert str(caught.value).startswith(f'{PATIENCE} is "{value}", not a number of seconds')
    assert f"{PATIENCE}=300" in caught.value.hint
