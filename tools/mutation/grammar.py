"""What of Python's grammar is changed, and what is left as it is."""

import ast
from collections.abc import Mapping
from typing import Any

SWAPPED: Mapping[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}  # fmt: skip

UNREAD = (ast.Import, ast.ImportFrom)
OF_TYPES = {"TypeVar", "ParamSpec", "NewType", "cast", "getLogger"}
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def body(
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


def is_read_by_people(node: ast.AST) -> bool:
    """Return whether *node* is a line of the log, or only there for types."""
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        return name.startswith("log.") or name in OF_TYPES
    if isinstance(node, ast.Subscript):
        return ast.unparse(node.value) in {"Literal", "Callable", "Annotated"}
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def written(operator: type) -> str:
    """Return how an operator is written, with the blanks around it."""
    left, right = ast.Name("a", ast.Load()), ast.Name("b", ast.Load())
    made: Any = operator()
    if issubclass(operator, ast.cmpop):
        return ast.unparse(ast.Compare(left, [made], [right]))[1:-1].strip()
    if issubclass(operator, ast.boolop):
        return ast.unparse(ast.BoolOp(made, [left, right]))[1:-1].strip()
    return ast.unparse(ast.BinOp(left, made, right))[1:-1].strip()
