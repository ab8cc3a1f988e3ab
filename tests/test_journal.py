"""The journal: exchanges whole, within bounds, asked for, waited for and verified."""

import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.emulator import (
    Api,
    MakeApi,
    make_limited_emulator,
    read_demo_world,
    run_at_once,
    run_control,
    send_control,
    set_examples,
)
from tests.support.orders import NUMBER, RESPONSES, SMS, VOICE, make_order
from tests.support.processes import DEADLINE, serve_emulator

USER = "/api/v1/user"
CREATE = "createCampaign"
KIB = 1024
MANY = 50_000
ALWAYS = set_examples(25)


def told(api: Api, query: str = "", **options: Any) -> list[Any]:
    """Return the exchanges that the journal lists."""
    exchanges: list[Any] = run_control(api, "GET", f"journal?{query}", **options)[
        "exchanges"
    ]
    return exchanges


def newest(api: Api, query: str = "") -> Any:
    return told(api, query)[-1]


def sent(api: Api, *cellphones: str, **changes: Any) -> None:
    recipients = [{"cellphone": each} for each in cellphones or (NUMBER,)]
    api.post(SMS, json=make_order(SMS, recipients=recipients, **changes))


def waited(api: Api, **asked: Any) -> Any:
    return run_control(api, "POST", "journal/wait", json={"timeout": 0, **asked})


def verdict(api: Api, **asked: Any) -> Any:
    return run_control(api, "POST", "journal/verify", json={"timeout": 0, **asked})


def holding(credit: int) -> dict[str, Any]:
    return {**read_demo_world()["account"], "credit": credit}


def crowd(count: int) -> list[dict[str, str]]:
    return [{"cellphone": f"44{index:08d}"} for index in range(count)]


# --- What is kept ------------------------------------------------------------


def test_an_exchange_is_kept_whole(api: Api) -> None:
    api.clock.advance(seconds=1.5)
    body = json.dumps(make_order(SMS, text="año")).encode()

    answer = api.post(f"{SMS}?from=here", content=body, headers={"x-mine": "yes"})

    kept = newest(api)
    duration = kept.pop("duration")
    assert 0 < duration < 60
    assert kept.pop("request") == {
        "headers": {
            "accept": "application/json",
            "authorization": "Bearer ****",
            "content-type": "application/json",
            "x-mine": "yes",
            "content-length": str(len(body)),
        },
        "body": body.decode(),
        "octets": len(body),
    }
    assert kept.pop("response") == {
        "headers": answer.headers,
        "body": answer.octets.decode(),
        "octets": len(answer.octets),
    }
    assert kept == {
        "number": 1,
        "at": "2026-03-02T18:00:01.500000Z",
        "operation": CREATE,
        "method": "POST",
        "path": SMS,
        "query": "from=here",
        "status": 200,
        "notes": answer.notes,
        "why": "",
        "reason": "",
        "fault": "",
    }


def test_a_refused_exchange_is_kept_with_what_was_sent(api: Api) -> None:
    answer = api.post(SMS, content=b'{"text": "ho')

    kept = newest(api)
    assert (kept["status"], kept["request"]["body"]) == (400, '{"text": "ho')
    assert kept["why"] == answer.headers["x-emulator-why"]
    assert kept["response"]["headers"] == answer.headers


def test_equal_headers_are_kept_side_by_side() -> None:
    with serve_emulator() as served:
        served.say(
            b"GET /api/v1/user HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer demo\r\n"
            b"X-Mine: one\r\nX-Mine: two\r\nConnection: close\r\n\r\n"
        )

        (kept,) = served.ask("GET", "/_emulator/journal").body["exchanges"]

    assert kept["request"]["headers"]["x-mine"] == "one, two"


def test_the_answer_to_a_head_has_no_body(api: Api) -> None:
    api.send("HEAD", USER)

    assert newest(api)["response"]["body"] == ""


def test_who_was_not_let_in_is_in_no_journal(api: Api) -> None:
    assert api.get(USER, token="nobody").status == 401
    assert api.get(USER, token="").status == 401

    assert told(api) == []


def test_a_body_that_is_too_large_is_kept_as_far_as_it_was_read() -> None:
    with serve_emulator("--body-limit", "1000") as served:
        parts = iter([b"[" + b"1," * 299, b"2," * 300, b"3," * 300])
        answer = served.ask("POST", SMS, parts)
        (kept,) = served.ask("GET", "/_emulator/journal").body["exchanges"]

    assert answer.status == kept["status"] == 413
    assert kept["request"]["body"].startswith("[1,1,")
    assert 599 <= kept["request"]["octets"] <= 1_799


# --- Large bodies ------------------------------------------------------------


@pytest.mark.parametrize("excess", [0, 1])
def test_a_body_over_64_kib_is_cut(api: Api, excess: int) -> None:
    octets = 64 * KIB + excess
    body = b'{"pad": "' + b"x" * (octets - 11) + b'"}'
    assert len(body) == octets

    api.post(SMS, content=body)

    kept = newest(api)["request"]
    assert kept["octets"] == octets
    if excess:
        assert kept["body"] == body[: 4 * KIB].decode()
        assert kept["sha256"] == sha256(body).hexdigest()
    else:
        assert kept["body"] == body.decode()
        assert "sha256" not in kept


def test_a_cut_does_not_leave_half_a_character(api: Api) -> None:
    api.post(SMS, content=b'{"pad": "' + "ñ".encode() * 40_000 + b'"}')

    assert newest(api)["request"]["body"] == '{"pad": "' + "ñ" * 2_043


@pytest.mark.parametrize("path", [SMS, VOICE])
@pytest.mark.parametrize("fate", ["placed", "refused", "unreadable"])
def test_a_large_request_is_found_by_any_of_its_numbers(
    make_api: MakeApi, path: str, fate: str
) -> None:
    api = make_api(account=holding(1 if fate == "refused" else 10_000_000))
    body = json.dumps(make_order(path, recipients=crowd(MANY))).encode()
    if fate == "unreadable":
        body = body[:-1]
    api.get(USER)

    answer = api.post(path, content=body)

    assert answer.status == {"placed": 200, "refused": 422, "unreadable": 400}[fate]
    for number in ("4400000000", "4400031415", "4400049999", "49999"):
        assert [each["status"] for each in told(api, f"number={number}")] == [
            answer.status
        ]
    assert told(api, "number=4400050000") == []
    assert told(api, "number=50000") == []


def test_the_numbers_of_a_large_campaign_are_not_copied(make_api: MakeApi) -> None:
    api = make_api(account=holding(10_000_000))

    sent(api, *(each["cellphone"] for each in crowd(5_000)))

    (exchange,), (campaign,) = api.world.journal, api.world.campaigns.values()
    assert exchange.numbers is campaign.recipients.numbers
    assert exchange.octets < 10_000


def test_an_answer_in_slices_is_followed_while_it_is_sent(make_api: MakeApi) -> None:
    api = make_api(account=holding(10_000_000))
    campaign = api.post(SMS, json=make_order(SMS, recipients=crowd(4_500))).body[
        "campaign"
    ]
    api.clock.advance(hours=1)

    listing = api.get(f"{SMS}/{campaign}/messages").octets

    kept = newest(api)["response"]
    assert len(json.loads(listing)["data"]) == 4_500
    assert kept["octets"] == len(listing)
    assert kept["sha256"] == sha256(listing).hexdigest()
    assert kept["body"] == listing[: 4 * KIB].decode()


def test_a_large_answer_is_cut(make_api: MakeApi) -> None:
    api = make_api(account=holding(10_000_000))
    campaign = api.post(SMS, json=make_order(SMS, recipients=crowd(1_500))).body[
        "campaign"
    ]
    api.clock.advance(hours=1)

    listing = api.get(f"{SMS}/{campaign}/messages").octets

    kept = newest(api)["response"]
    assert kept["octets"] == len(listing) > 64 * KIB
    assert kept["sha256"] == sha256(listing).hexdigest()


# --- Bounds ------------------------------------------------------------------

ONE = 700  # octets, about what a small exchange takes
SIZES = st.sampled_from([0, 10, 500, 5_000, 64 * KIB, 64 * KIB + 1, 200_000])


@ALWAYS
@given(
    st.integers(1, 300_000),
    st.integers(1, 500_000),
    st.lists(st.tuples(st.sampled_from("abcd"), SIZES), max_size=40),
)
def test_the_journals_stay_within_their_bounds(
    each: int, total: int, requests: list[tuple[str, int]]
) -> None:
    asked: Counter[str] = Counter()
    with closing(make_limited_emulator(journal=each, journals=total)) as api:
        for name, octets in requests:
            api.post(SMS, content=b"x" * octets, token=f"world-{name}")
            asked[name] += 1

            newest_one = list(
                run_at_once(api.worlds.get_or_create(f"world-{name}")).journal
            )[-1]
            journals = {world.name: world.journal for world in api.worlds}
            assert newest_one.number == asked[name]
            for world, journal in journals.items():
                assert len(journal) + journal.dropped == asked[world]
                own = [kept.octets for kept in journal]
                assert journal.octets == sum(own)
                assert journal.octets <= each or len(own) == 1
            everything = sum(journal.octets for journal in journals.values())
            assert everything <= max(total, newest_one.octets)


def test_the_world_that_was_quiet_the_longest_forgets_first() -> None:
    with closing(make_limited_emulator(journals=10 * ONE)) as api:
        for name in ("a", "b", "c", *"aabb" * 5):
            api.get(USER, token=f"world-{name}")

        kept = {world.name: len(world.journal) for world in api.worlds}

    assert kept["c"] == 0
    assert kept["a"] > 0
    assert kept["b"] > 0


def test_what_is_counted_is_what_is_held(api: Api) -> None:
    orders = [json.dumps(make_order(SMS)).encode() for _ in range(400)]
    sent(api)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for each in orders:
        api.post(RESPONSES, content=each)
    journal = api.world.journal
    counted = journal.octets
    held = tracemalloc.get_traced_memory()[0]
    journal.clear()
    freed = held - tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert held > before
    assert counted / 2 < freed < counted


@pytest.mark.parametrize("command", ["clear", "reset", "delete"])
def test_what_is_forgotten_makes_room_for_others(command: str) -> None:
    with closing(make_limited_emulator(journals=10 * ONE)) as api:
        for _ in range(5):
            api.get(USER, token="world-a")
        before = run_at_once(api.worlds.get_or_create("world-a")).journal
        ways = {
            "clear": ("DELETE", "journal"),
            "reset": ("POST", "world/reset"),
            "delete": ("DELETE", "world"),
        }
        method, path = ways[command]
        api.send(method, f"/_emulator/{path}", token="world-a")
        for _ in range(8):
            api.get(USER, token="world-b")

        assert before.octets == 0
        assert len(run_at_once(api.worlds.get_or_create("world-b")).journal) == 8
        assert run_at_once(api.worlds.get_or_create("world-b")).journal.dropped == 0


# --- Questions ---------------------------------------------------------------


@pytest.fixture
def busy(api: Api) -> Api:
    """Make a world that was asked five times, a minute apart."""
    api.get(USER)
    api.clock.advance(minutes=1)
    sent(api, "5511111111", "5522222222", text='dijo "sí" ayer')
    api.clock.advance(minutes=1)
    sent(api, "5533333333", text=None)
    api.clock.advance(minutes=1)
    api.get("/api/v3/hlr/5522222222")
    api.clock.advance(minutes=1)
    api.post(RESPONSES, json={"type": 3, "cellphone": 5544444444})
    return api


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2, 3, 4, 5]),
        (f"operation={CREATE}", [2, 3]),
        ("status=422", [3]),
        ("number=5522222222", [2, 4]),
        ("number=222", [2, 4]),
        ("number=5544444444", [5]),
        ("number=9", []),
        ("text=/hlr/", [4]),
        ("text=5511111111", [2]),
        ("text=obligatorio", [3]),
        ('text=dijo "sí" ayer'.replace(" ", "%20").replace('"', "%22"), [2]),
        ("since=2026-03-02T18:02:00Z", [3, 4, 5]),
        ("since=2026-03-02T12:02:00-06:00", [3, 4, 5]),
        ("until=2026-03-02T18:02:00Z", [1, 2]),
        ("after=3", [4, 5]),
        ("after=9", []),
        ("last=2", [4, 5]),
        (f"last=1&operation={CREATE}", [3]),
        ("last=9", [1, 2, 3, 4, 5]),
        (f"operation={CREATE}&status=200&number=1", [2]),
    ],
)
def test_the_journal_is_asked(busy: Api, query: str, numbers: list[int]) -> None:
    query = query.encode().decode("latin-1").replace("sÃ­", "s%C3%AD")
    assert [each["number"] for each in told(busy, query)] == numbers


@pytest.mark.parametrize(
    "query",
    [
        *("number=55a", "number=", "text=", "last=0", "after=-1", "mask=all"),
        *("since=yesterday", "until=2026-02-30T00:00:00Z"),
    ],
)
def test_a_question_that_means_nothing_is_a_problem(api: Api, query: str) -> None:
    if query.endswith("="):  # which is as if it had not been asked
        assert send_control(api, "GET", f"journal?{query}").status == 200
    else:
        assert send_control(api, "GET", f"journal?{query}").status == 422


def test_a_journal_is_listed_in_slices(api: Api) -> None:
    for _ in range(450):
        api.get(USER)

    assert [each["number"] for each in told(api)] == list(range(1, 451))


def test_a_cleared_journal_counts_on(busy: Api) -> None:
    campaigns = dict(busy.world.campaigns)

    assert run_control(busy, "DELETE", "journal") == {"dropped": 0, "exchanges": []}

    busy.get(USER)
    assert [each["number"] for each in told(busy)] == [6]
    assert busy.world.campaigns == campaigns


def test_a_reset_clears_the_journal(busy: Api) -> None:
    last = newest(busy)["number"]

    busy.send("POST", "/_emulator/world/reset")

    assert told(busy) == []
    busy.get(USER)
    assert newest(busy)["number"] == last + 1  # who reads along goes on reading


# --- What has been dropped ---------------------------------------------------


@pytest.fixture
def forgetful() -> Iterator[Api]:
    """Make a world that was asked eight times, a minute apart, and forgot some."""
    with closing(make_limited_emulator(journal=5 * ONE)) as api:
        for _ in range(8):
            api.get(USER)
            api.clock.advance(minutes=1)
        assert 0 < api.world.journal.dropped < 7
        yield api


def question(api: Api, kind: str, after: int) -> Any:
    """Ask in a way that reaches to just after the exchange *after*."""
    minute = api.world.journal.dropped - 1 if after < api.world.journal.dropped else 99
    at = f"2026-03-02T18:{minute:02d}:00Z"
    return {
        "nothing": ("GET", "journal", None),
        "number": ("GET", f"journal?after={after}", None),
        "instant": ("GET", f"journal?since={at}", None),
        "last": ("GET", "journal?last=8", None),
        "verify": ("POST", "journal/verify", {"after": after, "exactly": 0}),
        "never": (
            "POST",
            "journal/verify",
            {"since": at, "never_within": 1, "timeout": 0},
        ),
        "wait": (
            "POST",
            "journal/wait",
            {"after": after, "count": 20, "timeout": 0},
        ),
    }[kind]


@pytest.mark.parametrize(
    "kind", ["nothing", "number", "instant", "last", "verify", "never", "wait"]
)
def test_what_reaches_into_the_dropped_range_fails(forgetful: Api, kind: str) -> None:
    dropped = forgetful.world.journal.dropped
    method, path, body = question(forgetful, kind, dropped - 1)

    answer = send_control(forgetful, method, path, json=body)

    assert answer.status == 409
    assert answer.body["detail"].startswith(
        f"{dropped} exchanges have been dropped, up to number {dropped} of "
        f"2026-03-02T18:{dropped - 1:02d}:00.000000Z: ask with after={dropped}, "
    )
    assert "--journal-limit 3500" in answer.body["detail"]


def test_what_does_not_reach_into_the_dropped_range_is_answered(forgetful: Api) -> None:
    dropped = forgetful.world.journal.dropped
    kept = list(range(dropped + 1, 9))
    since = f"2026-03-02T18:{dropped:02d}:00Z"

    for query in (f"after={dropped}", f"since={since}", f"last={len(kept)}"):
        answer = run_control(forgetful, "GET", f"journal?{query}")
        assert [each["number"] for each in answer["exchanges"]] == kept
        assert answer["dropped"] == dropped
    assert verdict(forgetful, since=since, exactly=len(kept))["verified"]
    assert waited(forgetful, after=1, count=len(kept))["matched"]


def test_who_waits_from_nowhere_counts_what_is_kept(forgetful: Api) -> None:
    dropped = forgetful.world.journal.dropped

    answer = waited(forgetful, count=9)

    assert not answer["matched"]
    assert len(answer["exchanges"]) == 8 - dropped
    assert f"({dropped} older requests have been dropped)" in answer["explanation"]


def test_a_cleared_journal_has_dropped_nothing(forgetful: Api) -> None:
    run_control(forgetful, "DELETE", "journal")

    assert run_control(forgetful, "GET", "journal") == {"dropped": 0, "exchanges": []}
    assert verdict(forgetful, exactly=0)["verified"]


# --- Masks -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("authorization", "Bearer demo", "Bearer ****"),
        ("authorization", "bearer   world-abcdefgh", "bearer ****efgh"),
        ("authorization", "Bearer world-abcdef", "Bearer ****"),
        ("authorization", "Bearer world-abcdefg", "Bearer ****defg"),
        ("x-emulator-control", "topsecretsecret", "****"),
        ("cookie", "a=secret; b=othersecret", "****"),
        ("cookie", "a=secret", "****"),
        ("x-mine", "no secret at all", "no secret at all"),
    ],
)
def test_a_token_is_never_shown(api: Api, name: str, value: str, shown: str) -> None:
    token = value.rpartition(" ")[2] if name == "authorization" else "demo"
    api.get(USER, headers={name: value})

    assert newest_of(api, token)["request"]["headers"][name] == shown


def newest_of(api: Api, token: str) -> Any:
    return told(api, token=token)[-1]


def test_numbers_are_masked_on_request(api: Api) -> None:
    campaign = {"cellphone": NUMBER}
    api.get(f"/api/v3/hlr/{NUMBER}?again={NUMBER}")
    api.post(
        SMS, json=make_order(SMS, recipients=[campaign, {"cellphone": 5512345678}])
    )
    api.post(SMS, json=make_order(SMS, text=f"llama al {NUMBER}", date="20260101"))

    plain = send_control(api, "GET", "journal").octets.decode()
    masked = send_control(api, "GET", "journal?mask=numbers").octets.decode()

    assert plain.count(NUMBER) > 5
    assert NUMBER not in masked
    assert "5512345678" not in masked
    assert masked.count("******7282") == plain.count(NUMBER)
    assert "******5678" in masked
    assert "20260101" in masked
    assert told(api, f"mask=numbers&number={NUMBER}&last=1")[0]["number"] == 3


def test_a_mask_holds_where_a_number_was_cut(api: Api) -> None:
    start = b'{"pad": "'
    body = start + b"x" * (4 * KIB - len(start) - 8) + NUMBER.encode()
    api.post(SMS, content=body + b"x" * 64 * KIB)

    assert newest(api)["request"]["body"].endswith("x44989872")
    assert newest(api, "mask=numbers")["request"]["body"].endswith("x********")


def test_what_was_seen_is_masked_too(api: Api) -> None:
    sent(api)
    asked = {"number": "4498980000", "mask": "numbers"}

    assert NUMBER not in waited(api, **asked)["explanation"]
    assert "******7282" in waited(api, **asked)["explanation"]
    assert NUMBER not in verdict(api, **asked, exactly=1)["explanation"]


# --- Waiting -----------------------------------------------------------------


def test_who_waits_is_answered_when_it_comes(api: Api) -> None:
    asked = {"operation": CREATE, "count": 2, "timeout": DEADLINE}

    waiting, *_ = api.send_together(
        ("POST", "/_emulator/journal/wait", asked),
        ("POST", SMS, make_order(SMS)),
        ("GET", USER, None),
        ("POST", SMS, {}),
    )

    assert waiting.body["matched"]
    assert waiting.body["explanation"] == ""
    assert [each["status"] for each in waiting.body["exchanges"]] == [200, 422]


def test_who_waits_is_answered_on_a_socket() -> None:
    asked = json.dumps({"operation": CREATE, "after": 1, "timeout": DEADLINE})
    with serve_emulator() as served, ThreadPoolExecutor() as threads:
        served.ask("POST", SMS, json.dumps(make_order(SMS)))
        waiting = threads.submit(
            served.ask, "POST", "/_emulator/journal/wait", asked.encode()
        )
        served.ask("POST", SMS, json.dumps(make_order(SMS)))

        answer = waiting.result(DEADLINE).body

    assert answer["matched"]
    assert [each["number"] for each in answer["exchanges"]] == [2]


def test_what_came_before_counts_for_who_waits(busy: Api) -> None:
    answer = waited(busy, number="5522222222", count=2)

    assert answer["matched"]
    assert [each["number"] for each in answer["exchanges"]] == [2, 4]
    assert not waited(busy, number="5522222222", count=2, after=2)["matched"]


def test_who_waited_in_vain_is_told_what_was_seen_instead(busy: Api) -> None:
    answer = waited(busy, operation=CREATE, status=200, number="3333333333", after=1)

    assert not answer["matched"]
    assert answer["exchanges"] == []
    head, what, second, third, fourth, fifth = answer["explanation"].split("\n")
    assert head == (
        "0 of 1 came within 0 s: "
        f"operation={CREATE} status=200 number=3333333333 after=1"
    )
    assert what == "what else came:"
    assert second.startswith(
        f"#2 2026-03-02T18:01:00.000000Z {CREATE} 200 to 5511111111, 5522222222: "
        '{"text": "dijo '
    )
    assert second.endswith("... (does not name 3333333333)")
    assert "422 to 5533333333: " in third
    assert "(refused: send text; not answered with 200; does not" in third
    assert "lookupNumber 200 to 5522222222: /api/v3/hlr/5522222222 (not" in fourth
    assert fifth.startswith("#5 ")


def test_who_waited_where_nothing_came_is_told_so(api: Api) -> None:
    assert waited(api)["explanation"].endswith("any request\nnothing else came")


def test_only_the_last_of_what_was_seen_is_told(api: Api) -> None:
    sent(api, *(each["cellphone"] for each in crowd(7)))
    for _ in range(29):
        api.get(USER)

    lines = waited(api, number="123")["explanation"].split("\n")
    first = waited(api, number="123", until="2026-03-02T18:00:01Z")["explanation"]

    assert len(lines) == 23
    assert lines[2] == "(10 before these)"
    assert "number=123 until=2026-03-02T18:00:01.000000Z" in first


# --- Verifying ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "verified"),
    [
        ({"at_least": 2}, True),
        ({"at_least": 3}, False),
        ({"at_most": 2}, True),
        ({"at_most": 1}, False),
        ({"exactly": 2}, True),
        ({"exactly": 1}, False),
        ({"exactly": 3}, False),
        ({"at_least": 1, "at_most": 3}, True),
        ({"at_least": 1, "at_most": 1}, False),
        ({"at_least": 1, "never_within": 0}, True),
        ({"at_least": 9, "never_within": 0}, False),
    ],
)
def test_a_number_of_requests_is_verified(
    busy: Api, expected: dict[str, int], *, verified: bool
) -> None:
    answer = verdict(busy, operation=CREATE, **expected)

    assert answer["verified"] == verified
    assert (answer["explanation"] == "") == verified
    if not (verified and "never_within" in expected):
        assert answer["count"] == 2


def test_a_verdict_says_what_was_seen(busy: Api) -> None:
    says = verdict(busy, operation=CREATE, at_least=3, at_most=4)["explanation"]

    lines = says.split("\n")
    assert lines[0] == f"expected at least 3 and at most 4, seen 2: operation={CREATE}"
    assert lines[1] == "what matches:"
    assert [line.partition(" ")[0] for line in lines[2:4]] == ["#2", "#3"]
    assert lines[4] == "what else came:"
    assert [line.partition(" ")[0] for line in lines[5:]] == ["#1", "#4", "#5"]
    assert lines[5].endswith(f"getUser 200: {USER} (not {CREATE})")


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("verify", {"operation": CREATE}, "at_least, at_most, exactly or never"),
        ("verify", {"exactly": 1, "numer": "4"}, "leave numer out"),
        ("wait", {"numer": "4"}, "leave numer out"),
        ("wait", {"since": "2026-02-30T00:00:00Z"}, "day"),
        ("verify", {"never_within": 1, "since": "2026-02-30T00:00:00Z"}, "day"),
        ("verify", {"never_within": 300_000_000_000}, "beyond all dates"),
    ],
)
def test_what_cannot_be_verified_is_a_problem(
    api: Api, path: str, body: Any, words: str
) -> None:
    answer = send_control(api, "POST", f"journal/{path}", json=body)

    assert answer.status == 422
    assert words in answer.body["detail"]


VERIFY = "/_emulator/journal/verify"
ADVANCE = "/_emulator/clock/advance"


def test_an_empty_window_is_verified_once_another_moves_the_clock_past_it(
    api: Api,
) -> None:
    sent(api)  # before the window, though the clock stands still
    asked = {"operation": CREATE, "never_within": 60, "timeout": DEADLINE}

    waiting, *_ = api.send_together(
        ("POST", VERIFY, asked),
        ("POST", ADVANCE, {"seconds": 59}),
        ("GET", USER, None),
        ("POST", ADVANCE, {"seconds": 1}),
        ("POST", SMS, make_order(SMS)),  # which is after it
    )

    assert waiting.body == {"verified": True, "count": 0, "explanation": ""}


def test_a_request_within_a_window_fails_at_once(api: Api) -> None:
    asked = {"operation": CREATE, "never_within": 60, "timeout": DEADLINE}

    waiting, *_ = api.send_together(
        ("POST", VERIFY, asked),
        ("GET", USER, None),
        ("POST", SMS, make_order(SMS)),
    )

    assert not waiting.body["verified"]
    assert waiting.body["count"] == 1
    lines = waiting.body["explanation"].split("\n")
    assert lines[0].startswith(
        "expected none before 2026-03-02T18:01:00.000000Z, seen 1: "
    )
    assert lines[1] == "what matches:"
    assert lines[2].startswith("#2 ")
    assert lines[3] == "what else came:"
    assert lines[4].startswith("#1 ")


@pytest.mark.parametrize(
    ("since", "seconds", "verified"),
    [
        ("18:00:00", 60, True),  # up to the request, itself not included
        ("18:00:00", 60.5, False),
        ("18:01:00", 1, False),
        ("18:01:01", 60, True),
        ("18:01:01", 178, True),
    ],
)
def test_a_window_may_begin_in_the_past(
    busy: Api, since: str, seconds: float, *, verified: bool
) -> None:
    asked = {"number": "5511111111", "since": f"2026-03-02T{since}Z"}

    assert verdict(busy, **asked, never_within=seconds)["verified"] == verified


def test_a_window_that_the_clock_does_not_pass_is_not_verified(api: Api) -> None:
    answer = verdict(api, never_within=60)

    assert not answer["verified"]
    assert answer["count"] == 0
    assert answer["explanation"].startswith(
        "none came before 2026-03-02T18:01:00.000000Z "
    )
    assert (
        "the window ends at 2026-03-02T18:01:00.000000Z, the world's clock stands at "
        "2026-03-02T18:00:00.000000Z: advance it"
    ) in answer["explanation"]


def test_a_running_clock_passes_a_window_by_itself(api: Api) -> None:
    run_control(api, "PUT", "clock", json={"rate": 1_000_000})

    assert verdict(api, never_within=3600, timeout=DEADLINE)["verified"]
