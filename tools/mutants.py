"""Every single change of the emulator's code that a test should notice."""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

SWAPPED: Mapping[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}  # fmt: skip


UNREAD = (ast.Import, ast.ImportFrom, ast.JoinedStr)
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """One change: where, what stood there, and what stands there instead."""

    path: str  # emulator/domain/sms.py
    function: str  # its qualified name; empty at the top of the module
    line: int
    start: int  # in characters of the file
    end: int
    old: str
    new: str

    @property
    def mark(self) -> str:
        """Return what names it as long as its function and the change stay the same."""
        text = f"{self.path} {self.function} {self.old} -> {self.new}"
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
        self.found: list[Mutant] = []

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            self._visit_definition(node)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.visit(node.value)
        elif not (isinstance(node, UNREAD) or _is_read_by_people(node)):
            change = CHANGES.get(type(node))
            if change is not None:
                change(self, node)
            self.generic_visit(node)

    def _visit_definition(self, node: Definition) -> None:
        if any(ast.unparse(each) == "Protocol" for each in getattr(node, "bases", ())):
            return
        self._names.append(node.name)
        for each in _body(node):
            self.visit(each)
        if not isinstance(node, ast.ClassDef):
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None:
                    self.visit(default)
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

    def _return(self, node: ast.Return) -> None:
        value = node.value
        if value is not None and ast.unparse(value) != "None":
            self._put(value, "None")

    def _leave_out(self, node: ast.Raise | ast.AugAssign | ast.Delete) -> None:
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
        elif isinstance(value, str):
            self._put(node, "''" if value else "'XX'")
        elif isinstance(value, bytes):
            self._put(node, "b''" if value else "b'XX'")

    def _swap(self, node: ast.AST, op: ast.AST, left: ast.AST, right: ast.AST) -> None:
        other = SWAPPED.get(type(op))
        if other is None:
            return
        start, end = self._span(left)[1], self._span(right)[0]
        between = self._text[start:end]
        word, new = (_written(each) for each in (type(op), other))
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
        old = self._text[start:end]
        function = ".".join(self._names)
        self.found.append(Mutant(self._path, function, line, start, end, old, new))

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
    ast.Tuple: Finder._shorten,
    ast.List: Finder._shorten,
    ast.Set: Finder._shorten,
    ast.Dict: Finder._shorten_table,
}


def _body(
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> list[ast.stmt]:
    """Return what is run: not the docstring, and no ``__slots__``."""
    is_said = ast.get_docstring(node, clean=False) is not None
    return [
        each
        for each in node.body[is_said:]
        if not (
            isinstance(each, ast.Assign) and "__slots__" in ast.unparse(each.targets[0])
        )
    ]


def _is_read_by_people(node: ast.AST) -> bool:
    """Return whether *node* is a line of the log, or only there for types."""
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        return name.startswith("log.") or name in {"TypeVar", "cast", "getLogger"}
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _written(operator: type) -> str:
    """Return how an operator is written, with the blanks around it."""
    left, right = ast.Name("a", ast.Load()), ast.Name("b", ast.Load())
    made: Any = operator()
    if issubclass(operator, ast.cmpop):
        return ast.unparse(ast.Compare(left, [made], [right]))[1:-1].strip()
    if issubclass(operator, ast.boolop):
        return ast.unparse(ast.BoolOp(made, [left, right]))[1:-1].strip()
    return ast.unparse(ast.BinOp(left, made, right))[1:-1].strip()


def mutants() -> list[Mutant]:
    """Return every change that there is, in a fixed order."""
    found: list[Mutant] = []
    for path in sorted((ROOT / "emulator").rglob("*.py")):
        text = path.read_text("utf-8")
        tree = ast.parse(text)
        finder = Finder(str(path.relative_to(ROOT)), text)
        for statement in tree.body[ast.get_docstring(tree) is not None :]:
            finder.visit(statement)
        for each in finder.found:
            changed = text[: each.start] + each.new + text[each.end :]
            if changed != text and _compiles(changed):
                found.append(each)
    return found


def _compiles(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
