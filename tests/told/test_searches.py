"""What is found where somebody looks, and what is kept of what is long."""

from typing import Any

from tests.support.emulator import Api, run_control
from tests.support.orders import (
    EMAIL,
    HANDSETS,
    NUMBER,
    SMS,
    VOICE,
    make_crowd,
    make_order,
    make_recipients,
    make_sms,
)
from tests.support.transcripts import Scribe

STATES = ("sent", "failed", "retried", "scheduled", "SENT", "PROCESS", "QUEUED", "x")
NAMED = [
    {"cellphone": NUMBER, "name": "Ana Peña"},
    {"cellphone": "5512345678", "name": "Beto"},
]


def test_found_recipients(scribe: Scribe) -> None:
    """Look for recipients by text and by state, page by page."""
    api = scribe.api
    api.post(SMS, json=make_sms(recipients=make_recipients(NUMBER, *HANDSETS)))
    api.post(SMS, json=make_sms(text="<+B+>", recipients=NAMED, encode_2=True))
    api.post(
        VOICE, json=make_order(VOICE, recipients=make_recipients(NUMBER, *HANDSETS))
    )
    people = [{"email": f"{each}@b.example", "name": each} for each in ("ana", "Beto")]
    api.post(EMAIL, json=make_order(EMAIL, body="<+B+>", recipients=people))
    run_control(api, "POST", "clock/advance", json={"seconds": 12})
    for each in run_control(api, "GET", "campaigns"):
        where = f"campaigns/{each['channel']}/{each['campaign']}/recipients"
        queries = [f"status={state}" for state in STATES]
        queries += [
            f"text={text}" for text in ("9990", "ana", "BETO", "@", "zz", "n%CC")
        ]
        queries += ["first=2&count=2", "first=99", "count=1", "status=sent&text=999"]
        for query in queries:
            scribe.ask_ids("GET", f"{where}?{query}")


def test_found_talks(scribe: Scribe) -> None:
    """Look for conversations, of many and of few."""
    api = scribe.api
    api.post(SMS, json=make_sms(recipients=make_crowd(120)))
    run_control(api, "POST", "clock/advance", json={"seconds": 20})
    api.post(EMAIL, json=make_order(EMAIL))
    api.post(SMS, json=make_sms(recipients=make_recipients(NUMBER)))
    for query in (
        *(
            "",
            "?count=3",
            "?text=55",
            "?text=ana",
            "?text=@",
            "?text=zz",
            "?text=00119",
        ),
        *("?text=55&count=2", "?find=55", "?first=2", "?after=2", "?count=500"),
    ):
        scribe.ask_ids("GET", f"conversations{query}")


def test_long_bodies(scribe: Scribe) -> None:
    """Tell what the journal has of long, broken and escaped bodies, and finds there."""
    api = scribe.api
    many = [{"cellphone": f"55{index:08}", "name": "ñ"} for index in range(9_000)]
    api.post(SMS, json=make_sms(recipients=many))
    api.post(SMS, content=b'{"recipients": [{"cellphone": "5599999999"}, ')
    api.post(
        SMS,
        json=make_sms(
            text='dijo "hola" ñandú\n', recipients=make_recipients(5588888888)
        ),
    )
    api.post(SMS, json={"cellphone": "5577777777", "recipients": [1, None]})
    api.post(SMS, json=["cellphone"])
    api.get("/api/v3/hlr/5566666666")
    api.post(SMS, content=b"\xff\xfe cellphone 5555555555")
    for number in range(1, api.world.journal.last + 1):
        row = run_control(api, "GET", f"journal/{number}")
        scribe.lines.append(f"{number}: {_told(row)}")
    for row in run_control(api, "GET", "journal?mask=numbers")["exchanges"]:
        scribe.lines.append(f"masked {row['number']}: {row['path']} {_told(row)}")
    for query in (
        *("number=5500000000", "number=5500008999", "number=8999", "number=5599999999"),
        *("number=5588888888", "number=5577777777", "number=6666", "number=5555555555"),
        *(
            "text=hola",
            "text=%C3%B1and%C3%BA",
            'text="hola"',
            "text=5500000000",
            "text=zz",
        ),
        *("text=dijo%20%22hola%22", "text=hlr", "status=422", "operation=lookupNumber"),
    ):
        scribe.ask_ids("GET", f"journal?{query}")
    for body in _wishes():
        scribe.ask_briefly("POST", "/_emulator/journal/verify", json=body)
        wait = {"timeout": 0, **body}
        for each in ("exactly", "at_least", "at_most", "never_within"):
            wait.pop(each, None)
        scribe.ask_briefly("POST", "/_emulator/journal/wait", json=wait)


def _wishes() -> list[dict[str, Any]]:
    return [
        {"operation": "createCampaign", "exactly": 3},
        {"operation": "createCampaign", "exactly": 6},
        {"status": 422, "at_least": 2},
        {"status": 422, "at_least": 9},
        {"number": "5588888888", "at_most": 0},
        {"number": "5588888888", "at_most": 1},
        {"number": "1111111111", "exactly": 1},
        {"text": "hola", "operation": "lookupNumber", "status": 500, "exactly": 2},
        {"text": "hola", "at_least": 3, "mask": "numbers"},
        {"never_within": 5, "timeout": 0},
        {"never_within": 5, "timeout": 0, "since": "2026-03-02T17:00:00Z"},
        {"never_within": 1e9, "timeout": 0, "until": "2026-03-02T18:00:01Z"},
        {"after": 3, "exactly": 1},
        {"protocol": "smpp", "at_least": 1},
        {"protocol": "http", "exactly": 1},
    ]


def _told(row: Any) -> str:
    request = row["request"]
    kept = {name: each for name, each in request.items() if name != "headers"}
    body = str(kept.pop("body"))
    return f"{row['operation']} {row['status']} {row['why']} {kept} {body[:90]!r}"


def test_many_rules(scribe: Scribe) -> None:
    """Make as many rules as there may be, and one more."""
    api: Api = scribe.api
    rule = {"effect": {"status": 503}, "disabled": True}
    answers = [api.post("/_emulator/faults", json=rule) for _ in range(1_001)]
    kept = [each.status for each in answers].index(422)
    scribe.lines.append(f"{kept} rules are taken; then: {answers[kept].body['detail']}")
