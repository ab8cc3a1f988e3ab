"""What the manual shows in one place and contradicts in another."""

from dataclasses import dataclass
from typing import Any

from tests.conftest import MakeApi
from tests.emulated import Api


@dataclass(frozen=True)
class Doubtful:
    """A body that lenient takes with a note and strict declines."""

    switch: str
    ledger: str  # the note
    body: dict[str, Any]
    field: str  # that strict names

    def __str__(self) -> str:
        return f"{self.ledger}-{self.field}"

    def takers(self, make_api: MakeApi) -> list[Api]:
        """Return a lenient world, and a strict one with this one switch open."""
        one_open = {self.switch: "accept"}
        return [make_api(), make_api(strict=True, assumptions=one_open)]

    def decliners(self, make_api: MakeApi) -> list[Api]:
        """Return a strict world, and a lenient one with this one switch closed."""
        one_closed = {self.switch: "refuse"}
        return [make_api(strict=True), make_api(assumptions=one_closed)]
