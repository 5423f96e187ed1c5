"""Hostile reports from untrusted runs are rejected or made harmless.

The job that may write comments does this.
"""

import html
import re
from pathlib import Path

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options

from tarmac.ci.github_api import read_report
from tests.conftest import Workspace
from tests.github import Page
from tests.workflows.rehearsal import Rehearsal, Review

REPORT = "## ✅ Pass: a better model\n"
SECRET = "what stands in a file of the machine"
MENTION = re.compile(r"@[A-Za-z0-9]")


@pytest.fixture(scope="module")
def base(code: Workspace) -> Workspace:
    """In the place of the repository with a result: no pipeline runs in this module."""
    return code


def seen(markdown: str) -> str:
    """Return the text of a comment, each piece between two tags by itself.

    GitHub looks for mentions there.
    """
    pieces = re.split(
        r"<[^>]*>", cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
    )
    return "\n".join(html.unescape(piece) for piece in pieces)


def hostile(name: str, report: bytes | None, *words: str):
    return pytest.param(report, words, id=name)


HOSTILE = [
    hostile("empty", b"", "empty"),
    hostile("blank", b" \n\n\t\n", "empty"),
    hostile("too long", b"x" * 60_001, "longer than 60,000"),
    hostile("larger than memory should hold", b"x" * 3_000_000, "larger than 60,000"),
    hostile("too long once nobody is mentioned", b"@a" * 29_000, "longer than 60,000"),
    hostile("binary", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "report.md is not valid UTF-8"),
    hostile("text with zeros", b"## Pass\n\0\0\0", "report.md contains NUL bytes"),
]


@pytest.mark.parametrize(("report", "words"), HOSTILE)
def test_rejects_invalid_report_and_posts_notice(rehearsal, number, report, words):
    refused(rehearsal, rehearsal.reviewed(number, report=report), *words)


@pytest.mark.parametrize("kind", ["link", "link to itself", "folder", "nothing"])
def test_rejects_report_that_is_not_regular_file(rehearsal, number, kind, tmp_path):
    review = rehearsal.reviewed(number, report=REPORT)
    report, secret = review.artifact / "report.md", tmp_path / "secret"
    secret.write_text(SECRET)
    report.unlink()
    if kind.startswith("link"):
        report.symlink_to(secret if kind == "link" else "report.md")
    elif kind == "folder":
        report.mkdir()
    refused(
        rehearsal,
        review,
        "symbolic link" if kind.startswith("link") else "was not written by the run",
    )


def refused(rehearsal: Rehearsal, review: Review, *words: str) -> None:
    """The job fails; a notice with these words is posted, and nothing else."""
    job = rehearsal.comment(review)
    assert job.result == "failure"
    assert "error: " in job.log
    assert "Traceback" not in job.log
    body = rehearsal.only_comment(review.number)
    assert [word for word in words if word not in body] == []
    assert "There is no report to show" in body
    assert SECRET not in body
    assert len(body) < 1000


def test_missing_report_posts_notice_and_job_succeeds(rehearsal, number):
    job = rehearsal.comment(rehearsal.reviewed(number, "failure"))
    assert job.step("download-artifact").outcome == "failure"
    assert job.result == "success", job.log
    assert "**failure**" in rehearsal.only_comment(number)
    assert "There is no report to show" in rehearsal.only_comment(number)


@pytest.mark.parametrize(
    "longest", ["x" * 60_000, "é" * 60_000, "🛫" * 60_000], ids=["ASCII", "two bytes", "four bytes"]
)
def test_posts_report_of_maximum_length(rehearsal, number, longest):
    assert rehearsal.comment(rehearsal.reviewed(number, report=longest)).result == "success"
    assert longest in rehearsal.only_comment(number)


MENTIONS = (
    *(
        "@octocat",
        "for @team/admins",
        "\\@octocat",
        "<b>@octocat</b>",
        "| a |\n| - |\n| @octocat |",
        "[x](y) @octocat",
    ),
    *("&#64;octocat", "&#064;octocat", "&#x40;octocat", "&#X0040;octocat", "&commat;octocat"),
    *("@&#111;ctocat", "<p>&#64octocat</p>", "<p>&#x40octocat</p>"),
)


def test_report_cannot_mention_users(rehearsal, number):
    assert [words for words in MENTIONS if not MENTION.search(seen(words))] == [], (
        "these are none to begin with"
    )
    assert (
        rehearsal.comment(
            rehearsal.reviewed(number, report="\n\n".join((REPORT, *MENTIONS)))
        ).result
        == "success"
    )
    body = rehearsal.only_comment(number)
    assert MENTION.findall(seen(body)) == []
    assert len(re.findall("ctocat|team/admins", body)) == len(MENTIONS), (
        "more than the mention is gone"
    )


FORGERIES = (
    *(
        "<img src=https://example.org/a.png>",
        "<!-- words that no person sees -->",
        "![a](https://example.org/a.png)",
    ),
    *(
        "[Approve](https://example.org)",
        "[Approve][a]\n\n[a]: https://example.org",
        "https://example.org/a",
        "GH-12",
    ),
    *(
        "see team/flights#12",
        "#12",
        "www.example.org",
        "<https://example.org>",
        "> [!NOTE]\n> All is well",
        "/merge",
    ),
    *(
        "<details open>",
        "<details onclick=a>",
        "<a href=x>y</a>",
        "<script>a</script>",
        "<svg/onload=a>",
    ),
)


INERT = {
    "h2",
    "p",
    "ul",
    "li",
    "br",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "blockquote",
    "details",
    "summary",
}


def assert_inert(markdown: str) -> None:
    """Check that only the structure of a report is left.

    There is no picture, link, reference, alert, or word that is not seen.
    """
    page = Page(markdown)
    assert page.references == [], markdown
    assert {re.sub(r"[</>]|\s.*", "", tag) for tag in page.tags} <= INERT, (markdown, page.tags)
    assert not re.search(r"\[!\w", page.html), "an alert"
    assert "no person sees" in page.text or "no person" not in markdown


@pytest.mark.parametrize(
    "where", ["{}", "| a |\n| - |\n| {} |", "- {}", "## {}", "<details>\n\n{}\n\n</details>"]
)
@pytest.mark.parametrize("forged", FORGERIES)
def test_forged_markup_is_rendered_inert(tmp_path, forged, where):
    path = tmp_path / "report.md"
    path.write_text(where.format(forged))
    assert_inert(read_report(path))


def test_forged_report_is_posted_inert(rehearsal, number):
    forged = "\n\n".join(FORGERIES)
    assert (
        rehearsal.comment(rehearsal.reviewed(number, report=f"{REPORT}\n{forged}\n")).result
        == "success"
    )
    assert_inert(rehearsal.only_comment(number).partition(REPORT)[2].rpartition("![]")[0])


PLANTED = (
    "Makefile",
    "src/tarmac/ci/review_comment.py",
    "src/json.py",
    ".venv/bin/python3",
    "cml",
    "python3",
    "sitecustomize.py",
)


def test_job_runs_no_code_of_pull_request_or_artifact(rehearsal, person, tmp_path):
    trace = tmp_path / "pwned"
    programs = {"Makefile": f"comment:\n\ttouch {trace}\n", ".py": f"open({str(trace)!r}, 'w')\n"}
    shell = f"#!/bin/sh\ntouch {trace}\n"

    def plant(folder: Path) -> None:
        for name in PLANTED:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                next((text for end, text in programs.items() if name.endswith(end)), shell)
            )
            path.chmod(0o755)

    plant(person.path)
    number = rehearsal.change(person)
    review = rehearsal.reviewed(number, report=REPORT)
    plant(review.artifact)
    job = rehearsal.comment(review)
    assert job.result == "success", job.log
    assert not trace.exists()
    assert "WARNING" in rehearsal.only_comment(number)
