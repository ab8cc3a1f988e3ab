"""The stream of what happens: driven step by step, as the edge drives it."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest

from emulator.client import Emulator
from emulator.domain import dlr
from emulator.operations.call import Debounce, OperationCall, Pause
from emulator.operations.control.events import (
    HEARTBEAT,
    LET_IN,
    NEWS_PER_TURN,
    stream_events,
)
from tests.support.emulator import START, Api, MakeApi, run_control, send_control
from tests.support.orders import (
    SMS,
    VOICE,
    change_campaign,
    make_crowd,
    make_order,
    make_recipients,
    make_sms,
    place_campaign,
)

TELLING = ("event", "id", "data")


class Reader:
    """Somebody who reads a stream; what is new is there after each look."""

    def __init__(self, api: Api, last: str | None = None) -> None:
        world = api.world
        entry = api.worlds.enter_without_token(world)
        params = {"Last-Event-ID": last} if last else {}
        reply = stream_events(world, OperationCall(entry.now, entry.token, params, []))
        assert reply.stream is not None
        self._stream = reply.stream
        assert str(next(self._stream)).startswith(": what happens in world demo")
        self.paused = Pause()
        self.missed = [frame(each) for each in self._frames(next(self._stream))]

    def news(self, *, left: bool = True) -> list[Any]:
        """Return what has come about; without time *left* the silence is too long."""
        return [frame(each) for each in self._frames(self._stream.send(left))]

    def pieces(self) -> Iterator[str | Pause | Debounce]:
        """Yield what the edge gets, until there is nothing more to tell."""
        piece = self._stream.send(True)  # noqa: FBT003 - a generator's
        while isinstance(piece, str) or piece == LET_IN:
            yield piece
            piece = next(self._stream)

    def _frames(self, piece: str | Pause | Debounce) -> Iterator[str]:
        while isinstance(piece, str) or piece == LET_IN:
            yield from parted(piece)
            piece = next(self._stream)
        assert isinstance(piece, Pause)
        self.paused = piece


def parted(piece: str | Pause | Debounce) -> list[str]:
    """Return the frames in a piece of a stream."""
    return piece.removesuffix("\n\n").split("\n\n") if isinstance(piece, str) else []


@contextmanager
def calls_counted() -> Iterator[Callable[[], int]]:
    """Count the functions that are called."""
    calls = 0

    def note(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(note)
    try:
        yield lambda: calls
    finally:
        sys.setprofile(None)


def frame(text: str) -> Any:
    lines = [line.partition(": ") for line in text.splitlines() if line]
    fields = {name: value for name, _, value in lines}
    if "data" in fields:
        fields["data"] = json.loads(fields["data"])
    return fields


def kinds(news: list[Any]) -> list[str]:
    return [
        each["data"].get("event") or each["data"].get("operation") or each["event"]
        for each in news
    ]


@pytest.fixture
def reader(api: Api) -> Reader:
    return Reader(api)


def test_a_request_is_told_with_its_answer(api: Api, reader: Reader) -> None:
    api.get("/api/v1/user")

    (news,) = reader.news()

    assert (news["event"], news["id"]) == ("exchange", "1@2026-03-02T18:00:00.000000Z")
    assert news["data"] == run_control(api, "GET", "journal")["exchanges"][0]


def test_what_happens_by_itself_is_told_in_its_order(api: Api, reader: Reader) -> None:
    place_campaign(
        api, make_sms(recipients=make_recipients("4498987282", "9990002000"))
    )
    assert kinds(reader.news()) == ["createCampaign"]
    api.post(VOICE, json=make_order(VOICE))

    run_control(api, "POST", "clock/settle", json={})

    assert kinds(reader.news()) == [
        *("createVoiceCampaign", "inserted", "sending", "sent"),
        *("calling", "completed", "completed", "clock"),
    ]


def test_what_is_over_at_once_is_told_too(make_api: MakeApi) -> None:
    api = make_api(pace="instant")
    reader = Reader(api)

    place_campaign(api)
    place_campaign(api)

    assert (
        kinds(reader.news()) == ["createCampaign"] * 2 + ["inserted", "completed"] * 2
    )
    assert reader.news() == []


def test_a_stream_looks_again_when_the_next_thing_is_due(
    api: Api, reader: Reader
) -> None:
    assert reader.paused == Pause(until=None, seconds=HEARTBEAT)

    place_campaign(api, make_sms(recipients=make_crowd(3)))
    reader.news()

    assert reader.paused.until == START + timedelta(seconds=1)


def test_much_is_told_in_portions_and_in_its_order(
    make_api: MakeApi,
) -> None:
    api = make_api(pace="instant")
    reader = Reader(api)
    for _ in range(NEWS_PER_TURN + 10):
        place_campaign(api)
        api.world.clock.advance(timedelta(seconds=1))

    pieces = [*reader.pieces()]

    assert pieces.count(LET_IN) >= 1
    told = [frame(each) for piece in pieces for each in parted(piece)]
    numbers = [each["data"]["number"] for each in told if each["event"] == "exchange"]
    assert numbers == [*range(1, NEWS_PER_TURN + 11)]
    assert (
        kinds(told).count("inserted")
        == kinds(told).count("completed")
        == NEWS_PER_TURN + 10
    )
    instants = [each["id"].partition("@")[2] for each in told]
    assert instants == sorted(instants)
    assert reader.news() == []


def test_much_of_one_instant_is_told_to_its_end(api: Api, reader: Reader) -> None:
    for _ in range(2 * NEWS_PER_TURN + 10):
        api.get("/api/v1/user")

    pieces = [*islice(reader.pieces(), 5 * NEWS_PER_TURN)]

    told = [frame(each) for piece in pieces for each in parted(piece)]
    numbers = [each["data"]["number"] for each in told if each["event"] == "exchange"]
    assert numbers == [*range(1, 2 * NEWS_PER_TURN + 11)]
    assert reader.news() == []


def test_what_the_journal_has_dropped_is_said_to_be_gone(
    api: Api, reader: Reader
) -> None:
    for _ in range(3):
        api.get("/api/v1/user")
    api.world.journal.drop(1)

    assert reader.news()[0] == {"": "1 requests are gone from the journal"}


def test_a_look_reads_what_is_new_and_not_all_there_is(
    api: Api, reader: Reader
) -> None:
    def effort(placed: int) -> int:
        for _ in range(placed):
            place_campaign(api)
            reader.news()
        place_campaign(api)
        with calls_counted() as count:
            reader.news()
        return count()

    effort(2)

    assert effort(5) == effort(50)


def test_what_happens_otherwise_than_planned_is_told_as_it_happens(
    api: Api, reader: Reader
) -> None:
    placed = place_campaign(api, make_sms(recipients=make_crowd(3)))
    reader.news()
    run_control(api, "POST", "clock/advance", json={"seconds": 5})
    change_campaign(api, placed, dlr.pause_sending)
    reader.news()

    run_control(api, "POST", "clock/advance", json={"seconds": 60})

    assert kinds(reader.news()) == ["paused", "clock"]


def test_silence_is_interrupted_by_a_comment(reader: Reader) -> None:
    assert reader.news(left=False) == [{"": "still here"}]
    assert reader.paused.seconds == 2 * HEARTBEAT


def test_a_clock_that_somebody_touches_is_told(api: Api, reader: Reader) -> None:
    run_control(api, "PUT", "clock", json={"rate": 60})

    (news,) = reader.news()

    assert (news["event"], news["data"]["rate"]) == ("clock", 60)


def test_a_world_that_goes_back_is_told_from_there(api: Api, reader: Reader) -> None:
    run_control(api, "POST", "clock/advance", json={"seconds": 3600})
    reader.news()
    run_control(api, "POST", "world/reset")
    assert kinds(reader.news()) == ["clock"]

    place_campaign(api)
    run_control(api, "POST", "clock/advance", json={"seconds": 60})

    told = ["createCampaign", "inserted", "completed", "clock"]
    assert kinds(reader.news()) == told


def test_who_comes_back_misses_nothing(api: Api, reader: Reader) -> None:
    place_campaign(api, make_sms(recipients=make_crowd(3)))
    (first,) = reader.news()
    api.get(f"{SMS}/8528238/messages")
    run_control(api, "POST", "clock/settle", json={})

    again = Reader(api, last=first["id"])

    told = ["getCampaignMessages", "inserted", "sending", "completed"]
    assert kinds(again.missed) == told
    assert kinds(Reader(api, last=again.missed[1]["id"]).missed) == told[1:]


@pytest.mark.parametrize(
    "last", ["x", "1@yesterday", "1@2026-13-02T18:00:00.000000Z", "@"]
)
def test_an_id_of_no_event_is_refused(api: Api, last: str) -> None:
    answer = send_control(api, "GET", "events", headers={"Last-Event-ID": last})

    assert answer.status == 422
    assert "Last-Event-ID" in answer.body["title"] + answer.body["detail"]


def test_a_running_world_tells_what_happens_without_being_asked() -> None:
    with Emulator.in_process(clock="x100000") as emulator:
        events = emulator.events(timeout=30)
        order = {"text": "hola", "recipients": make_crowd(3), "country": 1}
        emulator.request("POST", "/api/v3/campaign", json=order)

        told = (each.data for each in events if each.event == "event")

        assert [next(told).event for _ in range(3)] == [
            *("inserted", "sending", "completed")
        ]


def test_a_position_without_a_trace_lies_before_all_of_them(api: Api) -> None:
    place_campaign(api)
    api.world.clock.advance(timedelta(seconds=11))
    for text in ("si", "no"):
        wrote = {"number": "4498987282", "text": text}
        run_control(api, "POST", "inbound", json=wrote)
    stamp = f"{START:%Y-%m-%dT%H:%M:%S.%fZ}"

    def traces(last: str) -> int:
        missed = Reader(api, last).missed
        return sum("replied" in str(each) for each in missed)

    assert [traces(f"9{part}@{stamp}") for part in ("", ".0", ".1", ".2")] == [
        *(2, 2, 1, 0)
    ]
