"""No timestamp that leaves the program lies outside the timeline of its world.

One story is told in two worlds whose clocks stand a month apart.  Every date in every
answer has to lie a month apart as well; the machine's own time would not.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from tests.support.emulator import START, Answer, Api, make_emulator
from tests.support.orders import (
    CLIC,
    EMAIL,
    RESPONSES,
    SMS,
    VOICE,
    make_clic,
    make_crowd,
    make_order,
    make_recipients,
    make_sms,
)

MONTH = timedelta(days=31)  # March's, so that a month's first day moves with it
DATE = re.compile(
    r"(?P<stamp>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)"
    r"|(?P<day>\b\d{4}-\d\d-\d\d\b)"
    r"|(?P<http>\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT)"
    r"|(?P<jwt>eyJ[\w-]+\.[\w-]+\.[\w-]+)"
)
WALL = re.compile(r'"duration":[^,}]+')  # seconds of the wall, and no instant
LINKS = [{"id": 4, "title": "tienda", "url": "https://shop.example.org/"}]
READ = (  # of the control API
    "clock",
    "tokens",
    "account",
    "links",
    "movements",
    "campaigns",
    "messages",
    "handsets/4498987282",
    "faults",
    "journal",
    "world",
    "worlds",
    "world/snapshot",
    "world/checkpoints",
    "readyz",
)


def story(api: Api) -> Iterator[Answer]:
    """Do everything there is to do, and yield what is answered."""
    now = api.clock.now.astimezone(api.account.zone)
    later = (now + timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S")
    yield api.get("/api/v1/user")
    yield api.post(
        SMS, json=make_sms(recipients=make_recipients("4498987282", "9990003000"))
    )
    yield api.post(SMS, json=make_sms(scheduled_date=later))
    clic = api.post(CLIC, json=make_clic())
    yield clic
    yield api.post(VOICE, json=make_order(VOICE, scheduledDate=later))
    yield api.post(EMAIL, json=make_order(EMAIL, scheduledDate=later))
    yield api.get("/api/v3/hlr/4498987282")
    yield api.post("/_emulator/clock/advance", json={"seconds": 20})
    yield api.get(f"{SMS}/{clic.body['campaign']}/messages")
    yield api.get(f"{SMS}/8528238/messages")
    yield api.get("/api/v3/voice/481776")
    api.receive(46608336, "si")
    yield api.post(RESPONSES, json={"type": 3, "cellphone": "4498987282"})
    yield api.post(RESPONSES, json={"type": 1})
    yield api.post("/_emulator/tokens", json={"name": "second"})
    yield api.post("/_emulator/movements", json={"amount": 3})
    yield api.post("/_emulator/world/checkpoints", json={"name": "here"})
    yield api.get("/nowhere")
    yield api.get("/api/v1/user", token="nobody")
    yield api.post(SMS, json=make_sms(recipients=make_crowd(0)))
    yield api.post("/_emulator/clock/settle", json={})
    for path in READ:
        yield api.get(f"/_emulator/{path}")


def moved(text: str, by: timedelta) -> str:
    """Return *text* with every date so much later, and what the wall took left out."""
    return DATE.sub(lambda match: _later(match, by), WALL.sub('"duration":0', text))


def _later(match: re.Match[str], by: timedelta) -> str:
    text = match[0]
    if match["jwt"]:
        payload = text.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return f"token from {claims['iat'] + by.total_seconds()}"
    if match["http"]:
        return format_datetime(parsedate_to_datetime(text) + by, usegmt=True)
    date = datetime.fromisoformat(text) + by
    if match["day"]:
        return date.date().isoformat()
    precise = "microseconds" if "." in text else "seconds"
    return date.isoformat(text[10], precise).replace("+00:00", "Z")


def told(start: datetime) -> list[tuple[str, str]]:
    """Return headers and bodies of a story that begins at *start*."""
    with closing(make_emulator(clock=start.isoformat(), links=LINKS)) as api:
        answers = list(story(api))
    return [(_headers(each), each.octets.decode()) for each in answers]


def _headers(answer: Answer) -> str:
    return str(
        {**answer.headers, "content-length": ""}
    )  # grows with what the wall took


def test_a_month_later_every_date_is_a_month_later() -> None:
    early, late = told(START), told(START + MONTH)

    for then, now in zip(early, late, strict=True):
        for one, other in zip(then, now, strict=True):
            assert moved(one, MONTH) == moved(other, timedelta())


def test_the_story_has_dates_in_all_its_forms() -> None:
    text = str(told(START))

    found = [match.groupdict() for match in DATE.finditer(text)]

    assert all(any(each[form] for each in found) for form in DATE.groupindex)
    assert len(found) > 100
