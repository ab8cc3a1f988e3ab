"""SMS campaigns: placing them, and what they cost."""

from dataclasses import dataclass
from typing import Any

import pytest

from emulator.domain import money
from emulator.domain.account import token
from emulator.domain.text import GSM_BASIC, GSM_EXTENSION
from tests.campaigns import (
    MARK,
    NUMBER,
    SMS,
    Body,
    an_sms,
    assert_nothing_happened,
    assert_refused,
    column,
    crowd,
    place,
    poll,
    texts,
    to,
)
from tests.conftest import MakeApi
from tests.emulated import Api

MANUAL: Body = {
    "text": "hi mi name y jose",
    "recipients": [
        {"cellphone": "4498987282"},
        {"cellphone": "4498987283"},
        {"cellphone": "4498987283"},
    ],
    "campaign_name": "my campaign",
    "route": 87,
    "country": 1,
    "encode": False,
    "long_message": False,
}
NEITHER = (
    "El campo route es obligatorio cuando country no esta presente. "
    "El campo country es obligatorio cuando route no esta presente"
)
BOTH_MODES = pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])


# --- The answer --------------------------------------------------------------


@pytest.mark.manual("SMS-40", "GEN-07")
def test_a_campaign_is_answered_like_the_manuals(api: Api) -> None:
    answer = api.post("/api/v3/campaign", json=MANUAL)

    assert answer.status == 200
    assert list(answer.body.items()) == [
        ("message", "Completado Correctamente"),
        ("campaign", 8528238),
        ("campaign_name", "my campaign"),
        ("route", "Premium 2 Masiva"),
        ("country", "Mexico"),
        ("scheduled_date", None),
        ("recipients_count", 3),
        ("encode", False),
        ("long_message", False),
        ("balance", 468059.11),
        ("token_expires", "2027-03-02 12:00:00"),
    ]


@pytest.mark.manual("SMS-01")
@BOTH_MODES
def test_the_manuals_campaign_leaves_nothing_in_doubt(
    make_api: MakeApi, *, strict: bool
) -> None:
    answer = make_api(strict=strict).post(SMS, json=MANUAL)

    assert (answer.status, answer.notes) == (200, [])


@pytest.mark.manual("SMS-40")
def test_the_answer_repeats_flags_and_date(api: Api) -> None:
    placed = place(
        api,
        an_sms(encode=True, long_message=False, scheduled_date="2026-03-03 08:00:00"),
    )

    assert placed["scheduled_date"] == "2026-03-03 08:00:00"
    assert (placed["encode"], placed["long_message"]) == (True, False)


@pytest.mark.manual("SMS-40", "SMS-20", "SMS-23")
def test_flags_are_false_unless_they_are_sent(api: Api) -> None:
    placed = place(api)

    assert (placed["encode"], placed["long_message"]) == (False, False)


@pytest.mark.manual("SMS-41", "SMS-42")
def test_token_expires_is_the_expiry_of_the_token_in_use(api: Api) -> None:
    api.clock.advance(days=10)
    late = token("late", "late-one", now=api.clock.now)
    api.world.keep(late)
    api.world.commit()

    by_first = api.post(SMS, json=an_sms())
    by_second = api.post(SMS, json=an_sms(), token="late-one")

    assert by_first.body["token_expires"] == "2027-03-02 12:00:00"
    assert by_second.body["token_expires"] == "2027-03-12 12:00:00"


@pytest.mark.manual("SMS-49")
def test_ids_grow_by_one_from_the_manuals(api: Api) -> None:
    ids = [place(api)["campaign"] for _ in range(3)]

    assert ids == [8528238, 8528239, 8528240]


@pytest.mark.manual("SMS-35")
def test_a_campaign_may_be_nameless(api: Api) -> None:
    placed = place(api)

    assert placed["campaign_name"] is None
    assert poll(api, placed)["name"] is None


@pytest.mark.manual("SMS-35")
@BOTH_MODES
def test_a_campaigns_name_is_a_string(make_api: MakeApi, *, strict: bool) -> None:
    answer = make_api(strict=strict).post(SMS, json=an_sms(campaign_name=5))

    assert_refused(answer, "campaign_name")


@pytest.mark.manual("SMS-01", "GEN-15", "CLC-06")
@pytest.mark.parametrize("url", [4, "4", 999, "x", None])
@BOTH_MODES
def test_a_plain_campaign_knows_no_links(
    make_api: MakeApi, url: Any, *, strict: bool
) -> None:
    api = make_api(strict=strict)

    assert texts(api, an_sms(text=f"ver {MARK}", url=url)) == [f"ver {MARK}"]


@pytest.mark.manual("SMS-48")
@pytest.mark.parametrize("name", [" my first campaign", "trailing ", "", "ñandú 😀"])
def test_a_campaigns_name_is_kept_as_it_was_sent(api: Api, name: str) -> None:
    placed = place(api, an_sms(campaign_name=name))

    assert placed["campaign_name"] == name
    assert poll(api, placed)["name"] == name


@pytest.mark.manual("SMS-07")
def test_what_was_doubtful_is_kept_with_the_request(api: Api) -> None:
    answer = api.post(
        SMS, json=an_sms(recipients=[*to("5500000000", name="Ana"), *to("5500000001")])
    )

    kept = api.world.journal.exchanges[-1]
    assert list(kept.notes) == answer.notes == ["SMS-07"]


# --- The text and its length -------------------------------------------------

# Flags of a campaign, and how many characters its text may have.
LIMITS: list[tuple[dict[str, Any], int]] = [
    ({}, 160),
    ({"encode": False, "long_message": False}, 160),
    ({"encode": True}, 70),
    ({"encode_2": True}, 128),
    ({"encode_3": True}, 192),
    ({"long_message": True}, 306),
]


@pytest.mark.manual("SMS-02", "SMS-20", "SMS-21", "SMS-22", "SMS-23")
@pytest.mark.parametrize(("flags", "limit"), LIMITS)
@BOTH_MODES
def test_a_text_may_be_as_long_as_its_flags_say(
    make_api: MakeApi, flags: dict[str, Any], limit: int, *, strict: bool
) -> None:
    answer = make_api(strict=strict).post(SMS, json=an_sms(text="x" * limit, **flags))

    assert (answer.status, answer.notes) == (200, [])


@pytest.mark.manual("SMS-02", "SMS-20", "SMS-21", "SMS-22", "SMS-23")
@pytest.mark.parametrize(("flags", "limit"), LIMITS)
@BOTH_MODES
def test_a_text_may_not_be_longer_than_its_flags_say(
    make_api: MakeApi, flags: dict[str, Any], limit: int, *, strict: bool
) -> None:
    api = make_api(strict=strict)

    answer = api.post(SMS, json=an_sms(text="x" * (limit + 1), **flags))

    assert_refused(answer, f"El campo text no debe ser mayor que {limit} caracteres")
    assert_nothing_happened(api)


@pytest.mark.manual("SMS-02")
@pytest.mark.parametrize("text", ["", None, 5, ["hola"], True])
@BOTH_MODES
def test_a_text_is_a_string_of_one_character_at_least(
    make_api: MakeApi, text: Any, *, strict: bool
) -> None:
    answer = make_api(strict=strict).post(SMS, json=an_sms(text=text))

    assert_refused(answer, "El campo text" if text == "" else "text")


@pytest.mark.manual("SMS-02")
def test_a_text_is_required(api: Api) -> None:
    answer = api.post(SMS, json=an_sms("text"))

    assert_refused(answer, "El campo text es obligatorio")


@pytest.mark.manual("SMS-02")
@pytest.mark.parametrize("character", ["x", "é", "€", "你", "😀"])
def test_a_text_is_counted_in_code_points(api: Api, character: str) -> None:
    full = api.post(SMS, json=an_sms(text=character * 70, encode=True))
    over = api.post(SMS, json=an_sms(text=character * 71, encode=True))

    assert full.status == 200
    assert_refused(over, "70 caracteres")


@pytest.mark.manual("SMS-24")
@pytest.mark.parametrize(
    ("flags", "limit"),
    [
        (("encode_3", "encode_2", "encode", "long_message"), 192),
        (("encode_3", "long_message"), 192),
        (("encode_2", "encode"), 128),
        (("encode_2", "long_message"), 128),
        (("encode", "long_message"), 70),
    ],
)
def test_of_several_flags_the_first_counts(
    api: Api, flags: tuple[str, ...], limit: int
) -> None:
    several = dict.fromkeys(flags, True)

    full = api.post(SMS, json=an_sms(text="é" * limit, **several))
    over = api.post(SMS, json=an_sms(text="é" * (limit + 1), **several))

    assert (full.status, full.notes) == (200, ["SMS-24"])
    assert_refused(over, f"{limit} caracteres")


@pytest.mark.manual("SMS-24")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("encode_3", "encode_2"),
        ("encode_3", "encode"),
        ("encode_3", "long_message"),
        ("encode_2", "encode"),
        ("encode_2", "long_message"),
        ("encode", "long_message"),
    ],
)
def test_strict_wants_one_flag_at_most(strict: Api, first: str, second: str) -> None:
    both = strict.post(SMS, json=an_sms(**{first: True, second: True}))
    one = strict.post(SMS, json=an_sms(**{first: True, second: False}))

    assert_refused(both, second)
    assert one.status == 200


# --- Characters --------------------------------------------------------------


@pytest.mark.manual("SMS-25")
@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("está aquí, José", "esta aqui, José"),
        ("ÁÍÓÚ áíóú", "AIOU aiou"),
        ("niño, pingüino, ¿qué?", "niño, pingüino, ¿qué?"),  # GSM 03.38 has them
        ("你", "?"),
    ],
)
def test_without_encode_a_text_is_reduced_to_gsm(
    api: Api, sent: str, read: str
) -> None:
    assert texts(api, an_sms(text=sent)) == [read]


@pytest.mark.manual("SMS-25", "SMS-03")
def test_without_encode_a_merged_value_is_reduced_too(api: Api) -> None:
    order = an_sms(text="Sr. <+B+>", recipients=to(NUMBER, name="Julián"))

    answer = api.post(SMS, json=order)
    api.clock.advance(seconds=1)

    assert answer.notes == ["SMS-25"]
    assert column(api, answer.body, "text") == ["Sr. Julian"]


@pytest.mark.manual("SMS-20", "SMS-21", "SMS-22")
@pytest.mark.parametrize("flag", ["encode", "encode_2", "encode_3"])
@BOTH_MODES
def test_encode_sends_special_characters_as_they_are(
    make_api: MakeApi, flag: str, *, strict: bool
) -> None:
    order = an_sms(
        text="está <+B+> €", recipients=to(NUMBER, name="Julián 😀"), **{flag: True}
    )

    assert texts(make_api(strict=strict), order) == ["está Julián 😀 €"]


@pytest.mark.manual("SMS-27", "LOST-11")
def test_strict_takes_the_whole_basic_set_of_gsm(strict: Api) -> None:
    text = "".join(sorted(GSM_BASIC))

    answer = strict.post(SMS, json=an_sms(text=text))

    assert len(text) == 127
    assert (answer.status, answer.notes) == (200, [])


@pytest.mark.manual("SMS-27")
@pytest.mark.parametrize("character", sorted(GSM_EXTENSION))
def test_the_extension_of_gsm_is_doubtful(
    api: Api, strict: Api, character: str
) -> None:
    order = an_sms(text=f"{character}5")

    taken, refused = api.post(SMS, json=order), strict.post(SMS, json=order)

    assert taken.notes == ["SMS-27"]
    assert_refused(refused, "text")


@pytest.mark.manual("SMS-25", "SMS-27")
def test_a_value_that_no_placeholder_asks_for_is_no_doubt(strict: Api) -> None:
    answer = strict.post(
        SMS, json=an_sms(text="Sr. <+C+>", recipients=to(NUMBER, name="á€", field1="x"))
    )

    assert (answer.status, answer.notes) == (200, [])


# --- Doubts: what lenient takes with a note and strict refuses ---------------

UNEVEN = [*to("5500000000", name="Ana"), *to("5500000001")]


@dataclass(frozen=True)
class Doubtful:
    """An order that lenient takes with a *note*, and what strict's sentence names."""

    switch: str
    note: str
    naming: str
    changes: Body

    def __str__(self) -> str:
        return f"{self.note}-{self.naming}"


DOUBTS = [
    Doubtful("uneven_fields", "SMS-07", "recipients", {"recipients": UNEVEN}),
    Doubtful("missing_values", "SMS-08", "field2", {"text": "hola <+D+>"}),
    Doubtful(
        "missing_values",
        "SMS-08",
        "El campo field1 es obligatorio cuando text contiene <+C+>",
        {"text": "<+B+> <+C+>", "recipients": to(NUMBER, name="Ana")},
    ),
    Doubtful(
        "several_lengths",
        "SMS-24",
        "long_message",
        {"encode": True, "long_message": True},
    ),
    Doubtful("special_characters", "SMS-25", "text", {"text": "está"}),
    Doubtful(
        "special_characters",
        "SMS-25",
        "recipients",
        {"text": "<+B+>", "recipients": to(NUMBER, name="Julián")},
    ),
    Doubtful(
        "merged_length",
        "SMS-26",
        "text combinado no debe ser mayor que 160",
        {"text": "x" * 150 + "<+B+>", "recipients": to(NUMBER, name="y" * 11)},
    ),
    Doubtful(
        "merged_length",
        "SMS-26",
        "text combinado no debe ser mayor que 70",
        {
            "text": "<+B+><+B+><+C+>",
            "recipients": to(NUMBER, name="y" * 30, field1="z" * 11),
            "encode": True,
        },
    ),
    Doubtful("gsm_extension", "SMS-27", "text", {"text": "5 €"}),
    Doubtful(
        "gsm_extension",
        "SMS-27",
        "recipients",
        {"text": "<+B+>", "recipients": to(NUMBER, name="5 €")},
    ),
    Doubtful("loose_booleans", "SMS-28", "encode", {"encode": 0}),
    Doubtful("loose_booleans", "SMS-28", "encode_2", {"encode_2": 1}),
    Doubtful("loose_booleans", "SMS-28", "encode_3", {"encode_3": "0"}),
    Doubtful("loose_booleans", "SMS-28", "long_message", {"long_message": "1"}),
    Doubtful(
        "route_elsewhere", "SMS-34", "El campo route no pertenece", {"country": 2}
    ),
    Doubtful(
        "doubtful_dates",
        "SMS-37",
        "scheduled_date debe ser una fecha futura",
        {"scheduled_date": "2026-03-02 11:59:59"},
    ),
    Doubtful(
        "doubtful_dates",
        "SMS-37",
        "scheduled_date debe ser una fecha futura",
        {"scheduled_date": "2026-03-02 12:00:00"},  # now is not the future
    ),
    Doubtful(
        "doubtful_dates", "SMS-37", "scheduled_date", {"scheduled_date": "2026-03-03"}
    ),
]


@pytest.mark.manual(
    "SMS-07",
    "SMS-08",
    "SMS-24",
    "SMS-25",
    "SMS-26",
    "SMS-27",
    "SMS-28",
    "SMS-34",
    "SMS-37",
)
@pytest.mark.parametrize("doubt", DOUBTS, ids=str)
class TestDoubts:
    def test_lenient_takes_what_is_doubtful_with_a_note(
        self, api: Api, doubt: Doubtful
    ) -> None:
        answer = api.post(SMS, json=an_sms(**doubt.changes))

        assert (answer.status, answer.notes) == (200, [doubt.note])

    def test_strict_refuses_what_is_doubtful(
        self, strict: Api, doubt: Doubtful
    ) -> None:
        answer = strict.post(SMS, json=an_sms(**doubt.changes))

        assert_refused(answer, doubt.naming)
        assert answer.headers["x-emulator-why"]
        assert_nothing_happened(strict)

    def test_its_switch_alone_refuses_it(
        self, make_api: MakeApi, doubt: Doubtful
    ) -> None:
        api = make_api(assumptions={doubt.switch: "refuse"})

        answer = api.post(SMS, json=an_sms(**doubt.changes))

        assert_refused(answer, doubt.naming)

    def test_its_switch_alone_opens_strict_for_it(
        self, make_api: MakeApi, doubt: Doubtful
    ) -> None:
        api = make_api(strict=True, assumptions={doubt.switch: "accept"})

        answer = api.post(SMS, json=an_sms(**doubt.changes))

        assert (answer.status, answer.notes) == (200, [doubt.note])


@pytest.mark.manual("SMS-08")
def test_a_placeholder_without_a_value_leaves_nothing(api: Api) -> None:
    assert texts(api, an_sms(text="a<+B+>b<+F+>c")) == ["abc"]


@pytest.mark.manual("SMS-07", "SMS-08")
def test_recipients_with_different_fields_get_their_own(api: Api) -> None:
    assert texts(api, an_sms(text="hola <+B+>", recipients=UNEVEN)) == [
        "hola Ana",
        "hola ",
    ]


@pytest.mark.manual("SMS-26")
def test_a_text_that_outgrows_its_limit_is_sent_whole(api: Api) -> None:
    order = an_sms(text="x" * 155 + "<+B+>", recipients=to(NUMBER, name="y" * 200))

    assert texts(api, order) == ["x" * 155 + "y" * 200]


@pytest.mark.manual("SMS-26")
def test_a_text_that_shrinks_below_its_limit_is_still_too_long(api: Api) -> None:
    order = an_sms(text="x" * 156 + "<+B+>", recipients=to(NUMBER, name="y"))

    assert_refused(api.post(SMS, json=order), "El campo text no debe ser mayor")


@pytest.mark.manual("SMS-26")
def test_a_merged_text_may_fill_its_limit_in_both_modes(strict: Api) -> None:
    order = an_sms(text="x" * 155 + "<+B+>", recipients=to(NUMBER, name="y" * 5))

    answer = strict.post(SMS, json=order)

    assert (answer.status, answer.notes) == (200, [])


@pytest.mark.manual("SMS-28")
@pytest.mark.parametrize(("sent", "meant"), [(1, True), ("1", True), (0, False)])
def test_a_loose_boolean_means_what_it_says(
    api: Api, sent: str | int, *, meant: bool
) -> None:
    placed = place(api, an_sms(encode=sent, text="está"))
    api.clock.advance(seconds=1)

    assert placed["encode"] is meant
    assert column(api, placed, "text") == ["está" if meant else "esta"]


@pytest.mark.manual("SMS-28")
@pytest.mark.parametrize("sent", ["true", "false", "yes", "", 2, -1, None, [True]])
@pytest.mark.parametrize("flag", ["encode", "encode_2", "encode_3", "long_message"])
def test_other_values_are_no_booleans_in_any_mode(
    api: Api, strict: Api, flag: str, sent: Any
) -> None:
    order = an_sms(**{flag: sent})

    assert_refused(api.post(SMS, json=order), flag)
    assert_refused(strict.post(SMS, json=order), flag)


# --- Recipients --------------------------------------------------------------


@pytest.mark.manual("SMS-03", "DLR-04")
@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("hola <+B+>", "hola Ana"),
        ("<+C+>", "uno"),
        ("<+D+>", "dos"),
        ("<+E+>", "tres"),
        ("<+F+>", "cuatro"),
        ("<+B+><+C+><+D+><+E+><+F+>", "Anaunodostrescuatro"),
        ("<+B+>, <+B+> y <+B+>", "Ana, Ana y Ana"),
        ("<+A+> <+G+> <+b+> <B> +B+ <+B>", "<+A+> <+G+> <+b+> <B> +B+ <+B>"),
        ("<+<+B+>+>", "<+Ana+>"),
    ],
)
def test_placeholders_stand_for_the_fields_of_a_recipient(
    api: Api, text: str, read: str
) -> None:
    recipients = to(
        NUMBER, name="Ana", field1="uno", field2="dos", field3="tres", field4="cuatro"
    )

    assert texts(api, an_sms(text=text, recipients=recipients)) == [read]


@pytest.mark.manual("SMS-03")
def test_every_recipient_gets_fields_of_their_own(api: Api) -> None:
    order = an_sms(text="<+B+>: <+C+>", recipients=crowd(3, name="N{}", field1="f{}"))

    assert texts(api, order) == ["N0: f0", "N1: f1", "N2: f2"]


@pytest.mark.manual("SMS-03")
def test_a_placeholder_inside_a_value_is_not_filled_again(api: Api) -> None:
    order = an_sms(text="<+B+>", recipients=to(NUMBER, name="<+C+>", field1="no"))

    assert texts(api, order) == ["<+C+>"]


@pytest.mark.manual("SMS-04")
@pytest.mark.parametrize("recipients", [[], {}, None, "4498987282", 4498987282])
@BOTH_MODES
def test_recipients_are_an_array_with_somebody_in_it(
    make_api: MakeApi, recipients: Any, *, strict: bool
) -> None:
    answer = make_api(strict=strict).post(SMS, json=an_sms(recipients=recipients))

    assert_refused(answer, "recipients")


@pytest.mark.manual("SMS-04")
def test_recipients_are_required(api: Api) -> None:
    answer = api.post(SMS, json=an_sms("recipients"))

    assert_refused(answer, "El campo recipients es obligatorio")


@pytest.mark.manual("SMS-04", "SMS-07")
@pytest.mark.parametrize("recipient", ["4498987282", 4498987282, None, ["4498987282"]])
def test_a_recipient_is_an_object(api: Api, recipient: Any) -> None:
    answer = api.post(SMS, json=an_sms(recipients=[*to(NUMBER), recipient]))

    assert_refused(answer, "recipients.1")


@pytest.mark.manual("SMS-07")
def test_arrays_of_numbers_and_names_are_no_recipients(api: Api) -> None:
    arrays = {"cellphone": ["4498987282", "4498987283"], "name": ["Ana", "Luis"]}

    assert_refused(api.post(SMS, json=an_sms(recipients=arrays)), "recipients")


@pytest.mark.manual("SMS-05", "GEN-11")
@BOTH_MODES
def test_a_cellphone_is_ten_digits_as_integer_or_string(
    make_api: MakeApi, *, strict: bool
) -> None:
    api = make_api(strict=strict)
    order = an_sms(recipients=to("4498987282", 4498987283, "0123456789"))

    answer = api.post(SMS, json=order)
    api.clock.advance(seconds=1)

    assert (answer.status, answer.notes) == (200, [])
    assert column(api, answer.body, "cellphone") == [
        "4498987282",
        "4498987283",
        "0123456789",
    ]


@pytest.mark.manual("SMS-05")
@pytest.mark.parametrize(
    "cellphone",
    [
        "449898728",
        "44989872821",
        "+524498987282",
        "449 8987282",
        "449898728x",
        "4498987282\n",
        "٤٤٩٨٩٨٧٢٨٢",
        "",
        449898728,
        44989872821,
        -4498987282,
        4498987282.5,
        True,
        None,
        ["4498987282"],
    ],
)
@BOTH_MODES
def test_nothing_else_is_a_cellphone(
    make_api: MakeApi, cellphone: Any, *, strict: bool
) -> None:
    api = make_api(strict=strict)

    answer = api.post(SMS, json=an_sms(recipients=to(NUMBER, cellphone)))

    assert_refused(answer, "recipients.1.cellphone")
    assert_nothing_happened(api)


@pytest.mark.manual("SMS-05")
def test_a_recipient_without_a_cellphone_is_refused(api: Api) -> None:
    answer = api.post(SMS, json=an_sms(recipients=[*to(NUMBER), {"name": "Ana"}]))

    assert_refused(answer, "El campo recipients.1.cellphone es obligatorio")


@pytest.mark.manual("SMS-06")
@pytest.mark.parametrize("field", ["name", "field1", "field2", "field3", "field4"])
@pytest.mark.parametrize("value", [5, None, True, ["x"]])
@BOTH_MODES
def test_a_field_is_a_string(
    make_api: MakeApi, field: str, value: Any, *, strict: bool
) -> None:
    order = an_sms(recipients=to(NUMBER, **{field: value}))

    answer = make_api(strict=strict).post(SMS, json=order)

    assert_refused(answer, f"recipients.0.{field}")


@pytest.mark.manual("SMS-09", "SMS-11")
@pytest.mark.parametrize("fields", [{}, {"name": "N{}", "field4": "f{}"}])
@BOTH_MODES
def test_a_campaign_takes_50000_recipients(
    make_api: MakeApi, fields: dict[str, str], *, strict: bool
) -> None:
    api = make_api(strict=strict)
    text = "hola <+B+>, <+F+>" if fields else "hola"

    answer = api.post(SMS, json=an_sms(text=text, recipients=crowd(50_000, **fields)))

    assert answer.body["recipients_count"] == 50_000
    assert answer.body["balance"] == 418062.11
    assert answer.notes == ["SMS-11"]


@pytest.mark.manual("SMS-09")
@BOTH_MODES
def test_a_campaign_takes_no_50001_recipients(
    make_api: MakeApi, *, strict: bool
) -> None:
    api = make_api(strict=strict)

    answer = api.post(SMS, json=an_sms(recipients=crowd(50_001)))

    assert_refused(answer, "recipients no debe contener mas de 50000 elementos")
    assert_nothing_happened(api)


@pytest.mark.manual("SMS-11")
@pytest.mark.parametrize(("count", "notes"), [(30_000, []), (30_001, ["SMS-11"])])
def test_more_than_30000_recipients_are_noted(
    api: Api, count: int, notes: list[str]
) -> None:
    answer = api.post(SMS, json=an_sms(recipients=crowd(count)))

    assert (answer.status, answer.notes) == (200, notes)


@pytest.mark.manual("SMS-12")
def test_a_repeated_number_is_sent_to_and_charged_each_time(api: Api) -> None:
    placed = place(api, an_sms(recipients=to("4498987283", "4498987283", 4498987283)))
    api.clock.advance(seconds=12)

    assert placed["recipients_count"] == 3
    assert placed["balance"] == 468059.11
    assert column(api, placed, "status") == ["sent", "sent", "sent"]


# --- Route and country -------------------------------------------------------


@pytest.mark.manual("SMS-30", "SMS-31")
@BOTH_MODES
def test_without_route_and_country_the_platforms_sentences_come_back(
    make_api: MakeApi, *, strict: bool
) -> None:
    answer = make_api(strict=strict).post(SMS, json=an_sms("route"))

    assert (answer.status, answer.information) == (422, NEITHER)


@pytest.mark.manual("SMS-30", "SMS-31")
@pytest.mark.parametrize(
    "places", [{"route": 87}, {"country": 1}, {"route": "87", "country": "1"}]
)
@BOTH_MODES
def test_route_or_country_is_enough(
    make_api: MakeApi, places: dict[str, Any], *, strict: bool
) -> None:
    order = an_sms("route") | places

    answer = make_api(strict=strict).post(SMS, json=order)

    assert (answer.status, answer.notes) == (200, [])
    assert answer.body["country"] == "Mexico"


@pytest.mark.manual("SMS-32")
@pytest.mark.parametrize(
    ("places", "naming"),
    [
        ({"route": 999}, "El campo route no es una ruta disponible"),
        ({"route": "999", "country": 1}, "El campo route no es una ruta disponible"),
        ({"country": 52}, "El campo country no es un pais disponible"),
        ({"route": 87, "country": 52}, "El campo country no es un pais disponible"),
        ({"route": 0}, "route"),
        ({"route": -87}, "route"),
        ({"route": "Premium 2 Masiva"}, "route"),
        ({"country": "Mexico"}, "country"),
        ({"route": None}, "route"),
        ({"country": None}, "country"),
    ],
)
@BOTH_MODES
def test_an_id_of_nothing_is_refused(
    make_api: MakeApi, places: dict[str, Any], naming: str, *, strict: bool
) -> None:
    api = make_api(strict=strict)

    answer = api.post(SMS, json=an_sms("route") | places)

    assert_refused(answer, naming)
    assert_nothing_happened(api)


@pytest.mark.manual("SMS-33")
@BOTH_MODES
def test_a_country_alone_takes_its_cheapest_route(
    make_api: MakeApi, *, strict: bool
) -> None:
    answer = make_api(strict=strict).post(SMS, json=an_sms("route", country=1))

    assert (answer.body["route"], answer.body["balance"]) == ("Premium II", 468062.01)


@pytest.mark.manual("SMS-33")
def test_a_country_alone_may_take_the_first_route(make_api: MakeApi) -> None:
    api = make_api(assumptions={"country_route": "first"})

    answer = api.post(SMS, json=an_sms("route", country=1))

    assert answer.body["route"] == "Premium 2 Masiva"


@pytest.mark.manual("SMS-33")
def test_a_country_without_routes_is_refused(api: Api) -> None:
    answer = api.post(SMS, json=an_sms("route", country=2))

    assert_refused(answer, "El campo country no tiene rutas disponibles")
    assert_nothing_happened(api)


@pytest.mark.manual("SMS-34")
def test_a_route_wins_over_a_country(api: Api) -> None:
    placed = place(api, an_sms(route=170, country=2))

    assert (placed["route"], placed["country"]) == ("Premium II", "Mexico")
    assert placed["balance"] == 468062.01


# --- Dates -------------------------------------------------------------------


@pytest.mark.manual("SMS-36", "DLR-23")
def test_a_scheduled_campaign_waits_for_its_date(api: Api) -> None:
    placed = place(api, an_sms(scheduled_date="2026-03-02 13:00:00"))  # in an hour

    api.clock.advance(minutes=59, seconds=59, milliseconds=999)
    before = poll(api, placed)
    api.clock.advance(milliseconds=1)
    after = poll(api, placed)

    assert placed["scheduled_date"] == "2026-03-02 13:00:00"
    assert (before["campaign_status"], before["percentage"]) == ("inserted", 0)
    assert before["data"][0]["status"] == "in progress"
    assert after["percentage"] == 100
    assert after["data"][0]["sent_date"] == "2026-03-02 13:00:00"


@pytest.mark.manual("SMS-36", "GEN-10")
def test_a_date_is_one_of_the_accounts_time_zone(make_api: MakeApi) -> None:
    api = make_api(
        account={
            "user": "a@example.org",
            "name": "A",
            "surname": "B",
            "time_zone": "Asia/Kolkata",  # 18:00 UTC is half an hour before midnight
            "credit": 10,
        }
    )
    placed = place(api, an_sms(scheduled_date="2026-03-03 00:00:00"))

    api.clock.advance(minutes=30)

    assert column(api, placed, "sent_date") == ["2026-03-03 00:00:00"]


@pytest.mark.manual("SMS-36", "GEN-09")
@pytest.mark.parametrize(
    "date",
    [
        "03/02/2027 13:00:00",
        "2027-02-30 13:00:00",
        "2026-02-29 13:00:00",
        "2027-03-02T13:00:00",
        "2027-03-02T13:00:00Z",
        "2027-03-02 13:00",
        "2027-03-02 24:00:00",
        "2027-3-2 13:00:00",
        "2027-03-02 13:00:00 ",
        "mañana",
        "",
        1772478000,
        False,
    ],
)
@BOTH_MODES
def test_nothing_else_is_a_date(make_api: MakeApi, date: Any, *, strict: bool) -> None:
    answer = make_api(strict=strict).post(SMS, json=an_sms(scheduled_date=date))

    assert_refused(answer, "scheduled_date")


@pytest.mark.manual("SMS-36")
@pytest.mark.parametrize("date", ["2028-02-29 00:00:00", "9999-12-31 23:59:59"])
def test_a_date_may_be_far_away(strict: Api, date: str) -> None:
    placed = place(strict, an_sms(scheduled_date=date))
    strict.clock.advance(seconds=1)

    assert placed["scheduled_date"] == date
    assert poll(strict, placed)["scheduled_date"] == date


@pytest.mark.manual("SMS-37")
@pytest.mark.parametrize("date", ["2026-03-02 11:59:59", "1000-01-01 00:00:00"])
def test_a_past_date_is_sent_at_once(api: Api, date: str) -> None:
    placed = place(api, an_sms(scheduled_date=date))

    api.clock.advance(seconds=11)

    assert column(api, placed, "sent_date") == ["2026-03-02 12:00:11"]


@pytest.mark.manual("SMS-37")
def test_a_date_without_time_is_its_midnight(api: Api) -> None:
    placed = place(api, an_sms(scheduled_date="2026-03-03"))

    api.clock.advance(hours=12)  # from noon on

    assert placed["scheduled_date"] == "2026-03-03 00:00:00"
    assert column(api, placed, "sent_date") == ["2026-03-03 00:00:00"]


@pytest.mark.manual("SMS-37")
@BOTH_MODES
def test_a_date_of_null_is_none(make_api: MakeApi, *, strict: bool) -> None:
    answer = make_api(strict=strict).post(SMS, json=an_sms(scheduled_date=None))

    assert (answer.status, answer.notes) == (200, [])
    assert answer.body["scheduled_date"] is None


@pytest.mark.manual("SMS-38")
def test_lenient_takes_the_date_under_its_other_spelling(api: Api) -> None:
    answer = api.post(SMS, json=an_sms(scheduledDate="2026-03-03 08:00:00"))

    assert answer.body["scheduled_date"] == "2026-03-03 08:00:00"
    assert answer.notes == ["SMS-38"]


@pytest.mark.manual("SMS-38")
def test_of_two_spellings_the_right_one_counts(api: Api) -> None:
    answer = api.post(
        SMS,
        json=an_sms(
            scheduledDate="2026-03-04 08:00:00", scheduled_date="2026-03-03 08:00:00"
        ),
    )

    assert answer.body["scheduled_date"] == "2026-03-03 08:00:00"


@pytest.mark.manual("SMS-38")
@pytest.mark.parametrize(
    "settings", [{"strict": True}, {"assumptions": {"sms_schedule_name": "ignore"}}]
)
def test_strict_does_not_know_the_other_spelling(
    make_api: MakeApi, settings: dict[str, Any]
) -> None:
    answer = make_api(**settings).post(
        SMS, json=an_sms(scheduledDate="2026-03-03 08:00:00")
    )

    assert (answer.status, answer.notes) == (200, [])
    assert answer.body["scheduled_date"] is None


# --- Money -------------------------------------------------------------------


@pytest.mark.manual("SMS-43", "USR-04")
@pytest.mark.parametrize(
    ("route", "count", "balance"),
    [
        (87, 1, 468061.11),
        (170, 1, 468062.01),
        (85, 2, 468061.51),
        (129, 3, 468061.42),
        (170, 50_000, 463062.11),
    ],
)
def test_price_times_recipients_is_charged_on_acceptance(
    api: Api, route: int, count: int, balance: float
) -> None:
    placed = place(api, an_sms(route=route, recipients=crowd(count)))

    assert placed["balance"] == balance
    assert api.balance() == balance


@pytest.mark.manual("SMS-43")
def test_every_charge_is_in_the_accounts_ledger(api: Api) -> None:
    first, second = (
        place(api, an_sms(recipients=crowd(3))),
        place(api, an_sms(route=170)),
    )

    world = api.world
    assert [(each.amount, each.reason, each.reference) for each in world.movements] == [
        (-3_000_000, "sms", first["campaign"]),
        (-100_000, "sms", second["campaign"]),
    ]
    assert world.balance == world.account.credit + sum(
        each.amount for each in world.movements
    )


@pytest.mark.manual("SMS-43", "SMS-49")
def test_the_same_request_again_is_a_second_campaign(api: Api) -> None:
    first, second = place(api, MANUAL), place(api, MANUAL)

    assert second["campaign"] == first["campaign"] + 1
    assert second["balance"] == 468056.11


@pytest.mark.manual("SMS-44")
@pytest.mark.parametrize(
    ("flags", "characters", "parts"),
    [
        ({}, 160, 1),
        ({"long_message": True}, 160, 1),
        ({"long_message": True}, 161, 2),
        ({"long_message": True}, 306, 2),
        ({"encode": True}, 70, 1),
        ({"encode_2": True}, 70, 1),
        ({"encode_2": True}, 71, 2),
        ({"encode_2": True}, 128, 2),
        ({"encode_3": True}, 70, 1),
        ({"encode_3": True}, 71, 2),
        ({"encode_3": True}, 128, 2),
        ({"encode_3": True}, 129, 3),
        ({"encode_3": True}, 192, 3),
    ],
)
def test_each_part_of_a_text_is_charged(
    make_api: MakeApi, flags: dict[str, Any], characters: int, parts: int
) -> None:
    order = an_sms(text="x" * characters, recipients=crowd(2), **flags)
    once = make_api(assumptions={"charge": "per_recipient"})
    each = make_api()

    assert each.post(SMS, json=order).body["balance"] == round(468062.11 - 2 * parts, 2)
    assert once.post(SMS, json=order).body["balance"] == 468060.11


def with_credit(credit: float) -> dict[str, Any]:
    """Return the account of a world file, with *credit*."""
    return {
        "user": "a@example.org",
        "name": "A",
        "surname": "B",
        "time_zone": "America/Mexico_City",
        "credit": credit,
    }


@pytest.mark.manual("SMS-45", "ERR-12")
def test_a_campaign_that_costs_too_much_is_refused_whole(make_api: MakeApi) -> None:
    api = make_api(account=with_credit(2.999))

    answer = api.post(SMS, json=an_sms(recipients=crowd(3)))

    assert_refused(answer, "Saldo insuficiente")
    assert_nothing_happened(api)
    assert api.get(f"{SMS}/8528238/messages").status == 404


@pytest.mark.manual("SMS-45")
def test_a_campaign_may_cost_all_there_is(make_api: MakeApi) -> None:
    api = make_api(account=with_credit(3))

    assert place(api, an_sms(recipients=crowd(3)))["balance"] == 0
    assert_refused(api.post(SMS, json=an_sms()), "Saldo insuficiente")


@pytest.mark.manual("SMS-45", "SMS-49")
def test_a_refused_campaign_takes_no_id(make_api: MakeApi) -> None:
    api = make_api(account=with_credit(3))

    refused = api.post(SMS, json=an_sms(recipients=crowd(4)))
    placed = place(api, an_sms(recipients=crowd(2)))

    assert refused.status == 422
    assert placed["campaign"] == 8528238
    assert (placed["recipients_count"], placed["balance"]) == (2, 1)


@pytest.mark.manual("SMS-45")
def test_an_overdraft_may_be_allowed(make_api: MakeApi) -> None:
    api = make_api(account=with_credit(1), assumptions={"credit": "overdraft"})

    assert place(api, an_sms(recipients=crowd(3)))["balance"] == -2
    assert api.balance() == -2


@pytest.mark.manual("SMS-46")
@pytest.mark.parametrize(
    ("credit", "price", "balance"),
    [
        (470542.043, 1, 470539.043),  # the manual's example
        (1, 0.0001, 1),  # to three decimals
        (1, 0.0005, 0.998),
        (0.3, 0.1, 0),  # exact, as no float is
        (1, 0.001, 0.997),
        (1, 0, 1),
    ],
)
def test_a_balance_is_exact_and_shown_to_three_decimals(
    make_api: MakeApi, credit: float, price: float, balance: float
) -> None:
    route = {"route": 1, "name": "R", "country": 1, "price": price, "description": ""}
    api = make_api(account=with_credit(credit), routes=[route])

    placed = place(api, an_sms(route=1, recipients=crowd(3)))

    assert placed["balance"] == balance
    assert api.world.balance == money.parse(credit) - 3 * money.parse(price)


# --- URLs --------------------------------------------------------------------

LISTED = {"whitelist": ["shop.example.org"]}


@pytest.mark.manual("SMS-47")
@pytest.mark.parametrize(
    "text",
    ["ve a https://example.org/x", "HTTP://EXAMPLE.ORG", "www.example.org, ven"],
)
@BOTH_MODES
def test_a_url_is_sent_with_a_note(
    make_api: MakeApi, text: str, *, strict: bool
) -> None:
    api = make_api(strict=strict)

    answer = api.post(SMS, json=an_sms(text=text))
    api.clock.advance(seconds=11)

    assert (answer.status, answer.notes) == (200, ["SMS-47"])
    assert column(api, answer.body, "status") == ["sent"]


@pytest.mark.manual("SMS-47")
@pytest.mark.parametrize("policy", ["off", "fail", "reject"])
@pytest.mark.parametrize(
    "text", ["https://shop.example.org/x", "Http://SHOP.example.org:8080.", "sin nada"]
)
def test_a_listed_url_is_sent_without_more_ado(
    make_api: MakeApi, policy: str, text: str
) -> None:
    api = make_api(assumptions={"url_whitelist": policy}, **LISTED)

    answer = api.post(SMS, json=an_sms(text=text))
    api.clock.advance(seconds=11)

    assert (answer.status, answer.notes) == (200, [])
    assert column(api, answer.body, "status") == ["sent"]


@pytest.mark.manual("SMS-47")
def test_messages_with_an_unlisted_url_may_fail(make_api: MakeApi) -> None:
    api = make_api(assumptions={"url_whitelist": "fail"}, **LISTED)
    text = "https://shop.example.org o https://example.org"

    answer = api.post(SMS, json=an_sms(text=text, recipients=crowd(2)))
    api.clock.advance(seconds=12)

    assert answer.body["balance"] == 468060.11
    assert column(api, answer.body, "status") == ["failed", "failed"]


@pytest.mark.manual("SMS-47")
def test_an_unlisted_url_may_be_refused(make_api: MakeApi) -> None:
    api = make_api(assumptions={"url_whitelist": "reject"}, **LISTED)

    answer = api.post(SMS, json=an_sms(text="https://example.org"))

    assert_refused(answer, "text contiene una URL")
    assert_nothing_happened(api)


# --- Refusals ----------------------------------------------------------------


@pytest.mark.manual("SMS-30", "SMS-02", "ERR-11")
@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (
            an_sms("route"),
            (
                "The field route is required when country is not present. "
                "The field country is required when route is not present"
            ),
        ),
        (an_sms("text"), "The field text is required"),
        (an_sms(route=999), "The field route is not an available route"),
    ],
)
def test_sentences_can_be_english(
    make_api: MakeApi, order: dict[str, Any], sentence: str
) -> None:
    api = make_api(assumptions={"language": "en"})

    assert api.post(SMS, json=order).information == sentence


@pytest.mark.manual("SMS-01", "AUT-08")
def test_a_campaign_belongs_to_one_world(api: Api) -> None:
    placed = place(api)

    answer = api.get(f"{SMS}/{placed['campaign']}/messages", token="world-other")

    assert answer.status == 404


@pytest.mark.manual("SMS-36")
def test_a_campaign_starts_no_sooner_than_any_other(api: Api) -> None:
    placed = place(api, an_sms(scheduled_date="2026-03-02 12:00:02"))

    api.clock.advance(seconds=10, milliseconds=999)

    assert column(api, placed, "status") == ["in progress"]
