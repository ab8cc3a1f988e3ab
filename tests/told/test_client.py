"""What the client asks for, method by method, and how it shows what it is told."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from json import dumps
from typing import Any

from emulator.client import Emulator
from emulator.client.line import ClientError
from emulator.client.transport import (
    ClientRequest,
    ClientResponse,
    LiveStream,
    NotStreamed,
    ResponseHeaders,
)
from tests.support.emulator import START
from tests.support.orders import HANDSETS, NUMBER, SMS, make_recipients, make_sms
from tests.support.servers import open_world
from tests.support.transcripts import Scribe

THEN = datetime(2026, 3, 2, 18, 0, 5, tzinfo=UTC)
ANSWER: Mapping[str, Any] = {
    "name": "acme",
    "world": "acme",
    "token": "t",
    "now": "2026-03-02T18:00:00Z",
    "rate": 2,
    "balance": 1.5,
    "matched": True,
    "verified": True,
    "count": 3,
    "events": [],
    "pending": [],
    "explanation": "nothing",
    "host": "0.0.0.0",  # noqa: S104 - as an emulator says it
    "port": 2775,
    **{each: [] for each in ("messages", "exchanges", "deliveries", "emails")},
}
FOUND = {**ANSWER, "exchanges": [{"number": 1}] * 3, "deliveries": [{"id": 1}] * 3}
LISTS = ("tokens", "sessions", "faults", "presets", "long-messages", "checkpoints")


class Written:
    """A transport that writes down what it is asked, and answers from a table."""

    url = "http://emulator.test:7672"

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def send_request(self, asked: ClientRequest) -> ClientResponse:
        headers = " ".join(f"{name}={each}" for name, each in asked.headers.items())
        body = asked.body.decode()
        self._lines.append(
            f"  {asked.method} {asked.path} {body} [{headers}] {asked.timeout:g} s"
        )
        is_list = asked.path.partition("?")[0].endswith(LISTS) and not body
        waits = "wait" in asked.path
        told: Any = [] if is_list else FOUND if waits else ANSWER
        return ClientResponse(200, ResponseHeaders({}), dumps(told).encode())

    def stream(self, asked: ClientRequest) -> LiveStream:
        self.send_request(asked)
        raise NotStreamed(ClientResponse(404, ResponseHeaders({}), b""))

    def open_smpp(self) -> None:
        self._lines.append("  opens SMPP")

    def close(self) -> None:
        self._lines.append("  closes")


Asking = Callable[[Emulator], Any]
ASKED: Mapping[str, Asking] = {
    "request": lambda it: it.request("GET", "/api/v1/user"),
    "request with a body": lambda it: it.request("POST", SMS, json={"a": 1}),
    "request with headers": lambda it: it.request("GET", "/x", headers={"A": "b"}),
    "info": lambda it: it.info,
    "clock.now": lambda it: it.clock.now,
    "clock.rate": lambda it: it.clock.rate,
    "clock.freeze": lambda it: it.clock.freeze(),
    "clock.run": lambda it: it.clock.run(),
    "clock.run 60": lambda it: it.clock.run(60),
    "clock": lambda it: repr(it.clock),
    "tokens": lambda it: [*it.tokens],
    "tokens.create": lambda it: it.tokens.create("x"),
    "tokens.delete": lambda it: it.tokens.delete("a/b"),
    "tokens.expire": lambda it: it.tokens.expire("a/b"),
    "advance": lambda it: it.advance(minutes=1.5),
    "advance to": lambda it: it.advance(to=THEN),
    "advance next": lambda it: it.advance(next=True),
    "advance by nothing": lambda it: it.advance(),
    "settle": lambda it: it.settle(),
    "settle events": lambda it: it.settle(events=2, hours=1),
    "messages": lambda it: it.messages(),
    "messages of": lambda it: it.messages(to="1", campaign=2, text="a", status="sent"),
    "requests": lambda it: it.requests,
    "find_requests": lambda it: it.find_requests("getUser", since=THEN, last=2),
    "wait_for_request": lambda it: it.wait_for_request("getUser", number="1"),
    "wait_for_request 9": lambda it: it.wait_for_request(timeout=9, count=2),
    "verify": lambda it: it.verify("getUser", exactly=3),
    "verify never": lambda it: it.verify(never_within=5, timeout=7),
    "clear_requests": lambda it: it.clear_requests(),
    "report": lambda it: it.report(3),
    "smpp": lambda it: it.smpp,
    "sessions": lambda it: it.sessions,
    "outbind": lambda it: it.outbind("127.0.0.1", 9),
    "disconnect": lambda it: it.disconnect(4),
    "long_messages": lambda it: it.long_messages,
    "fail_next": lambda it: it.fail_next(),
    "fail_next with": lambda it: it.fail_next("getUser", phase="after", status=503),
    "fail_next twice": lambda it: it.fail_next(times=2),
    "fault": lambda it: it.fault(status=503),
    "fault by": lambda it: it.fault(
        "x",
        token="t",
        number="1",
        body_has={"a": 1},
        headers_have={"b": "c"},
        nth=1,
        every=2,
        since=THEN,
        until=THEN,
        probability=0.5,
        disabled=True,
        delay=3,
    ),
    "presets": lambda it: it.presets,
    "preset": lambda it: it.preset("flaky", first=1, since=THEN),
    "faults": lambda it: it.faults,
    "clear_faults": lambda it: it.clear_faults(),
    "phone": lambda it: it.phone("1").reply("si"),
    "phone to": lambda it: it.phone("1").reply("si", to=5),
    "a phone": lambda it: repr(it.phone("1")),
    "keyword_texts": lambda it: it.keyword_texts,
    "deliveries": lambda it: it.deliveries,
    "find_deliveries": lambda it: it.find_deliveries(kind="moPush", last=1),
    "wait_for_delivery": lambda it: it.wait_for_delivery(state="due"),
    "wait_for_delivery 9": lambda it: it.wait_for_delivery(timeout=9, count=3),
    "replay": lambda it: it.replay(1),
    "send_now": lambda it: it.send_now(1),
    "drop": lambda it: it.drop(1),
    "handset": lambda it: it.handset("+5/2"),
    "set_handset": lambda it: it.set_handset("1", "absent"),
    "population": lambda it: it.population(),
    "population of": lambda it: it.population(failed=1),
    "campaigns": lambda it: it.campaigns,
    "pause": lambda it: it.pause(1),
    "resume": lambda it: it.resume(1),
    "cancel": lambda it: it.cancel(1),
    "mark_unknown": lambda it: it.mark_unknown(1),
    "emails": lambda it: it.emails(1),
    "balance": lambda it: it.balance,
    "movements": lambda it: it.movements,
    "top_up": lambda it: it.top_up(5),
    "account": lambda it: it.account,
    "change_account": lambda it: it.change_account(push_url=None, push_retries=[5]),
    "add_item": lambda it: it.add_item("media", id=9),
    "remove_item": lambda it: it.remove_item("keywords", "a b"),
    "links": lambda it: it.links,
    "worlds": lambda it: it.worlds,
    "create": lambda it: it.create("acme", clock=THEN, seed=2, strict=True),
    "fork": lambda it: it.fork(),
    "fork named": lambda it: it.fork("other"),
    "snapshot": lambda it: it.snapshot(),
    "restore": lambda it: it.restore({"a": 1}),
    "checkpoints": lambda it: it.checkpoints,
    "checkpoint": lambda it: it.checkpoint("a"),
    "restore_checkpoint": lambda it: it.restore_checkpoint("a/b"),
    "open_checkpoint": lambda it: it.open_checkpoint("a/b", "w"),
    "drop_checkpoint": lambda it: it.drop_checkpoint("a/b"),
    "reset": lambda it: it.reset(),
    "delete": lambda it: it.delete(),
    "token": lambda it: it.token,
    "world": lambda it: it.world,
}
FEW = {
    "request",
    "info",
    "fork",
    "create",
    "clock.now",
    "find_requests",
    "token",
    "world",
}
KINDS: Mapping[str, Mapping[str, Any]] = {
    "the first world": {},
    "a world by its name": {"world": "acme"},
    "a world by its token": {"token": "world-acme", "secret": "s", "timeout": 9},
}


def test_asking(scribe: Scribe) -> None:
    """Call every method of the client, of each kind of client."""
    for kind, options in KINDS.items():
        for name, ask in ASKED.items():
            if options and name not in FEW:
                continue
            scribe.lines.append(f"{name}, {kind}:")
            transport: Any = Written(scribe.lines)
            with closing(Emulator(transport=transport, **options)) as client:
                got = ask(client)
                scribe.lines.append(f"  -> {got!r}"[:150])
                opened = [*client.opened]
                scribe.lines += [f"  opened {each!r}" for each in opened]


def list_methods() -> Iterator[str]:
    """Yield what a client can be asked for."""
    for name in dir(Emulator):
        if not name.startswith("_"):
            yield name


def test_showing(scribe: Scribe) -> None:
    """Live a little with a client, and show all that it holds."""
    with Emulator.in_process() as home, open_world(home) as it:

        def show(name: str, value: Any) -> None:
            scribe.lines.append(f"{name}:\n{value!r}")

        people = make_recipients(NUMBER, *HANDSETS)
        it.request("POST", SMS, json=make_sms(recipients=people))
        it.request("POST", SMS, json=make_sms(text="x" * 161))
        it.request("GET", "/api/v1/user?x=1", headers={"authorization": "Bearer no"})
        show("advance", it.advance(to=START.replace(second=12)))
        show("reply", it.phone(NUMBER).reply("INFO"))
        show("settle", it.settle())
        it.fault("getUser", nth=9, status=503)
        it.preset("flaky", disabled=True)
        for name in (
            *("messages", "requests", "deliveries", "faults", "keyword_texts", "clock"),
            *("campaigns", "movements", "presets", "sessions", "tokens", "links"),
            *("account", "info", "checkpoints"),
        ):
            value = getattr(it, name)
            value = value() if callable(value) else value
            show(name, [*value] if name == "tokens" else value)
        show("two of them", it.requests[:2])
        show("lines", it.messages().lines(2))
        show("report", it.report(2))
        refused: Mapping[str, Callable[[], Any]] = {
            "verify": lambda: it.verify("getUser", exactly=7),
            "verify at most": lambda: it.verify(at_most=0),
            "verify never": lambda: it.verify("getUser", never_within=5, timeout=0),
            "wait_for_request": lambda: it.wait_for_request("nothing", timeout=0),
            "wait_for_delivery": lambda: it.wait_for_delivery(number="1", timeout=0),
            "pause": lambda: it.pause(7),
            "create": lambda: it.create("a b"),
            "attribute": lambda: it.info.nothing,
        }
        for name, ask in refused.items():
            try:
                ask()
            except (AssertionError, ClientError, AttributeError) as error:
                scribe.lines.append(f"{name}: {type(error).__name__}: {error}")


def test_every_method_of_the_client_is_asked_for() -> None:
    begun = {"in_process", "close", "opened", "url", "events"}
    # What the instance has, which its class has not.
    held = {"clock", "tokens"}
    plumbing = {"ask_fact", "ask_facts", "make_command", "open_stream", "open_world"}
    plumbing |= {"send_command", "stream_events", "receive"}
    named = {each.split()[0].partition(".")[0] for each in ASKED}

    assert {*list_methods()} - begun - plumbing == named - {"a"} - held
