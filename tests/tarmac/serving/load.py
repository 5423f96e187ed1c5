"""Clients that ask all the time, each on a connection of its own, and what they were told."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.tarmac.serving.running import Service
from tests.waiting import wait_for

JSON = {"content-type": "application/json"}


@dataclass
class Load:
    """What the clients saw so far."""

    answers: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    cut: int = 0  # requests that had no answer, and were sent once more
    stopped: bool = False

    @property
    def versions(self) -> Counter[str]:
        return Counter(answer["version"] for answer in self.answers)

    def more(self, count: int = 20) -> None:
        """Wait until so many more requests were answered."""
        wanted = len(self.answers) + count
        wait_for(lambda: len(self.answers) >= wanted or self.failures, f"{count} more answers")


@contextmanager
def load(service: Service, body: bytes, clients: int = 4, again: bool = False) -> Iterator[Load]:
    """Run clients that send requests until the block ends.

    With `again` they repeat a request without a response, up to five times.
    """
    seen = Load()
    threads = [
        threading.Thread(target=_ask, args=(service, body, seen, again)) for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        seen.stopped = True
        for thread in threads:
            thread.join()


def _ask(service: Service, body: bytes, seen: Load, again: bool) -> None:
    with service.client() as client:
        while not seen.stopped:
            try:
                answer = _answer(client, body, seen, 5 if again else 0)
            except httpx.TransportError as error:
                if not seen.stopped:
                    seen.failures.append(repr(error))
                return
            if answer.status_code == 200:
                seen.answers.append(answer.json())
            else:
                seen.failures.append(f"{answer.status_code} {answer.text}")


def _answer(client: httpx.Client, body: bytes, seen: Load, repeats: int) -> httpx.Response:
    try:
        return client.post("/predict", content=body, headers=JSON)
    except httpx.TransportError:
        if not repeats:
            raise
        seen.cut += 1
        time.sleep(0.1 if repeats < 5 else 0)
        return _answer(client, body, seen, repeats - 1)
