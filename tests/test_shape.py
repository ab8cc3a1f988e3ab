"""How a body is read: spellings, doubts, branches, and the flaw that is named."""

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.contract.document import OpenApiDocument
from emulator.contract.shape import BodyFlaw, BodyMismatch, BodyReading, Shape
from tests.support.emulator import Api, read_contract
from tests.support.orders import CLIC, EMAIL, NUMBER, RESPONSES, SMS, VOICE, make_order

LENIENT: frozenset[str] = frozenset()
DIGITS = [{"type": "integer"}, {"type": "string", "pattern": "^[0-9]+$"}]


def shape(**schema: Any) -> Shape:
    """Return the shape of a schema that stands alone."""
    return Shape(OpenApiDocument({"schema": {"type": "object", **schema}}), "/schema")


def read(of: Shape, *closed: str, **body: Any) -> BodyReading:
    return of.read_body(body, frozenset(closed))


def flaw(of: Shape, *closed: str, **body: Any) -> BodyFlaw:
    with pytest.raises(BodyMismatch) as caught:
        of.read_body(body, frozenset(closed))
    return caught.value.flaw


# --- Spellings ---------------------------------------------------------------

SPELLED = shape(
    required=["template"],
    properties={
        "template": {"x-also-called": {"Template": "GEN-14", "plantilla": "EML-99"}},
        "header": {"type": "string", "x-also-called": {"Header": "GEN-14"}},
    },
)


def test_a_body_without_other_spellings_is_read_as_it_is() -> None:
    assert read(SPELLED, template=1) == BodyReading({"template": 1}, [])


def test_another_spelling_is_renamed_and_noted() -> None:
    reading = read(SPELLED, Template=1, other="kept")

    assert reading == BodyReading({"other": "kept", "template": 1}, ["GEN-14"])


def test_the_canonical_name_wins_over_another_spelling() -> None:
    assert read(SPELLED, Template=2, template=1).body == {"template": 1}
    assert read(SPELLED, Template=2, template=None).body == {"template": None}


def test_of_two_other_spellings_the_first_wins() -> None:
    reading = read(SPELLED, plantilla=2, Template=1)

    assert reading == BodyReading({"template": 1}, ["GEN-14", "EML-99"])


def test_a_spelling_that_is_shut_out_is_an_unknown_field() -> None:
    assert flaw(SPELLED, "GEN-14", Template=1) == BodyFlaw("template", "required")
    assert read(SPELLED, "GEN-14", plantilla=1, Header=5) == BodyReading(
        {"template": 1, "Header": 5}, ["EML-99"]
    )


def test_the_value_under_another_spelling_is_held_to_the_fields_schema() -> None:
    assert flaw(SPELLED, template=1, Header=5) == BodyFlaw("header", "type")


def test_the_body_that_was_sent_is_left_alone() -> None:
    sent = {"Template": 1}

    SPELLED.read_body(sent, LENIENT)

    assert sent == {"Template": 1}


# --- Doubts ------------------------------------------------------------------

DOUBTFUL = shape(
    properties={
        "flag": {
            "type": ["boolean", "integer"],
            "x-strict": [{"ledger": "SMS-28", "schema": {"type": "boolean"}}],
        },
        "sender": {"type": "string"},
    },
    **{"x-strict": [{"ledger": "VOI-08", "schema": {"required": ["sender"]}}]},
)


def test_what_strict_would_take_has_no_notes() -> None:
    assert read(DOUBTFUL, flag=True, sender="x").notes == []


def test_what_strict_would_not_take_is_noted_by_its_statement() -> None:
    assert read(DOUBTFUL, flag=1, sender="x").notes == ["SMS-28"]
    assert set(read(DOUBTFUL, flag=1).notes) == {"SMS-28", "VOI-08"}


def test_a_reading_that_is_shut_out_is_a_flaw_with_its_statement() -> None:
    assert flaw(DOUBTFUL, "SMS-28", flag=1) == BodyFlaw("flag", "type", ledger="SMS-28")
    assert flaw(DOUBTFUL, "VOI-08") == BodyFlaw("sender", "required", ledger="VOI-08")


def test_shutting_one_reading_out_leaves_the_others_open() -> None:
    assert read(DOUBTFUL, "SMS-28", flag=True).notes == ["VOI-08"]


def test_what_not_even_lenient_takes_names_no_statement() -> None:
    assert flaw(DOUBTFUL, "SMS-28", "VOI-08", flag="x") == BodyFlaw("flag", "type")


# --- Branches ----------------------------------------------------------------


def pin(number: int) -> dict[str, Any]:
    integer = {"type": "integer", "enum": [number]}
    return {"oneOf": [integer, {"type": "string", "enum": [str(number)]}]}


BRANCHED = shape(
    oneOf=[
        {"properties": {"type": pin(1), "from": {"type": "string"}}},
        {
            "required": ["type", "text"],
            "properties": {"type": pin(2), "text": {"type": "string"}},
        },
    ]
)


@pytest.mark.parametrize("value", [2, "2", 2.0])
def test_the_pinned_property_chooses_the_branch(value: object) -> None:
    assert flaw(BRANCHED, type=value) == BodyFlaw("text", "required")
    assert read(BRANCHED, type=value, text="x", **{"from": 5}).notes == []


def test_without_the_pinned_property_the_branch_that_does_not_need_it_is_meant() -> (
    None
):
    assert flaw(BRANCHED, text=5, **{"from": 5}) == BodyFlaw("from", "type")


@pytest.mark.parametrize("value", [3, "02", True, None, [], {}, [2], 1.5, ""])
def test_a_value_of_no_branch_is_a_flaw_of_the_pinned_property(value: object) -> None:
    assert flaw(BRANCHED, type=value, text="x") == BodyFlaw("type", "enum")


def test_where_every_branch_needs_the_property_its_absence_is_the_flaw() -> None:
    both = [{"required": ["type"], "properties": {"type": pin(i)}} for i in (1, 2)]

    assert flaw(shape(oneOf=both)) == BodyFlaw("type", "required")


# --- Flaws -------------------------------------------------------------------


@pytest.mark.parametrize("body", [None, [], [{}], "text", 1, 1.5, True])
def test_a_body_that_is_no_object_is_a_flaw_of_the_whole(body: object) -> None:
    with pytest.raises(BodyMismatch) as caught:
        shape().read_body(body, LENIENT)

    assert caught.value.flaw == BodyFlaw("", "type", "object")


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"maxLength": 3}, "four", BodyFlaw("x", "maxLength", 3)),
        ({"minLength": 1}, "", BodyFlaw("x", "minLength", 1)),
        ({"maxItems": 1}, [1, 2], BodyFlaw("x", "maxItems", 1)),
        ({"minItems": 1}, [], BodyFlaw("x", "minItems", 1)),
        ({"pattern": "^a$"}, "b", BodyFlaw("x", "pattern")),
        ({"pattern": "^a$"}, "a\n", BodyFlaw("x", "pattern")),
        ({"type": "string"}, 1, BodyFlaw("x", "type")),
        ({"items": {"required": ["y"]}}, [{"y": 1}, {}], BodyFlaw("x.1.y", "required")),
        ({"oneOf": DIGITS}, "abc", BodyFlaw("x", "pattern")),
        ({"oneOf": DIGITS}, [], BodyFlaw("x", "type")),
        (
            {"anyOf": [{"type": "null"}, {"pattern": "^a$"}]},
            "b",
            BodyFlaw("x", "pattern"),
        ),
    ],
)
def test_a_flaw_names_the_field_the_keyword_and_the_limit(
    schema: dict[str, Any], value: object, expected: BodyFlaw
) -> None:
    assert flaw(shape(properties={"x": schema}), x=value) == expected


def test_the_branch_that_the_value_reaches_deepest_tells_most() -> None:
    one_or_many = [{"type": "array", "items": {"oneOf": DIGITS}}, *DIGITS]
    ids = shape(properties={"ids": {"oneOf": one_or_many}})

    assert flaw(ids, ids=["1", "x"]) == BodyFlaw("ids.1", "pattern")
    assert flaw(ids, ids="x") == BodyFlaw("ids", "pattern")


@pytest.mark.manual("SMS-30", "SMS-31")
def test_a_field_may_be_required_without_another() -> None:
    without = {"not": {"required": ["route"]}}
    either = shape(**{"if": without, "then": {"required": ["country"]}})

    assert flaw(either) == BodyFlaw("country", "required_without", other="route")
    assert read(either, route=1).notes == []


@pytest.mark.manual("VOI-12")
def test_a_field_may_be_required_with_another() -> None:
    needs = shape(dependentRequired={"transfer_num": ["transfer_key"]})

    expected = BodyFlaw("transfer_key", "required_with", other="transfer_num")
    assert flaw(needs, transfer_num=1) == expected


def test_a_field_that_a_condition_requires_is_simply_required() -> None:
    asked = {"if": {"required": ["a"]}, "then": {"required": ["b"]}}

    assert flaw(shape(**asked), a=1) == BodyFlaw("b", "required")


def test_what_must_not_be_there_is_named() -> None:
    neither = {"anyOf": [{"required": ["from"]}, {"required": ["to"]}]}

    assert flaw(shape(**{"not": neither}), to=1) == BodyFlaw("to", "not")


def test_a_mismatch_says_in_words_what_is_wrong() -> None:
    limited = shape(properties={"x": {"maxLength": 3}})

    with pytest.raises(BodyMismatch, match=r"^x: maxLength 3$"):
        read(limited, x="four")


# --- On the wire, for every field of every operation -------------------------

IMAGE = "https://example.org/a.png"
BRANCHES: list[tuple[str, str, dict[str, Any]]] = [  # with what an order needs for it
    (SMS, "CampaignRequest", {}),
    (CLIC, "ClicCampaignRequest", {}),
    (EMAIL, "EmailText", {}),
    (EMAIL, "EmailImage", {"template": 3, "image": IMAGE}),
    (EMAIL, "EmailImageText", {"template": 4}),
    (VOICE, "VoiceAudio", {"type": 1, "audio": 31, "transfer_key": 1}),
    (VOICE, "VoiceText", {"transfer_key": 1}),
    (RESPONSES, "ResponsesByDate", {"type": 1}),
    (RESPONSES, "ResponsesByMessage", {"type": 2, "messages": [1]}),
    (RESPONSES, "ResponsesByCellphone", {}),
    (RESPONSES, "ResponsesByCampaign", {"type": 4, "campaigns": [1]}),
]
WRONG: dict[str, Any] = {"no": [{}]}  # the value of no field


def parts(name: str) -> Iterator[Any]:
    """Yield a schema of the contract and those that its ``allOf`` adds."""
    pending: list[Any] = [{"$ref": f"#/components/schemas/{name}"}]
    for each in pending:
        target = each.get("$ref", "#").removeprefix("#")
        _, schema = (
            read_contract().document.resolve_pointer(target) if target else ("", each)
        )
        pending.extend(schema.get("allOf", ()))
        yield schema


FIELDS = [
    pytest.param(
        path, {**make_order(path, **changes), field: WRONG}, field, id=f"{name} {field}"
    )
    for path, name, changes in BRANCHES
    for part in parts(name)
    for field in part.get("properties", {})
]


@pytest.mark.manual("ERR-11")
@pytest.mark.parametrize(("path", "body", "field"), FIELDS)
def test_a_field_with_a_wrong_value_is_named(
    api: Api, path: str, body: dict[str, Any], field: str
) -> None:
    answer = api.post(path, json=body)

    assert answer.status == 422
    assert f"campo {field} " in answer.information
    assert field in answer.headers["x-emulator-why"]


@pytest.mark.manual("ERR-11", "SMS-05")
@pytest.mark.parametrize(
    "name", ["cellphone", "name", "field1", "field2", "field3", "field4"]
)
@pytest.mark.parametrize("path", [SMS, CLIC, VOICE])
def test_a_field_of_a_recipient_is_named_with_its_place(
    api: Api, path: str, name: str
) -> None:
    second = {"cellphone": NUMBER, name: WRONG}

    answer = api.post(
        path, json=make_order(path, recipients=[{"cellphone": NUMBER}, second])
    )

    assert answer.status == 422
    assert f"campo recipients.1.{name} " in answer.information


MISSING = [
    pytest.param(path, {**make_order(path, **changes)}, field, id=f"{name} {field}")
    for path, name, changes in BRANCHES
    for part in parts(name)
    for field in part.get("required", ())
    if field != "template"  # without it a plain text is meant
]


@pytest.mark.manual("ERR-11")
@pytest.mark.parametrize(("path", "body", "field"), MISSING)
def test_a_field_that_is_missing_is_named(
    api: Api, path: str, body: dict[str, Any], field: str
) -> None:
    body = {name: value for name, value in body.items() if name != field}

    answer = api.post(path, json=body)

    assert answer.status == 422
    assert answer.information == f"El campo {field} es obligatorio"


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"text": None}, "send text"),
        ({"text": "x" * 161}, "shorten text to 160 characters, or see which flag"),
        ({"recipients": []}, "send at least 1 of recipients"),
        ({"route": None, "country": None}, "send route or country"),
        ({"scheduled_date": "soon"}, "send scheduled_date in the form that"),
    ],
)
def test_a_refusal_says_what_to_do_about_the_body(
    api: Api, changes: dict[str, Any], advice: str
) -> None:
    body = {**make_order(SMS), **changes}
    sent = {name: value for name, value in body.items() if value is not None}

    answer = api.post(SMS, json=sent)

    assert answer.status == 422
    assert answer.headers["x-emulator-why"].startswith(advice)


def test_a_strict_refusal_says_what_the_world_is_strict_about(strict: Api) -> None:
    answer = strict.post(SMS, json={**make_order(SMS), "encode": 1})

    assert answer.headers["x-emulator-why"].endswith("strict about SMS-28)")
