"""``emulator.client.Emulator``: every command, over a socket and in process."""

import gc
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Semaphore, Thread
from threading import enumerate as threads
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from emulator.client import ClientError, Emulator
from emulator.client.fault_commands import RULE_SPELLINGS, RULE_WORDS
from emulator.client.inprocess import InProcessTransport
from emulator.faults import rule_json, vocabulary
from emulator.serving.standby import Standby
from tests.support.orders import EMAIL, SMS, make_order

START = datetime(2026, 3, 2, 18, 0, 0, tzinfo=UTC)
NUMBER, ABSENT = "4498987282", "9990003000"
NAMES = count(1)


@pytest.fixture(scope="module", params=["socket", "in process"])
def home(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """Return an emulator, reached in one of the two ways."""
    with ExitStack() as stack:
        if request.param == "socket":
            url = stack.enter_context(closing(Standby("demo"))).url
            yield stack.enter_context(Emulator(url))
        else:
            yield stack.enter_context(Emulator.in_process())


@pytest.fixture
def emulator(home: Emulator) -> Emulator:
    """Return a world whose clock stands at ``START``."""
    return home.create(f"test{next(NAMES)}", clock=START.isoformat(), seed=7)


def placed(emulator: Emulator, path: str = SMS, **changes: Any) -> int:
    answer = emulator.request("POST", path, json=make_order(path, **changes))
    assert answer.status == 200, answer.text
    names = ("campaign", "voice_campaign", "email_campaign_id")
    return next(int(answer.json()[name]) for name in names if name in answer.json())


# --- Where ------------------------------------------------------------------------


def test_without_a_world_it_is_the_default_one(home: Emulator) -> None:
    assert home.world == "demo"
    assert home.token == "demo"
    assert home.request("GET", "/api/v1/user").status == 200


def test_a_new_world_has_its_name_its_token_and_its_facts(home: Emulator) -> None:
    world = home.create("facts", clock=START.isoformat(), seed=7, strict=True)

    assert (world.world, world.token) == ("facts", "world-facts")
    assert (world.url, world.info.seed) == (home.url, 7)
    assert "facts" in [each.name for each in home.worlds]
    assert world.info.assumptions
    assert "facts" in repr(world)


def test_a_token_finds_its_world(home: Emulator) -> None:
    world = home.create("tokened")

    by_token = Emulator(token=world.token, transport=home._transport)  # noqa: SLF001

    assert by_token.world == "tokened"
    assert by_token.request("GET", "/api/v1/user").status == 200


def test_a_world_whose_tokens_were_deleted_says_so(emulator: Emulator) -> None:
    by_name = Emulator(world=emulator.world, transport=emulator._transport)  # noqa: SLF001
    emulator.tokens.delete(emulator.token)

    with pytest.raises(ClientError, match="has no token"):
        _ = by_name.token


def test_what_the_platform_answers_is_read_as_it_is(emulator: Emulator) -> None:
    answer = emulator.request("GET", "/api/v1/user")
    refused = emulator.request("POST", SMS, json={"text": "hola"})
    bare = emulator.request("HEAD", "/api/v1/user")

    assert answer.headers["Content-Type"] == answer.headers["content-type"]
    assert answer.headers.get("X-Nothing") is None
    assert "Date" in answer.headers
    assert answer.json()["data"]["credit"] == emulator.balance
    assert refused.status == 422
    assert "recipients" in refused.text
    assert (bare.status, bare.body) == (200, b"")


def test_a_header_of_the_test_takes_the_place_of_ours(emulator: Emulator) -> None:
    answer = emulator.request(
        "GET", "/api/v1/user", headers={"Authorization": "Bearer nobody"}
    )

    assert answer.status == 401


# --- Time -------------------------------------------------------------------------


def test_the_clock_stands_and_runs(emulator: Emulator) -> None:
    assert (emulator.clock.now, emulator.clock.rate) == (
        START,
        0,
    )

    emulator.clock.run(60)
    assert emulator.clock.rate == 60
    assert "rate 60" in repr(emulator.clock)

    emulator.clock.freeze()
    assert emulator.clock.rate == 0


def test_time_is_advanced_by_a_duration_to_an_instant_and_to_the_next_event(
    emulator: Emulator,
) -> None:
    assert emulator.advance(hours=1, seconds=1).now == START + timedelta(seconds=3601)
    tomorrow = START + timedelta(days=1)
    assert emulator.advance(to=tomorrow).now == emulator.clock.now == tomorrow

    placed(emulator)
    run = emulator.advance(next=True)

    assert run.now == tomorrow + timedelta(seconds=1)
    assert [each.event for each in run.events] == ["inserted"]
    assert "inserted" in repr(run)


def test_no_time_at_all_may_pass(emulator: Emulator) -> None:
    assert emulator.advance().now == START


def test_settle_runs_until_nothing_is_left_or_a_bound_is_met(
    emulator: Emulator,
) -> None:
    placed(emulator, recipients=[{"cellphone": ABSENT}])

    bounded = emulator.settle(hours=1)
    assert [each.event for each in bounded.pending] == ["completed"]
    assert [each.event for each in bounded.events] == ["inserted", "sent"]

    assert [each.event for each in emulator.settle(events=1).events] == ["completed"]
    assert emulator.settle().events.count == 0
    assert "nothing" in f"{emulator.settle().pending} nothing"


def test_what_happens_from_now_on_is_told(emulator: Emulator) -> None:
    placed(emulator)
    events = emulator.events(timeout=10)

    placed(emulator, text="dos")
    told = next(each for each in events if each.event == "exchange")
    emulator.advance(seconds=1)
    inserted = next(each for each in events if each.event == "event")

    assert (told.data.operation, told.data.number) == ("createCampaign", 2)
    assert inserted.data.event == "inserted"


def test_of_a_world_that_is_gone_there_are_no_events(emulator: Emulator) -> None:
    emulator.delete()

    with pytest.raises(ClientError, match=emulator.world):
        next(emulator.events())


def test_silence_is_a_timeout(emulator: Emulator) -> None:
    with pytest.raises(TimeoutError):
        list(emulator.events(timeout=0.01))


# --- What was sent and asked ------------------------------------------------------


def test_messages_are_counted_filtered_and_shown_in_lines(emulator: Emulator) -> None:
    first = placed(emulator, text="uno")
    placed(emulator, text="dos", recipients=[{"cellphone": ABSENT}])
    emulator.advance(minutes=1)

    messages = emulator.messages()

    assert (messages.count, len(messages)) == (2, 2)
    assert [each.status for each in messages] == ["sent", "retried"]
    assert emulator.messages(to=NUMBER)[0].text == "uno"
    assert emulator.messages(campaign=first).count == 1
    assert emulator.messages(text="dos", status="retried").count == 1
    assert emulator.messages(to="1234567890").count == 0
    lines = repr(messages).splitlines()
    assert len(lines) == 3
    assert f"to {NUMBER}: sent" in lines[1]
    assert messages[1:].count == 1


def test_of_very_many_messages_all_are_counted(emulator: Emulator) -> None:
    people = [{"cellphone": f"55{index:08d}"} for index in range(1_001)]
    placed(emulator, recipients=people)

    messages = emulator.messages()

    assert (messages.count, len(messages)) == (1_001, 1_000)
    assert "1001, of which the last 1000:" in repr(messages)


def test_requests_are_listed_found_and_forgotten(emulator: Emulator) -> None:
    emulator.request("GET", "/api/v1/user")
    emulator.advance(hours=1)
    placed(emulator)
    emulator.request("POST", SMS, json={})

    assert [each.operation for each in emulator.requests] == [
        "getUser",
        "createCampaign",
        "createCampaign",
    ]
    assert emulator.find_requests("createCampaign").count == 2
    assert emulator.find_requests(status=422).count == 1
    assert emulator.find_requests(number=NUMBER).count == 1
    assert emulator.find_requests(text="hola", last=1).count == 1
    assert emulator.find_requests(since=emulator.clock.now).count == 2
    assert emulator.find_requests(until=emulator.clock.now).count == 1
    assert "GET /api/v1/user -> 200" in repr(emulator.requests)
    assert NUMBER not in str(emulator.find_requests(mask="numbers")[1].request.body)

    emulator.clear_requests()
    assert emulator.requests.count == 0


def test_a_request_is_waited_for(emulator: Emulator) -> None:
    sender = Thread(target=placed, args=(emulator,))
    sender.start()

    found = emulator.wait_for_request("createCampaign", number=NUMBER)
    sender.join()

    assert (found.status, found.path) == (200, SMS)


def test_of_several_requests_the_last_one_is_returned(emulator: Emulator) -> None:
    emulator.request("GET", "/api/v1/user")
    emulator.request("GET", "/api/v1/user")

    assert emulator.wait_for_request("getUser", count=2).number == 2


def test_who_waits_in_vain_learns_what_came_instead(emulator: Emulator) -> None:
    emulator.request("GET", "/api/v1/user")

    with pytest.raises(AssertionError, match="0 of 1") as failed:
        emulator.wait_for_request("createCampaign", timeout=0)

    assert "/api/v1/user" in str(failed.value)


def test_expectations_hold_or_say_what_was_seen(emulator: Emulator) -> None:
    placed(emulator)

    assert emulator.verify("createCampaign", exactly=1, status=200) == 1
    assert emulator.verify("createCampaign", at_least=1, at_most=2) == 1
    assert emulator.verify("getUser", at_most=0) == 0
    with pytest.raises(AssertionError, match="exactly 2, seen 1") as failed:
        emulator.verify("createCampaign", exactly=2)
    assert NUMBER in str(failed.value)


def test_never_within_looks_at_the_worlds_time(emulator: Emulator) -> None:
    begin = emulator.clock.now
    emulator.advance(hours=1)
    assert emulator.verify("getUser", never_within=3600, since=begin) == 0

    emulator.request("GET", "/api/v1/user")
    with pytest.raises(AssertionError):
        emulator.verify("getUser", never_within=7200, since=begin)


def test_a_report_tells_all_of_it_in_few_lines(emulator: Emulator) -> None:
    emulator.fail_next("createCampaign", status=503)
    emulator.request("POST", SMS, json=make_order(SMS))
    for _ in range(4):
        placed(emulator)

    report = emulator.report(lines=2)

    assert f"balance {emulator.balance}" in report
    assert "2026-03-02T18:00:00" in report
    assert "requests: 5, of which the last 2:" in report
    assert "messages: 4, of which the last 2:" in report
    assert "applied 1" in report


# --- What goes wrong --------------------------------------------------------------


def test_the_next_call_fails_and_no_other(emulator: Emulator) -> None:
    rule = emulator.fail_next("getUser")

    statuses = [emulator.request("GET", "/api/v1/user").status for _ in range(2)]

    assert statuses == [500, 200]
    assert [(each.id, each.applied) for each in emulator.faults] == [(rule.id, 1)]
    emulator.clear_faults()
    assert emulator.faults == []


def test_a_failure_may_come_after_the_work_was_done(emulator: Emulator) -> None:
    emulator.fail_next("createCampaign", refusal="SERVER_ERROR", phase="after", times=2)

    statuses = [
        emulator.request("POST", SMS, json=make_order(SMS)).status for _ in range(3)
    ]

    assert statuses == [500, 500, 200]
    assert emulator.messages().count == 3


def test_an_answer_is_spelled_out(emulator: Emulator) -> None:
    emulator.fail_next(status=429, body={"wait": True}, retry_after=7)

    answer = emulator.request("GET", "/api/v1/user")

    assert (answer.status, answer.json()) == (429, {"wait": True})
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["X-Emulator-Fault"]


def test_the_client_takes_every_word_of_the_server(emulator: Emulator) -> None:
    for each in vocabulary.list_effect_examples():
        rule = emulator.fault(**each)
        assert vocabulary.parse_effect(rule.effect) == vocabulary.parse_effect(each)
        rule = emulator.fail_next(**each)
        assert vocabulary.parse_effect(rule.effect) == vocabulary.parse_effect(each)

    with pytest.raises(ClientError, match="colour"):
        emulator.fault(status=500, colour="red")


def test_the_client_knows_what_a_rule_may_say() -> None:
    known = {RULE_SPELLINGS.get(each, each) for each in RULE_WORDS} | {"operation"}

    assert known == rule_json.RULE_KEYS


def test_a_rule_says_which_calls_and_when(emulator: Emulator) -> None:
    later = START + timedelta(hours=1)
    emulator.fault("createCampaign", number=ABSENT, status=500)
    emulator.fault("createCampaign", body_has={"text": "mal"}, status=502)
    emulator.fault("*", headers_have={"x-bad": "yes"}, status=503)
    emulator.fault("getUser", since=later, status=504)

    asked = [
        emulator.request("POST", SMS, json=make_order(SMS, **changes), headers=headers)
        for changes, headers in (
            ({"recipients": [{"cellphone": ABSENT}]}, {}),
            ({"text": "mal"}, {}),
            ({}, {"X-Bad": "yes"}),
            ({}, {}),
        )
    ]
    before = emulator.request("GET", "/api/v1/user").status
    emulator.advance(to=later)
    after = emulator.request("GET", "/api/v1/user").status

    assert [each.status for each in asked] == [500, 502, 503, 200]
    assert (before, after) == (200, 504)


@pytest.mark.parametrize("wire", ["close", "reset", "truncated"])
def test_a_broken_connection_is_one_error_whichever_way_one_asks(
    emulator: Emulator, wire: str
) -> None:
    emulator.fail_next("getUser", wire=wire)

    with pytest.raises(ConnectionError):
        emulator.request("GET", "/api/v1/user")

    assert emulator.request("GET", "/api/v1/user").status == 200


def test_a_call_that_hangs_is_a_timeout(home: Emulator) -> None:
    world = home.create("hangs")
    impatient = Emulator(
        world=world.world,
        token=world.token,
        transport=home._transport,  # noqa: SLF001
        timeout=0.2,
    )
    world.fail_next("getUser", wire="hang")

    with pytest.raises(TimeoutError):
        impatient.request("GET", "/api/v1/user")

    assert impatient.request("GET", "/api/v1/user").status == 200


def test_a_preset_has_a_name(emulator: Emulator) -> None:
    name = emulator.presets[0].name

    rule = emulator.preset(name, first=2)

    assert [(each.id, each.first) for each in emulator.faults] == [(rule.id, 2)]
    with pytest.raises(ClientError, match=name):
        emulator.preset("nothing of the kind")


# --- Handsets and campaigns -------------------------------------------------------


def test_the_truth_about_a_number_is_told_and_changed(emulator: Emulator) -> None:
    assert emulator.handset(NUMBER).outcome == "sent"

    emulator.set_handset(NUMBER, "failed")

    assert emulator.handset(NUMBER).hlr == "inactive"


def test_a_population_has_weights(emulator: Emulator) -> None:
    assert emulator.population().weights == {}

    assert emulator.population(failed=1).weights == {"failed": 1}

    assert emulator.handset("4498987299").outcome == "failed"


def test_campaigns_are_paused_resumed_cancelled_and_lost(emulator: Emulator) -> None:
    one, other = placed(emulator), placed(emulator)

    emulator.cancel(other)
    emulator.pause(one)
    emulator.advance(hours=1)
    assert emulator.campaigns[0].status == "paused"
    emulator.resume(one)
    emulator.settle()

    assert [each.status for each in emulator.messages()] == ["sent", "cancelled"]
    assert emulator.mark_unknown(one).status == "unknown"


def test_letters_are_shown_as_they_are_sent(emulator: Emulator) -> None:
    campaign = placed(emulator, EMAIL)
    emulator.settle()

    (letter,) = emulator.emails(campaign)

    assert (letter.to, letter.subject) == ("ana@example.org", "aviso")


# --- The account ------------------------------------------------------------------


def test_money_comes_and_goes(emulator: Emulator) -> None:
    before = emulator.balance

    assert emulator.top_up(10) == before + 10

    assert emulator.movements.movements[-1].reason == "topup"


def test_tokens_are_created_listed_expired_and_deleted(emulator: Emulator) -> None:
    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return emulator.request("GET", "/api/v1/user", headers=headers).status

    kept, gone = (emulator.tokens.create(name).token for name in ("kept", "gone"))
    assert [each.name for each in emulator.tokens] == [
        "default",
        "kept",
        "gone",
    ]
    assert status(kept) == status(gone) == 200

    emulator.tokens.expire(kept)
    emulator.tokens.delete(gone)

    assert status(kept) == status(gone) == 401
    assert [each.name for each in emulator.tokens.list()] == [
        "default",
        "kept",
    ]


def test_the_account_is_read_and_changed(emulator: Emulator) -> None:
    assert emulator.account.prices.hlr == 1

    assert emulator.change_account(prices={"hlr": 5}).prices.hlr == 5

    before = emulator.balance
    emulator.request("GET", f"/api/v3/hlr/{NUMBER}")
    assert emulator.balance == before - 5


def test_items_are_added_and_removed(emulator: Emulator) -> None:
    emulator.add_item("keywords", keyword="hola", response="que tal")
    words = [each.keyword for each in emulator.account.keywords]

    emulator.remove_item("keywords", "hola")

    assert "hola" in words
    assert "hola" not in [each.keyword for each in emulator.account.keywords]


def test_links_tell_who_followed_them(emulator: Emulator) -> None:
    assert [each.clicks for each in emulator.links] == [[]]


# --- Worlds -----------------------------------------------------------------------


def test_a_snapshot_is_restored_there_and_elsewhere(emulator: Emulator) -> None:
    snapshot = emulator.snapshot()
    placed(emulator)

    elsewhere = emulator.create(f"{emulator.world}-copy", snapshot=snapshot)
    emulator.restore(snapshot)

    assert emulator.campaigns == elsewhere.campaigns == []
    assert elsewhere.clock.now == START


def test_a_checkpoint_is_kept_returned_to_opened_and_dropped(
    emulator: Emulator,
) -> None:
    emulator.checkpoint("empty")
    placed(emulator)

    opened = emulator.open_checkpoint("empty", f"{emulator.world}-opened")
    assert (len(emulator.campaigns), len(opened.campaigns)) == (1, 0)

    emulator.restore_checkpoint("empty")
    assert emulator.campaigns == []
    assert [each.name for each in emulator.checkpoints] == ["empty"]
    emulator.drop_checkpoint("empty")
    assert emulator.checkpoints == []


def test_forks_part_from_their_origin(emulator: Emulator) -> None:
    placed(emulator)

    forks = [emulator.fork(), emulator.fork(), emulator.fork("gabel")]
    placed(forks[0])

    name = emulator.world
    assert [each.world for each in forks] == [f"{name}-1", f"{name}-2", "gabel"]
    assert [len(each.campaigns) for each in (emulator, *forks)] == [1, 2, 1, 1]
    assert emulator.opened == forks
    forks[2].delete()


def test_a_world_is_reset_and_deleted(emulator: Emulator) -> None:
    placed(emulator)
    emulator.reset()
    assert emulator.campaigns == []

    emulator.delete()

    with pytest.raises(ClientError, match=emulator.world) as gone:
        _ = emulator.balance
    assert gone.value.status == 404


# --- When it does not work --------------------------------------------------------


def test_what_the_control_api_declines_is_said_in_its_words(
    emulator: Emulator,
) -> None:
    with pytest.raises(ClientError, match="back") as declined:
        emulator.advance(to=START - timedelta(days=1))

    assert declined.value.status in {409, 422}


def test_a_misspelled_member_is_told_with_those_there_are(emulator: Emulator) -> None:
    with pytest.raises(AttributeError, match=r"'credt' in it, only .*balance"):
        _ = emulator.movements.credt


def test_where_nobody_listens_one_learns_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

    with pytest.raises(ClientError, match=r"no emulator answers at .*start one"):
        _ = Emulator(url).balance


def test_a_url_that_is_none_is_told() -> None:
    with pytest.raises(ClientError, match="no emulator answers at nonsense:port"):
        _ = Emulator("nonsense:port").balance


def test_the_secret_travels_in_its_header() -> None:
    heard: list[bytes] = []

    async def listen(scope: Scope, _receive: Receive, send: Send) -> None:
        heard.append(dict(scope["headers"])[b"x-emulator-control"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"[]"})

    with Emulator(transport=InProcessTransport(listen), secret="sesamo") as emulator:
        assert emulator.campaigns == []

    assert heard == [b"sesamo"]


# --- Connections and threads ------------------------------------------------------


def answering(
    listener: socket.socket, ports: list[int], closed: Semaphore, *, times: int
) -> None:
    """Answer so many requests on each connection, then close it without a word."""
    body = b'{"balance": 1}'
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    while len(ports) < 4:
        visitor, (_, port) = listener.accept()
        with visitor:
            for _ in range(times):
                visitor.recv(65536)
                ports.append(port)
                visitor.sendall(head + body)
        closed.release()


@pytest.mark.parametrize(("times", "connections"), [(4, 1), (1, 4)])
def test_a_connection_is_kept_until_the_server_closes_it(
    times: int, connections: int
) -> None:
    ports: list[int] = []
    closed = Semaphore(0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Thread(
            target=answering, args=(listener, ports, closed), kwargs={"times": times}
        )
        server.start()
        with Emulator(f"http://127.0.0.1:{listener.getsockname()[1]}") as emulator:
            for asked in range(1, 5):
                assert emulator.balance == 1
                if asked % times == 0:
                    closed.acquire()
        server.join()

    assert len(set(ports)) == connections


def test_threads_share_an_emulator(emulator: Emulator) -> None:
    senders = [Thread(target=placed, args=(emulator,)) for _ in range(8)]
    for each in senders:
        each.start()
    for each in senders:
        each.join()

    assert emulator.messages().count == 8


def test_in_process_it_leaves_the_process_as_it_was() -> None:
    before = gc.get_threshold(), gc.isenabled(), {each.name for each in threads()}

    with Emulator.in_process(pace="instant") as emulator:
        placed(emulator)
        assert gc.get_threshold() == before[0]
        assert [each.status for each in emulator.messages()] == ["sent"]

    assert before == (gc.get_threshold(), gc.isenabled(), {t.name for t in threads()})
    emulator.close()
    with pytest.raises(ClientError, match="closed"):
        _ = emulator.balance


def test_who_waits_while_it_ends_is_let_go() -> None:
    emulator = Emulator.in_process()
    errors: list[Exception] = []

    def wait() -> None:
        try:
            emulator.wait_for_request("getUser", timeout=60)
        except ClientError as error:
            errors.append(error)

    waiting = Thread(target=wait)
    events = emulator.events()
    waiting.start()
    placed(emulator)
    next(events)  # the loop has begun to serve both
    emulator.close()
    with pytest.raises(ConnectionError, match="closed"):
        list(events)
    waiting.join()

    assert len(errors) == 1


def test_the_client_imports_little() -> None:
    heavy = "asyncio starlette uvicorn yaml orjson msgspec http.client dataclasses ssl"
    code = (
        "import sys, emulator.client\n"
        f"print([each for each in {heavy.split()!r} if each in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
