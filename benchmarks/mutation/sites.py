"""Find the places where a module can be mutated, and make the mutated source.

A mutant replaces a span of the source, so that everything else stays as it is. Left alone are
strings, annotations, assertions, `__all__`, blocks for type checkers, the arguments of `@dataclass`
and `zip(strict=...)`: there a mutant changes nothing, or only the check of an assumption.
"""

import ast
import random
import re
from dataclasses import dataclass

SWAPS = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "in": "not in",
    "not in": "in",
    "is": "is not",
    "is not": "is",
    "and": "or",
    "or": "and",
    "+": "-",
    "-": "+",
    "*": "/",
    "/": "*",
    "//": "/",
    "%": "*",
    "**": "*",
    "&": "|",
    "|": "&",
    "^": "&",
    "<<": ">>",
    ">>": "<<",
}
SYMBOL = re.compile(r"\b(?:is\s+not|not\s+in|is|in|and|or)\b|\*\*|//|<<|>>|[<>=!]=|[-+*/%&|^<>]")
NEGATED_BY_SWAP = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
NOT_IMPORTED = {"TYPE_CHECKING", "__name__"}  # names in conditions of blocks that tests do not run


@dataclass(frozen=True, order=True)
class Mutant:
    """A span of the source in bytes, the text that replaces it, and the name of the operator."""

    start: int
    end: int
    text: str
    operator: str

    def apply(self, source: bytes) -> bytes:
        """Return the mutated source."""
        return source[: self.start] + self.text.encode() + source[self.end :]

    def find_line(self, source: bytes) -> int:
        """Return the number of the first changed line."""
        return source.count(b"\n", 0, self.start) + 1

    def show_lines(self, source: bytes) -> tuple[str, str]:
        """Return the changed lines before and after, each joined to one line."""
        mutated, end = self.apply(source), self.start + len(self.text.encode())
        return _join_lines(source, self.start, self.end), _join_lines(mutated, self.start, end)


def find_mutants(source: bytes) -> list[Mutant]:
    """Return every mutant of a module in the order of its source."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    return sorted(finder.mutants)


def draw_mutants(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """Return a sample in the order of the source: the same for the same source, count and seed."""
    return sorted(random.Random(seed).sample(mutants, min(count, len(mutants))))


class _Finder(ast.NodeVisitor):
    def __init__(self, source: bytes) -> None:
        self.source, self.mutants = source, set[Mutant]()
        self.lines = [0, *(match.end() for match in re.finditer(rb"\n", source))]
        self.in_function = False

    def _find_span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.lines[node.lineno - 1] + node.col_offset
        return start, self.lines[node.end_lineno - 1] + node.end_col_offset

    def _read(self, node: ast.expr | ast.stmt) -> str:
        return self.source[slice(*self._find_span(node))].decode(errors="replace")

    def _replace(self, node: ast.expr | ast.stmt, text: str, operator: str) -> None:
        self.mutants.add(Mutant(*self._find_span(node), text, operator))

    def _swap(self, left: ast.expr, right: ast.expr, operator: str) -> None:
        """Replace the symbol between two operands, unless a comment is there as well."""
        start, end = self._find_span(left)[1], self._find_span(right)[0]
        between = self.source[start:end].decode()
        match = SYMBOL.search(between)
        if match and "#" not in between:
            text = SWAPS[" ".join(match[0].split())]
            self.mutants.add(Mutant(start + match.start(), start + match.end(), text, operator))

    def _negate(self, test: ast.expr) -> None:
        """Negate a condition, unless another operator does the same."""
        compares = isinstance(test, ast.Compare) and isinstance(test.ops[0], NEGATED_BY_SWAP)
        if not compares and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
            self._replace(test, f"not ({self._read(test)})", "condition")

    def _visit_all(self, *nodes: ast.AST | None) -> None:
        for node in filter(None, nodes):
            self.visit(node)

    def _visit_scope(self, body: list[ast.stmt], in_function: bool) -> None:
        before, self.in_function = self.in_function, in_function
        self._visit_all(*body)
        self.in_function = before

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_all(*node.decorator_list, *node.args.defaults, *node.args.kw_defaults)
        self._visit_scope(node.body, in_function=True)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_all(*(one for one in node.decorator_list if "dataclass" not in ast.dump(one)))
        self._visit_all(*(keyword.value for keyword in node.keywords))
        self._visit_scope(node.body, in_function=False)

    def visit_Assert(self, node: ast.Assert) -> None:
        pass

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call | ast.Await):
            self._replace(node, "pass", "statement")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if self.in_function or not names:  # what lacks a name cannot even be imported
            self._replace(node, "pass", "statement")
        if "__all__" not in names:
            self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            if self.in_function:
                self._replace(node, "pass", "statement")
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if not _is_text(node.value):
            self._swap(node.target, node.value, "arithmetic")
        self._replace(node, "pass", "statement")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        false = isinstance(node.value, ast.Constant) and not node.value.value
        if node.value is not None and not false:
            self._replace(node.value, "None", "return")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        names = {one.id for one in ast.walk(node.test) if isinstance(one, ast.Name)}
        if not names & NOT_IMPORTED:
            self._negate(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._negate(test)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        zips = isinstance(node.func, ast.Name) and node.func.id == "zip"
        self._visit_all(node.func, *node.args)
        self._visit_all(*(one.value for one in node.keywords if not (zips and one.arg == "strict")))

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for left, right in zip(operands, node.comparators, strict=False):
            self._swap(left, right, "comparison")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._swap(left, right, "boolean")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not (_is_text(node.left) or _is_text(node.right)):  # they have no other operator
            self._swap(node.left, node.right, "arithmetic")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        operator = {ast.Not: "not", ast.USub: "sign"}.get(type(node.op))
        if operator and not isinstance(node.operand, ast.Constant):
            self._replace(node, re.sub(r"^(not\b|-)\s*", "", self._read(node)), operator)
        self.generic_visit(node)

    def visit_Slice(self, node: ast.Slice) -> None:
        for bound in filter(None, (node.lower, node.upper)):
            self._replace(bound, "", "slice")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace(node, str(not node.value), "constant")
        elif isinstance(node.value, int | float):
            self._replace(node, repr(node.value + 1), "number")
            self._replace(node, repr(node.value - 1), "number")


def _is_text(node: ast.expr) -> bool:
    return isinstance(getattr(node, "value", None), str | bytes) or isinstance(node, ast.JoinedStr)


def _join_lines(source: bytes, start: int, end: int) -> str:
    first, last = source.rfind(b"\n", 0, start) + 1, source.find(b"\n", end)
    return " ".join(source[first : None if last < 0 else last].decode().split())
