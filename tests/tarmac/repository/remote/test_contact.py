"""Library errors from a remote are translated into messages that state what is wrong."""

import pytest

from tarmac.repository.remote.contact import KEPT_OUT, REJECTED, explain_error


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
