"""Find the largest literals, data and binary files that a change adds.

Labels of test rows could be hidden there. A few kilobytes of source can hold every label of the
test rows, and no rebuild finds them. A person sees them if the report points at them.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tarmac.pipeline.base.paths import CARD, LOCK
from tarmac.repository import git

LEAST = 200  # bytes; smaller ones are too many to be read
SHOWN = 10
# By the pipeline, or for people.
MADE = ("data/remote", str(LOCK), "metrics", str(CARD), "docs", "README.md")
Container = ast.List | ast.Tuple | ast.Set | ast.Dict


@dataclass(frozen=True)
class Addition:
    """Something that a change adds, with its size in bytes."""

    place: str
    what: str
    size: int


def find_additions(base: str, head: str) -> list[Addition]:
    """Return the largest additions of a commit over another one, the largest first.

    At most `SHOWN` additions are returned.
    """
    left_out = [f":(exclude){path}" for path in MADE]
    listed = git.run_git(
        "diff",
        "--numstat",
        "--no-renames",
        "-z",
        "--diff-filter=d",
        base,
        head,
        "--",
        ".",
        *left_out,
    )
    additions: list[Addition] = []
    for line in filter(None, listed.split("\0")):
        added, _, path = line.split("\t", 2)
        before, after = (git.read_blob_at(commit, Path(path)) or b"" for commit in (base, head))
        if added == "-":
            additions.append(Addition(path, "a binary file", len(after)))
        elif Path(path).suffix == ".py":
            additions += _find_new_literals(path, before, after)
        elif len(after) - len(before) >= LEAST:
            additions.append(Addition(path, f"text, {added} lines", len(after) - len(before)))
    largest = sorted(
        (one for one in additions if one.size >= LEAST), key=lambda one: (-one.size, one.place)
    )
    return largest[:SHOWN]


def _find_new_literals(path: str, before: bytes, after: bytes) -> list[Addition]:
    """Return the literals that one text of a module has and the other lacks."""
    try:
        known = {ast.dump(node) for node in _iter_literals(ast.parse(before))}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        known = set()
    try:
        new = [node for node in _iter_literals(ast.parse(after)) if ast.dump(node) not in known]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [Addition(path, "a module that cannot be read", len(after))]
    source = after.decode("utf-8", errors="replace")
    sized = ((node, len((ast.get_source_segment(source, node) or "").encode())) for node in new)
    return [
        Addition(f"{path}:{node.lineno}", "a literal", size)
        for node, size in sized
        if size >= LEAST
    ]


def _iter_literals(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield each literal, and each display of literals as one; docstrings are left out."""
    skipped = set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Constant | ast.JoinedStr) or (
            isinstance(node, Container) and _is_literal(node)
        ):
            skipped.update(id(inner) for inner in ast.walk(node) if inner is not node)
            yield node


def _is_literal(node: Container) -> bool:
    """Check that a display holds nothing but literals."""
    allowed = (
        ast.List,
        ast.Tuple,
        ast.Set,
        ast.Dict,
        ast.Constant,
        ast.UnaryOp,
        ast.USub,
        ast.Load,
    )
    return all(isinstance(inner, allowed) for inner in ast.walk(node))
