"""No input makes a 500, a hang or a lost campaign."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import repeat
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.emulated import Answer, Api, emulated
from tests.orders import (
    CELLPHONE,
    CLIC,
    EMAIL,
    ORDERS,
    RESPONSES,
    SENDING,
    SMS,
    VOICE,
    order,
)
from tests.served import Served, serve

USER = "/api/v1/user"
MEBIBYTE = 1024 * 1024
TO = {"cellphone": CELLPHONE}
LAST_SECOND = "9999-12-31 23:59:59"
ENDLESS = 10**24
EVERYWHERE = pytest.mark.parametrize("path", ORDERS)


@pytest.fixture(params=["lenient", "strict"])
def either(request: pytest.FixtureRequest) -> Iterator[Api]:
    """A lenient and a strict world, each with a campaign that must not get lost."""
    with closing(emulated(strict=request.param == "strict")) as api:
        placed = api.post(SMS, json=order(SMS)).body["campaign"]
        yield api
        api.clock.advance(minutes=1)
        assert api.get(f"/api/v3/campaign/{placed}/messages").body["percentage"] == 100
        assert api.world.balance == api.account.credit + sum(
            movement.amount for movement in api.world.movements
        )


def encoded(path: str, extra: bytes) -> bytes:
    """Return the order for *path* with *extra* as it stands after its last field."""
    return json.dumps(order(path)).encode()[:-1] + b", " + extra + b"}"


def campaigns(api: Api) -> int:
    world = api.world
    kinds = (world.campaigns, world.email_campaigns, world.voice_campaigns)
    return sum(map(len, kinds))


@pytest.mark.manual("ERR-03")
@EVERYWHERE
def test_a_body_cut_off_anywhere_is_not_json(either: Api, path: str) -> None:
    whole = json.dumps(order(path)).encode()

    answers = [either.post(path, content=whole[:end]) for end in range(len(whole))]

    assert {answer.status for answer in answers} == {400}
    assert campaigns(either) == 1


@pytest.mark.manual("ERR-03")
@EVERYWHERE
@pytest.mark.parametrize(
    "extra",
    [
        b'"x": NaN',
        b'"x": Infinity',
        b'"x": -Infinity',
        b'"x": 1e400',
        b'"x": -1e400',
        b'"x": %s' % (b"9" * 5000),
        b'"x": -%s' % (b"9" * 5000),
        b'"x": "\\ud800"',
        b'"x": "\\udc00 \\ud800"',
        b'"\\ud800": 1',
        b'"x": "\xff"',
        b'"x": "\xed\xa0\x80"',  # a surrogate, in octets
        b'"x": "\xc0\x80"',  # NUL, longer than need be
        b'"x": "a\0b"',
        b'"x": "a\nb"',
        b'"x": "\\x41"',
        b'"x": 01',
        b'"x": .5',
        b'"x": 0x10',
        b'"x": 1_000',
        b'"x": tru',
        b'"x": undefined',
        b'"x"',
        b"x: 1",
        b'"x": 1, ',
        b"/* */",
    ],
    ids=lambda extra: extra[:14].decode("latin-1"),
)
def test_what_no_parser_should_take_is_not_json(
    either: Api, path: str, extra: bytes
) -> None:
    answer = either.post(path, content=encoded(path, extra))

    assert answer.status == 400
    assert campaigns(either) == 1


@pytest.mark.manual("ERR-03")
@EVERYWHERE
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-7"])
def test_json_is_written_in_utf_8_and_without_a_mark(
    either: Api, path: str, encoding: str
) -> None:
    octets = json.dumps(order(path, x="ñ+ñ"), ensure_ascii=False).encode(encoding)

    answer = either.post(path, content=octets)

    assert answer.status == (200 if encoding == "utf-7" else 400)


@pytest.mark.manual("ERR-03")
@EVERYWHERE
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "1}")])
@pytest.mark.parametrize("name", ["x", "recipients", "text", "type"])
def test_a_nesting_of_100_000_levels_is_not_json(
    either: Api, path: str, name: str, opened: str, closed: str
) -> None:
    tower = opened * 100_000 + closed * 100_000

    answer = either.post(path, content=encoded(path, f'"{name}": {tower}'.encode()))

    assert answer.status == 400


@pytest.mark.manual("ERR-03")
@EVERYWHERE
@pytest.mark.parametrize("name", ["x", "recipients", "text", "type", "messages"])
def test_any_other_nesting_is_answered(either: Api, path: str, name: str) -> None:
    depths = [2**power for power in range(15)] + list(range(240, 270))

    answers = [
        either.post(path, content=encoded(path, f'"{name}": {tower}'.encode()))
        for tower in ("[" * depth + "]" * depth for depth in depths)
    ]

    assert {answer.status for answer in answers} <= {200, 400, 422}


@EVERYWHERE
@pytest.mark.parametrize("digits", [25, 400, 4000])
def test_a_huge_integer_in_an_unknown_field_is_ignored(
    either: Api, path: str, digits: int
) -> None:
    extra = b'"x": ' + b"9" * digits

    assert either.post(path, content=encoded(path, extra)).status == 200


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        (SMS, {"recipients": [{"cellphone": ENDLESS}]}),
        (SMS, {"recipients": [{"cellphone": 1e300}]}),
        (SMS, {"recipients": [{"cellphone": -4498987282}]}),
        (SMS, {"route": ENDLESS}),
        (SMS, {"route": str(ENDLESS)}),
        (SMS, {"route": 1e300}),
        (SMS, {"route": 2**63}),
        (SMS, {"route": -(2**63) - 1}),
        (SMS, {"country": ENDLESS}),
        (SMS, {"encode": ENDLESS}),
        (CLIC, {"url": ENDLESS}),
        (EMAIL, {"template": ENDLESS}),
        (EMAIL, {"attachment": ENDLESS}),
        (VOICE, {"type": ENDLESS}),
        (VOICE, {"type": 1, "text": None, "audio": ENDLESS}),
        (VOICE, {"remittent": ENDLESS}),
        (VOICE, {"transfer_num": CELLPHONE, "transfer_key": ENDLESS}),
        (RESPONSES, {"type": ENDLESS}),
        (RESPONSES, {"cellphone": ENDLESS}),
        (RESPONSES, {"type": 2, "cellphone": None, "messages": [ENDLESS]}),
        (RESPONSES, {"type": 4, "cellphone": None, "campaigns": ENDLESS}),
    ],
)
def test_a_number_beyond_all_measure_is_refused(
    either: Api, path: str, changes: dict[str, Any]
) -> None:
    answer = either.post(path, json=order(path, **changes))

    assert answer.status == 422


@pytest.mark.manual("GEN-11")
@pytest.mark.parametrize(
    ("path", "changes"),
    [
        (SMS, {"recipients": [{"cellphone": "٤٤٩٨٩٨٧٢٨٢"}]}),
        (SMS, {"recipients": [{"cellphone": "４４９８９８７２８２"}]}),
        (SMS, {"recipients": [{"cellphone": "4498987282\n"}]}),
        (SMS, {"recipients": [{"cellphone": "4498987282\0"}]}),
        (SMS, {"route": "٨٧"}),
        (SMS, {"route": "87\n"}),
        (SMS, {"country": "¹"}),
        (SMS, {"encode": "1\n"}),
        (SMS, {"scheduled_date": "2027-01-31 09:00:00\n"}),
        (SMS, {"scheduled_date": "٢٠٢٧-01-31 09:00:00"}),
        (CLIC, {"url": "4\n"}),
        (EMAIL, {"recipients": [{"email": "ana@example.org\n"}]}),
        (EMAIL, {"recipients": [{"email": "ana@example.org\r\nBcc: x@example.org"}]}),
        (EMAIL, {"template": 3, "body": None, "image": "https://example.org/a\n"}),
        (VOICE, {"type": "2\n"}),
        (VOICE, {"remittent": "5570055780\n"}),
        (VOICE, {"transfer_num": CELLPHONE, "transfer_key": "٥"}),
        (RESPONSES, {"cellphone": "4498987282\n"}),
        (RESPONSES, {"type": "٣"}),
    ],
)
def test_digits_are_ascii_and_nothing_follows_them(
    either: Api, path: str, changes: dict[str, Any]
) -> None:
    answer = either.post(path, json=order(path, **changes))

    assert answer.status == 422


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v3/hlr/٤٤٩٨٩٨٧٢٨٢", 422),
        ("/api/v3/hlr/4498987282\n", 422),
        ("/api/v3/hlr/4498987282\0", 422),
        ("/api/v3/hlr/\ufffd", 422),
        ("/api/v3/hlr/" + "1" * 10_000, 422),
        ("/api/v3/hlr/", 404),
        ("/api/v3/campaign/8528238\n/messages", 404),
        ("/api/v3/campaign/٨٥٢٨٢٣٨/messages", 404),
        ("/api/v3/campaign/²/messages", 404),
        ("/api/v3/campaign/" + "9" * 30 + "/messages", 404),
        ("/api/v3/campaign/" + "9" * 5000 + "/messages", 404),
        ("/api/v3/campaign//messages", 404),
        ("/api/v3/voice/" + "9" * 30, 404),
        ("/api/v3/voice/481776\n", 404),
        (USER + "\n", 404),
        (USER + "\0", 404),
        ("/api/v1/../v1/user", 404),
        ("/API/V1/USER", 404),
    ],
)
def test_a_path_is_taken_literally(either: Api, path: str, status: int) -> None:
    answer = either.get(path)

    assert answer.status == status


def test_a_line_break_after_a_path_places_nothing(either: Api) -> None:
    answer = either.post(SMS + "\n", json=order(SMS))

    assert answer.status == 404
    assert campaigns(either) == 1


def test_of_equal_keys_the_last_one_counts(either: Api) -> None:
    content = encoded(SMS, b'"route": 170, "text": 7, "text": "adios"')

    answer = either.post(SMS, content=content)

    assert answer.body["route"] == "Premium II"
    assert either.world.campaign(answer.body["campaign"]).text(0) == "adios"


ODD = "a\0b \u202e\u200b\ufeff\ufffe \U0001f4a9 e\u0301 <script> %s {0} ' \" \\"


@pytest.mark.parametrize("name", [ODD, "\0", "", " ", "x" * 100_000, "\r\nX-A: b"])
def test_an_odd_name_of_a_campaign_is_kept_as_it_is(either: Api, name: str) -> None:
    placed = either.post(SMS, json=order(SMS, campaign_name=name))

    read = either.get(f"/api/v3/campaign/{placed.body['campaign']}/messages")

    assert (placed.status, placed.body["campaign_name"]) == (200, name)
    assert (read.status, read.body["name"]) == (200, name)


@pytest.mark.parametrize("text", [ODD, "\0", " ", "\n", "\U0001f4a9" * 70])
def test_an_odd_text_can_be_read_after_it_was_accepted(either: Api, text: str) -> None:
    body = order(SMS, text=text, encode=True)
    placed = either.post(SMS, json=body).body["campaign"]
    either.clock.advance(seconds=20)

    read = either.get(f"/api/v3/campaign/{placed}/messages").body

    assert read["data"][0]["text"] == text


def test_an_odd_value_can_be_read_after_it_was_accepted(either: Api) -> None:
    recipients = [{"cellphone": CELLPHONE, "name": ODD, "field1": "<+B+>\0"}]
    body = order(SMS, text="<+B+>|<+C+>", recipients=recipients, encode=True)
    placed = either.post(SMS, json=body).body["campaign"]
    either.clock.advance(seconds=20)

    read = either.get(f"/api/v3/campaign/{placed}/messages").body

    assert read["data"][0]["text"] == f"{ODD}|<+B+>\0"


def test_lenient_writes_an_odd_text_in_its_alphabet(api: Api) -> None:
    placed = api.post(SMS, json=order(SMS, text="a\0b\U0001f4a9é\u0301"))
    api.clock.advance(seconds=20)

    read = api.get(f"/api/v3/campaign/{placed.body['campaign']}/messages").body

    assert placed.notes == ["SMS-25"]
    assert read["data"][0]["text"] == "a?b?é?"


def test_an_odd_voice_campaign_can_be_read_after_it_was_accepted(
    either: Api,
) -> None:
    body = order(VOICE, campaign_name=ODD, text=ODD * 1000)
    placed = either.post(VOICE, json=body).body["voice_campaign"]

    read = either.get(f"/api/v3/voice/{placed}").body

    assert (read["name"], read["text"]) == (ODD, ODD * 1000)


def test_an_odd_email_is_accepted(either: Api) -> None:
    recipients = [{"email": "ana@example.org", "name": ODD}]
    body = order(EMAIL, subject=ODD, body=ODD, sender=ODD, recipients=recipients)

    assert either.post(EMAIL, json=body).status == 200


MOST = {
    SMS: (TO, "campaign"),
    CLIC: (TO, "campaign"),
    VOICE: (TO, "voice_campaign"),
    EMAIL: ({"email": "ana@example.org"}, "email_campaign_id"),
}


@pytest.mark.manual("SMS-09", "SMS-12", "VOI-06", "EML-34")
@pytest.mark.parametrize("path", MOST)
def test_50_000_recipients_are_taken(either: Api, path: str) -> None:
    recipient, name = MOST[path]

    answer = either.post(path, json=order(path, recipients=[recipient] * 50_000))

    assert answer.status == 200
    assert answer.body[name] > 0
    assert answer.body.get("recipients_count", 50_000) == 50_000


@pytest.mark.manual("SMS-09", "VOI-06", "EML-34")
@pytest.mark.parametrize("path", MOST)
def test_50_001_recipients_are_refused(either: Api, path: str) -> None:
    recipient, _ = MOST[path]
    balance = either.balance()

    answer = either.post(path, json=order(path, recipients=[recipient] * 50_001))

    assert answer.status == 422
    assert answer.information == (
        "El campo recipients no debe contener mas de 50000 elementos"
    )
    assert campaigns(either) == 1
    assert either.balance() == balance


@pytest.mark.manual("GEN-09", "SMS-36")
@pytest.mark.parametrize("path", [SMS, CLIC])
@pytest.mark.parametrize("date", [LAST_SECOND, "9999-12-31 00:00:00"])
def test_a_campaign_of_the_last_day_can_be_read(
    either: Api, path: str, date: str
) -> None:
    body = order(path, scheduled_date=date, recipients=[TO] * 500)
    placed = either.post(path, json=body).body["campaign"]
    either.clock.advance(seconds=30)

    read = either.get(f"/api/v3/campaign/{placed}/messages").body

    assert read["scheduled_date"] == date
    assert (read["campaign_status"], read["percentage"]) == ("inserted", 0)
    assert {row["sent_date"] for row in read["data"]} == {None}


@pytest.mark.manual("GEN-09", "VOI-37")
def test_a_call_of_the_last_second_can_be_read_and_cancelled(either: Api) -> None:
    body = order(VOICE, scheduledDate=LAST_SECOND, recipients=[TO] * 500)
    placed = either.post(VOICE, json=body).body["voice_campaign"]
    path = f"/api/v3/voice/{placed}"

    before = either.get(path).body
    cancelled = either.post(f"{path}/cancel")
    after = either.get(path).body

    assert (before["status"], before["scheduled_date"]) == ("TO_SEND", LAST_SECOND)
    assert cancelled.body["scheduled_date"] == LAST_SECOND
    assert after["status"] == "CANCELLED"


@pytest.mark.manual("GEN-09")
def test_an_email_of_the_last_second_is_accepted(either: Api) -> None:
    assert (
        either.post(EMAIL, json=order(EMAIL, scheduledDate=LAST_SECOND)).status == 200
    )


@pytest.mark.manual("GEN-09")
@pytest.mark.parametrize(
    "zone", ["Asia/Tokyo", "America/Mexico_City", "Pacific/Kiritimati", "UTC"]
)
@pytest.mark.parametrize("date", ["1000-01-01 00:00:00", LAST_SECOND])
def test_the_ends_of_the_calendar_are_read_in_any_zone(zone: str, date: str) -> None:
    account = {
        "user": "a@example.org",
        "name": "A",
        "surname": "B",
        "time_zone": zone,
        "credit": 100,
    }
    with closing(emulated(account=account)) as api:
        sms = api.post(SMS, json=order(SMS, scheduled_date=date)).body
        clic = api.post(CLIC, json=order(CLIC, scheduled_date=date)).body
        query = {"type": 1, "from": date, "to": date}
        found = api.post(RESPONSES, json=query).body
        api.clock.advance(days=2)
        read = api.get(f"/api/v3/campaign/{sms['campaign']}/messages").body

    assert sms["scheduled_date"] == read["scheduled_date"] == date
    assert clic["scheduled_date"] == date[:10]
    assert (found["from"], found["to"], found["results"]) == (date, date, [])


@pytest.mark.manual("MO-04")
def test_the_whole_calendar_can_be_searched(either: Api) -> None:
    either.receive(46608336, "si")
    query = {"type": 1, "from": "1000-01-01 00:00:00", "to": LAST_SECOND}

    answer = either.post(RESPONSES, json=query)

    assert [each["response"] for each in answer.body["results"]] == ["si"]


@pytest.mark.manual("AUT-04")
@pytest.mark.parametrize(
    "token",
    [
        "x" * 100_000,
        "world-" + "x" * 100_000,
        "demo\r\nX-Injected: yes",
        "demo\nX-Injected: yes",
        "world-a\n",
        "world-a\r\n\r\nHTTP/1.1 200 OK",
        "demo\0",
        "\0",
        "ñ",
        "\xff\xfe",
        "\U0001f4a9",
        "{literal}",
        "%s%n",
        "../../etc/passwd",
        "' OR 1=1 --",
        "null",
        "undefined",
        "[object Object]",
    ],
    ids=lambda token: ascii(token[:20]),
)
def test_a_hostile_token_is_only_wrong(either: Api, token: str) -> None:
    answer = either.get(USER, token=token)

    assert answer.status == 401
    assert "injected" not in str(answer.headers).lower()
    assert all(value.isprintable() for value in answer.headers.values())
    assert len(either.worlds) == 1


@pytest.mark.manual("ERR-01")
@EVERYWHERE
def test_a_body_over_32_mebibytes_is_not_read(either: Api, path: str) -> None:
    content = json.dumps(order(path)).encode().ljust(32 * MEBIBYTE + 1)

    answer = either.post(path, content=content)

    assert answer.status == 413
    assert campaigns(either) == 1


def test_a_body_of_32_mebibytes_is_read(either: Api) -> None:
    content = json.dumps(order(SMS)).encode().ljust(32 * MEBIBYTE)

    assert either.post(SMS, content=content).status == 200


NASTY: Sequence[Any] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    3,
    4,
    87,
    87.0,
    0.1,
    -0.0,
    1e308,
    5e-324,
    float("nan"),
    float("inf"),
    2**31,
    2**53 + 1,
    2**63,
    2**64,
    ENDLESS,
    10**400,
    "",
    "\0",
    "\ud800",
    "\udfff",
    "1",
    "4",
    "87",
    "٤",
    CELLPHONE,
    CELLPHONE + "\n",
    LAST_SECOND,
    "1000-01-01 00:00:00",
    "<+B+>" * 60,
    "<+DYNAMICSHORTURL_X+>",
    "http://x",
    "ana@example.org",
    "\U0001f4a9" * 200,
    [],
    [[]],
    {},
    {"cellphone": CELLPHONE},
)
NAMES = sorted(
    {name for body in ORDERS.values() for name in body}
    | {"country", "encode", "encode_2", "encode_3", "long_message", "scheduled_date"}
    | {"scheduledDate", "audio", "transfer_num", "transfer_key", "messages", "message"}
    | {"campaigns", "from", "to", "image", "header", "attachment", "sender", "Type"}
    | {"Template", "Image", "Audio", "Text", "Sender", "cellphone", "email", "name"}
    | {"field1", "field4"}
)
names = st.sampled_from(NAMES) | st.text(max_size=4)
values = st.recursive(
    st.sampled_from(NASTY) | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6)
    ),
    max_leaves=12,
)
Step = str | int


def places(node: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """Yield the way to every value in *node*, itself included."""
    yield path
    if isinstance(node, dict | list):
        pairs = node.items() if isinstance(node, dict) else enumerate(node)
        for step, each in pairs:
            yield from places(each, (*path, step))


@st.composite
def mutated(draw: st.DrawFn, path: str) -> Any:
    """Return the order for *path* with up to four values changed or taken away."""
    body: Any = order(path)
    for _ in range(draw(st.integers(0, 4))):
        *way, last = draw(st.sampled_from([each for each in places(body) if each]))
        owner = body
        for step in way:
            owner = owner[step]
        if draw(st.booleans()):
            owner[last] = draw(values)
        elif len(owner) > 1:
            del owner[last]
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3)):
        body[name] = draw(values)
    return body


def survives(api: Api, path: str, content: bytes) -> None:
    """Fail unless the answer is one of the platform's and its campaign can be read."""
    before = campaigns(api)

    answer = api.post(path, content=content)

    assert answer.status in {200, 400, 422}
    placed = answer.status == 200 and path in SENDING
    assert campaigns(api) == before + placed
    if answer.status != 200:
        assert list(answer.body) == ["error"]
        assert answer.body["error"]["status_code"] == answer.status
        assert answer.information
    elif path in {SMS, CLIC}:
        readable(api, f"/api/v3/campaign/{answer.body['campaign']}/messages")
    elif path == VOICE:
        readable(api, f"/api/v3/voice/{answer.body['voice_campaign']}")


def readable(api: Api, path: str) -> None:
    """Fail unless the campaign can be read now and when it is under way."""
    first: Answer = api.get(path)
    api.clock.advance(minutes=1)
    second = api.get(path)
    assert (first.status, second.status) == (200, 200)


def fuzzed(count: int, *, fixed: bool) -> Any:
    return settings(max_examples=count, deadline=None, derandomize=fixed, database=None)


@EVERYWHERE
@given(value=values)
@fuzzed(150, fixed=True)
def test_any_json_is_answered(path: str, value: Any) -> None:
    content = json.dumps(value).encode()

    for strict in (False, True):
        with closing(emulated(strict=strict)) as api:
            survives(api, path, content)


@EVERYWHERE
@given(draws=st.data())
@fuzzed(150, fixed=True)
def test_any_order_that_is_nearly_right_is_answered(
    path: str, draws: st.DataObject
) -> None:
    content = json.dumps(draws.draw(mutated(path))).encode()

    for strict in (False, True):
        with closing(emulated(strict=strict)) as api:
            survives(api, path, content)


@EVERYWHERE
@given(cut=st.integers(0, 400), octets=st.binary(max_size=6), length=st.integers(0, 6))
@example(cut=0, octets=b"\xef\xbb\xbf", length=0)
@fuzzed(150, fixed=True)
def test_any_octets_are_answered(
    path: str, cut: int, octets: bytes, length: int
) -> None:
    whole = json.dumps(order(path)).encode()
    content = whole[:cut] + octets + whole[cut + length :]

    with closing(emulated()) as api:
        survives(api, path, content)


@pytest.mark.soak
@EVERYWHERE
@given(draws=st.data())
@fuzzed(20_000, fixed=False)
def test_any_order_at_all_is_answered(path: str, draws: st.DataObject) -> None:
    content = json.dumps(draws.draw(values | mutated(path))).encode()

    for strict in (False, True):
        with closing(emulated(strict=strict)) as api:
            survives(api, path, content)


@pytest.fixture(scope="module", params=["--lenient", "--strict"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """The program in a process of its own, which must not complain about anything."""
    with serve(request.param) as program:
        yield program
        assert "Traceback" not in program.log.read_text()


def alive(served: Served) -> bool:
    return served.process.poll() is None and served.ask("GET", USER).status == 200


def request(
    start: bytes, body: bytes = b"", *, token: bytes = b"demo", headers: bytes = b""
) -> bytes:
    """Return the octets of a request; *headers* end with a line break each."""
    return (
        start
        + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        + b"Authorization: Bearer "
        + token
        + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        + headers
        + b"\r\n"
        + body
    )


HOSTILE_LINES = [
    (b"GET /api/v3/hlr/%zz", 422),
    (b"GET /api/v3/hlr/%ff%fe", 422),
    (b"GET /api/v3/hlr/%", 422),
    (b"GET /api/v3/hlr/%u0041", 422),
    (b"GET /api/v3/hlr/4498987282%0A", 422),
    (b"GET /api/v3/hlr/4498987282%00", 422),
    (b"GET /api/v3/hlr/4498987282%0d%0aX-Injected:%20yes", 422),
    (
        b"GET /api/v3/hlr/%D9%A4%D9%A4%D9%A9%D9%A8%D9%A9%D9%A8%D9%A7%D9%A2%D9%A8%D9%A2",
        422,
    ),
    (b"GET /api/v3/hlr/" + b"1" * 50_000, 422),
    (b"GET /api/v3/campaign/" + b"9" * 30 + b"/messages", 404),
    (b"GET /api/v3/campaign/8528238%0A/messages", 404),
    (b"GET /api/v1/user%0A", 404),
    (b"GET /api/v1/user%00", 404),
    (b"GET /api/v1/user%", 404),
    (b"GET /api/v1/user%3Fa=b", 404),
    (b"GET /api/v1/user?%ff=%zz&=&&", 200),
    (b"GET /api/v1/user?" + b"a=b&" * 10_000, 200),
    (b"GET /_emulator/tokens?world=%ff%zz", 404),
    (b"GET /_emulator/tokens?world=%ed%a0%80", 404),
    (b"GET /s/%ff%00", 404),
    (b"GET /docs/..%2f..%2fapi.py", 404),
    (b"GET /docs/%2e%2e", 404),
    (b"OPTIONS *", 404),
    (b"TRACE /api/v1/user", 405),
    (b"GET /api/v3/hlr/\xff\xfe", 400),
    ("GET /api/v3/hlr/ñ".encode(), 400),
    ("GET /api/v1/user?ñ".encode(), 400),
    (b"GET /api/v1/user\0", 400),
    (b"GET  /api/v1/user", 400),
    (b"get /api/v1/user", 400),
    (b"NONSENSE /api/v1/user", 400),
    (b"GET /api/v3/hlr/" + b"1" * 5_000_000, 400),
    (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    (b"", 400),
]


@pytest.mark.parametrize(
    ("line", "status"),
    HOSTILE_LINES,
    ids=[ascii(each[0][:40]) for each in HOSTILE_LINES],
)
def test_a_hostile_request_line_is_answered(
    served: Served, line: bytes, status: int
) -> None:
    answer = served.say(request(line))

    assert answer.split(b" ")[1] == b"%d" % status
    assert b"x-injected" not in answer.lower()
    assert alive(served)


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (b"x" * 50_000, 401),
        (b"\xff\xf1", 401),
        ("ñ".encode(), 401),
        (b"demo\r\nX-A: b", 200),
        (b"wrong\r\nX-Injected: yes", 401),
        (b"demo\nX-Injected: yes", 400),
        (b"demo\rX-Injected: yes", 400),
        (b"demo\0", 400),
        (b"demo\r\nAuthorization: Bearer wrong", 200),
        (b"world-\r\n x", 400),
    ],
    ids=lambda each: ascii(each)[:30],
)
def test_a_hostile_token_injects_nothing(
    served: Served, token: bytes, status: int
) -> None:
    answer = served.say(request(b"GET /api/v1/user", token=token))

    assert answer.split(b" ")[1] == b"%d" % status
    assert b"x-injected" not in answer.lower()
    assert alive(served)


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 7\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: ten\r\n",
        b"Content-Length: %s\r\n" % (b"9" * 5000),
        b"Transfer-Encoding: chunked\r\n",
        b"X-A : b\r\n",
        b"X-\xff: b\r\n",
        b"X-A\r\n",
        b": b\r\n",
    ],
)
def test_a_request_that_is_no_http_is_refused(served: Served, headers: bytes) -> None:
    answer = served.say(request(b"POST /api/v3/campaign", b"{}", headers=headers))

    assert answer.split(b" ")[1] == b"400"
    assert alive(served)


@pytest.mark.manual("ERR-01")
def test_a_served_body_over_32_mebibytes_is_413(served: Served) -> None:
    answer = served.ask("POST", SMS, b" " * (33 * MEBIBYTE))

    assert answer.status == 413
    assert answer.body["error"]["status_code"] == 413
    assert alive(served)


@pytest.mark.manual("ERR-01")
def test_a_served_body_over_32_mebibytes_in_chunks_is_413(served: Served) -> None:
    chunks = repeat(b" " * MEBIBYTE, 33)

    answer = served.ask("POST", SMS, chunks)

    assert answer.status == 413
    assert alive(served)


def test_a_served_body_in_small_chunks_is_read(served: Served) -> None:
    content = json.dumps(order(SMS)).encode()

    answer = served.ask("POST", SMS, (content[i : i + 1] for i in range(len(content))))

    assert answer.status == 200


@pytest.mark.manual("ERR-01", "ERR-08")
def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(
    served: Served,
) -> None:
    announced = (
        b"POST /api/v3/campaign HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Authorization: Bearer demo\r\nContent-Length: 999999999999\r\n\r\n"
    )

    answer = served.say(announced)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert alive(served)


@pytest.mark.manual("GEN-05", "ERR-04")
def test_a_request_without_any_header_of_the_manual_is_answered(
    served: Served,
) -> None:
    content = json.dumps(order(SMS)).encode()
    bare = b"POST /api/v3/campaign HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    bare += b"Authorization: Bearer demo\r\nContent-Length: %d\r\n\r\n" % len(content)

    answer = served.say(bare + content)

    if b"lenient" in b" ".join(map(str.encode, map(str, served.process.args))):
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"x-emulator-notes: ERR-04" in answer
    else:
        assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_client_that_hangs_up_places_nothing(served: Served) -> None:
    before = served.ask("GET", USER, token="world-cut").body["data"]["credit"]
    whole = request(b"POST /api/v3/campaign", json.dumps(order(SMS)).encode() + b" ")

    with socket.create_connection(served.address) as connection:
        connection.sendall(whole.replace(b"Bearer demo", b"Bearer world-cut")[:-1])
        connection.shutdown(socket.SHUT_WR)
        rest = b"".join(iter(lambda: connection.recv(65536), b""))

    assert not rest.startswith(b"HTTP/1.1 200")
    after = served.ask("GET", USER, token="world-cut").body["data"]["credit"]
    assert after == before
    assert alive(served)


def test_requests_one_after_the_other_on_one_line_are_all_answered(
    served: Served,
) -> None:
    content = json.dumps(order(SMS)).encode()
    pipelined = [
        request(b"POST /api/v3/campaign", content, token=b"world-line").replace(
            b"Connection: close\r\n", b""
        )
        for _ in range(3)
    ]
    last = request(b"GET /api/v1/user", token=b"world-line")

    answer = served.say(b"".join(pipelined) + last)

    assert answer.count(b"HTTP/1.1 200 OK") == 4
    assert b'"credit":468059.11' in answer


def test_an_upgrade_that_nobody_offers_is_ignored(served: Served) -> None:
    upgrade = b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    upgrade += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    asked = request(b"GET /api/v1/user", headers=upgrade)

    answer = served.say(
        asked.replace(b"Connection: close", b"Connection: Upgrade, close")
    )

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert alive(served)
