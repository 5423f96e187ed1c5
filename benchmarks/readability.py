"""Count what makes source code slow to read, for any checkout.

Usage: `python -m benchmarks.readability SRC [SRC ...]`.

Every figure is a hint for a person, and no figure is a goal. Revert a rename that reads worse.
"""

import argparse
import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

LONG = 100  # characters of a line
# Past participles that do not end in -ed. Such a name says neither what is done nor to what.
IRREGULAR = """
begun bound broken brought built chosen done drawn driven fed found given gone held hidden kept
known laid left lent lost made meant met paid said seen sent shown sorted spent spoken stood stolen
sung swept taken taught thrown told thought understood undone united won worn written
"""
NOT_PARTICIPLES = ("feed", "need", "seed", "speed")  # verbs and nouns that end in -ed
Function = ast.FunctionDef | ast.AsyncFunctionDef
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Figures:
    """What was counted in one source tree."""

    modules: int
    lines: int
    statements: int
    functions: int
    one_word_names: float  # share of functions
    participle_names: float  # share of functions
    class_names_twice: int
    module_names_twice: int
    median_function: float  # lines
    longest_function: int  # lines
    long_lines: float  # share of lines
    comprehensions: float  # per function


def measure(root: Path) -> Figures:
    """Count what the Python files below a folder contain.

    Tests, and templates of Python files, are left out.
    """
    lines: list[str] = []
    nodes: list[ast.AST] = []
    sources = read_sources(root)
    for text, tree in sources.values():
        lines += text.splitlines()
        nodes += ast.walk(tree)
    functions = [node for node in nodes if isinstance(node, Function)]
    named = [
        split_words(node.name)
        for node in functions
        if not is_dunder(node.name) and not is_property(node)
    ]
    lengths = [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions] or [0]
    return Figures(
        modules=len(sources),
        lines=len(lines),
        statements=sum(isinstance(node, ast.stmt) for node in nodes),
        functions=len(functions),
        one_word_names=share(len(name) == 1 for name in named),
        participle_names=share(len(name) == 1 and is_participle(name[0]) for name in named),
        class_names_twice=count_repeated(
            node.name for node in nodes if isinstance(node, ast.ClassDef)
        ),
        module_names_twice=count_repeated(
            path.stem for path in sources if not is_dunder(path.stem)
        ),
        median_function=median(lengths),
        longest_function=max(lengths),
        long_lines=share(len(line) > LONG for line in lines),
        comprehensions=sum(isinstance(node, COMPREHENSIONS) for node in nodes)
        / max(len(functions), 1),
    )


def read_sources(root: Path) -> dict[Path, tuple[str, ast.Module]]:
    """Return text and syntax tree of the Python files below a folder, without tests."""
    sources = {}
    for path in sorted(root.rglob("*.py")):
        if "tests" in path.relative_to(root).parts:
            continue
        text = path.read_text(encoding="utf-8")
        try:
            sources[path] = text, ast.parse(text)
        except SyntaxError:  # a template
            continue
    return sources


def split_words(name: str) -> list[str]:
    """Split a name in snake case or camel case into its words."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


def is_dunder(name: str) -> bool:
    """Return whether Python gives the name."""
    return name.startswith("__") and name.endswith("__")


def is_property(function: Function) -> bool:
    """Return whether a function reads as a value, so that a noun names it well."""
    decorators = {
        ast.unparse(decorator).rpartition(".")[2] for decorator in function.decorator_list
    }
    return bool(decorators & {"property", "cached_property", "setter"})


def is_participle(word: str) -> bool:
    """Return whether a word is a past participle, as far as its form says."""
    return word not in NOT_PARTICIPLES and (word in IRREGULAR.split() or word.endswith("ed"))


def count_repeated(names: Iterator[str]) -> int:
    """Return how many names occur more than once."""
    return sum(count > 1 for count in Counter(names).values())


def share(holds: Iterator[bool]) -> float:
    """Return the share of cases in which something holds; 0 of none."""
    cases = list(holds)
    return sum(cases) / max(len(cases), 1)


def table(names: Sequence[str], figures_by_root: Sequence[Figures]) -> str:
    """Return a Markdown table with a column for each tree."""
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for field in fields(Figures):
        cells = [
            format_value(getattr(figures, field.name), field.name) for figures in figures_by_root
        ]
        lines.append(f"| {field.name.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def format_value(value: float, name: str) -> str:
    """Return a count with separators, a share in percent, and an average with two digits."""
    if isinstance(value, int):
        return f"{value:,}"
    if name == "comprehensions":
        return f"{value:.2f}"
    return f"{value:g}" if name == "median_function" else f"{value:.1%}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readability", description=__doc__)
    parser.add_argument(
        "roots", nargs="*", type=Path, default=[Path("src")], help="folders with source code"
    )
    roots = parser.parse_args().roots
    print(table([str(root) for root in roots], [measure(root) for root in roots]))


if __name__ == "__main__":
    main()
