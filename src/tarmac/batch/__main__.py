"""`python -m tarmac.batch IN OUT`: what `tarmac predict` does, where Typer is not installed."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tarmac.batch.run import load_bundle, predict_files
from tarmac.interface.errors import exit_on_user_error
from tarmac.serving.bundle import Bundle


def share(text: str) -> float:
    """A share from 0 to 1. Raises `ValueError` for anything else."""
    if not 0 <= (value := float(text)) <= 1:
        raise ValueError(text)
    return value


def main(predict: Callable[[Path, Path, Bundle, float], str] = predict_files) -> None:
    """The command where Typer is not installed."""
    parser = argparse.ArgumentParser(prog="python -m tarmac.batch", description=__doc__)
    parser.add_argument(
        "source", type=Path, metavar="IN", help="a .parquet or .csv file, or a folder of them"
    )
    parser.add_argument(
        "out", type=Path, metavar="OUT", help="a .parquet or .csv file; a folder where IN is one"
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        help="the bundle to score with; served/live or $TARMAC_BUNDLE without it",
    )
    parser.add_argument(
        "--max-rejects", type=share, default=1.0, help="share of rejected rows above which it fails"
    )
    chosen = parser.parse_args()
    try:
        with exit_on_user_error():
            print(
                predict(chosen.source, chosen.out, load_bundle(chosen.bundle), chosen.max_rejects)
            )
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
