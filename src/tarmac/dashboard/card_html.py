"""The model card as HTML."""

from markdown_it import MarkdownIt
from markdown_it.token import Token

# What is committed is no more trusted than a comment: HTML in it shows as text,
# and a link or a picture stays text.
PARSER = (
    MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image", "autolink"])
)


def render_card(markdown: str) -> str:
    """The card without its first heading, all others a level deeper: the page has its own above."""
    tokens = PARSER.parse(markdown)
    if tokens and tokens[0].tag == "h1":
        tokens = tokens[3:]
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        if "style" in token.attrs:  # the page lets no style through that stands in its text
            token.attrs = {"class": "number"} if "right" in str(token.attrs["style"]) else {}
    _remove_empty_headers(tokens)
    shown = str(PARSER.renderer.render(tokens, PARSER.options, {}))
    return shown.replace("<table>", '<div class="scroll"><table>').replace(
        "</table>", "</table></div>"
    )


def _remove_empty_headers(tokens: list[Token]) -> None:
    """A column without a name has no header: one that says nothing is read aloud as nothing."""
    for opening, inside, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opening.type == "th_open" and not inside.content:
            opening.tag = closing.tag = "td"
