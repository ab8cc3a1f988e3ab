"""What the panel asks, and how it words what it is told: without a browser."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from emulator.domain.delivery import DeliveryState, Verdict
from emulator.domain.handset import BEHAVIOURS, CallStatus
from emulator.domain.voice import VoiceStatus
from emulator.web.control_client import WorldClient
from emulator.web.panel import rendering, words
from emulator.web.panel.account import mask_token, to_svg_points
from emulator.web.panel.actions import (
    ACTIONS,
    ITEM_NUMBERS,
    ITEM_TEXTS,
    parse_number,
    pick_fields,
)
from emulator.web.panel.requests import to_curl_command
from emulator.web.panel.views import PAGES, REGIONS, TIMED_REGIONS

AT = "2026-03-02T18:00:00.000000Z"


class Asks:
    """A seat whose questions are written down, and answered from a table."""

    def __init__(self, **answers: Any) -> None:
        self.asked: dict[str, dict[str, Any]] = {}
        self._answers = answers

    async def call_operation(
        self, operation: str, body: Any = None, /, **params: Any
    ) -> Any:
        assert body is None
        self.asked[operation] = {
            name: each for name, each in params.items() if each is not None
        }
        return self._answers[operation]


def view(region: str, query: Mapping[str, str] = {}, **answers: Any) -> tuple[Any, Any]:
    """Return what a region has asked, and what it shows."""
    seat = Asks(**answers)
    shown = asyncio.run(_look(region, seat, query))
    return seat.asked, shown


async def _look(region: str, seat: Asks, query: Mapping[str, str]) -> Any:
    return await REGIONS[region](cast("WorldClient", seat), query)


EXCHANGES = [{"number": each, "operation": f"op{each % 2}"} for each in range(51)]


def test_the_requests_are_asked_for_page_by_page() -> None:
    found = {"exchanges": EXCHANGES, "dropped": 3}
    query = {"operation": "getUser", "status": "200", "before": "9", "find": "hola"}

    asked, shown = view("requests", query, listExchanges=found)
    bare, rest = view(
        "requests", {"find": ""}, listExchanges={**found, "exchanges": []}
    )

    fixed = {"protocol": "http", "last": 51, "dropped": "ignored"}
    assert asked["listExchanges"] == {
        "operation": "getUser",
        "status": "200",
        "before": "9",
        "text": "hola",
        **fixed,
    }
    assert bare["listExchanges"] == fixed
    assert [each["number"] for each in shown["exchanges"]] == [*range(50, 0, -1)]
    assert (shown["more"], shown["dropped"]) == (True, 3)
    assert shown["operations"] == ["getUser", "op0", "op1"]
    assert (rest["more"], rest["operations"]) == (False, [])


def test_the_pdus_are_asked_for_page_by_page() -> None:
    answers = {
        "listExchanges": {"exchanges": EXCHANGES},
        "getSmpp": {"port": 1},
        "listSessions": ["s"],
        "listLongMessages": [*range(60)],
    }

    asked, shown = view("smpp", {"find": "hola", "before": "9"}, **answers)

    assert asked["listExchanges"] == {
        "protocol": "smpp",
        "text": "hola",
        "before": "9",
        "last": 51,
        "dropped": "ignored",
    }
    assert (shown["where"], shown["sessions"]) == ({"port": 1}, ["s"])
    assert shown["long_messages"] == [*range(10, 60)]
    assert len(shown["pdus"]) == 50
    assert shown["more"]


def test_campaigns_and_their_recipients_are_asked_for_page_by_page() -> None:
    query = {"channel": "sms", "find": "a", "offset": "50", "campaign": "7"}
    many = [*range(51)]

    listed, shown = view("campaigns", query, listCampaigns=many)
    one, _ = view("campaign", query, getCampaign={})
    named, _ = view("recipients", {**query, "status": "sent"}, listRecipients={})

    page = {"text": "a", "offset": "50"}
    assert listed["listCampaigns"] == {
        "newest": "first",
        "channel": "sms",
        "limit": 51,
        **page,
    }
    assert (len(shown["campaigns"]), shown["more"], shown["page"]) == (50, True, 50)
    assert one["getCampaign"] == {"channel": "sms", "campaignId": "7"}
    assert named["listRecipients"] == {
        "channel": "sms",
        "campaignId": "7",
        "status": "sent",
        "limit": 50,
        **page,
    }


def test_deliveries_worlds_and_time_are_asked_for() -> None:
    query = {"number": "7282", "state": "due", "find": "si"}
    listed = {"deliveries": [1, 2], "dropped": 0}
    names = [{"name": f"World{each}"} for each in range(201)]

    asked, shown = view("deliveries", query, listDeliveries=listed)
    _, worlds = view("worlds", {"find": "WORLD"}, listWorlds=names)
    _, few = view("worlds", {"find": "d20"}, listWorlds=names)
    pending, _ = view("clock", listPending={"pending": [], "rate": 0})

    assert asked["listDeliveries"] == {
        "number": "7282",
        "state": "due",
        "text": "si",
        "last": 50,
    }
    assert shown["deliveries"] == [2, 1]
    assert (len(worlds["worlds"]), worlds["more"]) == (200, True)
    assert [each["name"] for each in few["worlds"]] == ["World20", "World200"]
    assert not few["more"]
    assert pending["listPending"] == {"limit": 50}


CONVERSATIONS = {"conversations": [{"address": "5511112222"}], "more": False}
LEFT = {
    "deliveries": [
        {"id": each, "message": 7, "parameters": {"response": "si"}} for each in (1, 2)
    ]
}


def test_the_conversation_that_is_open_is_the_latest_unless_asked() -> None:
    answers = {
        "listConversations": CONVERSATIONS,
        "getConversation": {"items": []},
        "listDeliveries": LEFT,
    }

    for query, chosen in (
        ({}, "5511112222"),
        ({"shown": "4498987282"}, "4498987282"),
        ({"shown": "1", "with": "4498987282"}, "4498987282"),
    ):
        asked, shown = view("phones", query, **answers)
        assert shown["chosen"] == chosen
        assert asked["getConversation"] == {"address": chosen}
        assert asked["listDeliveries"] == {"number": chosen, "last": 50}
        assert {key: len(it) for key, it in shown["pushes"].items()} == {(7, "si"): 2}
        assert (shown["is_phone"], shown["empty"]) == (True, False)
    asked, shown = view("phones", {"with": "ana@example.org"}, **answers)
    assert ("listDeliveries" in asked, shown["is_phone"]) == (False, False)
    asked, shown = view("phones", {"find": "x", "offset": "50"}, **answers)
    assert asked["listConversations"] == {"text": "x", "offset": "50", "limit": 50}
    nobody = {**answers, "listConversations": {"conversations": [], "more": False}}
    assert [
        view("phones", each, **nobody)[1]["empty"] for each in ({}, {"find": "x"})
    ] == [*(True, False)]


def test_a_switch_is_on_while_its_rule_is_there() -> None:
    rule = {"effect": {"status": 500}, "phase": "after"}
    presets = [{"name": "one", "rule": rule}, {"name": "two", "rule": {"first": 1}}]
    rules = [{"id": "f1", "operation": "*", **rule}]

    _, shown = view("faults", listFaults=rules, listPresets=presets)

    assert [each["active"] for each in shown["presets"]] == [rules[0], None]


def test_every_page_consists_of_regions_that_there_are() -> None:
    assert {each for regions in PAGES.values() for each in regions} | {"status"} == {
        *REGIONS
    }
    assert REGIONS.keys() >= TIMED_REGIONS
    assert {
        *("campaign", "campaigns", "clock", "deliveries"),
        *("money", "phones", "recipients", "worlds"),
    } == TIMED_REGIONS


# --- What buttons and forms do -----------------------------------------------

DONE: Mapping[str, tuple[dict[str, str], Any]] = {
    "pause": ({}, None),
    "resume": ({}, None),
    "cancel": ({}, None),
    "cancel-calls": ({}, None),
    "mark_unknown": ({}, None),
    "freeze": ({}, {"rate": 0}),
    "run": ({"rate": "60"}, {"rate": 60}),
    "advance": ({"seconds": "1.5"}, {"seconds": 1.5}),
    "next": ({}, {"next": True}),
    "settle": ({}, {}),
    "reply": (
        {"number": "44", "text": "si", "other": "x"},
        {"number": "44", "text": "si"},
    ),
    "replay": ({}, None),
    "send-now": ({}, None),
    "drop": ({}, None),
    "cut": ({}, None),
    "preset": ({"preset": "p", "operation": ""}, {"preset": "p"}),
    "break": (
        {"how": "429", "operation": "getUser"},
        {
            "operation": "getUser",
            "effect": {"status": 429, "retry_after": 7},
            "first": 1,
        },
    ),
    "switch-off": ({}, {"disabled": True}),
    "switch-on": ({}, {"disabled": False}),
    "mend": ({}, None),
    "mend-all": ({}, None),
    "forget-requests": ({}, None),
    "top-up": ({"amount": "0.5"}, {"amount": 0.5}),
    "create-token": ({"name": "a"}, {"name": "a"}),
    "delete-token": ({}, None),
    "expire-token": ({}, None),
    "push-url": ({"push_url": ""}, {"push_url": None}),
    "add-item": (
        {"item": "7", "name": "a", "price": "0.5", "route": "3", "collection": "x"},
        {"id": 7, "name": "a", "price": 0.5, "route": 3},
    ),
    "remove-item": ({}, None),
    "populate": ({}, {}),
    "reset": ({}, None),
    "fork": ({"name": "b"}, {"name": "b"}),
    "open": ({"name": "b"}, {"name": "b"}),
    "delete-world": ({}, None),
}


def test_every_button_asks_for_what_its_form_says() -> None:
    assert DONE.keys() == ACTIONS.keys()
    for name, (form, body) in DONE.items():
        assert ACTIONS[name].body(form) == body, name
    leading = {name for name, each in ACTIONS.items() if each.leads_to}
    assert leading == {"fork", "open"}
    assert ACTIONS["run"].body({}) == {"rate": 1}
    assert ACTIONS["break"].body({"how": "hang", "first": "3"})["first"] == 3
    assert ACTIONS["push-url"].body({"push_url": "http://x"}) == {
        "push_url": "http://x"
    }


def test_fields_are_read_as_what_they_are() -> None:
    assert [parse_number(each) for each in ("1", "1.5", "1e3", "x", "")] == [
        *(1, 1.5, 1000, "x", "")
    ]
    assert pick_fields({"a": "1", "b": "", "c": "3"}, "a", "b", "d") == {"a": "1"}
    assert {*ITEM_TEXTS} == {
        *("name", "url", "title", "keyword"),
        *("response", "response_url", "push_url", "description"),
    }
    assert ITEM_NUMBERS == ("route", "country", "price")


# --- Words and numbers -------------------------------------------------------


def test_every_word_of_the_platform_has_its_colour() -> None:
    told = {
        "good": {"sent", "delivered", "accepted", "received", "SENT", "COMPLETED"},
        "bad": {
            *("given_up", "not_ok", "bad_status", "timed_out", "refused", "broken"),
            *("failed", "FAILED", "unknown"),
        },
        "warm": {"lost", "retried", "paused"},
        "quiet": {"dropped", "canceled", "cancelled", "CANCELLED"},
        "busy": {
            *("due", "inserting", "updating", "in progress"),
            *("PROCESSING", "PROCESS"),
        },
    }
    assert {word: tone for tone, each in told.items() for word in each} == (
        rendering.STATUS_TONES
    )
    plain = {"TO_SEND", "QUEUED", "unusable", "forbidden", "gone", "stopped"}
    spoken = {
        *map(str, (*DeliveryState, *Verdict, *VoiceStatus)),
        *(each.name for each in CallStatus),
        *(word for truth in BEHAVIOURS.values() for _, word in truth.sms.steps),
    }
    assert spoken - rendering.STATUS_TONES.keys() == plain


def test_a_query_says_what_is_asked_and_nothing_else() -> None:
    assert rendering.to_query_string(world="demo", page=2, find="", number=None) == (
        "?world=demo&page=2"
    )
    assert rendering.to_query_string(find="a b&c") == "?find=a+b%26c"
    assert rendering.to_query_string() == rendering.to_query_string(find="") == ""


def test_times_and_numbers_are_readable() -> None:
    assert (
        rendering.format_local_stamp(AT, "America/Mexico_City") == "2026-03-02 12:00:00"
    )
    assert (
        rendering.format_local_stamp(None, "UTC")
        == rendering.format_short_date("", "2026-03-02")
        == ""
    )
    assert (
        rendering.format_short_date("2026-03-02 12:00:11", "2026-03-02 18:00:00")
        == "12:00:11"
    )
    assert rendering.format_short_date(
        "2026-03-01 12:00:11", "2026-03-02 18:00:00"
    ) == ("2026-03-01 12:00")
    assert rendering.format_count(50_000) == "50,000"
    assert rendering.format_amount(468_062.114) == "468,062.11"
    assert [
        rendering.format_duration(each) for each in (0.00999, 0.01, 0.9994, 1, 1.26)
    ] == [*("10 ms", "10 ms", "999 ms", "1.0 s", "1.3 s")]
    assert rendering.indent_json('{"a":"ñ"}') == '{\n  "a": "ñ"\n}'
    assert rendering.indent_json("hola") == "hola"
    assert rendering.parse_api_instant("2026-03-02T12:00:00-06:00").isoformat() == (
        "2026-03-02T18:00:00+00:00"
    )


def test_a_token_shows_its_ends() -> None:
    assert mask_token("x" * 16) == "x" * 16
    assert mask_token("abcdef" + "x" * 7 + "wxyz") == "abcdef…wxyz"


def test_a_balance_is_a_line_in_steps() -> None:
    later, now = "2026-03-02T18:01:00Z", "2026-03-02T18:02:00Z"

    assert to_svg_points([(10, AT), (5, later)], now) == (
        "0.0,0.0 300.0,0.0 300.0,120.0 600.0,120.0 600.0,120.0"
    )
    assert to_svg_points([(10, AT)], AT) == "0.0,120.0 0.0,120.0 0.0,120.0"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("es", "es"),
        ("es-MX,es;q=0.9", "es"),
        ("de,ES;q=0.5,en;q=0.4", "es"),
        ("en;q=0.3, es;q=0.2", "en"),
        ("es;q=0,en;q=0.1", "en"),
        ("es;q=x,en;q=0.1", "en"),
        ("fr", "en"),
    ],
)
def test_the_language_is_the_one_that_is_liked_best(
    accepted: str, language: str
) -> None:
    assert words.choose_language(accepted) == language


def test_a_request_is_a_command_to_paste() -> None:
    headers = {
        "host": "there:1",
        "authorization": "Bearer ****",
        "content-type": "application/json",
        "accept": "*/*",
        "user-agent": "x",
        "content-length": "2",
        "accept-encoding": "gzip",
    }
    asked = {
        "method": "POST",
        "path": "/api/v3/campaign",
        "query": "a=b",
        "request": {"headers": headers, "body": "{'}"},
    }

    assert to_curl_command(asked, "demo") == (
        "curl 'http://there:1/api/v3/campaign?a=b' -H 'Authorization: Bearer demo' "
        "-H 'content-type: application/json' -H 'accept: */*' "
        """--data-raw '{'"'"'}'"""
    )
    bare: dict[str, Any] = {"headers": {}, "body": ""}
    assert to_curl_command(
        {**asked, "method": "GET", "query": "", "request": bare}, "demo"
    ) == ("curl http://127.0.0.1:7672/api/v3/campaign")
    head = {**asked, "method": "HEAD", "query": "", "request": bare, "path": "/[x]"}
    assert to_curl_command(head, "demo") == (
        "curl 'http://127.0.0.1:7672/[x]' --globoff --head"
    )
    untyped = {**asked, "query": "", "request": {"headers": {}, "body": "x"}}
    assert to_curl_command({**untyped, "method": "PUT"}, "demo") == (
        "curl http://127.0.0.1:7672/api/v3/campaign -X PUT "
        "-H Content-Type: --data-raw x"
    )
