"""Send mutated bodies to a running service.

Usage: `python -m tests.tarmac.serving.fuzz URL --count 20000 --seed 1`.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import httpx

from tarmac.interface.problem import problem

ROWS = list(problem.request.EXAMPLES.values())
VALID: list[Any] = [
    *ROWS,
    {"rows": ROWS},
    {"rows": ROWS * 30},
    {"columns": {name: [row.get(name) for row in ROWS] for name in ROWS[1]}},
    {"columns": {name: [value] * 40 for name, value in ROWS[0].items()}},
]
STRANGE: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    10**30,
    -0.0,
    1e308,
    5e-324,
    "",
    "\0",
    "DL",
    "ATL",
    "x" * 5000,
    "\U0001f6eb",
    "\u202e",
    "1",
    "2013-12-30T14:00:00-05:00",
    "9999-12-31T23:59:59+14:00",
    "0001-01-01T00:00:00Z",
    [],
    {},
    [[]],
    [None] * 50,
    {"": 0},
    {"temp": 20},
    {"rows": []},
    {"columns": {}},
]
TOKENS = [
    b"NaN",
    b"1e999",
    b"\xff",
    b"\xed\xa0\x80",
    b"\0",
    b'"',
    b"\\",
    b"\\ud800",
    b"{",
    b"[",
    b"]}",
    b",",
    b"9" * 400,
]


def bodies(seed: int) -> Iterator[bytes]:
    """Yield bodies without end.

    Each is a valid one, changed in one to four places, in its text or in its content.
    """
    draw = random.Random(seed)
    while True:
        content = deepcopy(draw.choice(VALID))
        for _ in range(draw.randint(0, 3)):
            content = _swapped(draw, content)
        body = json.dumps(content).encode()
        for _ in range(draw.choice((0, 0, 1, 3))):
            body = _damaged(draw, body)
        yield body


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every object or list with each of its keys, from the outside in."""
    keys = (
        list(content)
        if isinstance(content, dict)
        else range(len(content))
        if isinstance(content, list)
        else ()
    )
    for key in keys:
        yield content, key
        yield from _places(content[key])


def _swapped(draw: random.Random, content: Any) -> Any:
    """Another value, another name, one more, one less, or a value from another place."""
    places = list(_places(content))
    if not places:
        return deepcopy(draw.choice(STRANGE))
    (parent, key), (other, name) = draw.choice(places), draw.choice(places)
    kind = draw.randrange(6)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[draw.choice(["x", "live", "rows", "columns", "flight", key.upper()])] = parent.pop(
            key
        )
    elif kind == 2:
        parent[key] = deepcopy(other[name])
    elif kind == 3:
        return {draw.choice(["rows", "columns", "live"]): content}
    else:
        parent[key] = deepcopy(draw.choice(STRANGE))
    return content


def _damaged(draw: random.Random, body: bytes) -> bytes:
    """A bit turned, a part cut out, a part of another body or a strange token put in."""
    start, end = sorted(draw.choices(range(len(body) + 1), k=2))
    kind = draw.randrange(4)
    if kind == 0 and body:
        place = draw.randrange(len(body))
        return body[:place] + bytes([body[place] ^ 1 << draw.randrange(8)]) + body[place + 1 :]
    if kind == 1:
        return body[:start] + body[min(end, start + 40) :]
    other = json.dumps(draw.choice(VALID)).encode()
    return (
        body[:start]
        + (other[start : start + 60] if kind == 2 else draw.choice(TOKENS))
        + body[start:]
    )


def send(client: httpx.Client, seed: int, count: int) -> Counter[int]:
    """Send `count` bodies, and count the responses by status.

    Raise `AssertionError` with the body if its response has another status than 200 or 422.
    """
    found: Counter[int] = Counter()
    for number, body in zip(range(count), bodies(seed), strict=False):
        path = "/explain" if number % 50 == 0 else "/predict"
        answer = client.post(path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code in {200, 422}, (answer.status_code, path, body, answer.text)
        assert "detail" in answer.json() or "version" in answer.json(), (path, body)
        found[answer.status_code] += 1
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with httpx.Client(base_url=options.url, timeout=30, trust_env=False) as made:
        print(dict(send(made, options.seed, options.count)))
