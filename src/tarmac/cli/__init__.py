"""Define the `tarmac` command, a thin layer.

Each subcommand is a make target or a question about the repository.
"""

from tarmac.cli.application import app

# `tarmac --help` lists the commands in the order of these imports, which is that of `make help`.
# isort: off
from tarmac.cli import run_and_compare, share, data, project, release_and_serve, production

# isort: on

__all__ = ["app", "data", "production", "project", "release_and_serve", "run_and_compare", "share"]
