"""Write the first page of a repository whose problem was replaced.

What the page said before is true of the old problem.
"""

from pathlib import Path
from string import Template

from tarmac.scaffold.infer import InferredProblem
from tarmac.scaffold.package import TEMPLATES, describe_prediction, format_title

PAGE = Path("README.md")


def write_readme(inferred: InferredProblem, name: str, source: str) -> None:
    """Write a short page about the new problem, with the way to the pages that stay true."""
    texts = {
        "title": format_title(inferred, name),
        "predicts": describe_prediction(inferred),
        "source": source,
        "name": name,
        "rows": f"{len(inferred.rows):,}",
    }
    page = Template((TEMPLATES / PAGE).read_text(encoding="utf-8")).substitute(texts)
    PAGE.write_text(page, encoding="utf-8")
