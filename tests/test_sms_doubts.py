"""What is doubtful in an SMS campaign: lenient notes it, strict refuses it."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.emulator import Api, MakeApi
from tests.support.orders import (
    NUMBER,
    SMS,
    Body,
    assert_nothing_happened,
    assert_refused,
    make_recipients,
    make_sms,
    place_campaign,
    read_column,
    read_texts,
)

UNEVEN = [*make_recipients("5500000000", name="Ana"), *make_recipients("5500000001")]


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
        {"text": "<+B+> <+C+>", "recipients": make_recipients(NUMBER, name="Ana")},
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
        {"text": "<+B+>", "recipients": make_recipients(NUMBER, name="Julián")},
    ),
    Doubtful(
        "merged_length",
        "SMS-26",
        "text combinado no debe ser mayor que 160",
        {
            "text": "x" * 150 + "<+B+>",
            "recipients": make_recipients(NUMBER, name="y" * 11),
        },
    ),
    Doubtful(
        "merged_length",
        "SMS-26",
        "text combinado no debe ser mayor que 70",
        {
            "text": "<+B+><+B+><+C+>",
            "recipients": make_recipients(NUMBER, name="y" * 30, field1="z" * 11),
            "encode": True,
        },
    ),
    Doubtful("gsm_extension", "SMS-27", "text", {"text": "5 €"}),
    Doubtful(
        "gsm_extension",
        "SMS-27",
        "recipients",
        {"text": "<+B+>", "recipients": make_recipients(NUMBER, name="5 €")},
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
        answer = api.post(SMS, json=make_sms(**doubt.changes))

        assert (answer.status, answer.notes) == (200, [doubt.note])

    def test_strict_refuses_what_is_doubtful(
        self, strict: Api, doubt: Doubtful
    ) -> None:
        answer = strict.post(SMS, json=make_sms(**doubt.changes))

        assert_refused(answer, doubt.naming)
        assert answer.headers["x-emulator-why"]
        assert_nothing_happened(strict)

    def test_its_switch_alone_refuses_it(
        self, make_api: MakeApi, doubt: Doubtful
    ) -> None:
        api = make_api(assumptions={doubt.switch: "refuse"})

        answer = api.post(SMS, json=make_sms(**doubt.changes))

        assert_refused(answer, doubt.naming)

    def test_its_switch_alone_opens_strict_for_it(
        self, make_api: MakeApi, doubt: Doubtful
    ) -> None:
        api = make_api(strict=True, assumptions={doubt.switch: "accept"})

        answer = api.post(SMS, json=make_sms(**doubt.changes))

        assert (answer.status, answer.notes) == (200, [doubt.note])


@pytest.mark.manual("SMS-08")
def test_a_placeholder_without_a_value_leaves_nothing(api: Api) -> None:
    assert read_texts(api, make_sms(text="a<+B+>b<+F+>c")) == ["abc"]


@pytest.mark.manual("SMS-07", "SMS-08")
def test_recipients_with_different_fields_get_their_own(api: Api) -> None:
    assert read_texts(api, make_sms(text="hola <+B+>", recipients=UNEVEN)) == [
        "hola Ana",
        "hola ",
    ]


@pytest.mark.manual("SMS-26")
def test_a_text_that_outgrows_its_limit_is_sent_whole(api: Api) -> None:
    order = make_sms(
        text="x" * 155 + "<+B+>", recipients=make_recipients(NUMBER, name="y" * 200)
    )

    assert read_texts(api, order) == ["x" * 155 + "y" * 200]


@pytest.mark.manual("SMS-26")
def test_a_text_that_shrinks_below_its_limit_is_still_too_long(api: Api) -> None:
    order = make_sms(
        text="x" * 156 + "<+B+>", recipients=make_recipients(NUMBER, name="y")
    )

    assert_refused(api.post(SMS, json=order), "El campo text no debe ser mayor")


@pytest.mark.manual("SMS-26")
def test_a_merged_text_may_fill_its_limit_in_both_modes(strict: Api) -> None:
    order = make_sms(
        text="x" * 155 + "<+B+>", recipients=make_recipients(NUMBER, name="y" * 5)
    )

    answer = strict.post(SMS, json=order)

    assert (answer.status, answer.notes) == (200, [])


@pytest.mark.manual("SMS-28")
@pytest.mark.parametrize(("sent", "meant"), [(1, True), ("1", True), (0, False)])
def test_a_loose_boolean_means_what_it_says(
    api: Api, sent: str | int, *, meant: bool
) -> None:
    placed = place_campaign(api, make_sms(encode=sent, text="está"))
    api.clock.advance(seconds=1)

    assert placed["encode"] is meant
    assert read_column(api, placed, "text") == ["está" if meant else "esta"]


@pytest.mark.manual("SMS-28")
@pytest.mark.parametrize("sent", ["true", "false", "yes", "", 2, -1, None, [True]])
@pytest.mark.parametrize("flag", ["encode", "encode_2", "encode_3", "long_message"])
def test_other_values_are_no_booleans_in_any_mode(
    api: Api, strict: Api, flag: str, sent: Any
) -> None:
    order = make_sms(**{flag: sent})

    assert_refused(api.post(SMS, json=order), flag)
    assert_refused(strict.post(SMS, json=order), flag)


@pytest.mark.manual("SMS-26")
@pytest.mark.parametrize(("limit", "status"), [(999, 422), (1_000, 200)])
def test_a_text_cannot_grow_beyond_all_measure(
    make_api: MakeApi, limit: int, status: int
) -> None:
    api = make_api(merged_limit=limit)
    person = {"cellphone": "4498987282", "name": "x" * 500}

    answer = api.post(SMS, json=make_sms(text="<+B+><+B+>", recipients=[person]))

    assert answer.status == status
    assert (api.balance() < 468062.11) == (status == 200)
