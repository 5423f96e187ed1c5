"""The error of a DVC command that failed, or of a damaged lockfile or `.dvc` file."""

from tarmac.interface.errors import UserError


class StoreError(UserError):
    """DVC failed, or what it fetched is not what the lock names."""
