"""An OpenAPI 3.1 document made executable; it knows nothing of SMS.

The document routes, secures, validates and shapes.  ``x-also-at`` on an operation lists
other paths that it answers at, each with a ledger id; ``x-closed-query`` at the top
admits no parameter that the document does not list; for the other extensions see
``document`` and ``shape``.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from emulator import files
from emulator.contract.document import OpenApiDocument, Validator, make_pointer
from emulator.contract.memo import cache_short_keys
from emulator.contract.shape import Shape

METHODS = ("get", "head", "post", "put", "patch", "delete")
JSON_MEDIA_TYPE = "application/json"
CACHED_VALUES = 1_024  # values of a parameter that are sent again and again
MAX_ID_DIGITS = 18  # digits, which fit 64 bits


class ContractError(Exception):
    """The document and the program do not agree."""


def load_contract(path: Path) -> dict[str, Any]:
    """Return the document at *path*.  Raises ``ContractError`` in one sentence."""
    try:
        document = files.read_cached_yaml(path)
    except (OSError, ValueError) as error:
        message = f"the contract {path} cannot be read: {error}"
        raise ContractError(message) from error
    if not isinstance(document, dict) or "paths" not in document:
        message = f"the contract {path} has no paths"
        raise ContractError(message)
    return document


class Contract:
    """All operations of one document."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self.document = OpenApiDocument(tree)
        self.operations = {each.id: each for each in self._read_operations()}
        self.webhooks = {each.id: each for each in self._read_webhooks()}

    def check_functions(self, implemented: Mapping[str, object]) -> None:
        """Raise ``ContractError`` unless there is one function for every operation."""
        missing = sorted(self.operations.keys() - implemented.keys())
        stray = sorted(implemented.keys() - self.operations.keys())
        if missing or stray:
            message = (
                "contract and program differ: "
                f"without a function: {', '.join(missing) or 'none'}; "
                f"without an operationId: {', '.join(stray) or 'none'}"
            )
            raise ContractError(message)

    def compile_validators(self) -> Iterator[str]:
        """Make every validator, so that no first request has to; yield after each."""
        for operation in self.operations.values():
            _ = operation.body_shape, operation.answer_validator
            yield operation.id

    def group_by_path(self) -> dict[str, dict[str, "Operation"]]:
        """Return the operations by path, aliases included, and upper-case method."""
        table: dict[str, dict[str, Operation]] = {}
        for operation in self.operations.values():
            for path in (operation.path, *operation.aliases):
                table.setdefault(path, {})[operation.method] = operation
        return table

    def _read_webhooks(self) -> Iterator["Webhook"]:
        for name in self.document.tree.get("webhooks", {}):
            yield Webhook(self.document, make_pointer("", "webhooks", name, "get"))

    def _read_operations(self) -> Iterator["Operation"]:
        for path, item in self.document.tree["paths"].items():
            for method in METHODS:
                if method in item:
                    if "operationId" not in item[method]:
                        message = f"{method.upper()} {path} has no operationId"
                        raise ContractError(message)
                    yield Operation(self.document, path, method.upper())


class Operation:
    """One operation of the document."""

    def __init__(self, document: OpenApiDocument, path: str, method: str) -> None:
        self._document = document
        self._pointer = make_pointer("", "paths", path, method.lower())
        item = document.tree["paths"][path]
        self.node: Any = item[method.lower()]
        self.path = path
        self.method = method
        self.id: str = self.node["operationId"]
        self.aliases: Mapping[str, str] = self.node.get("x-also-at", {})
        security = self.node.get("security", document.tree.get("security"))
        self.secured = bool(security)
        parameters = [
            Parameter(document, f"{owner}/parameters/{index}")
            for owner in (make_pointer("", "paths", path), self._pointer)
            for index in range(
                len(document.resolve_pointer(owner)[1].get("parameters", ()))
            )
        ]
        self.parameters = [each for each in parameters if each.place == "path"]
        self.query = [each for each in parameters if each.place == "query"]
        self.headers = [each for each in parameters if each.place == "header"]
        self.is_closed = bool(document.tree.get("x-closed-query"))
        self.is_plain = not (parameters or self.is_closed)
        self.is_in_path = not (self.query or self.headers or self.is_closed)

    @cached_property
    def body_shape(self) -> Shape | None:
        """The shape of the request's body; None where there is none."""
        if "requestBody" not in self.node:
            return None
        where = make_pointer(
            self._pointer, "requestBody", "content", JSON_MEDIA_TYPE, "schema"
        )
        return Shape(self._document, where)

    @cached_property
    def content_type(self) -> bytes:
        """The media type of a successful answer."""
        kinds = self.node["responses"]["200"].get("content", {JSON_MEDIA_TYPE: {}})
        kind: str = next(iter(kinds))
        return kind.encode()

    @cached_property
    def answer_validator(self) -> Validator | None:
        """The validator of a successful answer; None where it has no body."""
        content = self.node["responses"].get("200", {}).get("content", {})
        if JSON_MEDIA_TYPE not in content:
            return None
        where = make_pointer(
            self._pointer, "responses", "200", "content", JSON_MEDIA_TYPE, "schema"
        )
        return self._document.make_validator(where)


class Webhook:
    """An outgoing request: a GET with its parameters in the query."""

    def __init__(self, document: OpenApiDocument, where: str) -> None:
        node = document.resolve_pointer(where)[1]
        self.id: str = node["operationId"]
        self.parameters = [
            Parameter(document, f"{where}/parameters/{index}")
            for index in range(len(node["parameters"]))
        ]


class Parameter:
    """A parameter in the path, the query or a header: an integer, or else text."""

    def __init__(self, document: OpenApiDocument, where: str) -> None:
        where, node = document.resolve_pointer(where)
        self.name: str = node["name"]
        self.place: str = node["in"]
        self.is_id = node["schema"].get("type") == "integer"
        self._document, self._schema = document, f"{where}/schema"
        self.parse_value = cache_short_keys(CACHED_VALUES)(self._parse_text)

    @cached_property
    def _value_validator(self) -> Validator:
        return self._document.make_validator(self._schema)

    def admits_value(self, value: object) -> bool:
        """Return whether *value* is valid by the schema."""
        return self._value_validator.is_valid(value)

    def _parse_text(self, raw: str) -> Any:
        """Return the value of *raw*, or None where the schema does not admit it."""
        digits = raw.isascii() and raw.isdigit() and len(raw) <= MAX_ID_DIGITS
        value: Any = int(raw) if self.is_id and digits else raw
        return value if self._value_validator.is_valid(value) else None
