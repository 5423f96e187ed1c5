"""Read the test metrics of a commit, or of the working tree."""

import json
from typing import Any

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.paths import TEST_METRICS
from tarmac.repository import git


def read_test_metrics(revision: str | None = None) -> dict[str, Any]:
    """Return the test metrics of a commit, or of the working tree; empty if there is no file.

    Raise `UserError` if the file is damaged, as by a merge.
    """
    where = "the working tree" if revision is None else f"commit {revision}"
    hint = f"restore it with `git restore --source=HEAD {TEST_METRICS}`"
    if revision is not None:
        hint = (
            f"restore a valid file with `git restore --source=COMMIT {TEST_METRICS}`,"
            " or rebuild it with `make run`; then commit it"
        )
    try:
        metrics = json.loads(_read_text(revision) or "{}")
    except ValueError as error:
        message = f"{TEST_METRICS} of {where} cannot be read: {error}"
        raise UserError(message, hint) from None
    if not isinstance(metrics, dict):
        raise UserError(f"{TEST_METRICS} of {where} is not a JSON object", hint)
    return metrics


def _read_text(revision: str | None) -> str | None:
    if revision is not None:
        return git.read_text_at(revision, TEST_METRICS)
    return TEST_METRICS.read_text(encoding="utf-8") if TEST_METRICS.is_file() else None
