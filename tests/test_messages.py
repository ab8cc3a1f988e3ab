"""The messages of an account, as the control API lists them."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.emulator import Api, run_control, send_control
from tests.support.orders import (
    CLIC,
    SMS,
    make_clic,
    make_sms,
    place_campaign,
    poll_messages,
)

ABSENT, FAILED, REACHED = "9990003001", "9990001001", "4498987282"
PEOPLE = [
    {"cellphone": REACHED, "name": "Ana"},
    {"cellphone": ABSENT, "name": "Eva"},
    {"cellphone": FAILED, "name": "Luz"},
    {"cellphone": "0000000282", "name": "Ana"},
]


def listed(api: Api, **asked: Any) -> list[dict[str, Any]]:
    """Return the messages that match; their number has to be what is counted."""
    told = run_control(api, "GET", f"messages?{urlencode(asked)}")
    messages: list[dict[str, Any]] = told["messages"]
    assert told["count"] == len(messages)
    return messages


@pytest.fixture
def crowd(api: Api) -> Api:
    """Make a world with three campaigns: merged, with links, and one to come."""
    place_campaign(api, make_sms(text="hola <+B+>", recipients=PEOPLE))
    place_campaign(api, make_clic(), path=CLIC)
    api.clock.advance(minutes=5)
    place_campaign(api, make_sms(text="adios"))
    api.clock.advance(seconds=2)
    return api


def test_a_world_begins_without_messages(api: Api) -> None:
    assert run_control(api, "GET", "messages") == {"count": 0, "messages": []}


def test_messages_are_what_the_platform_tells_of_them(crowd: Api) -> None:
    ids = list(crowd.world.campaigns)
    told = [
        row for each in ids for row in poll_messages(crowd, {"campaign": each})["data"]
    ]

    messages = listed(crowd)

    assert [
        {name: each[name] for name in ("id", "cellphone", "status", "text")}
        for each in messages
    ] == [
        {name: each[name] for name in ("id", "cellphone", "status", "text")}
        for each in told
    ]
    assert [bool(each["sent_at"]) for each in messages] == [
        bool(each["sent_date"]) for each in told
    ]


def test_a_message_says_what_it_belongs_to(crowd: Api) -> None:
    first, *_, clic, last = listed(crowd)

    assert first == {
        "id": 46608336,
        "campaign": 8528238,
        "channel": "sms",
        "cellphone": REACHED,
        "status": "sent",
        "sent_at": "2026-03-02T18:00:11.000000Z",
        "text": "hola Ana",
    }
    assert (clic["campaign"], clic["channel"]) == (8528239, "smsclic")
    assert (last["status"], last["sent_at"]) == ("in progress", None)


ASKED: list[tuple[dict[str, Any], Any]] = [
    ({"number": "282"}, lambda each: each["cellphone"].endswith("282")),
    ({"number": "0000000282"}, lambda each: each["cellphone"] == "0000000282"),
    ({"number": "00282"}, lambda each: each["cellphone"].endswith("00282")),
    ({"campaign": 8528238}, lambda each: each["campaign"] == 8528238),
    ({"text": "Ana"}, lambda each: "Ana" in each["text"]),
    ({"text": "adios"}, lambda each: "adios" in each["text"]),
    ({"text": "https://mx4.mx/"}, lambda each: each["channel"] == "smsclic"),
    ({"status": "sent"}, lambda each: each["status"] == "sent"),
    ({"status": "retried"}, lambda each: each["cellphone"] == ABSENT),
    (
        {"number": "282", "status": "sent", "text": "Ana", "campaign": 8528238},
        lambda each: each["text"] == "hola Ana" and each["campaign"] == 8528238,
    ),
]


@pytest.mark.parametrize(
    ("asked", "fits"), ASKED, ids=map(urlencode, [each for each, _ in ASKED])
)
def test_messages_are_asked_by_number_campaign_text_and_status(
    crowd: Api, asked: dict[str, Any], fits: Any
) -> None:
    everything = listed(crowd)

    found = listed(crowd, **asked)

    assert found == [each for each in everything if fits(each)]
    assert 0 < len(found) < len(everything)


@pytest.mark.parametrize(
    "asked", [{"number": "123456"}, {"text": "nada"}, {"status": "paused"}]
)
def test_nothing_found_is_an_empty_list(crowd: Api, asked: dict[str, Any]) -> None:
    assert listed(crowd, **asked) == []


def test_all_are_counted_and_so_many_listed(api: Api) -> None:
    people = [{"cellphone": f"55{number:08d}"} for number in range(2500)]
    for _ in range(2):
        place_campaign(api, make_sms(recipients=people))

    def told(**asked: Any) -> tuple[int, list[int]]:
        body = run_control(api, "GET", f"messages?{urlencode(asked)}")
        return body["count"], [each["id"] for each in body["messages"]]

    first = 46608336
    assert told() == (5000, list(range(first, first + 1000)))
    assert told(limit=3) == (5000, [first, first + 1, first + 2])
    assert told(limit=4000) == (5000, list(range(first, first + 4000)))
    assert told(number="7", limit=251)[0] == 500
    assert told(number="7", limit=251)[1][-2:] == [first + 2497, first + 2507]
    assert told(number="00000007") == (2, [first + 7, first + 2507])


def test_messages_are_there_before_the_platform_tells_of_them(api: Api) -> None:
    placed = place_campaign(api)
    assert poll_messages(api, placed)["campaign_status"] == "inserting"
    assert poll_messages(api, placed)["data"] == []

    assert [each["status"] for each in listed(api)] == ["in progress"]


def test_messages_that_will_not_be_sent_say_so(api: Api) -> None:
    placed = place_campaign(api)
    api.clock.advance(seconds=2)
    run_control(api, "POST", f"campaigns/sms/{placed['campaign']}/cancel")

    assert [each["sent_at"] for each in listed(api, status="cancelled")] == [None]


def test_a_world_lists_its_own_messages_only(crowd: Api) -> None:
    assert run_control(crowd, "GET", "messages", token="world-b")["count"] == 0
    api = crowd
    assert (
        send_control(api, "GET", "messages?campaign=8528238", token="world-b").status
        == 404
    )


@pytest.mark.parametrize(
    "query",
    ["number=x", "number=12345678901", "limit=0", "limit=100001", "campaign=x"],
)
def test_a_wrong_question_is_a_problem(api: Api, query: str) -> None:
    assert send_control(api, "GET", f"messages?{query}").status == 422


def test_listing_changes_nothing(crowd: Api) -> None:
    before = crowd.get(f"{SMS}/8528238/messages").octets

    listed(crowd, text="Ana")

    assert crowd.get(f"{SMS}/8528238/messages").octets == before
