"""What was measured, version by version or, where nothing is released yet, commit by commit."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tarmac.dashboard import card
from tarmac.dashboard.card import Estimate
from tarmac.dashboard.reading import SiteError, short
from tarmac.registry.history import RegistryError
from tarmac.registry.show import registry
from tarmac.repository import git
from tarmac.repository.reproduce import METRICS, SHOWN

CARD = Path("models/card.md")
MOST = 24  # results that are shown


@dataclass(frozen=True)
class Result:
    """The metrics of a commit, with their intervals where its model card has them."""

    name: str  # of the version; else the short commit
    commit: str
    date: str
    why: str
    stages: tuple[str, ...]
    metrics: dict[str, Estimate]


def registered() -> dict[str, Any] | None:
    """What the tags say; None where no version is registered."""
    try:
        return registry()
    except RegistryError:
        return None


def results(known: dict[str, Any] | None) -> list[Result]:
    """The result of every version or, without one, of every commit that changed the metrics; the oldest first."""
    if known:
        return [_of_version(version) for version in reversed(known["versions"][:MOST])]
    listed = git.git("log", f"--max-count={MOST}", "--format=%H%x00%cs%x00%s", "--", METRICS.as_posix()).splitlines()
    return [_of_commit(*line.split("\0", 2)) for line in reversed(listed)]


def estimates(metrics: str | None, card_text: str | None, where: str) -> dict[str, Estimate]:
    """The metrics of the test months; an interval only where the card gives it for this very number."""
    found = _metrics(metrics, where)
    carded = card.metrics(card_text or "")
    return {name: _with_interval(found[name], carded.get(name)) for name in SHOWN if name in found}


def _of_version(version: dict[str, Any]) -> Result:
    commit, stages = version["commit"], tuple(version["stages"])
    return Result(version["version"], commit, version["when"][:10], version["why"], stages, _at(commit))


def _of_commit(commit: str, date: str, subject: str) -> Result:
    return Result(short(commit), commit, date, subject, (), _at(commit))


def _at(commit: str) -> dict[str, Estimate]:
    return estimates(git.text_at(commit, METRICS), git.text_at(commit, CARD), f"{METRICS} of {short(commit)}")


def _metrics(content: str | None, where: str) -> dict[str, float]:
    try:
        found = json.loads(content or "{}")
        return {name: float(found[name]) for name in SHOWN if found.get(name) is not None}
    except (ValueError, TypeError, AttributeError) as error:
        raise SiteError(f"{where}: {error} (was it cut off? `git restore {METRICS}`, or make it again)") from None


def _with_interval(value: float, carded: tuple[Estimate, float | None] | None) -> Estimate:
    """The card rounds to four digits; a card of another result gives no interval."""
    if carded is None or carded[0].value is None or abs(carded[0].value - value) > 0.5001e-4:
        return Estimate(value)
    return Estimate(value, carded[0].low, carded[0].high)
