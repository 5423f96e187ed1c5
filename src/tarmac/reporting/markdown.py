"""Write Markdown from untrusted values.

Whatever a value contains, it shows as itself and does nothing.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

LIMIT = 60_000  # characters: what GitHub takes as a comment, with room for what is put around it
CUT = (
    "\n\n**The report is cut here: it is longer than a comment may be."
    " `verdict.json` in the run's files has all.**\n"
)
VALUE, SENTENCE = 80, 400  # characters of a value and of a sentence that are shown
ROWS = 40  # rows of a table that are shown
# Control, direction, private and line-ending characters.
UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
MARKUP = re.compile(r"([\\`*_\[\]<>|~#&!$])")
LEADING = re.compile(r"^(\d*)([-+.)])(?!\d)")  # what would make a line an item of a list, or a rule
# What GitHub turns into a mention, an issue, a link or a picture.
# A host's name may hold a space that is not seen.
LINKED = re.compile(r"(@|\\#|:(?=//|[a-z0-9+\\_-]+:)|www|GH-)(?=\S)", re.IGNORECASE)
APART = "\u200b"  # a space that is not seen


def format_code(value: object, most: int = VALUE) -> str:
    """A value as a code span: no markup, HTML, mention, link or table border in it takes effect."""
    shown = _format_one_line(value, most).replace("`", "'").replace("|", "¦")
    return f"`{shown or '(empty)'}`"


def escape_text(value: object) -> str:
    """Return a sentence with values in it as plain text.

    Markup is escaped, and nothing becomes a mention or a link.
    """
    escaped = LEADING.sub(r"\1\\\2", MARKUP.sub(r"\\\1", _format_one_line(value, SENTENCE)))
    return LINKED.sub(rf"\1{APART}", escaped)


def format_label(value: object) -> str:
    """Return a value as the text of a chart.

    Keep letters, digits, and what a diagram's grammar takes for neither sign nor word.
    """
    return re.sub(r"[^A-Za-z0-9² .:+-]", "_", str(value))[:30] or "_"


def render_table(header: Sequence[str], rows: Iterable[Sequence[str]], most: int = ROWS) -> str:
    """Return a table of finished cells, and say how many rows it leaves out.

    Columns whose name starts with `#` are aligned right.
    """
    rows = list(rows)
    names = [name.removeprefix("#") for name in header]
    rule = ["---:" if name.startswith("#") else "---" for name in header]
    lines = [f"| {' | '.join(cells)} |" for cells in [names, rule, *rows[:most]]]
    return "\n".join(lines) + (f"\n\n… and {len(rows) - most:,} more." if len(rows) > most else "")


def render_details(summary: str, body: str) -> str:
    """A section that opens on a click."""
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def truncate_report(report: str, limit: int = LIMIT) -> str:
    """Cuts a text that is too long at the end of a line, closes what is open, and says so."""
    if len(report) <= limit:
        return report
    closing = "\n```\n\n</details>" + CUT
    kept = report[: limit - len(closing)].rsplit("\n", 1)[0]
    lines = kept.split("\n")  # a value may hold such a tag, but not as a line of its own
    fence = "\n```" if sum(line.startswith("```") for line in lines) % 2 else ""
    section = "\n\n</details>" if lines.count("<details>") > lines.count("</details>") else ""
    return kept + fence + section + CUT


def format_number(value: float | None, digits: int = 4) -> str:
    """A number as a table shows it: thousands set apart, a dash where it is not known."""
    if value is None or value != value:  # noqa: PLR0124 -- NaN
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    shown = f"{value:,.{digits}f}"
    return shown if shown.strip("-0.,") else shown.removeprefix("-")


def format_signed_number(value: float, digits: int = 4) -> str:
    """A difference, with its sign; a true minus, so that no line breaks after it."""
    shown = f"{value:+,.{digits}f}"
    if value != value:  # noqa: PLR0124 -- NaN
        return "–"
    return "0" if not shown.strip("+-0.,") else shown.replace("-", "−")


def format_percent(share: float) -> str:
    """A share as a percentage, with the digits that it has and no more."""
    return f"{100 * share:g}%"


def _format_one_line(value: object, most: int) -> str:
    seen = (" " if unicodedata.category(letter) in UNSEEN else letter for letter in str(value))
    line = " ".join("".join(seen).split())
    return line if len(line) <= most else line[: most - 1] + "…"
