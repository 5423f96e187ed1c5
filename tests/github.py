"""What GitHub makes of Markdown: its own parser turns it to HTML, which is taken apart here."""

import re
from html.parser import HTMLParser

from cmarkgfm.cmark import Options, markdown_to_html_with_extensions

# No tagfilter: a tag that it defuses is a fault too.
EXTENSIONS = ["table", "autolink", "strikethrough", "tasklist"]
OPTIONS = (
    Options.CMARK_OPT_UNSAFE  # raw HTML is to be seen
    | Options.CMARK_OPT_FOOTNOTES
    | Options.CMARK_OPT_HARDBREAKS  # as in a comment
    | Options.CMARK_OPT_GITHUB_PRE_LANG
)
VOID = {"br", "hr", "img", "input"}
# Linked in text, not in code.
REFERENCE = re.compile(r"(?:^|[^A-Za-z0-9_`])@[A-Za-z0-9]|#\d|\bGH-\d", re.IGNORECASE)
APART = "\u200b"


class Page(HTMLParser):
    """A rendered text: its tags in order, its text split by whether it is code, and its tables.

    It also records how deep each text lies.
    """

    def __init__(self, markdown: str, html: str | None = None) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []  # `<p>`, `</p>`, with attributes; comments and declarations too
        self.texts: list[
            tuple[tuple[str, ...], str]
        ] = []  # the elements around a text, and the text
        self._cells: list[list[list[str]]] = []
        self._open: list[str] = []
        self.html = (
            markdown_to_html_with_extensions(markdown, OPTIONS, EXTENSIONS)
            if html is None
            else html
        )
        self.feed(self.html)
        self.close()

    @property
    def text(self) -> str:
        """What is seen, as one line, without the spaces that are not seen."""
        return seen("".join(text for _, text in self.texts))

    @property
    def tables(self) -> list[list[list[str]]]:
        """Text of every cell, by row, by table."""
        return [[[seen(cell) for cell in row] for row in table] for table in self._cells]

    @property
    def references(self) -> list[str]:
        """What GitHub would turn into a mention or a link to an issue."""
        plain = [text for around, text in self.texts if not {"code", "pre"} & set(around)]
        return [found for text in plain for found in REFERENCE.findall(text)]

    def of(self, *names: str) -> list[str]:
        """Text of each element with one of these names, in order."""
        found: list[str] = []
        inside = False
        for around, text in self.texts:
            now = bool(set(names) & set(around))
            if now and inside:
                found[-1] += text
            elif now:
                found.append(text)
            inside = now
        return [seen(text) for text in found if seen(text)]

    def section(self, heading: str) -> "Page":
        """What stands between a heading and the next one, or a section that is folded away."""
        rest = self.html.split(f">{heading}</h", 1)[1].split(">", 1)[1]
        return Page("", re.split(r"<h\d>|<details>", rest)[0])

    def around(self, words: str) -> tuple[str, ...]:
        """The elements around the one text that holds these words."""
        (around,) = (around for around, text in self.texts if words in text)
        return around

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(f"<{' '.join([tag, *(f'{name}={value}' for name, value in attrs)])}>")
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self._cells.append([])
        elif tag == "tr" and self._cells:
            self._cells[-1].append([])
        elif tag in ("td", "th") and self._cells:
            self._cells[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"</{tag}>")
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self._open), data))
        if {"td", "th"} & set(self._open):
            self._cells[-1][-1][-1] += data

    def handle_comment(self, data: str) -> None:
        self.tags.append("<!-- -->")

    def handle_decl(self, decl: str) -> None:
        self.tags.append("<!>")

    def handle_pi(self, data: str) -> None:
        self.tags.append("<?>")

    def unknown_decl(self, data: str) -> None:
        self.tags.append("<![>")


def seen(text: str) -> str:
    """Return a text as a reader sees it.

    Runs of white space become one space, and zero-width spaces are removed.
    """
    return " ".join(text.replace(APART, "").split())
