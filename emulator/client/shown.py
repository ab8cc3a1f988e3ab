"""The answers of an emulator as values, and as lines that a person can read."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, overload

LINE_CHARACTERS = 160


class Fact(dict[str, Any]):
    """A JSON object whose members are attributes as well: ``message.status``."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            known = ", ".join(self)
            message = f"there is no {name!r} in it, only {known}"
            raise AttributeError(message) from None


class FactList:
    """Facts in their order; shown with a line for each.

    ``count`` may be more than are listed, where there are very many.
    """

    def __init__(
        self,
        facts: Sequence[Fact],
        format_line: Callable[[Fact], str],
        *,
        count: int | None = None,
    ) -> None:
        self._facts = facts
        self._format_line = format_line
        self.count = len(facts) if count is None else count

    def __len__(self) -> int:
        return len(self._facts)

    def __iter__(self) -> Iterator[Fact]:
        return iter(self._facts)

    @overload
    def __getitem__(self, index: int) -> Fact: ...
    @overload
    def __getitem__(self, index: slice) -> "FactList": ...
    def __getitem__(self, index: int | slice) -> "Fact | FactList":
        if isinstance(index, slice):
            return FactList(self._facts[index], self._format_line)
        return self._facts[index]

    def __repr__(self) -> str:
        return self.lines(len(self))

    def lines(self, most: int) -> str:
        """Return a line for each of the last *most*, and how many there are."""
        last = self._facts[max(0, len(self) - most) :]
        left = self.count - len(last)
        head = f"{self.count}, of which the last {len(last)}" if left else self.count
        shown = (shorten_line(self._format_line(fact)) for fact in last)
        return "\n  ".join((f"{head}:" if self.count else "none", *shown))


class ClockAdvance:
    """What advance and settle did: the events in their order, and what is pending."""

    def __init__(self, answer: Fact) -> None:
        self.now = datetime.fromisoformat(answer.now)
        self.events = FactList(answer.events, format_event)
        self.pending = FactList(answer.pending, format_event)

    def __repr__(self) -> str:
        return (
            f"now {self.now.isoformat()}\n"
            f"events: {self.events}\npending: {self.pending}"
        )


def format_message(fact: Fact) -> str:
    sent = f" at {fact.sent_at}" if fact.sent_at else ""
    return (
        f"{fact.id} of {fact.channel} {fact.campaign} to {fact.cellphone}: "
        f"{fact.status}{sent}: {fact.text!r}"
    )


def format_exchange(fact: Fact) -> str:
    query = f"?{fact.query}" if fact.get("query") else ""
    marks = (
        f"fault {fact.fault}" if fact.fault else "",
        f"notes {', '.join(fact.notes)}" if fact.notes else "",
        fact.why,
    )
    said = "; ".join(filter(None, marks))
    return (
        f"{fact.at} {fact.operation}: {fact.method} {fact.path}{query} "
        f"-> {fact.status or 'nothing'}{f' ({said})' if said else ''}"
    )


def format_event(fact: Fact) -> str:
    rest = {key: value for key, value in fact.items() if key not in {"at", "event"}}
    words = " ".join(f"{key} {value}" for key, value in rest.items())
    return f"{fact.at or 'some day'} {fact.event} {words}".rstrip()


def format_delivery(fact: Fact) -> str:
    last = fact.attempts[-1] if fact.attempts else None
    came = f"{last.verdict} {last.explanation}".rstrip() if last else "not tried"
    tries = f", attempt {len(fact.attempts)}" if last else ""
    to = fact.url or "a listener"
    response = fact.parameters["response"]
    return (
        f"{fact.id} {fact.kind} of {fact.cellphone} to {to}: {response!r}: "
        f"{fact.state}{tries}: {came}"
    )


def format_inbound(fact: Fact) -> str:
    """Return the result of an incoming text."""
    reply = f"reply {fact['received_id']} to message {fact['message']}"
    what = [reply] if fact["received_id"] else []
    if fact["keyword"]:
        what.append(f"keyword {fact['keyword']}")
    if fact["deliveries"]:
        what.append(f"deliveries {', '.join(map(str, fact['deliveries']))}")
    return ", ".join(what)


def format_fault(fact: Fact) -> str:
    told = {"id", "operation", "phase", "effect", "matched", "applied"}
    rest = {key: value for key, value in fact.items() if key not in told}
    which = f" {rest}" if rest else ""
    return (
        f"{fact.id} {fact.phase} {fact.operation}{which}: {dict(fact.effect)}, "
        f"matched {fact.matched}, applied {fact.applied}"
    )


def shorten_line(line: str) -> str:
    line = line.replace("\n", " ")
    return line if len(line) <= LINE_CHARACTERS else f"{line[: LINE_CHARACTERS - 1]}…"
