"""What holds whatever happens: campaigns, time and money in every order.

Hypothesis plays a customer, somebody at the panel and the clock; after every step the
sentences about time, progress and money are checked.  What is expected is reckoned
here anew, in decimals and in words, and nowhere asked of the emulator.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from emulator.domain import dlr
from emulator.domain.refusals import Refusal
from emulator.domain.sms import SmsCampaign
from emulator.world import FIRST_IDS, World
from tests.support.emulator import (
    Api,
    keep_changes,
    make_emulator,
    read_demo_world,
    set_examples,
)

CREDIT = Decimal("40.5")
PRICES = {"voice": Decimal(1), "email": Decimal("0.25"), "hlr": Decimal("0.5")}
PACE = {"sms_every": 4, "call_every": 4}  # seconds, so that there is a middle
ROUTES = {87: Decimal(1), 85: Decimal("0.3"), 170: Decimal("0.1")}
TEXTS = {"hola": 1, "<+B+>, ya es hora": 1, "x" * 161: 2}  # and their parts

SENT, RETRIED, ABSENT = "4498987281", "9990002000", "9990003000"
NUMBERS = [SENT, "9990001000", RETRIED, ABSENT, "9990005000", "9990007000"]

SECOND, RETRY = timedelta(seconds=1), timedelta(minutes=1)
SMS_AFTER, CALL_AFTER = timedelta(seconds=11), timedelta(seconds=35)
CROWDED = 2  # campaigns of a kind under way; each is looked at after every step
LONG_ENOUGH = timedelta(days=3)  # for everything that was not paused

Order = dict[str, Any]
People = list[dict[str, str]]

CHANGES: dict[str, Callable[[SmsCampaign, datetime], SmsCampaign]] = {
    "pause": dlr.pause_sending,
    "resume": dlr.resume_sending,
    "cancel": dlr.cancel_sending,
}

# Words and what may follow each, oneself always included.
ROW_STEPS = {
    "in progress": {"paused", "cancelled", "sent", "failed", "retried"},
    "paused": {"in progress", "cancelled", "sent", "failed", "retried"},
    "retried": {"sent", "failed"},
    "sent": set[str](),
    "failed": set[str](),
    "cancelled": set[str](),
}
FINAL = {"sent", "failed", "cancelled"}
CALL_STEPS: dict[int, set[int]] = {0: {1, 2, 3}, 1: {2, 3}, 2: set(), 3: set()}
VOICE_STEPS = {
    "TO_SEND": {"PROCESSING", "COMPLETED", "FAILED", "CANCELLED"},
    "PROCESSING": {"COMPLETED", "FAILED"},
    "COMPLETED": set[str](),
    "FAILED": set[str](),
    "CANCELLED": set[str](),
}

NONSENSE = [
    ("/api/v3/campaign", None),
    ("/api/v3/campaign", {"text": "hola", "recipients": [], "route": 87}),
    ("/api/v3/smsclic/campaign", {}),
    ("/api/v3/voice", {"type": 3}),
    ("/api/v1/email", {"recipients": [{"email": "ana"}]}),
    ("/api/v3/responses", {"type": 4}),
]

recipients = st.builds(
    lambda numbers, times: [
        {"cellphone": number, "name": "Ana"} for number in numbers * times
    ],
    st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4),
    st.sampled_from([1, 1, 4]),
)
routes = st.sampled_from(sorted(ROUTES))
delays = st.sampled_from([None, None, None, SECOND, RETRY, timedelta(hours=1)])
pauses = st.sampled_from(
    [
        timedelta(),
        timedelta(),
        timedelta(milliseconds=10),
        SECOND,
        timedelta(seconds=4),
        timedelta(seconds=4),
        SMS_AFTER,
        SMS_AFTER,
        CALL_AFTER,
        RETRY,
        timedelta(hours=1),
    ]
)


@dataclass
class Sms:
    """An SMS campaign as it was seen last, and what was done to it."""

    id: int
    count: int
    placed_at: datetime
    earliest: str  # when its next message may go, as the account writes it
    percentage: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    changes: list[tuple[str, datetime]] = field(default_factory=list)
    held: list[str | None] | None = None  # sent_dates, while nothing may go out

    @property
    def path(self) -> str:
        return f"/api/v3/campaign/{self.id}/messages"

    @property
    def change(self) -> str | None:
        return self.changes[-1][0] if self.changes else None

    @property
    def over(self) -> bool:
        return self.percentage == 100

    def hold(self) -> None:
        """Remember what has gone out; nothing more may, from now on."""
        self.held = [row["sent_date"] for row in self.rows] or [None] * self.count

    def release(self) -> None:
        self.held = None

    def word(self, now: datetime) -> str:
        """Return the status that the campaign has to have."""
        if now < self.placed_at + SECOND:
            return "inserting"
        if self.changes and now < self.changes[-1][1] + SECOND:
            return "updating"
        words = {"pause": "paused", "cancel": "canceled"}
        return words.get(self.change or "", "inserted")


@dataclass
class Voice:
    """A voice campaign as it was seen last."""

    id: int
    count: int
    cost: Decimal
    earliest: str  # when its next call may be placed
    status: str = "TO_SEND"
    rows: list[dict[str, Any]] = field(default_factory=list)
    cancelled: bool = False

    @property
    def path(self) -> str:
        return f"/api/v3/voice/{self.id}"

    @property
    def over(self) -> bool:
        return self.status not in {"TO_SEND", "PROCESSING"}


@cache
def program() -> tuple[Api, Iterator[int]]:
    """Return one program for all stories; each is told in a world of its own."""
    account = {**read_demo_world()["account"], "credit": float(CREDIT)}
    prices = {name: float(price) for name, price in PRICES.items()}
    return make_emulator(account=account, prices=prices, pace=PACE), count()


def state(world: World) -> tuple[Any, ...]:
    """Return everything that could change, to be compared."""
    return (
        world.balance,
        tuple(world.movements),
        tuple(world.campaigns.values()),
        tuple(world.voice_campaigns.values()),
        tuple(world.email_campaigns.values()),
        tuple(world.lookups),
        tuple(world.responses),
        tuple(world.clicks),
        tuple(world.tokens),
        tuple(world.next[kind] for kind in FIRST_IDS),
    )


class Platform(RuleBasedStateMachine):
    """One account, from its first request on."""

    messages: Bundle[Sms] = Bundle("messages")
    calls: Bundle[Voice] = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        shared, numbers = program()
        self.api = replace(shared, token=f"world-machine-{next(numbers)}")
        self.balance = CREDIT
        self.movements: list[tuple[str, int, Decimal]] = []
        self.ids = dict(FIRST_IDS)
        self.sms: list[Sms] = []
        self.voice: list[Voice] = []
        self.answers: dict[tuple[object, ...], bytes] = {}

    @property
    def now(self) -> datetime:
        return self.api.clock.now

    # --- What happens ---

    @initialize(target=messages, people=recipients, route=routes)
    def begin_with_messages(self, people: People, route: int) -> Any:
        order = {"text": "hola", "recipients": people, "route": route}
        return self.placed_messages("/api/v3/campaign", order, delay=None)

    @initialize(target=calls, people=recipients)
    def begin_with_calls(self, people: People) -> Any:
        return self.placed_calls({"type": 1, "audio": 31}, people, delay=None)

    @precondition(lambda self: sum(not each.over for each in self.sms) < CROWDED)
    @rule(
        target=messages,
        people=recipients,
        text=st.sampled_from(sorted(TEXTS)),
        route=routes,
        delay=delays,
        link=st.booleans(),
        after=pauses,
    )
    def place_messages(  # noqa: PLR0913 - an order has many parts
        self,
        people: People,
        text: str,
        route: int,
        delay: timedelta | None,
        after: timedelta,
        *,
        link: bool,
    ) -> Any:
        self.wait(after)
        order: Order = {"text": text, "recipients": people, "route": route}
        order["long_message"] = TEXTS[text] > 1
        if not link:
            return self.placed_messages("/api/v3/campaign", order, delay=delay)
        order["url"] = 4
        return self.placed_messages("/api/v3/smsclic/campaign", order, delay=delay)

    @precondition(lambda self: sum(not each.over for each in self.voice) < CROWDED)
    @rule(
        target=calls,
        people=recipients,
        speech=st.booleans(),
        delay=delays,
        after=pauses,
    )
    def place_calls(
        self, people: People, delay: timedelta | None, after: timedelta, *, speech: bool
    ) -> Any:
        self.wait(after)
        audio, text = {"type": 1, "audio": 31}, {"type": 2, "text": "hola <+B+>"}
        return self.placed_calls(text if speech else audio, people, delay=delay)

    @rule(
        number=st.sampled_from(NUMBERS),
        letters=st.integers(0, 30),
        nonsense=st.sampled_from(NONSENSE),
    )
    def order_otherwise(
        self, number: str, letters: int, nonsense: tuple[str, Any]
    ) -> None:
        """Send e-mails if there are any *letters*, look up a number, talk nonsense."""
        people = [{"email": "ana@example.org"}] * letters
        order = {"subject": "s", "body": "b", "recipients": people}
        cost = PRICES["email"] * letters
        if letters and (answer := self.ordered("/api/v1/email", order, cost)):
            self.charged("email", "email", answer["email_campaign_id"], cost)
        cost = PRICES["hlr"]
        if answer := self.ordered(f"/api/v3/hlr/{number}", None, cost):
            self.charged("hlr", "hlr", answer["hlr"], cost)
            assert answer["balance"] == float(self.balance)
        before = state(self.api.world)
        assert self.api.post(nonsense[0], json=nonsense[1]).status in {400, 422}
        assert state(self.api.world) == before

    @precondition(lambda self: len(self.sms) + len(self.voice) > CROWDED)
    @rule()
    def wait_long_enough(self) -> None:
        self.api.clock.advance(seconds=LONG_ENOUGH.total_seconds())
        self.look_at_everything()

        for sms in self.sms:
            assert sms.over or sms.change == "pause"
        for voice in self.voice:
            assert voice.over

    @rule(sms=messages.filter(lambda sms: not sms.over), after=pauses)
    def pause_or_resume(self, sms: Sms, after: timedelta) -> None:
        self.wait(after)
        self.intervene(sms, "resume" if sms.change == "pause" else "pause")

    @rule(
        sms=messages,
        verb=st.sampled_from(["pause", "resume", "cancel"]),
        after=pauses,
    )
    def intervene_anyhow(self, sms: Sms, verb: str, after: timedelta) -> None:
        self.wait(after)
        self.intervene(sms, verb)

    @rule(voice=calls, after=pauses)
    def cancel_calls(self, voice: Voice, after: timedelta) -> None:
        self.wait(after)
        queued = voice.status == "TO_SEND"
        before, shown = state(self.api.world), self.api.get(voice.path).octets

        answer = self.api.post(f"{voice.path}/cancel")

        if queued:
            assert answer.status == 200
            assert answer.body["status"] == "CANCELLED"
            voice.cancelled = True
            self.balance += voice.cost
            self.movements.append(("refund", voice.id, voice.cost))
        else:
            assert answer.status == 422
            assert state(self.api.world) == before
            assert self.api.get(voice.path).octets == shown

    # --- What is seen ---

    def look_at_messages(self, sms: Sms) -> None:
        body = self.asked(sms.path, len(sms.changes), self.balance)
        rows, word = body["data"], sms.word(self.now)

        assert body["campaign_status"] == word
        assert body["recipients_count"] == sms.count
        assert body["balance"] == float(self.balance)
        assert 0 <= sms.percentage <= body["percentage"] <= 100
        sms.percentage = body["percentage"]
        if word == "inserting":
            assert rows == []
            assert sms.percentage in {0, 100}  # 100: cancelled at once
            return
        assert len(rows) == sms.count
        over = sum(row["status"] in FINAL for row in rows)
        assert sms.percentage == (max(100 * over // sms.count, 1) if over else 0)
        for was, row in zip(sms.rows or rows, rows, strict=True):
            self.compare(was, row)
        self.dated(sms.earliest, sms.rows, rows)
        if sms.change == "cancel":
            assert {row["status"] for row in rows} <= FINAL | {"retried"}
        assert ("paused" in {row["status"] for row in rows}) <= (sms.change == "pause")
        if sms.held is not None:
            assert [row["sent_date"] for row in rows] == sms.held
        sms.rows, sms.earliest = rows, max(sms.earliest, self.date())

    def compare(self, was: dict[str, Any], row: dict[str, Any]) -> None:
        """Fail where a message did what no message may do."""
        before, after = was["status"], row["status"]
        assert after == before or after in ROW_STEPS[before]
        waiting = after in {"in progress", "paused", "cancelled"}
        assert waiting == (row["sent_date"] is None)
        assert [was[name] for name in ("id", "cellphone", "text")] == [
            row[name] for name in ("id", "cellphone", "text")
        ]

    def dated(self, earliest: str, before: list[Any], after: list[Any]) -> None:
        """Fail where a date has changed, or is one at which nothing was seen yet."""
        known = [row["sent_date"] for row in before] or [None] * len(after)
        for was, date in zip(known, [row["sent_date"] for row in after], strict=True):
            assert was in {None, date}
            assert date is None or date == was or date >= earliest

    def look_at_calls(self, voice: Voice) -> None:
        body = self.asked(voice.path, voice.cancelled)
        rows, word = body["voice_messages"], body["status"]
        states = [row["voice_message_status"] for row in rows]
        over = sum(each in {2, 3} for each in states)

        assert word == voice.status or word in VOICE_STEPS[voice.status]
        assert (word == "CANCELLED") == voice.cancelled
        assert len(rows) == voice.count == body["recipients_count"]
        for was, row in zip(voice.rows or rows, rows, strict=True):
            before, after = was["voice_message_status"], row["voice_message_status"]
            assert after == before or after in CALL_STEPS[before]
        self.dated(voice.earliest, voice.rows, rows)
        if voice.cancelled:
            assert set(states) == {3}
            assert {row["sent_date"] for row in rows} == {None}
        else:
            assert body["recipients_processed"] == over
            assert (word == "TO_SEND") == (set(states) == {0})
            assert (word in {"COMPLETED", "FAILED"}) == (over == voice.count)
            assert (word == "FAILED") == (set(states) == {3})
            assert [row["sent_date"] is None for row in rows] == [
                each == 0 for each in states
            ]
        voice.status, voice.rows = word, rows
        voice.earliest = max(voice.earliest, self.date())

    @invariant()
    def money_is_exact(self) -> None:
        world = self.api.world
        shown = self.api.get("/api/v1/user").body["data"]["credit"]
        amounts = [each.amount for each in world.movements]

        assert world.balance == world.account.credit + sum(amounts)
        assert world.balance >= 0
        assert Decimal(str(shown)) == self.balance
        assert [
            (each.reason, each.reference, Decimal(each.amount) / 1_000_000)
            for each in world.movements
        ] == self.movements

    @invariant()
    def refunds_are_made_once(self) -> None:
        refunded = [
            each.reference
            for each in self.api.world.movements
            if each.reason == "refund"
        ]
        assert sorted(refunded) == sorted(
            voice.id for voice in self.voice if voice.cancelled
        )

    # --- How ---

    def placed_messages(self, path: str, order: Order, delay: timedelta | None) -> Any:
        if delay:
            order["scheduled_date"] = self.date(delay)
        recipients = len(order["recipients"])
        cost = ROUTES[order["route"]] * TEXTS[order["text"]] * recipients
        answer = self.ordered(path, order, cost)
        if answer is None:
            return multiple()
        reason = "smsclic" if "url" in order else "sms"
        self.charged(reason, "campaign", answer["campaign"], cost)
        self.ids["message"] += recipients
        assert answer["balance"] == float(self.balance)
        earliest = self.date(max(delay or SMS_AFTER, SMS_AFTER))
        self.sms.append(Sms(answer["campaign"], recipients, self.now, earliest))
        return self.sms[-1]

    def placed_calls(self, kind: Order, people: People, delay: timedelta | None) -> Any:
        order = {**kind, "campaign_name": "x", "recipients": people}
        if delay:
            order["scheduledDate"] = self.date(delay)
        cost = PRICES["voice"] * len(people)
        answer = self.ordered("/api/v3/voice", order, cost)
        if answer is None:
            return multiple()
        self.charged("voice", "voice", answer["voice_campaign"], cost)
        self.ids["call"] += len(people)
        assert answer["balance"] == float(self.balance)
        earliest = self.date(max(delay or CALL_AFTER, CALL_AFTER))
        self.voice.append(Voice(answer["voice_campaign"], len(people), cost, earliest))
        return self.voice[-1]

    def wait(self, duration: timedelta) -> None:
        self.api.clock.advance(seconds=duration.total_seconds())
        self.look_at_everything()

    def ordered(self, path: str, order: Any, cost: Decimal) -> dict[str, Any] | None:
        """Order what costs *cost*; return the answer, or None if it is too dear."""
        before = state(self.api.world)
        method = "GET" if order is None else "POST"
        answer = self.api.send(method, path, json=order)
        if cost <= self.balance:
            assert answer.status == 200, answer.octets
            body: dict[str, Any] = answer.body
            return body
        assert answer.status == 422
        assert answer.information == "Saldo insuficiente"
        assert state(self.api.world) == before
        return None

    def charged(self, reason: str, kind: str, number: int, cost: Decimal) -> None:
        assert number == self.ids[kind]
        self.ids[kind] += 1
        self.balance -= cost
        self.movements.append((reason, number, -cost))

    def asked(self, path: str, *circumstances: object) -> dict[str, Any]:
        """Read *path*: the same question, the same instant, the same answer."""
        answer = self.api.get(path)
        assert answer.status == 200
        question = (path, self.now, *circumstances)
        assert self.answers.setdefault(question, answer.octets) == answer.octets
        body: dict[str, Any] = answer.body
        return body

    @invariant()
    def look_at_everything(self) -> None:
        before = state(self.api.world)
        for sms in self.sms:
            self.look_at_messages(sms)
        for voice in self.voice:
            self.look_at_calls(voice)
        assert state(self.api.world) == before

    def intervene(self, sms: Sms, verb: str) -> None:
        """Do what somebody does at the panel, unless the platform declines."""
        if verb == "resume":
            forbidden = sms.change != "pause"
        else:
            forbidden = sms.percentage == 100 or sms.change in {verb, "cancel"}
        before, world = state(self.api.world), self.api.world
        try:
            changed = CHANGES[verb](world.get_campaign(sms.id), self.now)
        except Refusal:
            assert forbidden
            assert state(world) == before
            return
        assert not forbidden
        keep_changes(world, changed)
        sms.changes.append((verb, self.now))
        if verb == "resume":
            sms.release()
        else:
            sms.hold()

    def date(self, delay: timedelta = timedelta()) -> str:
        """Return the instant *delay* from now as the account writes it."""
        local = (self.now + delay).astimezone(self.api.account.zone)
        return local.strftime("%Y-%m-%d %H:%M:%S")


USUAL = set_examples(20, steps=25, suppress_health_check=list(HealthCheck))


@pytest.mark.property
@pytest.mark.manual("DLR-05", "DLR-08", "DLR-09", "DLR-11", "DLR-21")
@pytest.mark.manual(
    "SMS-43", "SMS-45", "SMS-49", "VOI-23", "VOI-24", "VOI-32", "VOI-35"
)
def test_the_sentences_about_time_progress_and_money_hold() -> None:
    run_state_machine_as_test(Platform, settings=USUAL)
