"""Builds the page: gathers, has every section made, and writes one file that needs no other."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from tarmac.dashboard.known import Known, gather
from tarmac.dashboard.section import Code, Section, Verdict
from tarmac.dashboard.sections import (
    calibration,
    card,
    drift,
    experiments,
    history,
    lineage,
    now,
    pipeline,
    quality,
    replay,
    slices,
)
from tarmac.interface.problem import problem
from tarmac.pipeline.base.outputs import replacing

PAGE = Path("site/index.html")
# First what an owner with a minute needs, then what an engineer who doubts a number looks for.
LIVED = (replay,) if problem.contract.DAY else ()  # only a year can be lived again
SECTIONS = (now, history, *LIVED, experiments, drift, slices, calibration, pipeline, card, lineage, quality)


def build(out: Path = PAGE) -> str:
    """Writes the page of the working folder; returns what was done. Raises `SiteError` where a file is broken."""
    page = html(gather())
    with replacing(out) as partial:
        partial.write_text(page, encoding="utf-8")
    return f"{out}: {len(page.encode()) / 1e6:.1f} MB, opens offline"


def html(known: Known) -> str:
    """The page as text: the same known, the same bytes."""
    sections = [module.section(known) for module in SECTIONS]
    return _page(known, sections)


def _page(known: Known, sections: list[Section]) -> str:
    environment = Environment(
        loader=PackageLoader("tarmac.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cell": cell, "said": said}
    style, script = (_inline(environment, name) for name in ("style.css", "script.js"))
    allowed = f"img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    return environment.get_template("page.html").render(
        known=known, sections=sections, style=style, script=script, policy=policy
    )


def cell(value: str) -> Markup:
    """A cell of a table as HTML; what it holds is escaped."""
    if isinstance(value, Code):
        return Markup("<code>{}</code>").format(str(value))
    if isinstance(value, Verdict):
        return Markup('<span class="verdict {0}">{0}</span>').format(str(value))
    return escape(value)


def said(sentence: str) -> Markup:
    """A sentence as HTML, in which `this` is set as code; what it holds is escaped."""
    parts = str(sentence).split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))


def _inline(environment: Environment, name: str) -> Markup:
    """A file of ours that stands in the page as it is."""
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0].strip())  # noqa: S704 -- no input of anybody


def _hash(text: str) -> str:
    """What the browser is told to let through: this text alone."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
