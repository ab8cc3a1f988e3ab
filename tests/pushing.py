"""Worlds that tell a customer's server, and what it was told, held to the contract."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from emulator.client import Emulator
from emulator.client.shown import ClockAdvance, Fact
from tests.campaigns import NUMBER, SMS, Body, an_sms, to
from tests.emulated import START, contract, validator
from tests.receiver import Asked

RESPONSES = "/api/v3/responses"
NAMES = count(1)
Pairs = tuple[tuple[str, str], ...]


@contextmanager
def running(**settings: Any) -> Iterator[Emulator]:
    """Run an emulator in this process."""
    with Emulator.in_process(**settings) as home:
        yield home


@contextmanager
def opened(home: Emulator, **order: Any) -> Iterator[Emulator]:
    """Open a world whose clock stands at ``START``, until the block ends."""
    order = {"clock": START.isoformat(), "seed": 7, **order}
    world = home.create(f"pushing{next(NAMES)}", **order)
    try:
        yield world
    finally:
        if world.world in [each.name for each in home.worlds]:
            world.delete()


def placed(emulator: Emulator, *numbers: str, **changes: Any) -> Body:
    """Place a campaign, which must be taken, and return the answer's body."""
    order = an_sms(recipients=to(*(numbers or (NUMBER,))), **changes)
    answer = emulator.request("POST", SMS, json=order)
    assert answer.status == 200, answer.text
    body: Body = answer.json()
    return body


def arrived(emulator: Emulator, *numbers: str, **changes: Any) -> Body:
    """Place a campaign and let it arrive."""
    body = placed(emulator, *numbers, **changes)
    emulator.advance(seconds=11 + (len(numbers) or 1) * 0.01 - 0.01)
    return body


def wrote(emulator: Emulator, text: str = "Si", number: str = NUMBER) -> Fact:
    """Let a handset answer the newest message, and all be told that is told now."""
    taken = emulator.phone(number).reply(text)
    emulator.advance(seconds=0)
    return taken


def polled(emulator: Emulator, query: Any | None = None) -> list[Any]:
    """Return the replies that a poll finds, by date unless told otherwise."""
    answer = emulator.request("POST", RESPONSES, json=query or {"type": 1})
    assert answer.status == 200, answer.text
    pointer = "/paths/~1api~1v3~1responses/post/responses/200/content"
    validator(f"{pointer}/application~1json/schema").validate(answer.json())
    found: list[Any] = answer.json()["results"]
    return found


def pushed(asked: Asked, webhook: str = "moPush", own: Pairs = ()) -> dict[str, Any]:
    """Return the parameters of a push, typed as the contract has them.

    Fails unless they are exactly those of *webhook*, in its order and behind the URL's
    *own*.
    """
    where = f"/webhooks/{webhook}/get"
    described = contract().document.resolve_pointer(where)[1]["parameters"]
    assert (asked.method, asked.body) == ("GET", "")
    assert "authorization" not in asked.headers
    assert asked.query[: len(own)] == own
    sent = asked.query[len(own) :]
    assert [name for name, _ in sent] == [each["name"] for each in described]
    typed: dict[str, Any] = {}
    for index, (name, text) in enumerate(sent):
        schema = described[index]["schema"]
        value: Any = int(text) if schema.get("type") == "integer" else text
        assert str(value) == text, "written as the contract's type is"
        validator(f"{where}/parameters/{index}/schema").validate(value)
        typed[name] = value
    return typed


def verdicts(delivery: Fact) -> list[str]:
    """Return how each attempt ended."""
    return [each.verdict for each in delivery.attempts]


def traces(run: ClockAdvance, name: str) -> list[str]:
    """Return when something called *name* happened: ``18:00:22``."""
    return [each.at[11:19] for each in run.events if each.event == name]
