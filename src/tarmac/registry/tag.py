"""Makes a tag through GTO and takes it to where the team is; a tag that cannot be pushed is taken back."""

from collections.abc import Callable
from typing import Any

from tarmac.registry.history import RegistryError
from tarmac.repository.git import GitError, run_git


def create_tag(make: Callable[[], Any]) -> str:
    """Runs what makes one tag, pushes that tag, and returns its name. Raises `RegistryError`, with no tag left."""
    from gto.exceptions import GTOException

    try:
        tag = str(make().tag)
    except GTOException as error:
        raise RegistryError(f"the tag was not created: {' '.join(str(error).split())}") from None
    if "origin" not in run_git("remote").split():
        print(f"{tag} is in this clone only: there is no remote `origin` to push it to")
        return tag
    try:
        run_git("push", "--quiet", "--no-verify", "origin", f"refs/tags/{tag}")
    except GitError as error:
        run_git("tag", "--delete", tag)
        message = f"the tag {tag} could not be pushed and was deleted: {error}"
        raise RegistryError(message, error.hint) from None
    return tag


def fetch_tags() -> None:
    """Brings the tags of others, so that numbers go on from theirs. Raises `GitError` where `origin` is away."""
    if "origin" in run_git("remote").split():
        run_git("fetch", "--quiet", "--tags", "origin")
