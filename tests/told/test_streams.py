"""What somebody hears who reads along: the frames, and how long each silence is."""

from collections.abc import Callable, Generator
from typing import Any

from emulator.operations.call import OperationCall
from emulator.operations.control.events import stream_changes, stream_events
from tests.support.emulator import Api, run_control
from tests.support.orders import (
    EMAIL,
    HANDSETS,
    NUMBER,
    SMS,
    VOICE,
    make_crowd,
    make_order,
    make_recipients,
    make_sms,
)
from tests.support.transcripts import Scribe

Reader = Generator[Any, Any, None]


def _call(api: Api, **params: Any) -> OperationCall:
    token = next(iter(api.world.tokens.values()))
    return OperationCall(api.world.clock.now(), token, params, [])


def _read(scribe: Scribe, reader: Reader, *, rung: bool | None = None) -> None:
    """Write down what is told until there is a pause of more than no time."""
    for _ in range(60):
        piece = reader.send(rung) if rung is not None else next(reader)
        rung = True
        if not isinstance(piece, str):
            scribe.lines.append(f"  {piece}")
            if getattr(piece, "seconds", 1) != 0:
                return
        else:
            scribe.lines += [f"  {each[:200]}" for each in piece.splitlines() if each]


REPLY = {"number": "9990000001", "text": "si"}
STEPS: tuple[tuple[str, Callable[[Api], object]], ...] = (
    (
        "a campaign",
        lambda it: it.post(SMS, json=make_sms(recipients=make_recipients(*HANDSETS))),
    ),
    ("a call", lambda it: it.post(VOICE, json=make_order(VOICE))),
    ("a letter", lambda it: it.post(EMAIL, json=make_order(EMAIL))),
    ("what is refused", lambda it: it.post(SMS, json={})),
    ("half a second", lambda it: it.clock.advance(seconds=0.5)),
    (
        "12 seconds",
        lambda it: run_control(it, "POST", "clock/advance", json={"seconds": 12}),
    ),
    ("a pause", lambda it: run_control(it, "POST", "campaigns/sms/8528238/pause")),
    ("a reply", lambda it: run_control(it, "POST", "inbound", json=REPLY)),
    ("a rate", lambda it: run_control(it, "PUT", "clock", json={"rate": 1e-7})),
    ("it stands", lambda it: run_control(it, "PUT", "clock", json={"rate": 0})),
    ("many", lambda it: [it.get("/api/v1/user") for _ in range(120)]),
    ("a crowd", lambda it: it.post(SMS, json=make_sms(recipients=make_crowd(3)))),
    ("all", lambda it: run_control(it, "POST", "clock/settle", json={})),
    ("a reset", lambda it: run_control(it, "POST", "world/reset")),
    ("a campaign again", lambda it: it.post(SMS, json=make_sms())),
)


def test_events(scribe: Scribe) -> None:
    """Read along, from now on and from a position; and what a page hears."""
    api = scribe.api
    reader: Any = stream_events(api.world, _call(api)).stream
    changes: Any = stream_changes(api.world, _call(api)).stream
    scribe.lines.append("at first")
    _read(scribe, reader)
    _read(scribe, changes)
    for name, step in STEPS:
        step(api)
        scribe.lines.append(name)
        if name != "a rate":  # the clock runs
            _read(scribe, reader, rung=True)
        _read(scribe, changes, rung=True)
    scribe.lines.append("silence")
    for _ in range(3):
        _read(scribe, reader, rung=False)
        _read(scribe, changes, rung=False)
    for last in ("1@2026-03-02T18:00:00Z", "0.2@2026-03-02T18:00:11Z", "9@x", "x"):
        scribe.lines.append(f"after {last}")
        try:
            call = _call(api, **{"Last-Event-ID": last})
            again: Any = stream_events(api.world, call).stream
            _read(scribe, again)
        except Exception as error:  # noqa: BLE001 - whatever is said
            scribe.lines.append(f"  {error}")
    scribe.lines.append(NUMBER)
