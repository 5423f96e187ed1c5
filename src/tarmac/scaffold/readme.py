"""The first page of a repository whose problem was replaced: what it said is true of the old one."""

from pathlib import Path
from string import Template

from tarmac.scaffold.infer import Found
from tarmac.scaffold.package import TEMPLATES, predicted, title

PAGE = Path("README.md")


def write(found: Found, name: str, source: str) -> None:
    """Writes a short page about the new problem, with the way to the pages that stay true."""
    told = {"title": title(found, name), "predicts": predicted(found), "source": source, "name": name}
    page = Template((TEMPLATES / PAGE).read_text(encoding="utf-8")).substitute(told, rows=f"{len(found.rows):,}")
    PAGE.write_text(page, encoding="utf-8")
