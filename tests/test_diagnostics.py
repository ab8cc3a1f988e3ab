"""Why the emulator says no: the whole sentence, for every way in which it does."""

import ast
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import emulator
from tests.support.emulator import (
    Answer,
    Api,
    MakeApi,
    make_limited_emulator,
    run_control,
    send_control,
)
from tests.support.orders import (
    CLIC,
    EMAIL,
    NUMBER,
    POOR,
    RESPONSES,
    SMS,
    VOICE,
    make_crowd,
    make_order,
    make_recipients,
    make_sms,
    place_campaign,
)

STRICT = {"strict": True}
PAST = "2026-03-01 09:00:00"
ROUTES = "87, 170, 85, 153, 129, 178, 179, 77, 79"


class Why(NamedTuple):
    """A request that is refused, the sentence that says why, and the world for it."""

    says: str
    path: str = SMS
    body: Any = None
    method: str = "POST"
    headers: Mapping[str, str] = {}
    world: Mapping[str, Any] = {}

    def answer(self, api: Api) -> Answer:
        if not self.path.startswith("/"):
            return send_control(api, self.method, self.path, json=self.body)
        headers = dict(self.headers)
        return api.send(self.method, self.path, json=self.body, headers=headers)


def sms(says: str, /, world: Mapping[str, Any] = {}, **changes: Any) -> Why:
    return Why(says, SMS, make_order(SMS, **changes), world=world)


def asked(
    says: str, path: str, /, world: Mapping[str, Any] = {}, **changes: Any
) -> Why:
    return Why(says, path, make_order(path, **changes), world=world)


def get(says: str, path: str, **more: Any) -> Why:
    return Why(says, path, method="GET", **more)


NAMED = [{"cellphone": NUMBER, "name": "Ana"}, {"cellphone": NUMBER}]
BUT = "(this world is strict about {})"

REFUSED = [
    # The shape of a request.
    sms("send text", text=None),
    sms("send route or country", route=None),
    asked("send transfer_key, as there is transfer_num", VOICE, transfer_num=NUMBER),
    sms(
        "shorten text to 160 characters, or see which flag allows more",
        text="x" * 161,
    ),
    asked("send at least 1 characters of subject", EMAIL, subject=""),
    sms(
        "send at most 50000 of recipients", recipients=make_recipients(NUMBER) * 50_001
    ),
    sms("send at least 1 of recipients", recipients=[]),
    asked(
        "send template with one of the values that the contract lists",
        EMAIL,
        template=5,
    ),
    sms(
        "send recipients.0.cellphone in the form that the contract's pattern shows",
        recipients=make_recipients("9"),
    ),
    sms("send text with the type that the contract gives it", text=1),
    Why("send the body with the type that the contract gives it", SMS, []),
    asked(
        f"leave campaigns out, it does not go with the rest {BUT.format('MO-08')}",
        RESPONSES,
        world=STRICT,
        campaigns=[1],
    ),
    Why(
        "leave surprise out, or see how the contract spells it",
        "smpp/outbind",
        {"host": "127.0.0.1", "port": 9, "surprise": 1},
    ),
    get("the query may have world", "world?word=demo"),
    Why("deliveryId is not a number that an id could be", "deliveries/x/drop"),
    get("limit does not match its schema in the contract", "messages?limit=0"),
    # The door.
    get("the contract has no such path", "/api/v3/nothing"),
    Why("DELETE is not one of POST", SMS, method="DELETE"),
    get(
        "send the header Authorization: Bearer <token>",
        "/api/v1/user",
        headers={"authorization": "demo"},
    ),
    get(
        "no world knows this token; try demo, or world-<name> for a new world",
        "/api/v1/user",
        headers={"authorization": "Bearer nobody"},
    ),
    get(
        "write Bearer with a capital and one space",
        "/api/v1/user",
        headers={"authorization": "bearer  demo"},
        world=STRICT,
    ),
    Why(
        "send the header Content-Type: application/json",
        SMS,
        make_order(SMS),
        headers={"content-type": "text/plain"},
        world=STRICT,
    ),
    # What the account does not have.
    sms(f"routes: {ROUTES}", route=999),
    sms("countries: 1, 2", country=999),
    sms("no route leads to country 2", route=None, country=2),
    sms("route and country disagree", world=STRICT, country=2),
    asked("links: 4", CLIC, url=999),
    asked("links: none", CLIC, world={"links": []}),
    asked("audios: 31, 32", VOICE, type=1, text=None, audio=999),
    asked("audios: none", VOICE, world={"audios": []}, type=1, text=None, audio=9),
    asked("media: 51, 52", EMAIL, attachment=999),
    asked("media: none", EMAIL, world={"media": []}, attachment=999),
    asked(
        "the image is not in the library",
        EMAIL,
        world=STRICT,
        template=3,
        body=None,
        image="https://media.example.org/none.png",
    ),
    asked(
        "the account does not own this number",
        VOICE,
        world=STRICT,
        remittent="5500000000",
    ),
    asked(
        "the world file switches services.voice off",
        VOICE,
        world={"services": {"voice": False}},
    ),
    sms("1 is needed and 0.99 is left", world={"account": POOR}),
    # What strict worlds decline.
    sms("some recipients lack name", world=STRICT, recipients=NAMED),
    sms("a recipient lacks name", world=STRICT, text="hola <+B+>"),
    sms(
        "a merged value holds characters that GSM 03.38 lacks",
        world=STRICT,
        text="hola <+B+>",
        recipients=make_recipients(NUMBER, name="Анна"),
    ),
    sms(
        "a merged value holds characters of the GSM 03.38 extension",
        world=STRICT,
        text="hola <+B+>",
        recipients=make_recipients(NUMBER, name="[Ana]"),
    ),
    sms(
        "a text grows over the limit when its placeholders are filled",
        world=STRICT,
        text="hola <+B+>",
        recipients=make_recipients(NUMBER, name="x" * 200),
    ),
    sms(
        "merged texts of over 306 characters are refused",
        world={"merged_limit": 306},
        text="hola <+B+>",
        recipients=make_recipients(NUMBER, name="x" * 306),
    ),
    sms("the scheduled date has passed", world=STRICT, scheduled_date=PAST),
    asked("the scheduled date has passed", VOICE, world=STRICT, scheduledDate=PAST),
    asked("the scheduled date has passed", EMAIL, world=STRICT, scheduledDate=PAST),
    sms(
        "shop.example.org is not on the white list",
        world={"assumptions": {"url_whitelist": "reject"}},
        text="http://shop.example.org/",
    ),
    Why(
        "from is after to: nothing is found",
        RESPONSES,
        {"type": 1, "from": "2026-03-02 09:00:00", "to": PAST},
        world=STRICT,
    ),
    # What there is not.
    get("world demo has no such campaign with the id 7", f"{SMS}/7/messages"),
    get(
        "/api/v3/voice/{voiceId} is the path that a strict world knows",
        f"{VOICE}/1/",
        world=STRICT,
    ),
    get("voiceId is not a number that an id could be", f"{VOICE}/x"),
    get("no world is called nowhere", "world?world=nowhere"),
    Why("world demo has no delivery 7, or no longer", "deliveries/7/replay"),
    Why("world demo has no such rule", "faults/f9", method="DELETE"),
    Why("world demo has no such session", "smpp/sessions/9", method="DELETE"),
    Why("world demo has no such token", "tokens/nobody", method="DELETE"),
    get("the journal of world demo has no exchange 7", "journal/7"),
    Why("no answer to 7 is waited for", "pushes/7", {"status": 200}),
    Why("checkpoints of world demo: none", "world/checkpoints/a/restore"),
    Why("the account has no such item in audios", "account/audios/9", method="DELETE"),
    # Worlds, their clocks and their handsets.
    Why("there is a world or a token called demo", "worlds", {"name": "demo"}),
    Why(
        "there is no world file called nowhere; known: contract, demo",
        "worlds",
        {"name": "x", "fixture": "nowhere"},
    ),
    Why(
        "in what it means: x0 is no rate of a clock; x1000000 is the fastest",
        "worlds",
        {"name": "x", "clock": "x0"},
    ),
    Why(
        "in what it means: 0999-01-01 is not of the years 2000 to 8999",
        "worlds",
        {"name": "x", "clock": "0999-01-01"},
    ),
    Why(
        "at assumptions.charge: charge is one of per_part, per_recipient, not 'never'",
        "worlds",
        {"name": "x", "assumptions": {"charge": "never"}},
    ),
    Why(
        "at assumptions.nonsense: there is no assumption called 'nonsense'",
        "worlds",
        {"name": "x", "assumptions": {"nonsense": "yes"}},
    ),
    Why("the default world can only be reset", "world", method="DELETE"),
    Why(
        "it is 2026-03-02T18:00:00.000000Z there already",
        "clock/advance",
        {"to": "2026-03-02T17:59:59Z"},
    ),
    Why("the world ends with the year 8999", "clock/advance", {"seconds": 2.21e11}),
    Why("the text is blank", "inbound", {"number": NUMBER, "text": " \t"}),
    Why(
        "world demo has sent nothing to 5599999999, "
        "and the text begins with none of its keywords",
        "inbound",
        {"number": "5599999999", "text": "hola"},
    ),
    Why(
        "world demo has sent no message 7",
        "inbound",
        {"number": NUMBER, "text": "si", "message": 7},
    ),
    Why(
        "1e-07 has more than six decimals",
        "movements",
        {"amount": 0.0000001},
    ),
    Why("say at_least, at_most, exactly or never_within", "journal/verify", {}),
    Why(
        "the window ends beyond all dates; make never_within shorter",
        "journal/verify",
        {"never_within": 3e11},
    ),
]


def why(answer: Answer) -> str:
    told = answer.headers.get("x-emulator-why")
    if told is None:
        detail: str = answer.body["detail"]
        return detail
    return told


@pytest.mark.parametrize("no", REFUSED, ids=lambda no: no.says[:60])
def test_every_refusal_says_why_in_a_whole_sentence(make_api: MakeApi, no: Why) -> None:
    with closing(make_api(**no.world)) as api:
        answer = no.answer(api)

        assert answer.status >= 400, answer.octets
        assert why(answer) == no.says


@pytest.mark.parametrize(
    ("path", "body", "title"),
    [
        (
            "inbound",
            {"number": NUMBER, "text": " "},
            "The field text must be at least 1 characters",
        ),
        ("journal/verify", {}, "The field at_least is required"),
        (
            "journal/wait",
            {"since": "2026-02-30T00:00:00Z"},
            "The format of the field since is invalid",
        ),
        (
            "clock/advance",
            {"to": "2026-02-30T00:00:00Z"},
            "The format of the field to is invalid",
        ),
        ("smpp/outbind", {"host": "x"}, "The field port is required"),
    ],
)
def test_a_refusal_names_its_field(api: Api, path: str, body: Any, title: str) -> None:
    answer = send_control(api, "POST", path, json=body)

    assert (answer.status, answer.body["title"]) == (422, title)


class After(NamedTuple):
    """What was done, what is asked then, and why that is refused."""

    done: tuple[tuple[str, str, Any], ...]
    asked: tuple[str, str, Any]
    says: str


LATE = ("POST", "faults", {"effect": {"push": "late", "seconds": 900}})
NOBODY = ("PATCH", "account", {"push_url": "http://127.0.0.1:9/mo"})
WROTE = ("POST", "inbound", {"number": NUMBER, "text": "si"})
PLACED = ("POST", SMS, make_order(SMS))
PASSED = ("POST", "clock/advance", {"seconds": 60})
REPLIED = (PLACED, PASSED, LATE, NOBODY, WROTE)
ONE = "campaigns/sms/8528238"
AFTER = [
    After((PLACED,), ("POST", f"{ONE}/resume", None), "campaign 8528238 is not paused"),
    After(
        (PLACED, ("POST", f"{ONE}/pause", None)),
        ("POST", f"{ONE}/pause", None),
        "campaign 8528238 is paused",
    ),
    After(
        (PLACED, ("POST", f"{ONE}/cancel", None)),
        ("POST", f"{ONE}/pause", None),
        "campaign 8528238 is cancelled",
    ),
    After(
        (PLACED, ("POST", f"{ONE}/mark-unknown", None)),
        ("POST", f"{ONE}/cancel", None),
        "campaign 8528238 is lost",
    ),
    After(
        (PLACED, PASSED),
        ("POST", f"{ONE}/cancel", None),
        "campaign 8528238 is complete",
    ),
    After(
        (("POST", VOICE, make_order(VOICE)), PASSED),
        ("POST", f"{VOICE}/481776/cancel", None),
        "campaign 481776 is COMPLETED; only TO_SEND can be cancelled",
    ),
    After(
        (PLACED,),
        WROTE,
        "message 46608336 is in progress: "
        "advance the clock, or settle, and it may arrive",
    ),
    After(
        (PLACED, PASSED),
        (
            "POST",
            "inbound",
            {"number": "5511112222", "text": "si", "message": 46608336},
        ),
        f"message 46608336 went to {NUMBER}",
    ),
    After(
        (*REPLIED, ("POST", "deliveries/1/drop", None)),
        ("POST", "deliveries/1/drop", None),
        "delivery 1 is dropped already",
    ),
    After(
        (*REPLIED, ("POST", "deliveries/1/drop", None)),
        ("POST", "deliveries/1/send", None),
        "delivery 1 is dropped; replay it instead",
    ),
    After(
        (("POST", "world/checkpoints", {"name": "a"}),),
        ("POST", "world/checkpoints/b/restore", None),
        "checkpoints of world demo: a",
    ),
    After(
        (("DELETE", "tokens/demo?world=demo", None),),
        ("GET", "/api/v1/user", None),
        "the token was deleted; create another",
    ),
    After(
        (("POST", "tokens/demo/expire", None),),
        ("GET", "/api/v1/user", None),
        "the token has expired; create another",
    ),
]


@pytest.mark.parametrize("after", AFTER, ids=lambda each: each.says[:60])
def test_what_was_done_before_may_be_why(api: Api, after: After) -> None:
    for method, path, body in after.done:
        assert Why("", path, body, method).answer(api).status == 200

    method, path, body = after.asked
    answer = Why("", path, body, method).answer(api)

    assert answer.status >= 400
    assert why(answer) == after.says


def test_a_delivery_that_is_being_tried_says_so(api: Api) -> None:
    for method, path, body in REPLIED:
        assert Why("", path, body, method).answer(api).status == 200
    api.world.outbox.underway[1] = None

    answers = [
        send_control(api, "POST", f"deliveries/1/{each}")
        for each in ("replay", "send", "drop")
    ]

    assert [each.status for each in answers] == [409] * 3
    assert {why(each) for each in answers} == {"delivery 1 is being tried"}


def test_bounds_say_which_and_what_to_do() -> None:
    with closing(
        make_limited_emulator(worlds=1, messages=2, checkpoints=1, snapshot=1000)
    ) as small:
        place_campaign(small, make_sms(recipients=make_crowd(2)))
        asked = [
            small.post(SMS, json=make_sms()),
            small.get("/api/v1/user", token="world-other"),
            send_control(small, "POST", "worlds", json={"name": "other"}),
            send_control(small, "GET", "world/snapshot"),
        ]
        run_control(small, "POST", "world/checkpoints", json={"name": "a"})
        asked.append(
            send_control(small, "POST", "world/checkpoints", json={"name": "b"})
        )

    octets = re.search(r"[0-9]+", why(asked[3]))
    assert [why(each) for each in asked] == [
        "the world holds 2 of 2 messages (--max-messages); reset it, or use another",
        "there are 1 worlds, the most that this process may hold",
        "there are 1 worlds already",
        f"it has {octets and octets[0]} bytes; the setting snapshot_limit admits 1000",
        "there are 1 of world demo; drop one",
    ]


def test_what_only_some_worlds_say(make_api: MakeApi) -> None:
    """Switches that turn an answer into a refusal."""
    quiet = make_api(assumptions={"no_information": "not_found"})
    placed = place_campaign(quiet)
    own = make_api(name="other", tokens=[{"name": "a", "token": "secret"}])

    answer = quiet.get(f"{SMS}/{placed['campaign']}/messages")
    other = own.get("/api/v1/user", token="world-other")

    assert why(answer) == "the campaign gives no information yet"
    assert why(other) == "world other has tokens of its own"


def test_so_many_of_each_and_no_more(api: Api, monkeypatch: Any) -> None:
    for module in ("control.tokens", "control.handsets", "control.faults"):
        name = "MAX_RULES" if module == "control.faults" else "MAX_ITEMS"
        monkeypatch.setattr(f"emulator.operations.{module}.{name}", 1)
    run_control(api, "PUT", "handsets/5500000001", json={"outcome": "failed"})
    run_control(api, "POST", "faults", json={"effect": {"status": 500}})

    answers = [
        send_control(api, "POST", "tokens", json={"name": "x"}),
        send_control(api, "PUT", "handsets/5500000002", json={"outcome": "failed"}),
    ]

    assert [why(each) for each in answers] == [
        "DELETE /_emulator/tokens/<token> makes room",
        "PUT /_emulator/population decides for whole crowds",
    ]
    assert [each.body["title"] for each in answers] == [
        "The field tokens may not have more than 1 items",
        "The field handsets may not have more than 1 items",
    ]


# --- None is forgotten -------------------------------------------------------

ROOMS = ("domain", "operations", "centre", "web", "smpp")
# Mistakes of ours, which nobody is told but the log.
OURS = {
    "emulator.web.http_request: ... has not been let in",
    "emulator.web.panel.assets: no page has a file called ...",
    "emulator.smsc.commands: there are no distribution lists",  # a status says it
    "emulator.domain.sms: more than the optimal ... recipients",  # only noted
    "emulator.web.endpoint: the answer of ... is not what the contract describes",
}
SHORTEST = 8  # characters that tell one sentence from the others


def test_every_sentence_of_a_refusal_stands_in_a_test() -> None:
    home = Path(emulator.__file__).parent
    tests = _flat("".join(each.read_text("utf-8") for each in _tests()))
    missing = set()
    for room in ROOMS:
        for path in sorted((home / room).rglob("*.py")):
            if path.name == "faults.py":
                continue  # whose kinds have tests of their own
            module = ".".join(path.relative_to(home.parent).with_suffix("").parts)
            for pieces in _sentences(ast.parse(path.read_text("utf-8"))):
                longest = max(pieces, key=len).strip()
                said = f"{module}: {'...'.join(pieces)}".strip()
                if len(longest) >= SHORTEST and longest not in tests:
                    missing.add(said)

    assert sorted(missing - OURS) == []


def _tests() -> Iterator[Path]:
    return Path(__file__).parent.rglob("*.py")


def _flat(text: str) -> str:
    """Return source without the breaks within its strings."""
    return re.sub(r"\s+", " ", re.sub(r'"\s*\n\s*f?"', "", text))


def _sentences(tree: ast.AST) -> Iterator[list[str]]:
    """Yield what can be said of a refusal, in the pieces that never change."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "why":
            yield from _pieces(node.value)
        elif isinstance(node, ast.Call) and len(node.args) > 1:
            name = ast.unparse(node.func)
            place = {"Refusal": 1, "Declined": 1, "Doubt": 2}.get(name, len(node.args))
            yield from (it for arg in node.args[place:][:1] for it in _pieces(arg))


def _pieces(node: ast.AST) -> Iterator[list[str]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield [node.value]
    elif isinstance(node, ast.JoinedStr):
        pieces = [
            str(each.value) if isinstance(each, ast.Constant) else "\0"
            for each in node.values
        ]
        yield "".join(pieces).split("\0")
