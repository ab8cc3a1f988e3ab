"""Every table, number and default of the code, once more.

What a bound, a code, a word or a row is, has been decided; here it is seen when it is
another one.
"""

import ast
import inspect
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from functools import partial, singledispatch
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import emulator
from tests.support.processes import ROOT
from tests.support.transcripts import Scribe

PLAIN = {bool, int, float, str, bytes, Decimal, timedelta, date, range, type(None)}
NOT_THERE = {"emulator.__main__"}  # which runs when it is imported


def test_tables(scribe: Scribe) -> None:
    """Tell what each module has at its top, and the defaults of what it defines."""
    for module in modules():
        scribe.begin_part(module.__name__)
        scribe.lines += _told(module)


def modules() -> Iterator[ModuleType]:
    yield emulator
    for each in walk_packages(emulator.__path__, "emulator."):
        if each.name not in NOT_THERE:
            yield import_module(each.name)


def _told(module: ModuleType) -> Iterator[str]:
    assigned = {*_assigned(ast.parse(inspect.getsource(module)))}
    for name, value in vars(module).items():
        is_own = getattr(value, "__module__", module.__name__) == module.__name__
        if name in assigned:
            yield from _table(name, value)
        elif inspect.isclass(value) and is_own:
            yield from _class(value)
        elif inspect.isfunction(value) and is_own:
            yield from _function(name, value)


def _assigned(tree: ast.Module) -> Iterator[str]:
    """Yield the names of the tables and numbers at the top of a module."""
    for each in tree.body:
        targets = getattr(each, "targets", None) or [getattr(each, "target", None)]
        for target in targets:
            if isinstance(target, ast.Name) and target.id.strip("_").isupper():
                yield target.id


def _table(name: str, value: Any) -> Iterator[str]:
    """Yield a line for each row of a table, or one for what is none."""
    if isinstance(value, Mapping):
        yield f"{name}:"
        rows = [f"  {shown(key)}: {shown(each)}" for key, each in value.items()]
        is_looked_up = any(isinstance(each, type) for each in value)
        yield from sorted(rows) if is_looked_up else rows
    elif isinstance(value, tuple | list) and type(value) in (tuple, list):
        yield f"{name}:"
        for each in value:
            yield f"  {shown(each)}"
    else:
        yield f"{name} = {shown(value)}"


def _class(kind: type) -> Iterator[str]:
    if issubclass(kind, Enum):
        yield f"{kind.__name__}: {', '.join(map(shown, kind))}"
        return
    if is_dataclass(kind):
        made = ((each, each.default, each.default_factory) for each in fields(kind))
        found = {
            each.name: factory() if callable(factory) else default
            for each, default, factory in made
            if not (default is MISSING and factory is MISSING)
        }
    else:
        found = getattr(kind, "_field_defaults", {})
    for name, value in found.items():
        yield f"{kind.__name__}.{name} = {shown(value)}"
    for name, value in vars(kind).items():
        if inspect.isfunction(value):
            yield from _function(f"{kind.__name__}.{name}", value)


def _function(name: str, function: Callable[..., Any]) -> Iterator[str]:
    if name.endswith((".__init__", ".__new__", ".__replace__")) and not _is_written(
        function
    ):
        return
    for each in inspect.signature(function).parameters.values():
        if each.default is not each.empty:
            yield f"{name}({each.name}={shown(each.default)})"


def _is_written(function: Callable[..., Any]) -> bool:
    """Return whether somebody wrote it, and no decorator did."""
    return Path(function.__code__.co_filename).suffix == ".py"


@singledispatch
def shown(value: Any) -> str:
    """Return a value in words that are the same on every machine and Python."""
    if type(value) in PLAIN:
        return repr(value)
    if is_dataclass(value):
        own = {each.name: getattr(value, each.name) for each in fields(value)}
        return f"{type(value).__name__}({shown(own)})"
    return str(getattr(value, "__qualname__", f"a {type(value).__name__}"))


@shown.register
def _(value: type) -> str:
    return value.__qualname__


@shown.register
def _(value: Enum) -> str:
    return f"{type(value).__name__}.{value.name}={value.value!r}"


@shown.register(re.Pattern)
def _(value: re.Pattern[str]) -> str:
    return f"pattern {value.pattern!r} {int(value.flags)}"


@shown.register
def _(value: struct.Struct) -> str:
    return f"struct {value.format}"


@shown.register
def _(value: Path) -> str:
    there = value.relative_to(ROOT) if value.is_relative_to(ROOT) else value.name
    return f"path {there}"


@shown.register
def _(value: tzinfo) -> str:
    return str(value)


@shown.register(partial)
def _(value: partial[Any]) -> str:
    return f"{shown(value.func)} with {shown(value.args)} {shown(value.keywords)}"


@shown.register(Mapping)
def _(value: Mapping[Any, Any]) -> str:
    rows = (f"{shown(key)}: {shown(each)}" for key, each in value.items())
    return f"{{{', '.join(rows)}}}"


@shown.register(AbstractSet)
def _(value: AbstractSet[Any]) -> str:
    return f"{{{', '.join(sorted(map(shown, value)))}}}"


@shown.register(list)
@shown.register(tuple)
def _(value: Any) -> str:
    if hasattr(value, "_asdict"):
        return f"{type(value).__name__}({shown(value._asdict())})"
    return f"[{', '.join(map(shown, value))}]"
