"""The texts of SMS campaigns: length, characters, placeholders, URLs."""

from typing import Any

import pytest

from emulator.domain.text import GSM_BASIC, GSM_EXTENSION
from tests.support.emulator import Api, MakeApi
from tests.support.orders import (
    NUMBER,
    SMS,
    assert_nothing_happened,
    assert_refused,
    make_crowd,
    make_recipients,
    make_sms,
    read_column,
    read_texts,
)

BOTH_MODES = pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
TWINS = pytest.mark.parametrize(  # refused in the same place, whatever the mode
    "strict",
    [False, pytest.param(True, marks=pytest.mark.soak)],
    ids=["lenient", "strict"],
)


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
    answer = make_api(strict=strict).post(SMS, json=make_sms(text="x" * limit, **flags))

    assert (answer.status, answer.notes) == (200, [])


@pytest.mark.manual("SMS-02", "SMS-20", "SMS-21", "SMS-22", "SMS-23")
@pytest.mark.parametrize(("flags", "limit"), LIMITS)
@BOTH_MODES
def test_a_text_may_not_be_longer_than_its_flags_say(
    make_api: MakeApi, flags: dict[str, Any], limit: int, *, strict: bool
) -> None:
    api = make_api(strict=strict)

    answer = api.post(SMS, json=make_sms(text="x" * (limit + 1), **flags))

    assert_refused(answer, f"El campo text no debe ser mayor que {limit} caracteres")
    assert_nothing_happened(api)


@pytest.mark.manual("SMS-02")
@pytest.mark.parametrize("text", ["", None, 5, ["hola"], True])
@TWINS
def test_a_text_is_a_string_of_one_character_at_least(
    make_api: MakeApi, text: Any, *, strict: bool
) -> None:
    answer = make_api(strict=strict).post(SMS, json=make_sms(text=text))

    assert_refused(answer, "El campo text" if text == "" else "text")


@pytest.mark.manual("SMS-02")
def test_a_text_is_required(api: Api) -> None:
    answer = api.post(SMS, json=make_sms("text"))

    assert_refused(answer, "El campo text es obligatorio")


@pytest.mark.manual("SMS-02")
@pytest.mark.parametrize("character", ["x", "é", "€", "你", "😀"])
def test_a_text_is_counted_in_code_points(api: Api, character: str) -> None:
    full = api.post(SMS, json=make_sms(text=character * 70, encode=True))
    over = api.post(SMS, json=make_sms(text=character * 71, encode=True))

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

    full = api.post(SMS, json=make_sms(text="é" * limit, **several))
    over = api.post(SMS, json=make_sms(text="é" * (limit + 1), **several))

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
    both = strict.post(SMS, json=make_sms(**{first: True, second: True}))
    one = strict.post(SMS, json=make_sms(**{first: True, second: False}))

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
    assert read_texts(api, make_sms(text=sent)) == [read]


@pytest.mark.manual("SMS-25", "SMS-03")
def test_without_encode_a_merged_value_is_reduced_too(api: Api) -> None:
    order = make_sms(
        text="Sr. <+B+>", recipients=make_recipients(NUMBER, name="Julián")
    )

    answer = api.post(SMS, json=order)
    api.clock.advance(seconds=1)

    assert answer.notes == ["SMS-25"]
    assert read_column(api, answer.body, "text") == ["Sr. Julian"]


@pytest.mark.manual("SMS-20", "SMS-21", "SMS-22")
@pytest.mark.parametrize("flag", ["encode", "encode_2", "encode_3"])
@BOTH_MODES
def test_encode_sends_special_characters_as_they_are(
    make_api: MakeApi, flag: str, *, strict: bool
) -> None:
    order = make_sms(
        text="está <+B+> €",
        recipients=make_recipients(NUMBER, name="Julián 😀"),
        **{flag: True},
    )

    assert read_texts(make_api(strict=strict), order) == ["está Julián 😀 €"]


@pytest.mark.manual("SMS-27", "LOST-11")
def test_strict_takes_the_whole_basic_set_of_gsm(strict: Api) -> None:
    text = "".join(sorted(GSM_BASIC))

    answer = strict.post(SMS, json=make_sms(text=text))

    assert len(text) == 127
    assert (answer.status, answer.notes) == (200, [])


@pytest.mark.manual("SMS-27")
@pytest.mark.parametrize("character", sorted(GSM_EXTENSION))
def test_the_extension_of_gsm_is_doubtful(
    api: Api, strict: Api, character: str
) -> None:
    order = make_sms(text=f"{character}5")

    taken, refused = api.post(SMS, json=order), strict.post(SMS, json=order)

    assert taken.notes == ["SMS-27"]
    assert_refused(refused, "text")


@pytest.mark.manual("SMS-25", "SMS-27")
def test_a_value_that_no_placeholder_asks_for_is_no_doubt(strict: Api) -> None:
    answer = strict.post(
        SMS,
        json=make_sms(
            text="Sr. <+C+>", recipients=make_recipients(NUMBER, name="á€", field1="x")
        ),
    )

    assert (answer.status, answer.notes) == (200, [])


# --- Placeholders ------------------------------------------------------------


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
    recipients = make_recipients(
        NUMBER, name="Ana", field1="uno", field2="dos", field3="tres", field4="cuatro"
    )

    assert read_texts(api, make_sms(text=text, recipients=recipients)) == [read]


@pytest.mark.manual("SMS-03")
def test_every_recipient_gets_fields_of_their_own(api: Api) -> None:
    order = make_sms(
        text="<+B+>: <+C+>", recipients=make_crowd(3, name="N{}", field1="f{}")
    )

    assert read_texts(api, order) == ["N0: f0", "N1: f1", "N2: f2"]


@pytest.mark.manual("SMS-03")
def test_a_placeholder_inside_a_value_is_not_filled_again(api: Api) -> None:
    order = make_sms(
        text="<+B+>", recipients=make_recipients(NUMBER, name="<+C+>", field1="no")
    )

    assert read_texts(api, order) == ["<+C+>"]


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

    answer = api.post(SMS, json=make_sms(text=text))
    api.clock.advance(seconds=11)

    assert (answer.status, answer.notes) == (200, ["SMS-47"])
    assert read_column(api, answer.body, "status") == ["sent"]


@pytest.mark.manual("SMS-47")
@pytest.mark.parametrize("policy", ["off", "fail", "reject"])
@pytest.mark.parametrize(
    "text", ["https://shop.example.org/x", "Http://SHOP.example.org:8080.", "sin nada"]
)
def test_a_listed_url_is_sent_without_more_ado(
    make_api: MakeApi, policy: str, text: str
) -> None:
    api = make_api(assumptions={"url_whitelist": policy}, **LISTED)

    answer = api.post(SMS, json=make_sms(text=text))
    api.clock.advance(seconds=11)

    assert (answer.status, answer.notes) == (200, [])
    assert read_column(api, answer.body, "status") == ["sent"]


@pytest.mark.manual("SMS-47")
def test_messages_with_an_unlisted_url_may_fail(make_api: MakeApi) -> None:
    api = make_api(assumptions={"url_whitelist": "fail"}, **LISTED)
    text = "https://shop.example.org o https://example.org"

    answer = api.post(SMS, json=make_sms(text=text, recipients=make_crowd(2)))
    api.clock.advance(seconds=12)

    assert answer.body["balance"] == 468060.11
    assert read_column(api, answer.body, "status") == ["failed", "failed"]


@pytest.mark.manual("SMS-47")
def test_an_unlisted_url_may_be_refused(make_api: MakeApi) -> None:
    api = make_api(assumptions={"url_whitelist": "reject"}, **LISTED)

    answer = api.post(SMS, json=make_sms(text="https://example.org"))

    assert_refused(answer, "text contiene una URL")
    assert_nothing_happened(api)
