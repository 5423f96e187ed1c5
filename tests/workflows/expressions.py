"""Evaluate GitHub's expressions, as far as the workflows here use them.

These are properties, comparisons, `&&`, `||`, `!` and functions.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

Contexts = Mapping[str, Any]
TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)|(?P<sign>&&|\|\||==|!=|!|\(|\)|,))"
)
TEMPLATE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
LITERALS = {"true": True, "false": False, "null": None}
STATUS = {
    "always": lambda status: True,
    "cancelled": lambda status: status == "cancelled",
    "success": lambda status: status == "success",
    "failure": lambda status: status == "failure",
}
FUNCTIONS = {
    "fromJSON": lambda text: json.loads(written(text)),
    "startsWith": lambda text, start: written(text).lower().startswith(written(start).lower()),
}


class ExpressionError(ValueError):
    """An expression that GitHub would refuse, or that is more than what is known here."""


def evaluate(expression: str, contexts: Contexts, status: str | None = None) -> Any:
    """Return the value of an expression.

    Status functions are only known in a condition, as on GitHub.
    """
    parser = _Parser(_tokens(expression), contexts, status)
    value = parser.either()
    if parser.rest:
        raise ExpressionError(f"{expression}: what is {parser.rest[0][1]}?")
    return value


def condition(text: object, contexts: Contexts, status: str) -> bool:
    """Return whether a job or step runs.

    As on GitHub, it runs only after success if the condition has no status function.
    """
    expression = "success()" if text is None else str(text).strip()
    if (whole := TEMPLATE.fullmatch(expression)) is not None:
        expression = whole[1]
    if not re.search(r"\b(always|cancelled|success|failure)\s*\(", expression):
        expression = f"success() && ({expression})"
    return truth(evaluate(expression, contexts, status))


def render(value: object, contexts: Contexts) -> str:
    """A value of a workflow file with its expressions filled in."""
    if isinstance(value, bool):
        return str(value).lower()
    return TEMPLATE.sub(lambda found: written(evaluate(found[1], contexts)), str(value))


def written(value: object) -> str:
    """A value as it stands in a text."""
    if isinstance(value, Mapping | list):
        raise ExpressionError("an object has no text")
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def truth(value: object) -> bool:
    """What counts as true: all but false, 0, null and the empty string."""
    return value not in (False, None, "") and value != 0


def _number(value: Any) -> float:
    """A value as a number, where two of different kinds are compared."""
    if isinstance(value, str):
        try:
            return float(value) if value.strip() else 0.0
        except ValueError:
            return float("nan")
    return float("nan") if isinstance(value, Mapping | list) else float(value or 0)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    return _number(left) == _number(right) if type(left) is not type(right) else bool(left == right)


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens, place = [], 0
    while expression[place:].strip():
        found = TOKEN.match(expression, place)
        if found is None or found.lastgroup is None:
            raise ExpressionError(f"{expression}: not understood at {expression[place:]!r}")
        tokens.append((found.lastgroup, found[found.lastgroup]))
        place = found.end()
    return tokens


class _Parser:
    """Take tokens from the front of `rest`.

    Both sides of an operator are evaluated. Nothing here can detect that.
    """

    def __init__(
        self, tokens: list[tuple[str, str]], contexts: Contexts, status: str | None
    ) -> None:
        self.rest, self._contexts, self._status = tokens, contexts, status

    def either(self) -> Any:
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = value if truth(value) else other
        return value

    def _both(self) -> Any:
        value = self._comparison()
        while self._take("&&"):
            other = self._comparison()
            value = other if truth(value) else value
        return value

    def _comparison(self) -> Any:
        value = self._single()
        for sign, wanted in (("==", True), ("!=", False)):
            if self._take(sign):
                return _equal(value, self._single()) is wanted
        return value

    def _single(self) -> Any:
        if self._take("!"):
            return not truth(self._single())
        if self._take("("):
            value = self.either()
            self._demand(")")
            return value
        kind, text = self.rest.pop(0) if self.rest else ("sign", "the end")
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text)
        if kind == "name":
            return self._call(text) if self._take("(") else self._property(text)
        raise ExpressionError(f"{text} is out of place")

    def _call(self, name: str) -> Any:
        if name in FUNCTIONS:
            given = [self.either()]
            while self._take(","):
                given.append(self.either())
            self._demand(")")
            return FUNCTIONS[name](*given)
        self._demand(")")
        if name not in STATUS or self._status is None:
            raise ExpressionError(f"{name}() is not known here")
        return STATUS[name](self._status)

    def _property(self, path: str) -> Any:
        """A property; null where it is missing, except that a context must be known."""
        if path in LITERALS:
            return LITERALS[path]
        first, *names = path.split(".")
        if first not in self._contexts:
            raise ExpressionError(f"there is no context {first}")
        value = self._contexts[first]
        for name in names:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def _take(self, sign: str) -> bool:
        if self.rest and self.rest[0] == ("sign", sign):
            self.rest.pop(0)
            return True
        return False

    def _demand(self, sign: str) -> None:
        if not self._take(sign):
            raise ExpressionError(f"{sign} is missing")
