"""Builds the page: gathers, has every section made, and writes one file that needs no other."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from tarmac.dashboard.page_blocks import CodeCell, PageSection, VerdictCell
from tarmac.dashboard.page_data import PageData, load_page_data
from tarmac.dashboard.sections import (
    backtest,
    calibration,
    card,
    drift,
    experiments,
    history,
    lineage,
    now,
    pipeline,
    quality,
    slices,
)
from tarmac.interface.problem import problem
from tarmac.pipeline.base.outputs import replace_output

PAGE = Path("site/index.html")
# First what an owner with a minute needs, then what an engineer who doubts a number looks for.
BACKTEST = (backtest,) if problem.contract.DAY else ()  # only a year can be backtested
SECTIONS = (
    now,
    history,
    *BACKTEST,
    experiments,
    drift,
    slices,
    calibration,
    pipeline,
    card,
    lineage,
    quality,
)


def build_page(out: Path = PAGE) -> str:
    """Write the page of the working folder, and return what was done.

    Raise `DashboardError` if a file is broken.
    """
    page = render_page(load_page_data())
    with replace_output(out) as partial:
        partial.write_text(page, encoding="utf-8")
    return f"{out}: {len(page.encode()) / 1e6:.1f} MB, opens offline"


def render_page(known: PageData) -> str:
    """The page as text: the same known, the same bytes."""
    sections = [module.build_section(known) for module in SECTIONS]
    return _render_template(known, sections)


def _render_template(known: PageData, sections: list[PageSection]) -> str:
    environment = Environment(
        loader=PackageLoader("tarmac.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cell": render_cell, "said": render_sentence}
    style, script = (_load_inline_asset(environment, name) for name in ("style.css", "script.js"))
    allowed = (
        f"img-src data:; style-src {_compute_csp_hash(style)};"
        f" script-src {_compute_csp_hash(script)}"
    )
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    return environment.get_template("page.html").render(
        known=known, sections=sections, style=style, script=script, policy=policy
    )


def render_cell(value: str) -> Markup:
    """A cell of a table as HTML; what it holds is escaped."""
    if isinstance(value, CodeCell):
        return Markup("<code>{}</code>").format(str(value))
    if isinstance(value, VerdictCell):
        return Markup('<span class="verdict {0}">{0}</span>').format(str(value))
    return escape(value)


def render_sentence(sentence: str) -> Markup:
    """A sentence as HTML, in which `this` is set as code; what it holds is escaped."""
    parts = str(sentence).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts)
    )


def _load_inline_asset(environment: Environment, name: str) -> Markup:
    """A file of ours that stands in the page as it is."""
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0].strip())  # noqa: S704 -- no input of anybody


def _compute_csp_hash(text: str) -> str:
    """What the browser is told to let through: this text alone."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
