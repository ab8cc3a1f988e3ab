"""Every mistake that a snapshot can have, by its sentence; none can be forgotten."""

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from emulator.domain.emulator_refusals import SNAPSHOT_WRONG
from emulator.domain.refusals import Refusal
from emulator.domain.text import MERGE_FIELDS
from emulator.operations.control import snapshots
from emulator.world import FIRST_IDS, checks, codec, containers, kinds, state
from emulator.worlds import SavedWorld
from tests.smpp.test_submissions import multi, number
from tests.support.emulator import Api, make_emulator, run_control, send_control
from tests.support.smpp import open_smsc
from tests.support.worlds import fill_world
from tests.test_snapshots import put, snapshot

Change = Callable[[Any], None]
AHEAD = "2027-01-01T00:00:00Z"
THEN = "2026-03-02T18:00:00Z"


@pytest.fixture(scope="module")
def living() -> Iterator[Api]:
    """Return a world in which everything has happened, a pause among it."""
    with closing(make_emulator()) as api:
        fill_world(api)
        with open_smsc(api) as smsc:
            smsc.bind().ask(multi(2, number("4498987282"), number("5512345678")))
        yield api


@pytest.fixture(scope="module")
def whole(living: Api) -> Any:
    """Return its snapshot."""
    return snapshot(living)


@pytest.fixture
def document(whole: Any) -> Any:
    """Return a copy of it to be spoilt."""
    return deepcopy(whole)


def both(*changes: Change) -> Change:
    def change(document: Any) -> None:
        for each in changes:
            each(document)

    return change


def paused(document: Any) -> Any:
    """Return the campaign that somebody paused."""
    return next(each for each in document["campaigns"] if each["line"]["interventions"])


def intervened(*instants: str) -> Change:
    def change(document: Any) -> None:
        paused(document)["line"]["interventions"] = [
            {"change": "paused", "at": each} for each in instants
        ]

    return change


def over(document: Any) -> None:
    document["deliveries"][0] |= {"state": "delivered", "due_at": THEN}


def due(document: Any) -> None:
    document["deliveries"][0] |= {"state": "due", "due_at": None}


def tried(document: Any) -> None:
    (attempt, *_) = next(
        each["attempts"] for each in document["deliveries"] if each["attempts"]
    )
    attempt["at"] = AHEAD


def lengthened(document: Any) -> None:
    document["submissions"][-1]["destinations"].pop()


def given(kind: str, name: str) -> Change:
    """Return a change after which the next id has been given."""

    def change(document: Any) -> None:
        document["next"][kind] = document[name][-1]["id"]

    return change


def answering(name: str, value: Any) -> Change:
    return lambda document: document[name].update({"1": value})


SMS, CALLS, LETTERS = "campaigns 8528238", "voice_campaigns 481776", "28648"
GROW = "the ids do not grow"
FACTS = "deliveries 1: in its parameters:"
SECONDS = "expected a duration of 0 to 1000000000 seconds"
ZONE = "an instant has its zone, as 2026-03-02T18:00:00Z has"
MISTAKES: list[tuple[Change, str]] = [
    (put("next", {}), f"at next: the ids are {', '.join(FIRST_IDS)}"),
    *(
        (
            put("next.campaign", number),
            f"at next: an id lies between 1 and {checks.LARGEST_NEXT_ID}",
        )
        for number in (0, checks.LARGEST_NEXT_ID + 1, 2**64 - 1)
    ),
    (
        put("next.surprise", 1),
        f"at next: the ids are {', '.join(FIRST_IDS)}",
    ),
    (
        put("campaigns.0.created_at", "2026-03-02 18:00:00"),
        f"at campaigns.0.created_at: {ZONE}",
    ),
    (
        put("campaigns.0.outcomes", "AAAA"),
        f"{SMS}: recipients, outcomes and line differ in number",
    ),
    (
        put("campaigns.0.line.messages", 1),
        f"{SMS}: recipients, outcomes and line differ in number",
    ),
    (
        both(
            put("campaigns.0.recipients", {"numbers": [], "fields": {}}),
            put("campaigns.0.outcomes", ""),
            put("campaigns.0.line.messages", 0),
        ),
        f"{SMS}: recipients, outcomes and line differ in number",
    ),
    (
        put("voice_campaigns.0.line.messages", 2),
        f"{CALLS}: recipients, outcomes and line differ in number",
    ),
    (
        put("campaigns.0.recipients.fields", {"name": ["Ana"]}),
        f"{SMS}: a field for every recipient, and no more",
    ),
    (
        put("campaigns.0.outcomes", "CQk="),
        f"{SMS}: an outcome that there is not",
    ),
    (put("campaigns.0.created_at", AHEAD), f"{SMS}: lies ahead of the clock"),
    (intervened(AHEAD), "campaigns 8528240: lies ahead of the clock"),
    (put("voice_campaigns.0.created_at", AHEAD), f"{CALLS}: lies ahead of the clock"),
    (
        put("email_campaigns.0.created_at", AHEAD),
        f"email_campaigns {LETTERS}: lies ahead of the clock",
    ),
    (put("movements.1.at", AHEAD), "movements 1: lies ahead of the clock"),
    (
        intervened("2026-03-02T18:00:02Z", THEN),
        "campaigns 8528240: interventions out of order",
    ),
    (put("campaigns.0.line.every", "-PT1S"), f"at campaigns.0.line.every: {SECONDS}"),
    (
        put("campaigns.2.line.every", "P9000D"),
        "campaigns 8528240: it lasts longer than 50000 days",
    ),
    (
        put("campaigns.0.pace.inserting", "-PT1S"),
        f"at campaigns.0.pace: inserting: {SECONDS}",
    ),
    (
        put("campaigns.0.pace.retry_scale", -1),
        "at campaigns.0.pace: retry_scale: expected a number from 0 to 10000",
    ),
    (
        put("campaigns.0.cost", 2**53 + 1),
        "at campaigns.0.cost: expected a number from 0 to 9007199254740992",
    ),
    (
        put("movements.1.at", "9999-01-01T00:00:00Z"),
        "at movements.1.at: expected an instant of the years 2000 to 8999",
    ),
    (
        both(put("opening", 2**53), put("movements.0.amount", 2**53)),
        "movements: the balance is too large",
    ),
    (
        put("deliveries.0.attempts.0.method", "PUT"),
        "deliveries 1: a method that there is not",
    ),
    (
        put("deliveries.0.parameters", {}),
        f"{FACTS} the parameters of a moPush are response, cellphone, date, message_id",
    ),
    (
        put("deliveries.0.parameters.date", "soon"),
        f"{FACTS} date is not what a moPush has there",
    ),
    (
        put("email_campaigns.0.fields", {"name": ["Ana", "Eva"]}),
        f"email_campaigns {LETTERS}: a field for every address, and no more",
    ),
    (
        both(
            put("email_campaigns.0.fields", {}), put("email_campaigns.0.addresses", [])
        ),
        f"email_campaigns {LETTERS}: a field for every address, and no more",
    ),
    (answering("answered", 1), "answered: an answer to a campaign that there is not"),
    (answering("early", [0]), "early: an answer to a campaign that there is not"),
    (over, "deliveries 1: due and over at once"),
    (due, "deliveries 1: due and over at once"),
    (put("deliveries.0.created_at", AHEAD), "deliveries 1: lies ahead of the clock"),
    (tried, "deliveries 1: lies ahead of the clock"),
    (
        put("deliveries.0.retries", ["PT1S", "-PT1S"]),
        f"at deliveries.0.retries: {SECONDS}",
    ),
    (
        put("submissions.0.id", 1),
        "submissions 1: there is no such campaign",
    ),
    (
        put("submissions.0.message", 1),
        "submissions 8528241: there is no such campaign",
    ),
    (lengthened, "submissions 8528244: a destination for every recipient"),
    (
        put("campaigns.1.first_message", 46608337),
        "campaigns: two messages with one id",
    ),
    (put("next.message", 1), "campaigns: two messages with one id"),
    (put("next.call", 754061), "voice_campaigns: two calls with one id"),
    (put("campaigns.1.id", 8528238), f"at campaigns: {GROW}"),
    (given("campaign", "campaigns"), f"campaigns: {GROW}"),
    (given("voice", "voice_campaigns"), f"voice_campaigns: {GROW}"),
    (given("email", "email_campaigns"), f"email_campaigns: {GROW}"),
    (given("delivery", "deliveries"), f"deliveries: {GROW}"),
    (given("hlr", "lookups"), f"lookups: {GROW}"),
    (given("response", "responses"), f"responses: {GROW}"),
    (
        put("campaigns.0.surprise", 1),
        "at campaigns.0: missing or unknown: surprise",
    ),
    (
        lambda document: document["movements"][1].pop("amount"),
        "at movements.1: missing or unknown: amount",
    ),
    (
        put("campaigns.0.recipients.numbers", [10**10, 1]),
        "at campaigns.0.recipients.numbers: expected a cellphone of ten digits",
    ),
    (
        put("campaigns.0.recipients.numbers", [-1, 1]),
        "at campaigns.0.recipients.numbers: expected a cellphone of ten digits",
    ),
    (
        put("campaigns.0.recipients.fields", {"x": ["a", "b"]}),
        f"at campaigns.0.recipients: the fields are {', '.join(MERGE_FIELDS)}",
    ),
    (
        put("campaigns.0.template.marks", ["name"]),
        "at campaigns.0.template: the marks do not fit the text",
    ),
    (
        both(
            put("campaigns.0.template.marks", ["name"]),
            put("campaigns.0.template.literals", ["a"]),
        ),
        "at campaigns.0.template: the marks do not fit the text",
    ),
    (
        both(
            put("campaigns.0.template.marks", ["surname"]),
            put("campaigns.0.template.literals", ["a", "b"]),
        ),
        "at campaigns.0.template: the marks do not fit the text",
    ),
    (put("opening", "1"), "at opening: Expected `int`, got `str`"),
    (put("clicks", None), "at clicks: Expected `array`, got `null`"),
]


def said(document: Any) -> str:
    """Return why a document is no world."""
    with pytest.raises(Refusal) as told:
        snapshots.snapshot_from_json(document)
    assert told.value.reason is SNAPSHOT_WRONG
    return told.value.why


@pytest.mark.parametrize(("change", "says"), MISTAKES)
def test_every_mistake_has_its_sentence(
    document: Any, change: Change, says: str
) -> None:
    change(document)

    assert said(document) == says


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("format", 2), "format"),
        (put("clock.now", "soon"), "now"),
        (put("clock.now", "2026-02-30T00:00:00Z"), "clock.now"),
        (put("clock.rate", -1), "rate"),
        (put("account.routes.0.price", []), "at account.routes.0.price"),
        (put("account.account.credit", "much"), "account.credit"),
        (put("campaigns.0.cost", "1"), "at campaigns.0.cost: Expected `int`"),
        (put("next.message", 1), "two messages with one id"),
        (put("movements.0.amount", 0.5), "at movements.0.amount"),
        (put("voice_campaigns", {}), "at voice_campaigns"),
        (put("faults.0.effect", {}), "effect"),
        (put("tokens", {}), "tokens.own"),
        (put("tokens.own.0.expires_at", 5), "tokens.own"),
        (put("tokens.created.0.expires_at", 5), "tokens.created"),
        (lambda document: document.pop("clicks"), "at clicks"),
    ],
)
def test_a_snapshot_that_no_world_could_be_is_refused_and_changes_nothing(
    living: Api, document: Any, change: Change, says: str
) -> None:
    before = snapshot(living)
    change(document)

    answer = send_control(living, "POST", "world/restore", json=document)

    assert answer.status == 422
    assert says in answer.body["title"] + answer.body["detail"]
    assert snapshot(living) == before


def test_no_mistake_is_without_its_test() -> None:
    sentences = {says for _, says in MISTAKES}

    for written in _sentences():
        assert any(re.fullmatch(written, each) for each in sentences), written


def test_no_id_is_given_twice(document: Any) -> None:
    """Every kind of id that there is, is among what a snapshot is looked at for."""
    for kind in FIRST_IDS:
        spoilt = deepcopy(document)
        spoilt["next"][kind] = FIRST_IDS[kind]

        assert "with one id" in said(spoilt) or GROW in said(spoilt), kind


def _sentences() -> Iterator[str]:
    """Yield what the module can say, as patterns."""
    modules = (checks, codec, containers, kinds, state)
    texts = (Path(str(each.__file__)).read_text("utf-8") for each in modules)
    for node in chain.from_iterable(ast.walk(ast.parse(each)) for each in texts):
        if isinstance(node, ast.Assign):
            is_told = ast.unparse(node.targets[0]) == "message"
        else:
            is_told = isinstance(node, ast.Yield)
        value = getattr(node, "value", None) if is_told else None
        if isinstance(value, ast.Constant):
            yield re.escape(str(value.value))
        elif isinstance(value, ast.JoinedStr):
            yield "".join(
                re.escape(str(each.value)) if isinstance(each, ast.Constant) else ".+"
                for each in value.values
            )


def test_a_world_that_is_as_old_as_its_youngest_thing_is_none(whole: Any) -> None:
    """What lies at the very instant of the clock does not lie ahead of it."""
    document = deepcopy(whole)
    now = document["clock"]["now"]
    for name in ("campaigns", "voice_campaigns"):
        document[name][0]["created_at"] = now
    paused(document)["line"]["interventions"][-1]["at"] = now
    document["deliveries"][0] |= {"created_at": now}
    for each in document["deliveries"]:
        each["attempts"] = [{**attempt, "at": now} for attempt in each["attempts"]]
        each["retries"] = ["PT0S"]
    for each in document["campaigns"]:
        each["pace"] |= {"inserting": "PT0S", "updating": "PT0S", "retry_scale": 0}
        each["line"]["every"] = "PT0S"

    snapshots.snapshot_from_json(document)


def test_a_restored_world_counts_what_it_holds(whole: Any, living: Api) -> None:
    held: SavedWorld = snapshots.snapshot_from_json(deepcopy(whole))
    state = held.state

    for name in (
        "balance",
        "volume",
        "latest_by_likeness",
        "first_messages",
        "first_message_campaigns",
    ):
        assert getattr(state, name) == getattr(living.world, name), name
    assert run_control(living, "GET", "world")["balance"] == state.balance / 1_000_000


def places(part: Any, at: str = "") -> Iterator[str]:
    """Yield where something stands, of a list the first."""
    parts = part.items() if isinstance(part, dict) else ()
    for name, value in (("0", part[0]),) if part and isinstance(part, list) else parts:
        where = f"{at}.{name}".removeprefix(".")
        yield where
        yield from places(value, where)


INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def standing(part: Any, where: str) -> Any:
    """Return what stands at a place."""
    for step in where.split("."):
        part = part[int(step) if isinstance(part, list) else step]
    return part


def spoil(part: Any, steps: list[str]) -> None:
    """Put what is of no kind at a place."""
    for step in steps[:-1]:
        part = part[int(step) if isinstance(part, list) else step]
    part[int(steps[-1]) if isinstance(part, list) else steps[-1]] = [[]]


def test_whatever_is_of_another_kind_is_named(document: Any) -> None:
    """By its own place, or where a part is read at once by that part's."""
    tables = {name: part for name, part in document.items() if name not in READ_FIRST}
    seen = 0
    for where in places(tables):
        spoilt = {**document, **deepcopy(tables)}
        spoil(spoilt, where.split("."))

        named, _, what = said(spoilt).removeprefix("at ").partition(": ")

        seen += 1
        assert what.startswith("Expected `"), where
        if named not in {where, f"{where}.0", where.removesuffix(".0")}:
            assert where.startswith(f"{named}."), where
            assert named.rpartition(".")[2] in WHOLE, where

    assert seen > 150


def test_no_instant_is_without_its_zone(document: Any) -> None:
    tables = {name: part for name, part in document.items() if name not in READ_FIRST}
    seen = 0
    for where in places(tables):
        if INSTANT.fullmatch(str(value := standing(tables, where))):
            spoilt = {**document, **deepcopy(tables)}
            put(where, value.removesuffix("Z"))(spoilt)

            told = said(spoilt)

            seen += 1
            assert ZONE in told, where

    assert seen > 10


READ_FIRST = {"format", "name", "tokens", "clock", "account", "faults", "next"}
WHOLE = {  # what is read at once
    *("route", "template", "body", "recipients", "fields", "pace", "parameters"),
    *("answered", "early", "destinations"),
}
