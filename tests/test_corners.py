"""Where hardly anybody goes: bounds that are reached once, and what is said there."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest

from emulator.client.forwarder import make_forwarder
from emulator.client.shown import Fact
from emulator.command.doctor import explain_unreachable
from emulator.contract.contract import Contract, ContractError
from emulator.courier.courier import make_push
from emulator.domain.access import MAX_AUTO_CREATED, BindConfig, SmppAccess
from emulator.domain.assumptions import Assumptions
from emulator.domain.delivery import Delivery, DeliveryKind
from emulator.domain.handset import Outcome, Population
from emulator.serving.standby import Standby
from emulator.timekeeping import clock
from emulator.web import admission
from emulator.web.pages import DOCS_ASSETS
from emulator.world.journal import BODY_HEAD, LARGEST_WHOLE_BODY
from emulator.world.world import MOST_REVOKED_TOKENS
from tests.support.emulator import START, Api, read_contract, run_control
from tests.support.smpp import MESSAGE_PAYLOAD, open_smsc, pack_submit, pack_tlv

# --- A contract that is none -------------------------------------------------


def test_an_operation_without_an_id_is_named() -> None:
    tree: dict[str, Any] = {"paths": {"/a": {"get": {"responses": {}}}}}

    with pytest.raises(ContractError) as told:
        Contract(tree)

    assert str(told.value) == "GET /a has no operationId"


FACTS = {"response": "si", "cellphone": 4498987282, "message_id": 1, "date": "x"}


@pytest.mark.parametrize(
    ("name", "value"), [("cellphone", "nobody"), ("date", 5), ("message_id", None)]
)
def test_what_the_contract_does_not_describe_does_not_leave(
    name: str, value: Any
) -> None:
    facts: Any = {**FACTS, "date": "2026-03-02 12:00:00", name: value}
    delivery = Delivery(1, DeliveryKind.REPLY, "http://a.test/", facts, START, START)

    with pytest.raises(ContractError) as told:
        make_push(delivery, read_contract().webhooks["moPush"], Assumptions())

    assert str(told.value) == f"moPush would send {name}={value!r}"


# --- What is remembered, within bounds ----------------------------------------


def test_a_bind_that_was_minted_is_the_same_until_there_are_too_many() -> None:
    access = SmppAccess({"one": BindConfig("one", "secret", rate=7)})
    first = access.get_bind("a0")

    assert (first.system_id, first.password, first.rate) == ("a0", None, 7)
    assert access.get_bind("one").password == "secret"
    for index in range(MAX_AUTO_CREATED):
        access.get_bind(f"a{index}")
    assert access.get_bind("a0") is first
    access.get_bind("one too many")
    again = access.get_bind("a0")
    assert (again == first, again is first) == (True, False)
    assert SmppAccess().get_bind("x") == BindConfig("x")


def test_of_so_many_deleted_tokens_a_refusal_says_that_they_were(api: Api) -> None:
    world, made = (
        api.world,
        [f"token{index}" for index in range(MOST_REVOKED_TOKENS + 1)],
    )
    for index, token in enumerate(made):
        world.register_token(token)
        world.forget_token(token)  # as its deletion does; to make one takes a while
        if index == 1:
            assert why(api, made[0]) == why(api, made[1]) != why(api, "nobody's")

    assert why(api, made[0]) == why(api, "nobody's")
    assert {why(api, each) for each in made[1:]} == {why(api, made[1])}
    assert why(api, made[1]) != why(api, made[0])


def why(api: Api, token: str) -> str:
    answer = api.get("/api/v1/user", token=token)
    assert answer.status == HTTPStatus.UNAUTHORIZED
    return str(answer.headers["x-emulator-why"])


def test_a_host_is_known_again_after_many_others() -> None:
    known = admission.AllowedHosts()
    for index in range(admission.MAX_CACHED + 5):
        assert known.is_allowed(b"a%d.localhost" % index)
    assert known.is_allowed(b"a0.localhost:80")
    assert not known.is_allowed(b"a0.localhost.example.com")


# --- Time --------------------------------------------------------------------


def test_a_clock_of_the_walls_own_rate_stands_where_the_wall_goes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Wall(datetime):
        at = datetime(2026, 3, 2, tzinfo=UTC)

        @classmethod
        def now(cls, tz: Any = None) -> Any:  # noqa: ARG003 - as the library
            return cls.at

    monkeypatch.setattr(clock, "datetime", Wall)
    monkeypatch.setattr(clock, "wall_now", lambda: Wall.at)
    made = clock.Clock(at=START)

    Wall.at += timedelta(seconds=5)
    assert made.now() == START + timedelta(seconds=5)
    Wall.at -= timedelta(hours=1)
    assert made.now() == START + timedelta(seconds=5)
    Wall.at += timedelta(hours=1, seconds=2)
    assert made.now() == START + timedelta(seconds=7)
    assert (made.rate, made.change_count) == (1.0, 0)


# --- Handsets ----------------------------------------------------------------


@pytest.mark.parametrize("number", [5512345678, 9990001234, 1])
def test_weights_of_nothing_leave_everybody_to_be_sent(number: int) -> None:
    population = Population(seed=1, weights={Outcome.FAILED: 0.0}, known={})

    assert population.get_outcomes([number]) == bytes([population.get_outcome(number)])
    assert Population(seed=1).get_outcomes([number]) == bytes(
        [Population(seed=1).get_outcome(number)]
    )


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (9989999999, Outcome.SENT),
        (9990000000, Outcome.SENT),
        (9990001000, Outcome.FAILED),
        (9990001999, Outcome.FAILED),
        (9990002000, Outcome.RETRIED),
        (9990012999, Outcome.OPTS_OUT),
        (9990013000, Outcome.SENT),
        (9990099999, Outcome.SENT),
        (9990100000, Outcome.SENT),
    ],
)
def test_the_test_block_ends_where_it_ends(number: int, outcome: Outcome) -> None:
    """Alone, beside others, and where somebody else has an outcome of their own."""
    usual = Population(seed=1)
    other = Population(seed=1, known={5500000000: Outcome.ABSENT})

    assert [*usual.get_outcomes([number])] == [outcome]
    assert [*usual.get_outcomes([5512345678, number])] == [Outcome.SENT, outcome]
    assert [*other.get_outcomes([number, 5500000000])] == [outcome, Outcome.ABSENT]


# --- Nobody there ------------------------------------------------------------


@contextmanager
def silence() -> Iterator[str]:
    """Yield an address at which nobody ever accepts anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_forwarder_says_what_came_of_a_push(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.client.forwarder.FORWARD_TIMEOUT", 0.05)
    lines: list[str] = []
    push = Fact(
        operation="moPush", method="GET", url="http://other.test/", parameters="a=1"
    )
    with silence() as address:
        said = make_forwarder(f"http://{address}/mo", lines.append)(push)

    assert (said.verdict, said.explanation) == (
        "timed_out",
        "no answer came within 0.05 s",
    )
    assert lines == [
        f"moPush a=1 -> http://{address}/mo: timed_out: no answer came within 0.05 s "
    ]


def test_why_nobody_is_reached_is_said_in_a_few_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert explain_unreachable("127.0.0.1", port) == ""

    assert explain_unreachable("127.0.0.1", port) == "Connection refused"
    assert "169.254.169.254" in explain_unreachable("169.254.169.254", 80)


def test_an_emulator_that_cannot_start_tells_every_visitor() -> None:
    with closing(Standby("nowhere.yaml")) as standby:
        for _ in range(2):
            host, port = standby.url.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port)), timeout=20) as visitor:
                visitor.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                said = b"".join(iter(lambda: visitor.recv(65_536), b"")).decode()
            head, _, body = said.partition("\r\n\r\n")
            status, *headers = head.split("\r\n")

            assert status == "HTTP/1.1 500 Internal Server Error"
            assert headers == [
                "Content-Type: application/problem+json",
                f"Content-Length: {len(body.encode())}",
                "Connection: close",
            ]
            assert body.startswith(
                '{"title": "The emulator did not start", "status": 500, '
                '"detail": "FixtureError: '
            )
            assert "nowhere.yaml" in body


# --- What is long ------------------------------------------------------------


@pytest.mark.parametrize("length", [60_000, 65_535])
def test_a_long_pdu_is_kept_up_to_a_bound(api: Api, length: int) -> None:
    """Up to 64 KiB whole, and of a longer one the first 4 KiB."""
    payload = pack_tlv(MESSAGE_PAYLOAD, b"x" * length)
    octets = pack_submit(2, short=b"", tlvs=payload)
    with open_smsc(api) as smsc:
        smsc.bind().ask(octets)
        (row,) = run_control(api, "GET", "journal?last=1")["exchanges"]

    is_whole = len(octets) <= LARGEST_WHOLE_BODY
    assert row["request"]["octets"] == len(octets)
    assert row["request"]["hex"] == octets[: None if is_whole else BODY_HEAD].hex()


# --- Pages -------------------------------------------------------------------


def test_the_page_of_the_contract_reaches_nothing_else(api: Api) -> None:
    answer = api.get("/docs", token="")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "frame-ancestors 'none'"
    )


@pytest.mark.parametrize("name", DOCS_ASSETS)
def test_the_page_of_the_contract_has_its_files(api: Api, name: str) -> None:
    folder, kind = DOCS_ASSETS[name]

    answer = api.get(f"/docs/{name}", token="")

    assert answer.status == HTTPStatus.OK
    assert answer.octets == (folder / name).read_bytes()
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert answer.headers["cache-control"] == "max-age=3600"
    assert api.get("/docs/nothing.js", token="").status == HTTPStatus.NOT_FOUND
