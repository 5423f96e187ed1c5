"""Journal of the predictions, in a thread of its own.

The shadow scores the same rows, and both scores are written down.
"""

import json
import logging
import math
import os
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tarmac.interface.problem import problem
from tarmac.interface.request import Row
from tarmac.serving import meters
from tarmac.serving.bundle import Bundle
from tarmac.serving.form import FORM, Scores
from tarmac.serving.live import BundleReloader
from tarmac.serving.online import InputArrays

logger = logging.getLogger(__name__)
WAITING = 20_000  # rows; more are dropped and counted: a slow disk may not slow a client
CLOSE_SECONDS = 10  # for what waits when the service stops


@dataclass(frozen=True)
class ScoredRequest:
    """One request's rows and what they were answered."""

    bundle: Bundle
    rows: Sequence[Row]
    inputs: InputArrays
    scores: Scores


class Journal(threading.Thread):
    """Thread that takes predictions from the service, and writes a line of JSON a row.

    The lines go to `<folder>/<day>-<process>.jsonl`.
    """

    def __init__(self, live: BundleReloader, folder: Path | None) -> None:
        """Take a folder; without one only the shadow's differences are measured."""
        super().__init__(name="journal", daemon=True)
        self._live, self._folder = live, folder
        self._queue: queue.SimpleQueue[ScoredRequest | None] = queue.SimpleQueue()
        self._taken = self._done = 0  # rows; each is written by one thread only

    def add_request(self, answered: ScoredRequest) -> None:
        """Put an answer in line, if anybody wants it."""
        if self._folder is None and self._live.shadow is None:
            return
        if self._taken - self._done + len(answered.rows) > WAITING:
            meters.dropped.inc(len(answered.rows))
            return
        self._taken += len(answered.rows)
        self._queue.put(answered)

    def close(self) -> None:
        """Write what waits, then ends."""
        self._queue.put(None)
        self.join(timeout=CLOSE_SECONDS)
        if lost := self._taken - self._done:
            logger.error("the journal was not written to its end", extra={"facts": {"rows": lost}})

    def run(self) -> None:
        """Until `close`; a failure of one answer is told, and the next is taken."""
        while answered := self._queue.get():
            try:
                self._write_lines(answered, self._score_shadow(answered))
            except Exception:
                logger.exception("the journal lost an answer")
            self._done += len(answered.rows)

    def _score_shadow(self, answered: ScoredRequest) -> tuple[str, Scores] | None:
        shadow = self._live.shadow
        if shadow is None:
            return None
        scores = shadow.score(shadow.build_inputs(answered.rows))
        meter = meters.apart.labels(shadow.version)
        for difference in _compute_differences(scores, answered.scores).tolist():
            meter.observe(difference)
        return shadow.version, scores

    def _write_lines(
        self, answered: ScoredRequest, shadow_scores: tuple[str, Scores] | None
    ) -> None:
        if self._folder is None:
            return
        now = datetime.now(UTC)
        lines = [
            json.dumps(line, default=str) + "\n"
            for line in _build_log_lines(answered, shadow_scores, now.isoformat())
        ]
        with (self._folder / f"{now:%Y-%m-%d}-{os.getpid()}.jsonl").open(
            "a", encoding="utf-8"
        ) as file:
            file.write("".join(lines))


def _build_log_lines(
    answered: ScoredRequest, shadow_scores: tuple[str, Scores] | None, when: str
) -> list[dict[str, Any]]:
    """For each row its key, what the model was asked with, and the scores."""
    keys, session = problem.request.columns(answered.rows), answered.bundle.session
    scores, others = (
        FORM.to_stored_rows(answered.scores),
        FORM.to_stored_rows(shadow_scores[1]) if shadow_scores else [],
    )
    lines = []
    for number, score in enumerate(scores):
        numbers = zip(session.numbers, answered.inputs.numbers[number].tolist(), strict=True)
        texts = zip(session.categories, answered.inputs.categories[number].tolist(), strict=True)
        inputs = {
            **dict(texts),
            **{name: None if math.isnan(value) else value for name, value in numbers},
        }
        shadow = (
            {"shadow": {"version": shadow_scores[0], **others[number]}} if shadow_scores else {}
        )
        key = {name: keys[name][number] for name in problem.contract.KEY}
        line = {"when": when, "version": answered.bundle.version, "key": key, **score}
        lines.append({**line, **shadow, "inputs": inputs})
    return lines


def _compute_differences(one: Scores, other: Scores) -> np.ndarray:
    """How far two models' answers are apart, row by row: of classes, where they are furthest."""
    gaps: np.ndarray = np.abs(one - other).reshape(len(one), -1).max(axis=1)
    return gaps
