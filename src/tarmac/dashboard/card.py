"""The model card as HTML, and the numbers of its tables: the only place where intervals are committed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

# What is committed is no more trusted than a comment: HTML in it shows as text, and a link or a picture stays text.
PARSER = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image", "autolink"])
BETWEEN = re.compile(r"(-?[\d.,]+) to (-?[\d.,]+)")


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, as far as they are known."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Slice:
    """The main metric of one slice on the test rows."""

    slice: str
    value: str
    rows: int
    score: Estimate


def html(markdown: str) -> str:
    """The card without its first heading, all others a level deeper: the page has its own above."""
    tokens = PARSER.parse(markdown)
    if tokens and tokens[0].tag == "h1":
        tokens = tokens[3:]
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        if "style" in token.attrs:  # the page lets no style through that stands in its text
            token.attrs = {"class": "number"} if "right" in str(token.attrs["style"]) else {}
    _unname(tokens)
    shown = str(PARSER.renderer.render(tokens, PARSER.options, {}))
    return shown.replace("<table>", '<div class="scroll"><table>').replace("</table>", "</table></div>")


def _unname(tokens: list[Token]) -> None:
    """A column without a name has no header: one that says nothing is read aloud as nothing."""
    for opening, inside, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opening.type == "th_open" and not inside.content:
            opening.tag = closing.tag = "td"


def metrics(markdown: str) -> dict[str, tuple[Estimate, float | None]]:
    """Every metric of the test rows with its interval, and the baseline's value; empty where no table has them."""
    rows = _table(markdown, ("metric", "model"))
    return {name: (_estimate(value, between), _number(base)) for name, value, between, base in rows}


def slices(markdown: str) -> list[Slice]:
    """Every slice of the test rows; none where no table has them."""
    rows = _table(markdown, ("slice", "value"))
    return [
        Slice(name, value, int(_number(size) or 0), _estimate(score, between))
        for name, value, size, score, between in rows
    ]


def _table(markdown: str, starts: tuple[str, ...]) -> list[list[str]]:
    """The rows of the first table whose head starts so, all as long as the head."""
    for head, *rows in _tables(PARSER.parse(markdown)):
        if tuple(head[: len(starts)]) == starts:
            return [row for row in rows if len(row) == len(head)]
    return []


def _tables(tokens: list[Token]) -> Iterator[list[list[str]]]:
    table: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            table.append([])
        elif token.type == "inline" and table:
            table[-1].append("".join(child.content for child in token.children or []))
        elif token.type == "table_close":
            yield table
            table = []


def _estimate(value: str, between: str) -> Estimate:
    ends = BETWEEN.fullmatch(between)
    return Estimate(_number(value), *(_number(end) for end in ends.groups())) if ends else Estimate(_number(value))


def _number(cell: str) -> float | None:
    try:
        return float(cell.replace(",", ""))
    except ValueError:
        return None
