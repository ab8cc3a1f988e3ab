"""The far side of a bound, what nobody wrote down, and both ends of one request."""

import re
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import closing
from threading import Event
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from emulator.client import inprocess
from emulator.client.inprocess import InProcessTransport
from emulator.client.transport import ClientRequest
from emulator.domain.command_status import CommandStatus
from emulator.domain.recipients import SCAN_LIMIT
from emulator.domain.refusal_catalog import REASONS
from emulator.faults.effects.refusal import REFUSAL
from emulator.web.panel.panel import FORM_LIMIT
from tests.support.browser import FORM, HtmlPage, read_page
from tests.support.emulator import SOON, Api, MakeApi, run_control
from tests.support.orders import NUMBER, make_crowd, make_sms, place_campaign
from tests.support.smpp import REPLACE_SM, open_smsc, pack_pdu, pack_submit

STRANGER = "5512340000"  # who got nothing

# --- Recipients: few are looked at, many are searched ------------------------


@pytest.mark.parametrize("count", [1, SCAN_LIMIT, SCAN_LIMIT + 1, 3 * SCAN_LIMIT])
def test_whoever_got_something_has_a_conversation_and_nobody_else(
    api: Api, count: int
) -> None:
    people = [each["cellphone"] for each in make_crowd(count)]
    place_campaign(api, make_sms(recipients=make_crowd(count)))
    api.clock.advance(minutes=5)

    talks = {
        each: run_control(api, "GET", f"conversations/{each}")["items"]
        for each in {people[0], people[count // 2], people[-1], "5599999999"}
    }

    assert talks.pop("5599999999") == []
    assert {len(each) for each in talks.values()} == {1}


# --- A text that calls a keyword, and may answer a message -------------------


def test_a_keyword_stands_once_in_a_conversation_be_it_an_answer_or_not(
    api: Api,
) -> None:
    placed = place_campaign(api)
    api.clock.advance(minutes=1)
    said = [
        {"number": NUMBER, "text": "info por favor"},
        {"number": STRANGER, "text": "promo"},
        {"number": NUMBER, "text": "gracias", "message": 46608336},
    ]
    for each in said:
        run_control(api, "POST", "inbound", json=each)
        api.clock.advance(minutes=1)

    talks = {
        each: run_control(api, "GET", f"conversations/{each}")["items"]
        for each in (NUMBER, STRANGER)
    }

    kinds = [each["kind"] for each in talks[NUMBER]]
    assert kinds.count("reply") == 2
    assert [each["text"] for each in talks[NUMBER] if each["kind"] == "reply"] == [
        "info por favor",
        "gracias",
    ]
    assert {each["campaign"] for each in talks[NUMBER] if each["kind"] == "reply"} == {
        placed["campaign"]
    }
    assert [each["text"] for each in talks[STRANGER] if each["kind"] == "reply"] == [
        "promo"
    ]


# --- A bind that nobody described --------------------------------------------


def test_a_name_that_no_client_cuts_leads_to_no_longer_one(api: Api) -> None:
    """Only a system_id of the greatest length may be the beginning of a name."""
    names = ["acme", "an-account-of-many"]
    for name in names:
        run_control(api, "POST", "worlds", json={"name": name})
    with open_smsc(api) as smsc:
        for system_id in ("world-ac", "world-an-accou", "world-an-accoun"):
            smsc.bind(system_id=system_id, password="x").submit()

    placed = {
        each["name"]: each["campaigns"] for each in run_control(api, "GET", "worlds")
    }
    assert placed == {
        "demo": 0,
        "acme": 0,
        "ac": 1,
        "an-accou": 1,
        "an-account-of-many": 1,
    }


LATE = {"operation": "submit_sm", "effect": {"delay": 5}}


def test_a_bind_that_nobody_described_limits_nothing(make_api: MakeApi) -> None:
    """A world without binds of its own is opened by its name, by any password."""
    with open_smsc(make_api(binds=[])) as smsc:
        callers = [smsc.bind(system_id="world-acme", password=each) for each in "abc"]
        run_control(smsc.api, "POST", "faults?world=acme", json=LATE)
        for caller in callers:
            caller.say(*(pack_submit(sequence) for sequence in range(2, 42)))
            caller.turn()
        run_control(smsc.api, "POST", "clock/advance?world=acme", json={"seconds": 10})
        answers = [caller.hear() for caller in callers for _ in range(40)]

    assert {each.status for each in answers} == {0}


@pytest.mark.parametrize(
    ("registered", "status"),
    [
        *((each, CommandStatus.ESME_ROK) for each in (0, 1, 2, 4, 8, 12, 16)),
        *((each, CommandStatus.ESME_RINVREGDLVFLG) for each in (3, 7, 64, 128)),
    ],
)
def test_a_message_and_its_replacement_ask_for_receipts_in_the_same_bits(
    api: Api, registered: int, status: CommandStatus
) -> None:
    """Source: SMPP 3.4, 5.2.17."""
    with open_smsc(api) as smsc:
        caller = smsc.bind()
        later = caller.submit(2, schedule="000001000000000R")
        new = caller.ask(pack_submit(3, registered=registered))
        source = bytes(2) + b"\0"
        body = b"%d\0" % later + source + bytes(2) + bytes([registered, 0, 1]) + b"x"
        other = caller.ask(pack_pdu(REPLACE_SM, 4, body))

    assert (new.status, other.status) == (status, status)


# --- A refusal that a fault puts into the platform's mouth -------------------


@pytest.mark.parametrize("language", ["es", "en"])
def test_whatever_the_platform_may_refuse_with_a_fault_can_say(
    make_api: MakeApi, language: str
) -> None:
    api = make_api(assumptions={"language": language})
    for name in REFUSAL.schema["enum"]:
        rule = {"operation": "getUser", "nth": 1, "effect": {"refusal": name}}
        run_control(api, "POST", "faults", json=rule)

        answer = api.get("/api/v1/user")

        reason = REASONS[name]
        words = re.split(r"{\w+}", reason.en if language == "en" else reason.es)
        assert answer.status == reason.status, name
        assert all(each in answer.information for each in words), name
        assert "{" not in answer.information, name
        run_control(api, "DELETE", "faults")


RULES = [
    {"token": "demo", "first": 3, "phase": "after"},
    {"number": "4498987282", "nth": 2},
    {"body": {"text": "hola"}, "every": 5, "disabled": True},
    {"headers": {"accept": "text/plain"}, "probability": 0.25},
    {"from": "2026-03-02T18:00:00.000000Z"},
    {"until": "2026-03-03T18:00:00.000000Z"},
]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_told_as_it_was_made_also_from_a_snapshot(
    api: Api, rule: dict[str, Any]
) -> None:
    rule = {
        "operation": "createCampaign",
        "effect": {"refusal": "SERVER_ERROR"},
        "phase": "before",
        **rule,
    }
    made = run_control(api, "POST", "faults", json=rule)
    kept = run_control(api, "GET", "world/snapshot")
    run_control(api, "POST", "worlds", json={"name": "copy", "snapshot": kept})

    assert made == {"id": "f1", "matched": 0, "applied": 0, **rule}
    assert run_control(api, "GET", "faults") == [made]
    assert run_control(api, "GET", "faults?world=copy") == [made]


# --- The page of what is none ------------------------------------------------


@pytest.mark.parametrize("path", ["/panel/nothing", "/panel/region/nothing"])
def test_a_page_that_is_none_says_so_and_what_was_asked_for(
    api: Api, path: str
) -> None:
    answer = api.get(path, token="")
    page = HtmlPage(answer)

    assert answer.status == 404
    assert page.text.split()[0] == "404"
    assert path in page.text


def test_every_way_on_from_the_panel_leads_somewhere(
    api: Api,
) -> None:
    found, left = set[str](), ["/"]
    while left:
        answer = api.get(left.pop(), token="")
        assert answer.status == 200, answer.octets
        if answer.headers["content-type"].startswith("text/html"):
            ways = (each["href"] or "" for each in HtmlPage(answer).all("a"))
            pages = {each.partition("?")[0] for each in ways if "/panel/" in each}
            left += sorted(pages - found)
            found |= pages

    assert found >= {f"/panel/{name}" for name in ("smpp", "faults", "worlds")}


@pytest.mark.parametrize("spare", [0, 1])
def test_a_form_is_read_up_to_its_bound(api: Api, spare: int) -> None:
    """One that is too large is as good as empty."""
    form = b"amount=5&x="
    padded = form + b"x" * (FORM_LIMIT - len(form) + spare)
    before = api.balance()

    api.post("/panel/do/top-up", content=padded, token="", headers=FORM)

    assert api.balance() == before + (0 if spare else 5)


@pytest.mark.parametrize(
    ("cookie", "theme"),
    [("light", "light"), ("dark", "dark"), ("pink", None), ("", None)],
)
def test_the_page_has_the_theme_of_its_visitor(
    api: Api, cookie: str, theme: str | None
) -> None:
    page = read_page(api, "/panel/phones", cookie=f"panel_theme={cookie}")

    (html,) = page.all("html")
    assert html.get("data-theme") == theme


# --- What an application in this process is told -----------------------------


class Seen:
    """An application that keeps what it is told, and may leave its client waiting."""

    def __init__(self, *, answers: bool) -> None:
        self._answers = answers
        self.scope: dict[str, Any] = {}
        self.body: Message = {}
        self.end: Future[Message] = Future()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = dict(scope)
        self.body = await receive()
        if self._answers:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            part = {"type": "http.response.body", "body": b"a", "more_body": True}
            await send(part)
        self.end.set_result(await receive())


def asked(**headers: str) -> ClientRequest:
    return ClientRequest("POST", "/a%20b/c?d=1&e=%20", headers, b"[1]", 0.05)


def test_an_application_is_told_what_a_server_would_tell_it() -> None:
    """Source: the ASGI specification, HTTP connection scope."""
    app = Seen(answers=False)
    with closing(InProcessTransport(app)) as transport, pytest.raises(TimeoutError):
        transport.send_request(asked(Accept="text/plain", Host="smsclouds"))

    headers: Mapping[bytes, bytes] = dict(app.scope.pop("headers"))
    assert app.scope == {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/a b/c",
        "raw_path": b"/a%20b/c",
        "root_path": "",
        "query_string": b"d=1&e=%20",
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }
    assert headers == {
        b"host": b"smsclouds",
        b"accept": b"text/plain",
        b"content-length": b"3",
    }
    assert app.body == {"type": "http.request", "body": b"[1]", "more_body": False}


def test_an_application_hears_that_its_client_gave_up() -> None:
    app = Seen(answers=False)
    with closing(InProcessTransport(app)) as transport:
        with pytest.raises(TimeoutError):
            transport.send_request(asked())

        assert app.end.result(SOON) == {"type": "http.disconnect"}


def test_an_application_hears_that_its_client_has_seen_enough() -> None:
    app = Seen(answers=True)
    with closing(InProcessTransport(app)) as transport:
        stream = transport.open_stream(asked()._replace(timeout=SOON))
        assert next(filter(None, stream)) == b"a"
        stream.hang_up()

        assert app.end.result(SOON) == {"type": "http.disconnect"}


def test_what_does_not_end_is_told_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_go = Event()

    async def block(_scope: Scope, _receive: Receive, _send: Send) -> None:
        let_go.wait()

    transport = InProcessTransport(block)
    with pytest.raises(TimeoutError):
        transport.send_request(asked())

    monkeypatch.setattr(inprocess, "ENDS", 0.05)
    with pytest.raises(TimeoutError, match=r"did not end in 0\.05 s"):
        transport.close()
    let_go.set()
    monkeypatch.undo()
    transport.close()
