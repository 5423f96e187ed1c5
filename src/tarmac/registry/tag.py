"""Create a tag through GTO and push it to the team's remote.

A tag that cannot be pushed is deleted.
"""

from collections.abc import Callable
from typing import Any

from tarmac.registry.history import RegistryError
from tarmac.repository.git import GitError, run_git


def create_tag(make: Callable[[], Any]) -> str:
    """Run what makes one tag, push that tag, and return its name.

    Raise `RegistryError`, and leave no tag, if one of these fails.
    """
    from gto.exceptions import GTOException

    try:
        tag = str(make().tag)
    except GTOException as error:
        message = f"the tag was not created: {' '.join(str(error).split())}"
        raise RegistryError(
            message, "list the versions and environments: `tarmac registry`"
        ) from None
    if "origin" not in run_git("remote").split():
        print(f"{tag} is in this clone only: there is no remote `origin` to push it to")
        return tag
    try:
        run_git("push", "--quiet", "--no-verify", "origin", f"refs/tags/{tag}")
    except GitError as error:
        run_git("tag", "--delete", tag)
        message = f"the tag {tag} could not be pushed and was deleted: {error}"
        hint = "check that you may push tags to `origin`, then run the same command again"
        raise RegistryError(message, hint) from None
    return tag


def fetch_tags() -> None:
    """Fetch the tags of others, so that numbers go on from theirs.

    Raise `GitError` if `origin` cannot be reached.
    """
    if "origin" in run_git("remote").split():
        run_git("fetch", "--quiet", "--tags", "origin")
