"""Each effect is felt where it says that it is, refused elsewhere, and counted so."""

import json
from collections.abc import Callable
from contextlib import closing
from itertools import chain
from typing import Any

import pytest

from emulator.faults import FaultPlace, vocabulary
from emulator.faults.effects.wire import WireFailure, WireFault
from emulator.faults.places import OPERATIONS_BY_PLACE, place_of
from emulator.faults.rule_json import FILTER_KEYS, RULE_KEYS, SCHEDULE_KEYS
from emulator.web.http_faults import HEADER_WORDS
from emulator.web.http_response import HttpResponse
from tests.support.emulator import (
    Api,
    MakeApi,
    make_emulator,
    read_control,
    run_control,
    send_control,
)
from tests.support.orders import NUMBER
from tests.support.servers import Receiver
from tests.support.smpp import (
    BIND_TRANSMITTER,
    DELIVER_SM,
    ENQUIRE_LINK,
    SUBMIT_MULTI,
    SUBMIT_SM,
    SmppClient,
    get_response_id,
    open_smsc,
    pack_message,
    pack_pdu,
    pack_submit,
    pack_text,
)
from tools.faults import CONTROL, written

USER = "getUser"
EXAMPLES = [*vocabulary.list_effect_examples()]
SCHEMAS = read_control().document.tree["components"]["schemas"]
Seen = Any  # what a client or a server of the customer sees


def named(example: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in example.items())


def at(place: FaultPlace) -> pytest.MarkDecorator:
    felt = [each for each in EXAMPLES if place in vocabulary.parse_effect(each).places]
    return pytest.mark.parametrize("effect", felt, ids=named)


def rule_of(api: Api, effect: dict[str, Any], operation: str) -> str:
    rule = {"operation": operation, "first": 1, "effect": effect}
    return str(run_control(api, "POST", "faults", json=rule)["id"])


def advance(api: Api, seconds: float) -> None:
    run_control(api, "POST", "clock/advance", json={"seconds": seconds})


def counts(api: Api) -> list[tuple[int, int]]:
    return [
        (each["matched"], each["applied"]) for each in run_control(api, "GET", "faults")
    ]


def journaled(api: Api, operation: str) -> list[str]:
    """Return which rules the journal says have struck an operation."""
    found = run_control(api, "GET", f"journal?operation={operation}")["exchanges"]
    return [each["fault"] for each in found if each["fault"]]


def struck_once(api: Api, operation: str) -> bool:
    """Whether the rule, the figures and, but for pushes, the journal say the same."""
    (rule,) = run_control(api, "GET", "faults")
    tally = api.worlds.counters.faults
    return rule["applied"] == 1 and tally == {operation: 1}


# --- What is felt, through the wire ---------------------------------------------------


def answered(api: Api) -> Seen:
    """Return what a request gets at once."""
    task = api.start("GET", "/api/v1/user")
    run_control(api, "GET", "faults")
    if not task.done():
        advance(api, 60)
        late = api.finish(task)
        return "late", late.status, late.octets
    try:
        answer = api.finish(task)
    except ConnectionError as broken:
        return str(broken)
    return answer.status, answer.headers["content-type"], answer.octets


@at(FaultPlace.HTTP_REQUEST)
def test_a_request_feels_it(make_api: MakeApi, effect: dict[str, Any]) -> None:
    right, api = answered(make_api()), make_api()
    rule = rule_of(api, effect, USER)

    assert answered(api) != right
    assert struck_once(api, USER)
    assert journaled(api, USER) == [rule]
    assert answered(api) == right


def heard(caller: SmppClient, *more: bytes) -> bytes:
    """Return all that comes until the client, which says *more*, has gone."""
    try:
        caller.turn()
        caller.say(*more)
        caller.turn()
        caller.writer.write_eof()
        return caller.rest()
    except OSError:
        return b"reset"


def submitted(effect: dict[str, Any] | None) -> Seen:
    """Return what a client hears that submits, and how that was counted."""
    with closing(make_emulator()) as api, open_smsc(api) as smsc:
        rule = rule_of(api, effect, "submit_sm") if effect else ""
        caller = smsc.bind()
        caller.say(pack_submit(2, registered=1))
        seen = heard(caller, pack_pdu(ENQUIRE_LINK, 3))
        if effect:
            assert struck_once(api, "submit_sm")
            assert journaled(api, "submit_sm") == [rule]
        return seen


@at(FaultPlace.SMPP_ANSWER)
def test_an_answer_of_smpp_feels_it(effect: dict[str, Any]) -> None:
    assert submitted(effect) != submitted(None)


def receipts(effect: dict[str, Any] | None) -> Seen:
    """Return what a client hears that has two receipts to come."""
    with closing(make_emulator()) as api, open_smsc(api) as smsc:
        rule = rule_of(api, effect, "deliver_sm") if effect else ""
        caller = smsc.bind()
        for each in (2, 3):
            caller.submit(each, registered=1)
        advance(api, 60)
        seen = heard(caller)
        if effect:
            assert struck_once(api, "deliver_sm")
            told = run_control(api, "GET", "deliveries")["deliveries"]
            assert rule in [each["fault"] for each in told]
            kept = {*journaled(api, "deliver_sm"), *journaled(api, "closed")}
            never_sent = effect in ({"delay": 5}, {"wire": "hang"})
            assert kept == (set() if never_sent else {rule})
        return seen


@at(FaultPlace.RECEIPT)
def test_a_receipt_feels_it(effect: dict[str, Any]) -> None:
    assert receipts(effect) != receipts(None)


def pushed(api: Api, receiver: Receiver, effect: dict[str, Any] | None) -> Seen:
    """Return what a server is told of a handset that answers by itself, and when."""
    receiver.asked.clear()
    run_control(api, "PATCH", "account", json={"push_url": receiver.url})
    if effect:
        rule_of(api, effect, "moPush")
    order = {"text": "hola", "recipients": [{"cellphone": "9990010000"}], "route": 87}
    assert api.post("/api/v3/campaign", json=order).status == 200
    seen = []
    for seconds in (0, 30, 600):
        advance(api, seconds)
        told = sorted((each.method, each.query, each.body) for each in receiver.asked)
        seen.append(told)
    return seen


@at(FaultPlace.PUSH)
def test_a_push_feels_it(
    make_api: MakeApi, receiver: Receiver, effect: dict[str, Any]
) -> None:
    right = pushed(make_api(), receiver, None)
    api = make_api()

    assert pushed(api, receiver, effect) != right
    assert struck_once(api, "moPush")
    told = run_control(api, "GET", "deliveries")["deliveries"]
    assert "f1" in [each["fault"] for each in told]


# --- What is not felt is refused ------------------------------------------------------


@pytest.mark.parametrize(
    "operation", [USER, "createCampaign", *chain(*OPERATIONS_BY_PLACE.values())]
)
def test_what_an_operation_cannot_feel_is_refused(api: Api, operation: str) -> None:
    felt = 0
    for effect in EXAMPLES:
        known = vocabulary.parse_effect(effect)
        rule = {"operation": operation, "effect": effect}
        answer = send_control(api, "POST", "faults", json=rule)
        if known.can_affect(operation):
            felt += 1
            assert answer.status == 200, (effect, answer.body)
            assert place_of(operation) in known.places
        else:
            assert answer.status == 422, effect
            detail = answer.body["detail"]
            assert vocabulary.describe_effect(known) in detail, "what was wrong"
            assert vocabulary.describe_operations_for(known) in detail, (
                "where it would be right"
            )
            assert vocabulary.describe_effects_for(operation) in detail, (
                "what would be right there"
            )
    assert len(run_control(api, "GET", "faults")) == felt > 0


@pytest.mark.parametrize(
    ("operation", "effect"),
    [
        ("deliver_sm", {"pdu": "then_close"}),
        ("deliver_sm", {"pdu": "garbage"}),
        ("deliver_sm", {"command_status": 8}),
        ("deliver_sm", {"wire": "truncated"}),
        ("deliver_sm", {"wire": "drip", "seconds": 1}),
        ("submit_sm", {"pdu": "wrong_id"}),
        ("submit_sm", {"status": 500}),
        ("query_sm", {"pdu": "early_receipt"}),
        ("bind_transceiver", {"push": "lost"}),
        ("createCampaign", {"command_status": 8}),
        ("createCampaign", {"pdu": "nack"}),
        ("keywordPush", {"push": "unknown_id"}),
        ("keywordPush", {"push": "early"}),
        ("smppMoPush", {"push": "capitalized"}),
        ("receipt", {"wire": "hang"}),
        ("receipt", {"push": "lost"}),
    ],
)
def test_nobody_could_feel_this(
    api: Api, operation: str, effect: dict[str, Any]
) -> None:
    rule = {"operation": operation, "effect": effect}

    assert send_control(api, "POST", "faults", json=rule).status == 422


@pytest.mark.parametrize("operation", ["submit_sm", "deliver_sm"])
def test_smpp_has_no_headers_to_look_at(api: Api, operation: str) -> None:
    rule = {"operation": operation, "headers": {"a": "b"}, "effect": {"delay": 1}}

    assert (
        "say number, or body"
        in send_control(api, "POST", "faults", json=rule).body["detail"]
    )


@pytest.mark.parametrize("effect", EXAMPLES, ids=named)
def test_a_rule_for_any_operation_is_let_in(api: Api, effect: dict[str, Any]) -> None:
    run_control(api, "POST", "faults", json={"effect": effect})
    run_control(api, "POST", "faults", json={"operation": "*", "effect": effect})

    shown = run_control(api, "GET", "faults")
    again = run_control(api, "POST", "faults", json=asked_again(shown[1]))
    assert {**again, "id": "f2"} == {**shown[1], "id": "f2"}


def asked_again(shown: dict[str, Any]) -> dict[str, Any]:
    return {
        name: each for name, each in shown.items() if name in {*RULE_KEYS, "effect"}
    }


def test_a_preset_is_refused_to_who_cannot_feel_it(api: Api) -> None:
    rule = {"preset": "outage", "operation": "submit_sm"}

    assert send_control(api, "POST", "faults", json=rule).status == 422


def test_a_rule_for_any_operation_meets_receipts_if_nothing_else_could_feel_it() -> (
    None
):
    with closing(make_emulator()) as api, open_smsc(api) as smsc:
        for effect in ({"wire": "hang"}, {"pdu": "wrong_id"}):
            run_control(api, "POST", "faults", json={"effect": effect, "nth": 2})
        caller = smsc.bind()  # the first that a hang has met
        sent = pack_submit(2, registered=1)
        caller.say(sent)
        caller.turn()
        assert counts(api) == [(2, 1), (0, 0)]
        caller.submit(3, registered=1)
        caller.submit(4, registered=1)
        advance(api, 60)
        ids = [caller.hear().body for _ in range(2)]

        assert [b"id:47" in each for each in ids] == [False, True]
        assert counts(api) == [(4, 1), (2, 1)]


# --- Only what is felt counts ---------------------------------------------------------


def test_a_body_that_there_is_not_cannot_be_spoilt() -> None:
    bare, html = HttpResponse(200), HttpResponse(200, b"<p>", b"text/html")
    spoiling = [WireFailure.TRUNCATED, WireFailure.DRIP, WireFailure.EMPTY]
    content = WireFault(WireFailure.WRONG_CONTENT_TYPE)

    assert not any(WireFault(each, 1).changes_http(bare) for each in spoiling)
    assert all(WireFault(each, 1).changes_http(html) for each in spoiling)
    assert not content.changes_http(bare)
    assert not content.changes_http(html)
    assert content.changes_http(HttpResponse(200, b"{}"))
    assert WireFault(WireFailure.HANG).changes_http(bare)


Smpp = Callable[[Api, SmppClient], None]


def without_a_receipt(_api: Api, caller: SmppClient) -> None:
    caller.submit(2)


def in_a_pair(_api: Api, caller: SmppClient) -> None:
    caller.say(*(pack_submit(each) for each in range(2, 6)))
    assert [caller.hear().sequence for _ in range(4)] == [3, 2, 5, 4]


def after_silence(_api: Api, caller: SmppClient) -> None:
    caller.say(*(pack_submit(each) for each in range(2, 6)))
    caller.turn()


def alive(_api: Api, caller: SmppClient) -> None:
    for each in (2, 3):
        assert caller.ask(pack_pdu(ENQUIRE_LINK, each)).status == 0


def two_receipts(api: Api, caller: SmppClient) -> None:
    for each in (2, 3):
        caller.submit(each, registered=1)
    advance(api, 60)
    assert [caller.hear().command for _ in range(2)] == [DELIVER_SM] * 2


@pytest.mark.parametrize(
    ("operation", "effect", "happens", "count", "bind"),
    [
        ("submit_sm", {"pdu": "early_receipt"}, without_a_receipt, (1, 0), {}),
        ("submit_sm", {"pdu": "swapped"}, in_a_pair, (4, 2), {}),
        ("submit_sm", {"wire": "truncated"}, after_silence, (4, 1), {}),
        ("enquire_link", {"command_status": 0}, alive, (2, 0), {}),
        ("deliver_sm", {"pdu": "swapped"}, two_receipts, (2, 1), {}),
        ("deliver_sm", {"pdu": "no_tlvs"}, two_receipts, (2, 0), {"version": 0x33}),
        ("deliver_sm", {"pdu": "no_tlvs"}, two_receipts, (2, 2), {}),
    ],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_what_a_client_of_smpp_does_not_feel_does_not_count(
    operation: str,
    effect: dict[str, Any],
    happens: Smpp,
    count: tuple[int, int],
    bind: dict[str, Any],
) -> None:
    with closing(make_emulator()) as api, open_smsc(api) as smsc:
        rule = {"operation": operation, "effect": effect}
        run_control(api, "POST", "faults", json=rule)
        caller = smsc.bind(**bind)

        happens(api, caller)
        caller.hang_up()
        caller.turn()

        _, struck = count
        assert counts(api) == [count]
        assert api.worlds.counters.faults == ({operation: struck} if struck else {})
        assert journaled(api, operation) == ["f1"] * struck


def test_a_receipt_that_nobody_takes_cannot_be_early() -> None:
    """It then comes when its time has come."""
    with closing(make_emulator()) as api, open_smsc(api) as smsc:
        rule_of(api, {"pdu": "early_receipt"}, "submit_sm")
        smsc.bind(command=BIND_TRANSMITTER).submit(2, registered=1)
        run_control(api, "GET", "faults")

        assert counts(api) == [(1, 0)]
        assert run_control(api, "GET", "deliveries")["deliveries"] == []


@pytest.mark.parametrize(
    ("command", "body"),
    [
        (SUBMIT_SM, pack_message(NUMBER, b"hola", registered=1)),
        (
            SUBMIT_MULTI,
            pack_text("")
            + b"\0\0"
            + pack_text("74342")
            + b"\1\1\1\1"
            + pack_text(NUMBER)
            + bytes(5)
            + b"\1\0\0\0\4hola",
        ),
    ],
    ids=["submit_sm", "submit_multi"],
)
def test_whatever_places_a_message_can_have_its_receipt_first(
    command: int, body: bytes
) -> None:
    with closing(make_emulator()) as api, open_smsc(api) as smsc:
        run_control(api, "POST", "faults", json={"effect": {"pdu": "early_receipt"}})
        caller = smsc.bind()

        caller.say(pack_pdu(command, 2, body))

        commands = [caller.hear().command for _ in range(2)]
        assert commands == [DELIVER_SM, get_response_id(command)]
        assert counts(api) == [(1, 1)]


def test_a_rule_that_was_not_felt_lets_the_next_one_try() -> None:
    with closing(make_emulator()) as api, open_smsc(api) as smsc:
        rule_of(api, {"pdu": "early_receipt"}, "submit_sm")
        rule_of(api, {"pdu": "duplicated"}, "submit_sm")
        caller = smsc.bind()

        caller.say(pack_submit(2))

        assert [caller.hear().sequence for _ in range(2)] == [2, 2]
        assert counts(api) == [(1, 0), (1, 1)]


@pytest.mark.parametrize(
    ("account", "effect", "count"),
    [
        ({"assumptions": {"mo_cellphone_name": "rellphone"}}, "misspelled", (1, 0)),
        ({"assumptions": {"mo_cellphone_name": "both"}}, "misspelled", (1, 1)),
        ({}, "misspelled", (1, 1)),
        ({"push_url": None}, "early", (0, 0)),
        ({}, "early", (1, 1)),
    ],
)
def test_a_push_that_is_wrong_already_is_not_spoilt(
    api: Api,
    receiver: Receiver,
    account: dict[str, Any],
    effect: str,
    count: tuple[int, int],
) -> None:
    changes = {"push_url": receiver.url, **account}
    run_control(api, "PATCH", "account", json=changes)
    run_control(api, "POST", "faults", json={"effect": {"push": effect}, "nth": 1})
    order = {"text": "hola", "recipients": [{"cellphone": "9990010000"}], "route": 87}

    assert api.post("/api/v3/campaign", json=order).status == 200
    run_control(api, "POST", "clock/settle", json={})

    assert counts(api) == [count]
    struck = [
        each["fault"] for each in run_control(api, "GET", "deliveries")["deliveries"]
    ]
    assert struck.count("f1") == sum(api.worlds.counters.faults.values()) == count[1]


def test_a_question_about_a_keyword_names_no_message(
    api: Api, receiver: Receiver
) -> None:
    item = {"keyword": "hi", "response_url": receiver.url}
    run_control(api, "POST", "account/keywords", json=item)
    run_control(api, "POST", "faults", json={"effect": {"push": "unknown_id"}})

    run_control(api, "POST", "inbound", json={"number": NUMBER, "text": "hi"})

    assert counts(api) == [(0, 0)]


def test_a_header_whose_fault_was_not_felt_says_nothing(api: Api) -> None:
    headers = {"X-Emulator-Fault": "status=503; phase=after"}
    answer = api.get("/api/v3/campaign/1/messages", headers=headers)

    assert answer.status == 404
    assert "x-emulator-fault" not in answer.headers
    assert api.worlds.counters.faults == {}
    assert journaled(api, "getCampaignMessages") == []


# --- What was kept --------------------------------------------------------------------


UNFELT: list[tuple[str, dict[str, Any]]] = [
    ("deliver_sm", {"pdu": "then_close"}),
    ("deliver_sm", {"command_status": 8}),
    ("deliver_sm", {"wire": "drip", "seconds": 2}),
    ("getUser", {"pdu": "duplicated"}),
    ("receipt", {"push": "lost"}),
]


def test_a_rule_of_an_earlier_version_comes_back_and_never_strikes() -> None:
    """0.1.0 let in what nobody could feel; its worlds are read all the same."""
    with closing(make_emulator()) as api, open_smsc(api) as smsc:
        snapshot = run_control(api, "GET", "world/snapshot")
        for number, (operation, effect) in enumerate(UNFELT):
            phase = vocabulary.parse_effect(effect).phases[0]
            kept = {"id": f"f{number}", "operation": operation, "phase": str(phase)}
            snapshot["faults"].append(
                {**kept, "effect": effect, "matched": 3, "applied": 1}
            )
        run_control(api, "POST", "world/restore", json=snapshot)

        caller = smsc.bind()
        two_receipts(api, caller)

        assert api.get("/api/v1/user").status == 200
        assert counts(api) == [(3, 1)] * len(UNFELT)


# --- One vocabulary -------------------------------------------------------------------


def test_the_control_api_describes_the_effects_that_there_are() -> None:
    text = CONTROL.read_text("utf-8")

    assert written(text) == text, "python -m tools.faults writes it anew"
    assert SCHEMAS["Effect"]["properties"].keys() == vocabulary.FIELDS_BY_NAME.keys()


def test_the_control_api_describes_what_a_rule_may_say() -> None:
    asked, shown = (SCHEMAS[each]["properties"] for each in ("NewFault", "Fault"))

    assert asked.keys() == RULE_KEYS | {"preset", "effect"}
    assert shown.keys() == RULE_KEYS | {"id", "effect", "matched", "applied"}
    assert {*FILTER_KEYS, *SCHEDULE_KEYS} < RULE_KEYS


def test_one_word_means_one_thing() -> None:
    words = [word for each in vocabulary.EFFECTS for word in each.FIELDS]

    assert all(vocabulary.FIELDS_BY_NAME[each.name] is each for each in words)


def test_an_effect_is_shown_as_it_was_asked_for() -> None:
    for each in EXAMPLES:
        known = vocabulary.parse_effect(each)
        assert vocabulary.parse_effect(known.to_json()) == known, each
        assert type(known).FIELDS[0].name in each


def test_a_whole_number_may_have_a_point(api: Api) -> None:
    effect = {"status": 503.0, "retry_after": 7.0}
    run_control(api, "POST", "faults", json={"effect": effect, "operation": USER})

    answer = api.get("/api/v1/user")

    assert (answer.status, answer.headers["retry-after"]) == (503, "7")


def test_a_header_may_say_what_a_request_can_feel_and_a_line_can_hold() -> None:
    http = {
        word.name
        for each in EXAMPLES
        if FaultPlace.HTTP_REQUEST in (known := vocabulary.parse_effect(each)).places
        for word in type(known).FIELDS
    }

    assert http - {"body", "headers"} | {"phase"} == HEADER_WORDS.keys()


@pytest.mark.parametrize(
    "word", [*vocabulary.FIELDS_BY_NAME.values()], ids=lambda word: word.name
)
def test_a_wrong_word_is_refused_in_the_schema_and_in_a_sentence(
    api: Api, word: Any
) -> None:
    """Both know the same: the schema at the door, the words of a header or a file."""
    properties = SCHEMAS["Effect"]["properties"]
    assert properties[word.name] == json.loads(json.dumps(word.schema))
    if word.name == "body":
        return
    for wrong in ([1], "\n", {"a": 1}, True, -1, 1e12, None):
        said = {word.name: wrong}
        assert not word.is_valid(wrong), wrong
        answer = send_control(api, "POST", "faults", json={"effect": said})
        assert answer.status == 422, wrong
