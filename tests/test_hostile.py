"""No input makes a 500, a hang or a lost campaign."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.support.emulator import Api, make_emulator
from tests.support.orders import (
    CLIC,
    EMAIL,
    LAST_SECOND,
    NUMBER,
    ORDERS,
    RESPONSES,
    SMS,
    VOICE,
    count_campaigns,
    make_order,
)

USER = "/api/v1/user"
MEBIBYTE = 1024 * 1024
TO = {"cellphone": NUMBER}
ENDLESS = 10**24
FULL_WIDTH = "".join(chr(0xFF10 + int(digit)) for digit in NUMBER)
SOAKED = [pytest.param(each, marks=pytest.mark.soak) for each in ORDERS if each != SMS]
EVERYWHERE = pytest.mark.parametrize("path", ORDERS)
# What the parser says, which knows neither path nor mode; all crossings in make soak.
PARSED = pytest.mark.parametrize("path", [SMS, *SOAKED])


@pytest.fixture(params=["lenient", pytest.param("strict", marks=pytest.mark.soak)])
def either(request: pytest.FixtureRequest) -> Iterator[Api]:
    """Make a lenient and a strict world, with a campaign that must not get lost."""
    with closing(make_emulator(strict=request.param == "strict")) as api:
        placed = api.post(SMS, json=make_order(SMS)).body["campaign"]
        yield api
        api.clock.advance(minutes=1)
        assert api.get(f"/api/v3/campaign/{placed}/messages").body["percentage"] == 100
        assert api.world.balance == api.account.credit + sum(
            movement.amount for movement in api.world.movements
        )


def encoded(path: str, extra: bytes) -> bytes:
    """Return the order for *path* with *extra* as it stands after its last field."""
    return json.dumps(make_order(path)).encode()[:-1] + b", " + extra + b"}"


@pytest.mark.manual("ERR-03")
@PARSED
def test_a_body_cut_off_anywhere_is_not_json(either: Api, path: str) -> None:
    whole = json.dumps(make_order(path)).encode()

    answers = [either.post(path, content=whole[:end]) for end in range(len(whole))]

    assert {answer.status for answer in answers} == {400}
    assert count_campaigns(either) == 1


@pytest.mark.manual("ERR-03")
@PARSED
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
    assert count_campaigns(either) == 1


@pytest.mark.manual("ERR-03")
@PARSED
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "latin-1"])
def test_json_is_written_in_utf_8_and_without_a_mark(
    either: Api, path: str, encoding: str
) -> None:
    octets = json.dumps(make_order(path, x="ñ"), ensure_ascii=False).encode(encoding)

    answer = either.post(path, content=octets)

    assert answer.status == 400


@pytest.mark.manual("ERR-03")
@PARSED
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


@PARSED
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
        (VOICE, {"transfer_num": NUMBER, "transfer_key": ENDLESS}),
        (RESPONSES, {"type": ENDLESS}),
        (RESPONSES, {"cellphone": ENDLESS}),
        (RESPONSES, {"type": 2, "cellphone": None, "messages": [ENDLESS]}),
        (RESPONSES, {"type": 4, "cellphone": None, "campaigns": ENDLESS}),
    ],
)
def test_a_number_beyond_all_measure_is_refused(
    either: Api, path: str, changes: dict[str, Any]
) -> None:
    answer = either.post(path, json=make_order(path, **changes))

    assert answer.status == 422


@pytest.mark.manual("GEN-11")
@pytest.mark.parametrize(
    ("path", "changes"),
    [
        (SMS, {"recipients": [{"cellphone": "٤٤٩٨٩٨٧٢٨٢"}]}),
        (SMS, {"recipients": [{"cellphone": FULL_WIDTH}]}),
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
        (VOICE, {"transfer_num": NUMBER, "transfer_key": "\u0665"}),
        (RESPONSES, {"cellphone": "4498987282\n"}),
        (RESPONSES, {"type": "٣"}),
    ],
)
def test_digits_are_ascii_and_nothing_follows_them(
    either: Api, path: str, changes: dict[str, Any]
) -> None:
    answer = either.post(path, json=make_order(path, **changes))

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
    answer = either.post(SMS + "\n", json=make_order(SMS))

    assert answer.status == 404
    assert count_campaigns(either) == 1


def test_of_equal_keys_the_last_one_counts(either: Api) -> None:
    content = encoded(SMS, b'"route": 170, "text": 7, "text": "adios"')

    answer = either.post(SMS, content=content)

    assert answer.body["route"] == "Premium II"
    assert either.world.get_campaign(answer.body["campaign"]).render_text(0) == "adios"


ODD = "a\0b \u202e\u200b\ufeff\ufffe \U0001f4a9 e\u0301 <script> %s {0} ' \" \\"


@pytest.mark.parametrize("name", [ODD, "\0", "", " ", "x" * 100_000, "\r\nX-A: b"])
def test_an_odd_name_of_a_campaign_is_kept_as_it_is(either: Api, name: str) -> None:
    placed = either.post(SMS, json=make_order(SMS, campaign_name=name))

    read = either.get(f"/api/v3/campaign/{placed.body['campaign']}/messages")

    assert (placed.status, placed.body["campaign_name"]) == (200, name)
    assert (read.status, read.body["name"]) == (200, name)


@pytest.mark.parametrize("text", [ODD, "\0", " ", "\n", "\U0001f4a9" * 70])
def test_an_odd_text_can_be_read_after_it_was_accepted(either: Api, text: str) -> None:
    body = make_order(SMS, text=text, encode=True)
    placed = either.post(SMS, json=body).body["campaign"]
    either.clock.advance(seconds=20)

    read = either.get(f"/api/v3/campaign/{placed}/messages").body

    assert read["data"][0]["text"] == text


def test_an_odd_value_can_be_read_after_it_was_accepted(either: Api) -> None:
    recipients = [{"cellphone": NUMBER, "name": ODD, "field1": "<+B+>\0"}]
    body = make_order(SMS, text="<+B+>|<+C+>", recipients=recipients, encode=True)
    placed = either.post(SMS, json=body).body["campaign"]
    either.clock.advance(seconds=20)

    read = either.get(f"/api/v3/campaign/{placed}/messages").body

    assert read["data"][0]["text"] == f"{ODD}|<+B+>\0"


def test_lenient_writes_an_odd_text_in_its_alphabet(api: Api) -> None:
    placed = api.post(SMS, json=make_order(SMS, text="a\0b\U0001f4a9é\u0301"))
    api.clock.advance(seconds=20)

    read = api.get(f"/api/v3/campaign/{placed.body['campaign']}/messages").body

    assert placed.notes == ["SMS-25"]
    assert read["data"][0]["text"] == "a?b?é?"


def test_an_odd_voice_campaign_can_be_read_after_it_was_accepted(
    either: Api,
) -> None:
    body = make_order(VOICE, campaign_name=ODD, text=ODD * 1000)
    placed = either.post(VOICE, json=body).body["voice_campaign"]

    read = either.get(f"/api/v3/voice/{placed}").body

    assert (read["name"], read["text"]) == (ODD, ODD * 1000)


def test_an_odd_email_is_accepted(either: Api) -> None:
    recipients = [{"email": "ana@example.org", "name": ODD}]
    body = make_order(EMAIL, subject=ODD, body=ODD, sender=ODD, recipients=recipients)

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

    answer = either.post(path, json=make_order(path, recipients=[recipient] * 50_000))

    assert answer.status == 200
    assert answer.body[name] > 0
    assert answer.body.get("recipients_count", 50_000) == 50_000


@pytest.mark.manual("SMS-09", "VOI-06", "EML-34")
@pytest.mark.parametrize("path", MOST)
def test_50_001_recipients_are_refused(either: Api, path: str) -> None:
    recipient, _ = MOST[path]
    balance = either.balance()

    answer = either.post(path, json=make_order(path, recipients=[recipient] * 50_001))

    assert answer.status == 422
    assert answer.information == (
        "El campo recipients no debe contener mas de 50000 elementos"
    )
    assert count_campaigns(either) == 1
    assert either.balance() == balance


@pytest.mark.manual("GEN-09", "SMS-36")
@pytest.mark.parametrize("path", [SMS, CLIC])
@pytest.mark.parametrize("date", [LAST_SECOND, "9999-12-31 00:00:00"])
def test_a_campaign_of_the_last_day_can_be_read(
    either: Api, path: str, date: str
) -> None:
    body = make_order(path, scheduled_date=date, recipients=[TO] * 500)
    placed = either.post(path, json=body).body["campaign"]
    either.clock.advance(seconds=30)

    read = either.get(f"/api/v3/campaign/{placed}/messages").body

    assert read["scheduled_date"] == date
    assert (read["campaign_status"], read["percentage"]) == ("inserted", 0)
    assert {row["sent_date"] for row in read["data"]} == {None}


@pytest.mark.manual("GEN-09", "VOI-37")
def test_a_call_of_the_last_second_can_be_read_and_cancelled(either: Api) -> None:
    body = make_order(VOICE, scheduledDate=LAST_SECOND, recipients=[TO] * 500)
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
        either.post(EMAIL, json=make_order(EMAIL, scheduledDate=LAST_SECOND)).status
        == 200
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
    with closing(make_emulator(account=account)) as api:
        sms = api.post(SMS, json=make_order(SMS, scheduled_date=date)).body
        clic = api.post(CLIC, json=make_order(CLIC, scheduled_date=date)).body
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
@PARSED
def test_a_body_over_32_mebibytes_is_not_read(either: Api, path: str) -> None:
    content = json.dumps(make_order(path)).encode().ljust(32 * MEBIBYTE + 1)

    answer = either.post(path, content=content)

    assert answer.status == 413
    assert count_campaigns(either) == 1


def test_a_body_of_32_mebibytes_is_read(either: Api) -> None:
    content = json.dumps(make_order(SMS)).encode().ljust(32 * MEBIBYTE)

    assert either.post(SMS, content=content).status == 200
