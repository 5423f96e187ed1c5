"""The `tarmac` command: thin; every word of it is a make target or a question about the repository."""

from tarmac.cli import daily, life
from tarmac.cli.start import app

__all__ = ["app", "daily", "life"]
