"""Every single change of the emulator's code that a test should notice."""

import ast
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from tools.mutation.grammar import (
    SWAPPED,
    UNREAD,
    Definition,
    body,
    is_read_by_people,
    written,
)

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Mutant:
    """One change: where, what stood there, and what stands there instead."""

    path: str  # emulator/domain/sms.py
    function: str  # its qualified name; empty at the top of the module
    line: int
    last: int  # line
    start: int  # in characters of the file
    end: int
    old: str
    new: str
    within: tuple[int, int]  # lines of the function, or of the class
    at_import: bool  # whether it is run when the module is imported
    number: int = 0  # of this very change in its function

    @property
    def mark(self) -> str:
        """Return what names it as long as its function and the change stay the same."""
        text = f"{self.path} {self.function} {self.old} -> {self.new} {self.number}"
        return blake2b(text.encode(), digest_size=6).hexdigest()

    def __str__(self) -> str:
        old, new = (" ".join(each.split())[:70] for each in (self.old, self.new))
        return f"{self.path}:{self.line} {self.function}: {old!r} -> {new!r}"


class Finder(ast.NodeVisitor):
    """Finds every single change of a module, but for what only people or types read."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._starts = [0]
        for each in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(each))
        self._names: list[str] = []
        self._within = [(1, len(self._starts))]
        self._depth = 0  # of functions
        self.found: list[Mutant] = []

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            self._visit_definition(node)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.visit(node.value)
        elif not (isinstance(node, UNREAD) or is_read_by_people(node)):
            change = CHANGES.get(type(node))
            if change is not None:
                change(self, node)
            if not isinstance(node, ast.JoinedStr):
                self.generic_visit(node)

    def _visit_definition(self, node: Definition) -> None:
        if any(ast.unparse(each) == "Protocol" for each in getattr(node, "bases", ())):
            return
        is_class = isinstance(node, ast.ClassDef)
        self._names.append(node.name)
        self._within.append((node.lineno, node.end_lineno or node.lineno))
        if not isinstance(node, ast.ClassDef):
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None:
                    self.visit(default)
        for each in node.decorator_list:
            if isinstance(each, ast.Call) and ast.unparse(each.func) != "dataclass":
                self.visit(each)
        self._depth += not is_class
        for statement in body(node):
            self.visit(statement)
        self._depth -= not is_class
        self._within.pop()
        self._names.pop()

    def _compare(self, node: ast.Compare) -> None:
        if len(node.ops) == 1:
            self._swap(node, node.ops[0], node.left, node.comparators[0])

    def _calculate(self, node: ast.BinOp) -> None:
        self._swap(node, node.op, node.left, node.right)

    def _combine(self, node: ast.BoolOp) -> None:
        self._swap(node, node.op, node.values[0], node.values[1])

    def _negate(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._put(node, self._source(node.operand))

    def _branch(self, node: ast.If | ast.IfExp | ast.While) -> None:
        self._put(node.test, f"(not ({self._source(node.test)}))")
        self._put(node.test, "False")

    def _choose(self, node: ast.comprehension) -> None:
        for each in node.ifs:
            self._put(each, f"(not ({self._source(each)}))")
            self._put(each, "True")

    def _call(self, node: ast.Call) -> None:
        """Leave out each argument that has a name, with what stands before it."""
        before = [node.func, *node.args, *(each.value for each in node.keywords)]
        for each in node.keywords:
            if each.arg is not None:
                start, end = self._span(each)
                ahead = max(self._span(other)[1] for other in before
                            if self._span(other)[1] <= start)  # fmt: skip
                comma = self._text.find(",", ahead, start)
                self._add(each, start if comma < 0 else comma, end, "")

    def _return(self, node: ast.Return) -> None:
        value = node.value
        if value is not None and ast.unparse(value) != "None":
            self._put(value, "None")

    def _leave_out(self, node: ast.stmt) -> None:
        self._put(node, "pass")

    def _assign(self, node: ast.Assign) -> None:
        """Leave out what is kept for others; without a local name nothing would run."""
        if isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            self._put(node, "pass")

    def _leave_out_call(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self._put(node, "pass")

    def _shorten(self, node: ast.Tuple | ast.List | ast.Set) -> None:
        self._drop([self._span(each) for each in node.elts], node)

    def _shorten_table(self, node: ast.Dict) -> None:
        if all(node.keys):
            keys = (self._span(each)[0] for each in node.keys if each)
            ends = (self._span(each)[1] for each in node.values)
            self._drop([*zip(keys, ends, strict=True)], node)

    def _constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._put(node, str(not value))
        elif isinstance(value, int | float):
            self._put(node, repr(value + 1))
            self._put(node, f"({value - 1!r})")
        elif isinstance(value, str):
            self._put(node, "''" if value else "'XX'")
        elif isinstance(value, bytes):
            self._put(node, "b''" if value else "b'XX'")

    def _formatted(self, node: ast.JoinedStr) -> None:
        self._put(node, "''")

    def _swap(self, node: ast.AST, op: ast.AST, left: ast.AST, right: ast.AST) -> None:
        other = SWAPPED.get(type(op))
        if other is None:
            return
        start, end = self._span(left)[1], self._span(right)[0]
        between = self._text[start:end]
        word, new = (written(each) for each in (type(op), other))
        if between.count(word) == 1:
            self._add(node, start, end, between.replace(word, new))

    def _drop(self, spans: Sequence[tuple[int, int]], node: ast.AST) -> None:
        """Take away one entry of a table, with the comma behind it."""
        if len(spans) == 1:
            return
        for index, (start, end) in enumerate(spans):
            if index + 1 < len(spans):
                self._add(node, start, spans[index + 1][0], "")
            else:
                self._add(node, spans[index - 1][1], end, ",")

    def _put(self, node: ast.AST, new: str) -> None:
        start, end = self._span(node)
        self._add(node, start, end, new)

    def _add(self, node: ast.AST, start: int, end: int, new: str) -> None:
        line = getattr(node, "lineno", 1)
        self.found.append(
            Mutant(
                self._path, ".".join(self._names), line,
                getattr(node, "end_lineno", line), start, end,
                self._text[start:end], new, self._within[-1],
                at_import=not self._depth,
            )
        )  # fmt: skip

    def _source(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._text[start:end]

    def _span(self, node: ast.AST) -> tuple[int, int]:
        return tuple(
            self._starts[line - 1] + len(self._line(line).encode()[:column].decode())
            for line, column in (
                (node.lineno, node.col_offset),  # type: ignore[attr-defined]
                (node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
            )
        )

    def _line(self, number: int) -> str:
        return self._text[self._starts[number - 1] : self._starts[number]]


CHANGES: Mapping[type, Callable[[Finder, Any], None]] = {
    ast.Compare: Finder._compare,
    ast.BinOp: Finder._calculate,
    ast.BoolOp: Finder._combine,
    ast.UnaryOp: Finder._negate,
    ast.Constant: Finder._constant,
    ast.If: Finder._branch,
    ast.IfExp: Finder._branch,
    ast.While: Finder._branch,
    ast.Return: Finder._return,
    ast.Expr: Finder._leave_out_call,
    ast.Raise: Finder._leave_out,
    ast.AugAssign: Finder._leave_out,
    ast.Delete: Finder._leave_out,
    ast.Break: Finder._leave_out,
    ast.Continue: Finder._leave_out,
    ast.Assign: Finder._assign,
    ast.comprehension: Finder._choose,
    ast.Call: Finder._call,
    ast.JoinedStr: Finder._formatted,
    ast.Tuple: Finder._shorten,
    ast.List: Finder._shorten,
    ast.Set: Finder._shorten,
    ast.Dict: Finder._shorten_table,
}


@cache
def mutants() -> tuple[Mutant, ...]:
    """Return every change that there is, in a fixed order."""
    return tuple(
        each
        for path in sorted((ROOT / "emulator").rglob("*.py"))
        for each in changes(str(path.relative_to(ROOT)), path.read_text("utf-8"))
    )


def changes(path: str, text: str) -> list[Mutant]:
    """Return every change of one module, each with a mark of its own."""
    tree = ast.parse(text)
    finder = Finder(path, text)
    for statement in tree.body[ast.get_docstring(tree) is not None :]:
        finder.visit(statement)
    known: Counter[tuple[str, str, str]] = Counter()
    found = []
    for each in finder.found:
        if each.old != each.new:
            alike = (each.function, each.old, each.new)
            found.append(replace(each, number=known[alike]))
            known[alike] += 1
    return found


def does_compile(mutant: Mutant) -> bool:
    """Return whether Python reads the module with the change, and as another one."""
    text = (ROOT / mutant.path).read_text("utf-8")
    try:
        changed = ast.parse(text[: mutant.start] + mutant.new + text[mutant.end :])
    except SyntaxError:
        return False
    return ast.dump(changed) != ast.dump(ast.parse(text))
