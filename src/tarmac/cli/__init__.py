"""Define the `tarmac` command, a thin layer.

Each subcommand is a make target or a question about the repository.
"""

from tarmac.cli import daily, life
from tarmac.cli.start import app

__all__ = ["app", "daily", "life"]
