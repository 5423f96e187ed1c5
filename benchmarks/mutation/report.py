"""Render results: a table of the modules, and a diff of each mutant that survived."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.mutation.worker import Result

EQUIVALENTS = Path(__file__).with_name("equivalent.txt")
COLUMNS = ("sites", "run", "killed", "survived", "equivalent", "share", "wall", "cpu")
Key = tuple[str, str, str]  # module, line before, line after


def read_equivalents(path: Path = EQUIVALENTS) -> dict[Key, str]:
    """Return the reasons of known equivalent mutants.

    A block of the file is a module, `- line before`, `+ line after` and the reason on one line.
    """
    reasons = {}
    for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if lines:
            module, before, after, reason = lines
            reasons[module, before.removeprefix("- "), after.removeprefix("+ ")] = reason
    return reasons


def summarize(result: Result, equivalents: dict[Key, str]) -> dict[str, Any]:
    """Return the figures of a module by column, and its survivors without the equivalent ones."""
    alive = [one for one in result.outcomes if one.ended == "survived"]
    known = [one for one in alive if (result.module, one.before, one.after) in equivalents]
    run, counted = len(result.outcomes), len(result.outcomes) - len(known)
    return {
        "module": result.module,
        "sites": result.sites,
        "run": run,
        "killed": run - len(alive),
        "survived": len(alive) - len(known),
        "equivalent": len(known),
        "share": round((run - len(alive)) / counted, 3) if counted else None,
        "wall": round(result.wall),
        "cpu": round(result.cpu),
        "survivors": [asdict(one) for one in alive if one not in known],
    }


def render(summaries: list[dict[str, Any]]) -> str:
    """Return the table and the survivors as Markdown."""
    lines = [f"| module | {' | '.join(COLUMNS)} |", f"| --- |{' ---: |' * len(COLUMNS)}"]
    for summary in summaries:
        cells = [str(summary[name]) for name in ("module", *COLUMNS)]
        lines.append(f"| {' | '.join(cells)} |")
    for summary in summaries:
        for one in summary["survivors"]:
            place = f"src/{summary['module']}.py:{one['line']}"
            lines += ["", f"{place} {one['operator']}", f"- {one['before']}", f"+ {one['after']}"]
    return "\n".join(lines)
