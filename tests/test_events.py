"""The stream of what happens: driven step by step, as the edge drives it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from emulator.client import Emulator
from emulator.operations.call import Breath, Call, Pause
from emulator.operations.events import HEARTBEAT, stream_events
from tests.campaigns import SMS, an_sms, crowd, place, to
from tests.conftest import MakeApi
from tests.emulated import START, Api
from tests.orders import VOICE, order
from tests.steering import steer, steered

TELLING = ("event", "id", "data")


class Reader:
    """Somebody who reads a stream; what is new is there after each look."""

    def __init__(self, api: Api, last: str | None = None) -> None:
        world = api.world
        entry = api.worlds.visit(world)
        params = {"Last-Event-ID": last} if last else {}
        reply = stream_events(world, Call(entry.now, entry.token, params, []))
        assert reply.stream is not None
        self._stream = reply.stream
        assert str(next(self._stream)).startswith(": what happens in world demo")
        self.paused = Pause()
        self.missed = [frame(each) for each in self._frames(next(self._stream))]

    def news(self, *, left: bool = True) -> list[Any]:
        """Return what has come about; without time *left* the silence is too long."""
        return [frame(each) for each in self._frames(self._stream.send(left))]

    def _frames(self, piece: str | Pause | Breath) -> Iterator[str]:
        while isinstance(piece, str):
            yield piece
            piece = next(self._stream)
        assert isinstance(piece, Pause)
        self.paused = piece


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
    assert news["data"] == steered(api, "GET", "journal")["exchanges"][0]


def test_what_happens_by_itself_is_told_in_its_order(api: Api, reader: Reader) -> None:
    place(api, an_sms(recipients=to("4498987282", "9990002000")))
    assert kinds(reader.news()) == ["createCampaign"]
    api.post(VOICE, json=order(VOICE))

    steered(api, "POST", "clock/settle", json={})

    assert kinds(reader.news()) == [
        *("createVoiceCampaign", "inserted", "sending", "sent"),
        *("calling", "completed", "completed", "clock"),
    ]


def test_what_is_over_at_once_is_told_too(make_api: MakeApi) -> None:
    api = make_api(pace="instant")
    reader = Reader(api)

    place(api)
    place(api)

    assert (
        kinds(reader.news()) == ["createCampaign"] * 2 + ["inserted", "completed"] * 2
    )
    assert reader.news() == []


def test_a_stream_looks_again_when_the_next_thing_is_due(
    api: Api, reader: Reader
) -> None:
    assert reader.paused == Pause(until=None, seconds=HEARTBEAT)

    place(api, an_sms(recipients=crowd(3)))
    reader.news()

    assert reader.paused.until == START + timedelta(seconds=1)


def test_silence_is_interrupted_by_a_comment(reader: Reader) -> None:
    assert reader.news(left=False) == [{"": "still here"}]
    assert reader.paused.seconds == 2 * HEARTBEAT


def test_a_clock_that_somebody_touches_is_told(api: Api, reader: Reader) -> None:
    steered(api, "PUT", "clock", json={"rate": 60})

    (news,) = reader.news()

    assert (news["event"], news["data"]["rate"]) == ("clock", 60)


def test_a_world_that_goes_back_is_told_from_there(api: Api, reader: Reader) -> None:
    steered(api, "POST", "clock/advance", json={"seconds": 3600})
    reader.news()
    steered(api, "POST", "world/reset")
    assert kinds(reader.news()) == ["clock"]

    place(api)
    steered(api, "POST", "clock/advance", json={"seconds": 60})

    told = ["createCampaign", "inserted", "completed", "clock"]
    assert kinds(reader.news()) == told


def test_who_comes_back_misses_nothing(api: Api, reader: Reader) -> None:
    place(api, an_sms(recipients=crowd(3)))
    (first,) = reader.news()
    api.get(f"{SMS}/8528238/messages")
    steered(api, "POST", "clock/settle", json={})

    again = Reader(api, last=first["id"])

    told = ["getCampaignMessages", "inserted", "sending", "completed"]
    assert kinds(again.missed) == told
    assert kinds(Reader(api, last=again.missed[1]["id"]).missed) == told[1:]


@pytest.mark.parametrize(
    "last", ["x", "1@yesterday", "1@2026-13-02T18:00:00.000000Z", "@"]
)
def test_an_id_of_no_event_is_refused(api: Api, last: str) -> None:
    answer = steer(api, "GET", "events", headers={"Last-Event-ID": last})

    assert answer.status == 422
    assert "Last-Event-ID" in answer.body["title"] + answer.body["detail"]


def test_a_running_world_tells_what_happens_without_being_asked() -> None:
    with Emulator.in_process(clock="x100000") as emulator:
        events = emulator.events(timeout=30)
        order = {"text": "hola", "recipients": crowd(3), "country": 1}
        emulator.request("POST", "/api/v3/campaign", json=order)

        told = (each.data for each in events if each.event == "event")

        assert [next(told).event for _ in range(3)] == [
            *("inserted", "sending", "completed")
        ]
