"""What was seen instead: the texts of journal, deliveries and client, line by line."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from emulator.client import shown
from emulator.client.line import ClientError, WorldConnection
from emulator.client.shown import ClockAdvance, Fact, FactList
from emulator.client.transport import (
    ClientRequest,
    ClientResponse,
    LiveStream,
    ResponseHeaders,
)
from emulator.courier.http_caller import HttpCaller, NoResponseError
from emulator.domain import push as pushes
from emulator.domain.delivery import DeliveryKind, PushMutation, Verdict
from emulator.domain.refusals import Refusal
from emulator.domain.targets import AllowedTargets
from emulator.operations.control import deliveries
from emulator.operations.control.match import ExchangeMatch
from emulator.web import http_request
from emulator.web.body_bounds import BodyBounds, BodyShare
from emulator.web.faulty_responses import ConnectionBroken
from emulator.world.journal import EXCHANGE_OVERHEAD, Journal, JournalPool
from emulator.world.outbox import PushRequest, PushResponse
from emulator.world.transaction import run_transaction_now
from tests.support.emulator import START, Api, MakeApi, run_control, send_control
from tests.support.orders import (
    NUMBER,
    SMS,
    make_crowd,
    make_order,
    make_sms,
    place_campaign,
)

AT = "2026-03-02T18:00:00.000000Z"
USER = "/api/v1/user"
CREATE = "createCampaign"
NOBODY = "http://127.0.0.1:9/mo"


def verify(api: Api, **asked: Any) -> list[str]:
    """Return the lines of what is said of requests that were expected otherwise."""
    verdict = run_control(api, "POST", "journal/verify", json=asked)
    says: str = verdict["explanation"]
    return says.splitlines()


def wait(api: Api, **asked: Any) -> list[str]:
    asked = {"timeout": 0, **asked}
    seen: str = run_control(api, "POST", "journal/wait", json=asked)["explanation"]
    return seen.splitlines()


# --- The journal -------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "any request"),
        ({"operation": CREATE}, "operation=createCampaign"),
        ({"status": 0}, "status=0"),
        ({"number": "7282"}, "number=7282"),
        ({"text": "hola"}, "text=hola"),
        ({"since": "2026-03-02T18:00:00Z"}, f"since={AT}"),
        ({"until": "2026-03-02T18:00:00Z"}, f"until={AT}"),
        ({"after": 3}, "after=3"),
        (
            {"operation": CREATE, "status": 200, "number": "7", "after": 2},
            "operation=createCampaign status=200 number=7 after=2",
        ),
    ],
)
def test_a_question_is_repeated_in_its_own_words(
    api: Api, asked: dict[str, Any], words: str
) -> None:
    assert verify(api, exactly=9, **asked)[0] == f"expected exactly 9, seen 0: {words}"
    assert wait(api, **asked)[0] == f"0 of 1 came within 0 s: {words}"
    assert wait(api, **asked)[1:] == ["nothing else came"]


@pytest.mark.parametrize(
    ("asked", "misses"),
    [
        ({"operation": "getUser"}, "not getUser"),
        ({"status": 200}, "not answered with 200"),
        ({"number": "1"}, "does not name 1"),
        ({"text": "adios"}, "does not hold 'adios'"),
        (
            {"operation": "getUser", "status": 200, "number": "1", "text": "zz"},
            "not getUser; not answered with 200; does not name 1; does not hold 'zz'",
        ),
    ],
)
def test_what_came_instead_says_how_it_differs(
    api: Api, asked: dict[str, Any], misses: str
) -> None:
    api.post(SMS, json=make_order(SMS, route=999))
    why = "routes: 87, 170, 85, 153, 129, 178, 179, 77, 79"
    body = '{"text": "hola", "recipients": [{"cellphone": "4498987282"}], '
    body += '"campaign_name": "avisos", "route": 999}'

    lines = verify(api, at_least=1, **asked)

    assert lines[1:] == [
        "what else came:",
        f"#1 {AT} createCampaign 422 to {NUMBER}: {body} (refused: {why}; {misses})",
    ]


def test_what_came_by_another_protocol_says_so(api: Api) -> None:
    api.get(USER)
    (exchange,) = api.world.journal

    assert [*ExchangeMatch(protocol="smpp").list_differences(exchange)] == [
        "not by smpp"
    ]
    assert [*ExchangeMatch(protocol="http").list_differences(exchange)] == []
    assert str(ExchangeMatch(protocol="smpp", before=3)) == "before=3 protocol=smpp"


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        ({"at_least": 2}, "at least 2"),
        ({"at_most": 0}, "at most 0"),
        ({"exactly": 2}, "exactly 2"),
        ({"at_least": 2, "at_most": 3}, "at least 2 and at most 3"),
        ({"at_least": 0, "exactly": 5}, "at least 0 and exactly 5"),
    ],
)
def test_an_expectation_is_repeated_as_it_was_put(
    api: Api, expected: dict[str, int], says: str
) -> None:
    api.get(USER)

    lines = verify(api, operation="getUser", **expected)

    assert lines == [
        f"expected {says}, seen 1: operation=getUser",
        "what matches:",
        f"#1 {AT} getUser 200: {USER}",
        "nothing else came",
    ]


def test_a_window_says_when_it_ends_and_where_the_clock_stands(api: Api) -> None:
    lines = verify(api, operation=CREATE, never_within=60, timeout=0)
    api.get(USER)
    later = verify(api, never_within=60, timeout=0, since="2026-03-02T17:59:30Z")

    end = "2026-03-02T18:01:00.000000Z"
    assert lines == [
        (
            f"none came before {end} as far as that can be said: the window ends at "
            f"{end}, the world's clock stands at {AT}: advance it, or wait longer than "
            f"0 s: operation={CREATE}"
        ),
        "nothing else came",
    ]
    assert later == [
        (
            "expected none before 2026-03-02T18:00:30.000000Z, seen 1: "
            "since=2026-03-02T17:59:30.000000Z"
        ),
        "what matches:",
        f"#1 {AT} getUser 200: {USER}",
        "nothing else came",
    ]


def test_a_line_names_three_numbers_and_counts_the_rest(api: Api) -> None:
    place_campaign(api, make_sms(text="uno", recipients=make_crowd(2)))
    place_campaign(api, make_sms(text="dos", recipients=make_crowd(5)))
    api.get(f"/api/v3/hlr/{NUMBER}")
    api.post("/api/v3/responses", content=b"{")

    lines = verify(api, exactly=0)[2:-1]

    body = '{"text": "dos", "recipients": [{"cellphone": "5500000000"}, '
    body += '{"cellphone": "5500000001"}, {"cellphone": "5500000002"}, {"'
    assert [line.partition(": ")[0] for line in lines] == [
        f"#1 {AT} createCampaign 200 to 5500000000, 5500000001",
        f"#2 {AT} createCampaign 200 to 5500000000, 5500000001, 5500000002 and 2 more",
        f"#3 {AT} lookupNumber 200 to {NUMBER}",
        f"#4 {AT} queryResponses 400",
    ]
    assert lines[1].partition(": ")[2] == f"{body[:120]}..."
    assert lines[2].partition(": ")[2] == f"/api/v3/hlr/{NUMBER}"
    assert lines[3].startswith(f"#4 {AT} queryResponses 400: {{ (refused: ")


def test_a_line_says_which_fault_struck_and_that_nothing_came(api: Api) -> None:
    rule = {"operation": "getUser", "effect": {"wire": "close"}}
    run_control(api, "POST", "faults", json=rule)
    with pytest.raises(ConnectionBroken):
        api.send_and_hang_up("GET", f"{USER}?a=b", None)

    assert verify(api, exactly=0)[2] == (
        f"#1 {AT} getUser broken off by fault f1: {USER}?a=b"
    )


def test_of_many_the_last_twenty_are_listed(api: Api) -> None:
    for _ in range(22):
        api.get(USER)

    lines = verify(api, exactly=0)

    assert lines[1:3] == ["what matches:", "(2 before these)"]
    assert [line.partition(" ")[0] for line in lines[3:-1]] == [
        f"#{number}" for number in range(3, 23)
    ]


def test_numbers_are_hidden_in_every_line(api: Api) -> None:
    place_campaign(api, make_sms(text=f"llama al {NUMBER}"))

    (head, what, line, _) = verify(api, exactly=0, number=NUMBER, mask="numbers")

    assert head == "expected exactly 0, seen 1: number=******7282"
    assert what == "what matches:"
    assert NUMBER not in line
    assert " to ******7282: " in line
    assert "llama al ******7282" in line


def test_what_was_dropped_says_how_to_ask_and_how_to_keep_more(api: Api) -> None:
    for _ in range(3):
        api.get(USER)
    api.world.journal.drop(1)

    answer = send_control(api, "GET", "journal")
    lines = wait(api, operation=CREATE)
    late = send_control(
        api,
        "POST",
        "journal/wait",
        json={"operation": CREATE, "after": 0, "timeout": 0},
    )

    assert (
        answer.body["detail"]
        == late.body["detail"]
        == (
            f"1 exchanges have been dropped, up to number 1 of {AT}: ask with after=1, "
            "with a later since, or for the last few, clear the journal in good "
            "time, or start with more than --journal-limit 8388608 and "
            "--journal-total-limit 67108864"
        )
    )
    assert lines[:2] == [
        f"0 of 1 came within 0 s: operation={CREATE}",
        "(1 older requests have been dropped)",
    ]


def test_an_exchange_takes_what_is_kept_of_it(api: Api) -> None:
    journal, sent = api.world.journal, b'{"text": 1}'
    headers = b"accept application/json authorization Bearer demo "
    headers += b"content-type application/json content-length 11"

    answer = api.post(SMS, content=sent)

    why = answer.headers["x-emulator-why"]
    octets = len(sent) + len(answer.octets) + len(headers) + len(SMS) + 2 * len(why)
    assert journal.octets == octets + EXCHANGE_OVERHEAD


def test_a_journal_that_knows_no_date_says_so() -> None:
    """A journal that another process has dropped from may lack it."""
    journal = Journal(JournalPool())
    journal.load_exchanges((), last=3, dropped=3, dropped_to=3, dropped_at=START)

    assert journal.has_gap(2, None)
    assert not journal.has_gap(3, None)
    assert journal.has_gap(0, START)
    assert not journal.has_gap(0, START + timedelta(microseconds=1))


def test_a_body_that_cannot_be_read_says_why(api: Api) -> None:
    deep = b'{"text":' + b"[" * 300 + b"]" * 300 + b"}"

    nested = api.post(SMS, content=deep).headers["x-emulator-why"]
    large = api.send("POST", SMS, content=b"{}", headers={"content-length": str(2**40)})

    body = http_request.RequestBody(
        {b"content-length": b"2"}, limit=9, share=BodyShare(BodyBounds())
    )
    with pytest.raises(Refusal) as told:
        body.add_message({"type": "http.disconnect"})
    assert told.value.why == "the client hung up before the end of the body"
    assert nested.startswith(("the body is nested too deeply: ", "send "))
    assert large.status == 413
    assert large.headers["x-emulator-why"] == (
        "the setting body_limit says how large a body may be, "
        "and snapshot_limit for the control API"
    )


# --- Deliveries --------------------------------------------------------------


@pytest.fixture
def told(make_api: MakeApi) -> Api:
    """Return a world with a push that nobody has tried."""
    api = make_api(push_url=NOBODY, push_retries=[60])
    place_campaign(api)
    run_control(api, "POST", "clock/advance", json={"seconds": 11})
    late = {"effect": {"push": "late", "seconds": 900}}
    run_control(api, "POST", "faults", json=late)
    run_control(api, "POST", "inbound", json={"number": NUMBER, "text": "si"})
    return api


def tried(api: Api, **answer: Any) -> Any:
    """Let the delivery be answered so, and return its last attempt."""
    world = api.world
    push = PushRequest(1, "moPush", "GET", NOBODY, "a=1")
    now = world.clock.now()
    run_transaction_now(
        world.shared,
        lambda: deliveries.keep_attempt(world, push, PushResponse(**answer), now),
    )
    (delivery,) = run_control(api, "GET", "deliveries")["deliveries"]
    return delivery["attempts"][-1]


@pytest.mark.parametrize(
    ("answer", "verdict", "says"),
    [
        ({"status": 200, "body": "ok"}, "accepted", ""),
        ({"status": 299, "body": "'OK'"}, "accepted", ""),
        (
            {"status": 200, "body": "hola"},
            "not_ok",
            "answer with the plain text ok (MOP-06)",
        ),
        ({"status": 199}, "bad_status", "answer moPush with 200, not with 199"),
        ({"status": 300}, "bad_status", "answer moPush with 200, not with 300"),
        (
            {"verdict": Verdict.REFUSED, "says": "nobody is there"},
            "refused",
            "nobody is there",
        ),
        ({"verdict": Verdict.TIMED_OUT}, "timed_out", ""),
    ],
)
def test_an_answer_is_advised_about(
    told: Api, answer: Mapping[str, Any], verdict: str, says: str
) -> None:
    attempt = tried(told, duration=0.5, **answer)

    assert (attempt["verdict"], attempt["explanation"]) == (verdict, says)
    assert (attempt["url"], attempt["query"], attempt["method"]) == (
        NOBODY,
        "a=1",
        "GET",
    )
    assert attempt["status"] == answer.get("status", 0)
    assert attempt["duration"] == 0.5


KEYWORDS = [
    ("gracias", "accepted", ""),
    (" ", "unusable", "the answer is empty"),
    ("<b>", "unusable", "the answer holds code: a tag, PHP or JSON"),
    (
        "x" * 161,
        "accepted",
        "the answer has 161 characters, 160 are allowed: it was cut (KEY-07)",
    ),
]


@pytest.mark.parametrize(("text", "verdict", "says"), KEYWORDS)
def test_what_a_keyword_is_answered_is_advised_about(
    told: Api, text: str, verdict: str, says: str
) -> None:
    asking = told.world.deliveries[1]._replace(kind=DeliveryKind.KEYWORD)
    told.world.deliveries[1] = asking

    attempt = tried(told, status=200, body=text)

    assert (attempt["verdict"], attempt["explanation"]) == (verdict, says)


def test_who_cannot_be_answered_is_told_why(make_api: MakeApi) -> None:
    abroad = make_api(
        routes=[{"route": 1, "name": "x", "country": 2, "price": 1, "description": "x"}]
    )
    strict = make_api(strict=True)
    for api, keyword in ((abroad, "info"), (strict, "largo")):
        fixed = {"keyword": "largo", "response": "x" * 160}
        run_control(api, "POST", "account/keywords", json=fixed)
        wrote = {"number": NUMBER, "text": keyword}
        run_control(api, "POST", "inbound", json=wrote)

    happened = [
        [each.verdict for _, each in api.world.event_log.list_after(0) if each.verdict]
        for api in (abroad, strict)
    ]
    assert happened == [["the account has no route to Mexico"], []]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "any delivery"),
        ({"kind": "receipt"}, "kind=receipt"),
        ({"state": "delivered"}, "state=delivered"),
        ({"number": "7282", "text": "no"}, "number=7282 text=no"),
        ({"after": 7}, "after=7"),
    ],
)
def test_who_waits_for_a_delivery_in_vain_learns_what_there_is(
    told: Api, asked: dict[str, Any], words: str
) -> None:
    tried(told, status=500)
    asked = {"timeout": 0, "count": 2, **asked}
    count = 1 if words == "any delivery" else 0

    answer = run_control(told, "POST", "deliveries/wait", json=asked)

    assert not answer["matched"]
    assert answer["explanation"].splitlines() == [
        f"{count} of 2 came within 0 s: {words}",
        (
            f"#1 moPush to {NOBODY}: due after 1 attempts, "
            "bad_status answer moPush with 200, not with 500"
        ),
    ]


def test_who_waits_where_nothing_leaves_is_asked_for_a_url(api: Api) -> None:
    answer = run_control(api, "POST", "deliveries/wait", json={"timeout": 0})

    assert answer["explanation"].splitlines() == [
        "0 of 1 came within 0 s: any delivery",
        "there are no deliveries; has the account a push URL?",
    ]


def test_a_delivery_without_a_url_is_a_listener_s(told: Api) -> None:
    told.world.deliveries[1] = told.world.deliveries[1]._replace(url="")

    answer = run_control(
        told, "POST", "deliveries/wait", json={"timeout": 0, "count": 2}
    )

    assert answer["explanation"].splitlines()[1] == (
        "#1 moPush to a listener: due after 0 attempts"
    )


def test_of_many_deliveries_the_last_are_told(told: Api) -> None:
    world = told.world
    for number in range(2, 24):
        world.deliveries[number] = world.deliveries[1]._replace(id=number)

    answer = run_control(
        told, "POST", "deliveries/wait", json={"timeout": 0, "count": 99}
    )

    lines = answer["explanation"].splitlines()[1:]
    assert [line.partition(" ")[0] for line in lines] == [
        f"#{number}" for number in range(4, 24)
    ]


@pytest.mark.parametrize(
    ("url", "verdict", "says"),
    [
        ("ftp://here/mo", "forbidden", "ftp://here/mo is no address of http or https"),
        ("http://h:x/mo", "forbidden", "http://h:x/mo is no address of http or https"),
        (
            NOBODY,
            "refused",
            "nothing listens on 127.0.0.1:9; is the receiver running?",
        ),
        ("http://no.invalid/mo", "broken", "the name no.invalid leads nowhere: "),
        (
            "http://x..y/mo",
            "forbidden",
            "http://x..y/mo is no address of http or https",
        ),
    ],
)
def test_where_nobody_is_reached_the_reason_is_said(
    url: str, verdict: str, says: str
) -> None:
    caller = HttpCaller(AllowedTargets(), body_limit=100)

    with pytest.raises(NoResponseError) as told:
        asyncio.run(caller.send_push(PushRequest(1, "moPush", "GET", url, "a=1")))

    assert told.value.verdict == verdict
    assert str(told.value).startswith(says)


def test_in_a_container_localhost_is_said_to_be_its_own() -> None:
    caller = HttpCaller(AllowedTargets(), body_limit=100, in_container=True)

    with pytest.raises(NoResponseError) as told:
        asyncio.run(caller.send_push(PushRequest(1, "moPush", "GET", NOBODY, "a=1")))

    assert str(told.value) == (
        "nothing listens on 127.0.0.1:9: in a container that is the container itself; "
        "use host.docker.internal, or run smsclouds-emulator listen beside the receiver"
    )


@pytest.mark.parametrize("trick", [None, *PushMutation])
def test_every_trick_spells_a_push_as_it_says(trick: PushMutation | None) -> None:
    pairs: pushes.ParameterPairs = [
        ("response", "si"),
        ("cellphone", 4498987282),
        ("message_id", 7),
        ("date", "2026-03-02 12:00:11"),
    ]
    spelt: dict[PushMutation | None, list[Any]] = {
        PushMutation.CAPITALIZED: [(name.capitalize(), value) for name, value in pairs],
        PushMutation.MISSPELLED: [pairs[0], ("rellphone", 4498987282), *pairs[2:]],
        PushMutation.OTHER_DATE: [*pairs[:3], ("date", "02/03/2026 12:00")],
        PushMutation.UNKNOWN_ID: [*pairs[:2], ("message_id", 900_000_007), pairs[3]],
    }

    assert pushes.apply_push_mutation(pairs, trick) == spelt.get(trick, pairs)


# --- The client --------------------------------------------------------------


def fact(**members: Any) -> Fact:
    return Fact(members)


def test_a_message_in_a_line() -> None:
    message = fact(
        id=7,
        channel="sms",
        campaign=3,
        cellphone=NUMBER,
        status="sent",
        sent_at=AT,
        text="hola\nhola",
    )

    said = f"7 of sms 3 to {NUMBER}: sent at {AT}: 'hola\\nhola'"
    assert shown.format_message(message) == said
    waiting = fact(**{**message, "status": "in progress", "sent_at": None})
    assert shown.format_message(waiting) == said.replace(f"sent at {AT}", "in progress")


def test_a_request_in_a_line() -> None:
    asked = fact(
        at=AT,
        operation="getUser",
        method="GET",
        path=USER,
        query="",
        status=200,
        fault="",
        notes=[],
        why="",
    )

    line = f"{AT} getUser: GET {USER} -> 200"
    assert shown.format_exchange(asked) == line
    assert (
        shown.format_exchange(fact(**{**asked, "status": 0})) == line[:-3] + "nothing"
    )
    odd = {"query": "a=b", "fault": "f1", "notes": ["SMS-1", "SMS-2"], "why": "no"}
    assert shown.format_exchange(fact(**{**asked, **odd})) == (
        f"{AT} getUser: GET {USER}?a=b -> 200 (fault f1; notes SMS-1, SMS-2; no)"
    )


def test_an_event_in_a_line() -> None:
    assert (
        shown.format_event(fact(at=AT, event="sent", campaign=3))
        == f"{AT} sent campaign 3"
    )
    assert shown.format_event(fact(at=None, event="completed")) == "some day completed"


def test_a_delivery_in_a_line() -> None:
    one = fact(
        id=1,
        kind="moPush",
        cellphone=NUMBER,
        url="",
        parameters={"response": "si"},
        state="due",
        attempts=[],
    )
    attempt = fact(verdict="not_ok", explanation="say ok")

    head = f"1 moPush of {NUMBER} to "
    assert shown.format_delivery(one) == f"{head}a listener: 'si': due: not tried"
    tried = fact(**{**one, "url": NOBODY, "attempts": [attempt, attempt]})
    assert (
        shown.format_delivery(tried)
        == f"{head}{NOBODY}: 'si': due, attempt 2: not_ok say ok"
    )
    quiet = fact(**{**tried, "attempts": [fact(verdict="accepted", explanation="")]})
    assert shown.format_delivery(quiet).endswith("due, attempt 1: accepted")


def test_what_came_of_a_text_in_a_line() -> None:
    nothing = fact(received_id=None, message=None, keyword=None, deliveries=[])
    everything = fact(received_id=5, message=7, keyword="info", deliveries=[1, 2])

    assert shown.format_inbound(nothing) == ""
    assert shown.format_inbound(everything) == (
        "reply 5 to message 7, keyword info, deliveries 1, 2"
    )


def test_a_fault_in_a_line() -> None:
    rule = fact(
        id="f1",
        phase="before",
        operation="*",
        effect={"status": 500},
        matched=2,
        applied=1,
    )

    assert (
        shown.format_fault(rule) == "f1 before *: {'status': 500}, matched 2, applied 1"
    )
    assert shown.format_fault(fact(**rule, first=1)) == (
        "f1 before * {'first': 1}: {'status': 500}, matched 2, applied 1"
    )


def test_a_listing_says_how_many_and_shows_the_last() -> None:
    facts = [fact(at=None, event=str(number)) for number in range(3)]
    listing = FactList(facts, shown.format_event)

    assert listing.lines(3) == "3:\n  some day 0\n  some day 1\n  some day 2"
    assert listing.lines(1) == "3, of which the last 1:\n  some day 2"
    assert repr(listing[1:]) == "2:\n  some day 1\n  some day 2"
    assert (
        FactList(facts, shown.format_event, count=9)
        .lines(5)
        .startswith("9, of which the last 3:")
    )
    assert FactList([], shown.format_event).lines(5) == "none"
    long = FactList([fact(at=None, event="x" * 300)], shown.format_event)
    assert repr(long) == f"1:\n  some day {'x' * 150}…"


def test_a_run_shows_when_what_happened_and_what_is_left() -> None:
    run = ClockAdvance(fact(now=AT, events=[fact(at=AT, event="sent")], pending=[]))

    assert repr(run) == (
        f"now 2026-03-02T18:00:00+00:00\nevents: 1:\n  {AT} sent\npending: none"
    )


def test_a_fact_names_what_it_has() -> None:
    with pytest.raises(AttributeError) as told:
        fact(one=1, two=2).three  # noqa: B018 - it is the asking

    assert str(told.value) == "there is no 'three' in it, only one, two"


class Says:
    """A transport that answers one thing."""

    url = "http://there"

    def __init__(
        self, status: int, body: bytes, kind: str = "application/json"
    ) -> None:
        self._response = ClientResponse(
            status, ResponseHeaders({"content-type": kind}), body
        )

    def send_request(self, request: ClientRequest) -> ClientResponse:
        assert request.path.startswith("/_emulator/")
        return self._response

    def open_smpp(self) -> None:
        """Do nothing."""

    def open_stream(self, request: ClientRequest) -> LiveStream:
        raise NotImplementedError(request)

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("status", "body", "kind", "says", "known"),
    [
        (
            422,
            b'{"title": "No", "detail": "why"}',
            "application/problem+json; charset=utf-8",
            "No: why",
            422,
        ),
        (
            502,
            b"<html>",
            "text/html",
            (
                "no emulator answers at http://there "
                "(something else does, with 502 Bad Gateway); "
                "start one, or say with --url where it is"
            ),
            0,
        ),
        (
            200,
            b"<html>",
            "text/html",
            (
                "no emulator answers at http://there "
                "(Expecting value: line 1 column 1 (char 0)); "
                "start one, or say with --url where it is"
            ),
            0,
        ),
    ],
)
def test_what_is_no_answer_of_an_emulator_says_so(
    status: int, body: bytes, kind: str, says: str, known: int
) -> None:
    line = WorldConnection(transport=Says(status, body, kind))

    with pytest.raises(ClientError) as told:
        line.ask_fact("GET", "world")

    assert (str(told.value), told.value.status) == (says, known)


def test_a_world_without_a_token_says_how_to_make_one() -> None:
    line = WorldConnection(world="demo", transport=Says(200, b'{"token": null}'))

    with pytest.raises(ClientError) as told:
        line.token  # noqa: B018 - it is the asking

    assert str(told.value) == (
        "world demo has no token; create one with .tokens.create"
    )
    assert repr(line) == "<Emulator demo at http://there>"
    nameless = WorldConnection(
        transport=Says(200, b'{"now": "%s", "rate": 2}' % AT.encode())
    )
    assert repr(nameless) == "<Emulator default world at http://there>"
    assert repr(nameless.clock) == f"<Clock {AT} at rate 2>"
