"""The pipeline as ranks of stages: what feeds what, without the edges that follow from others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

Stages = Mapping[str, Mapping[str, Any]]
PROGRAM = (".py", ".txt", ".lock")  # endings of dependencies that are code or environment, not data


@dataclass(frozen=True)
class Node:
    """A stage, or data from outside: where it stands and what it writes."""

    name: str
    writes: tuple[str, ...]
    rank: int
    place: int  # in its rank


def list_paths(stage: Mapping[str, Any], kind: str) -> list[str]:
    """Return the paths of a stage's deps, outs or metrics.

    DVC accepts each path as text, or as a mapping with options.
    """
    return [
        str(next(iter(item))) if isinstance(item, Mapping) else str(item)
        for item in stage.get(kind) or []
    ]


def list_outputs(stage: Mapping[str, Any]) -> list[str]:
    """Everything that a stage writes."""
    return [path for kind in ("outs", "metrics", "plots") for path in list_paths(stage, kind)]


def find_edges(stages: Stages) -> set[tuple[str, str]]:
    """Who reads what whom writes; data that no stage writes is a node of its own name."""
    edges = set()
    writers = {path: name for name, stage in stages.items() for path in list_outputs(stage)}
    for name, stage in stages.items():
        for path in list_paths(stage, "deps"):
            if writer := _find_writer(path, writers):
                edges.add((writer, name))
            elif is_data(path):
                edges.add((path, name))
    return {(first, last) for first, last in edges if first != last}


def reduce_edges(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Without every edge that a longer way says already."""
    return {(first, last) for first, last in edges if not _has_longer_path(first, last, edges)}


def build_nodes(stages: Stages) -> list[Node]:
    """Return every node with its position, in the order of the file.

    The rank of a node is one more than the highest rank of the nodes that feed it.
    """
    edges = find_edges(stages)
    names = list(dict.fromkeys([*sorted({first for first, _ in edges} - stages.keys()), *stages]))
    ranks = dict.fromkeys(names, 0)
    for _ in names:  # as many rounds as the longest way can have edges
        ranks = {name: _compute_rank(name, edges, ranks) for name in names}
    counts: dict[int, int] = {}
    nodes = []
    for name in names:
        place = counts.get(ranks[name], 0)
        counts[ranks[name]] = place + 1
        writes = _shorten_paths(list_outputs(stages.get(name, {})))
        nodes.append(Node(name, tuple(writes), ranks[name], place))
    return nodes


def _compute_rank(name: str, edges: set[tuple[str, str]], ranks: Mapping[str, int]) -> int:
    """Return one more than the highest rank of the nodes that feed a node; 0 if none does."""
    return 1 + max((ranks[first] for first, last in edges if last == name), default=-1)


def _has_longer_path(first: str, last: str, edges: set[tuple[str, str]]) -> bool:
    """Whether something leads from `first` to `last` in more than one step."""
    waiting = {middle for start, middle in edges if start == first and middle != last}
    seen: set[str] = set()
    while waiting:
        seen |= waiting
        waiting = {after for middle, after in edges if middle in waiting} - seen
    return last in seen


def _find_writer(path: str, writers: Mapping[str, str]) -> str | None:
    """The stage that writes a path, or a folder that it lies in, or a file in it."""
    return next((name for written, name in writers.items() if _has_overlap(path, written)), None)


def _has_overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def is_data(path: str) -> bool:
    """Whether a dependency is data: neither code nor the locked environment."""
    return not path.startswith("src/") and PurePosixPath(path).suffix not in PROGRAM


def _shorten_paths(paths: Iterable[str]) -> list[str]:
    """Names without their folders, metrics and plots last."""
    return [
        PurePosixPath(path).name
        for path in sorted(paths, key=lambda path: path.startswith("metrics/"))
    ]
