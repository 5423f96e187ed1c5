"""What a person should know of a new project, line by line."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from tarmac.scaffold.infer import InferredProblem
from tarmac.scaffold.notes import join_some


def list_summary_lines(
    inferred: InferredProblem, files: Sequence[tuple[str, pa.Table]], changes: Mapping[str, Any]
) -> list[str]:
    """Return lines for a person: what was inferred, and what was left out."""
    size = f"{len(inferred.rows):,} rows in {len(files)} file(s)"
    left_out: dict[str, list[str]] = {}
    for name, why in inferred.left_out.items():
        left_out.setdefault(why, []).append(name)
    parts = []
    for part, value in changes["split"].items():
        shown = f"{value['first']} to {value['last']}" if isinstance(value, dict) else value
        parts.append(f"{part} {shown}")
    return [
        f"{inferred.task}: {inferred.target} from {len(inferred.inputs)} columns of {size}",
        f"key: {', '.join(inferred.row_key)}; rows that are alike share {inferred.cluster}",
        f"split: {', '.join(parts)}",
        *(f"left out: {join_some(names)}: {why}" for why, names in left_out.items()),
        *(f"note: {note}" for note in inferred.notes),
    ]
