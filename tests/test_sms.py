"""SMS campaigns: placing them, to whom, by which route and when."""

from typing import Any

import pytest

from emulator.domain.account import make_token
from tests.support.emulator import Api, MakeApi, keep_changes
from tests.support.orders import (
    MARK,
    NUMBER,
    SMS,
    Body,
    assert_nothing_happened,
    assert_refused,
    make_crowd,
    make_recipients,
    make_sms,
    place_campaign,
    poll_messages,
    read_column,
    read_texts,
)

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
TWINS = pytest.mark.parametrize(  # refused in the same place, whatever the mode
    "strict",
    [False, pytest.param(True, marks=pytest.mark.soak)],
    ids=["lenient", "strict"],
)


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
    placed = place_campaign(
        api,
        make_sms(encode=True, long_message=False, scheduled_date="2026-03-03 08:00:00"),
    )

    assert placed["scheduled_date"] == "2026-03-03 08:00:00"
    assert (placed["encode"], placed["long_message"]) == (True, False)


@pytest.mark.manual("SMS-40", "SMS-20", "SMS-23")
def test_flags_are_false_unless_they_are_sent(api: Api) -> None:
    placed = place_campaign(api)

    assert (placed["encode"], placed["long_message"]) == (False, False)


@pytest.mark.manual("SMS-41", "SMS-42")
def test_token_expires_is_the_expiry_of_the_token_in_use(api: Api) -> None:
    api.clock.advance(days=10)
    late = make_token("late", "late-one", now=api.clock.now)
    keep_changes(api.world, late)

    by_first = api.post(SMS, json=make_sms())
    by_second = api.post(SMS, json=make_sms(), token="late-one")

    assert by_first.body["token_expires"] == "2027-03-02 12:00:00"
    assert by_second.body["token_expires"] == "2027-03-12 12:00:00"


@pytest.mark.manual("SMS-49")
def test_ids_grow_by_one_from_the_manuals(api: Api) -> None:
    ids = [place_campaign(api)["campaign"] for _ in range(3)]

    assert ids == [8528238, 8528239, 8528240]


@pytest.mark.manual("SMS-35")
def test_a_campaign_may_be_nameless(api: Api) -> None:
    placed = place_campaign(api)

    assert placed["campaign_name"] is None
    assert poll_messages(api, placed)["name"] is None


@pytest.mark.manual("SMS-35")
@BOTH_MODES
def test_a_campaigns_name_is_a_string(make_api: MakeApi, *, strict: bool) -> None:
    answer = make_api(strict=strict).post(SMS, json=make_sms(campaign_name=5))

    assert_refused(answer, "campaign_name")


@pytest.mark.manual("SMS-01", "GEN-15", "CLC-06")
@pytest.mark.parametrize("url", [4, "4", 999, "x", None])
@TWINS
def test_a_plain_campaign_knows_no_links(
    make_api: MakeApi, url: Any, *, strict: bool
) -> None:
    api = make_api(strict=strict)

    assert read_texts(api, make_sms(text=f"ver {MARK}", url=url)) == [f"ver {MARK}"]


@pytest.mark.manual("SMS-48")
@pytest.mark.parametrize("name", [" my first campaign", "trailing ", "", "ñandú 😀"])
def test_a_campaigns_name_is_kept_as_it_was_sent(api: Api, name: str) -> None:
    placed = place_campaign(api, make_sms(campaign_name=name))

    assert placed["campaign_name"] == name
    assert poll_messages(api, placed)["name"] == name


@pytest.mark.manual("SMS-07")
def test_what_was_doubtful_is_kept_with_the_request(api: Api) -> None:
    answer = api.post(
        SMS,
        json=make_sms(
            recipients=[
                *make_recipients("5500000000", name="Ana"),
                *make_recipients("5500000001"),
            ]
        ),
    )

    (kept,) = api.world.journal
    assert list(kept.notes) == answer.notes == ["SMS-07"]


@pytest.mark.manual("SMS-01", "AUT-08")
def test_a_campaign_belongs_to_one_world(api: Api) -> None:
    placed = place_campaign(api)

    answer = api.get(f"{SMS}/{placed['campaign']}/messages", token="world-other")

    assert answer.status == 404


@pytest.mark.manual("SMS-30", "SMS-02", "ERR-11")
@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (
            make_sms("route"),
            (
                "The field route is required when country is not present. "
                "The field country is required when route is not present"
            ),
        ),
        (make_sms("text"), "The field text is required"),
        (make_sms(route=999), "The field route is not an available route"),
    ],
)
def test_sentences_can_be_english(
    make_api: MakeApi, order: dict[str, Any], sentence: str
) -> None:
    api = make_api(assumptions={"language": "en"})

    assert api.post(SMS, json=order).information == sentence


# --- Recipients --------------------------------------------------------------


@pytest.mark.manual("SMS-04")
@pytest.mark.parametrize("recipients", [[], {}, None, "4498987282", 4498987282])
@TWINS
def test_recipients_are_an_array_with_somebody_in_it(
    make_api: MakeApi, recipients: Any, *, strict: bool
) -> None:
    answer = make_api(strict=strict).post(SMS, json=make_sms(recipients=recipients))

    assert_refused(answer, "recipients")


@pytest.mark.manual("SMS-04")
def test_recipients_are_required(api: Api) -> None:
    answer = api.post(SMS, json=make_sms("recipients"))

    assert_refused(answer, "El campo recipients es obligatorio")


@pytest.mark.manual("SMS-04", "SMS-07")
@pytest.mark.parametrize("recipient", ["4498987282", 4498987282, None, ["4498987282"]])
def test_a_recipient_is_an_object(api: Api, recipient: Any) -> None:
    answer = api.post(
        SMS, json=make_sms(recipients=[*make_recipients(NUMBER), recipient])
    )

    assert_refused(answer, "recipients.1")


@pytest.mark.manual("SMS-07")
def test_arrays_of_numbers_and_names_are_no_recipients(api: Api) -> None:
    arrays = {"cellphone": ["4498987282", "4498987283"], "name": ["Ana", "Luis"]}

    assert_refused(api.post(SMS, json=make_sms(recipients=arrays)), "recipients")


@pytest.mark.manual("SMS-05", "GEN-11")
@BOTH_MODES
def test_a_cellphone_is_ten_digits_as_integer_or_string(
    make_api: MakeApi, *, strict: bool
) -> None:
    api = make_api(strict=strict)
    order = make_sms(recipients=make_recipients("4498987282", 4498987283, "0123456789"))

    answer = api.post(SMS, json=order)
    api.clock.advance(seconds=1)

    assert (answer.status, answer.notes) == (200, [])
    assert read_column(api, answer.body, "cellphone") == [
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
@TWINS
def test_nothing_else_is_a_cellphone(
    make_api: MakeApi, cellphone: Any, *, strict: bool
) -> None:
    api = make_api(strict=strict)

    answer = api.post(SMS, json=make_sms(recipients=make_recipients(NUMBER, cellphone)))

    assert_refused(answer, "recipients.1.cellphone")
    assert_nothing_happened(api)


@pytest.mark.manual("SMS-05")
def test_a_recipient_without_a_cellphone_is_refused(api: Api) -> None:
    answer = api.post(
        SMS, json=make_sms(recipients=[*make_recipients(NUMBER), {"name": "Ana"}])
    )

    assert_refused(answer, "El campo recipients.1.cellphone es obligatorio")


@pytest.mark.manual("SMS-06")
@pytest.mark.parametrize("field", ["name", "field1", "field2", "field3", "field4"])
@pytest.mark.parametrize("value", [5, None, True, ["x"]])
@TWINS
def test_a_field_is_a_string(
    make_api: MakeApi, field: str, value: Any, *, strict: bool
) -> None:
    order = make_sms(recipients=make_recipients(NUMBER, **{field: value}))

    answer = make_api(strict=strict).post(SMS, json=order)

    assert_refused(answer, f"recipients.0.{field}")


@pytest.mark.manual("SMS-09", "SMS-11")
@pytest.mark.parametrize("fields", [{}, {"name": "N{}", "field4": "f{}"}])
@TWINS
def test_a_campaign_takes_50000_recipients(
    make_api: MakeApi, fields: dict[str, str], *, strict: bool
) -> None:
    api = make_api(strict=strict)
    text = "hola <+B+>, <+F+>" if fields else "hola"

    answer = api.post(
        SMS, json=make_sms(text=text, recipients=make_crowd(50_000, **fields))
    )

    assert answer.body["recipients_count"] == 50_000
    assert answer.body["balance"] == 418062.11
    assert answer.notes == ["SMS-11"]


@pytest.mark.manual("SMS-09")
@TWINS
def test_a_campaign_takes_no_50001_recipients(
    make_api: MakeApi, *, strict: bool
) -> None:
    api = make_api(strict=strict)

    answer = api.post(SMS, json=make_sms(recipients=make_crowd(50_001)))

    assert_refused(answer, "recipients no debe contener mas de 50000 elementos")
    assert_nothing_happened(api)


@pytest.mark.manual("SMS-11")
@pytest.mark.parametrize(("count", "notes"), [(30_000, []), (30_001, ["SMS-11"])])
def test_more_than_30000_recipients_are_noted(
    api: Api, count: int, notes: list[str]
) -> None:
    answer = api.post(SMS, json=make_sms(recipients=make_crowd(count)))

    assert (answer.status, answer.notes) == (200, notes)


@pytest.mark.manual("SMS-12")
def test_a_repeated_number_is_sent_to_and_charged_each_time(api: Api) -> None:
    placed = place_campaign(
        api,
        make_sms(recipients=make_recipients("4498987283", "4498987283", 4498987283)),
    )
    api.clock.advance(seconds=12)

    assert placed["recipients_count"] == 3
    assert placed["balance"] == 468059.11
    assert read_column(api, placed, "status") == ["sent", "sent", "sent"]


# --- Route and country -------------------------------------------------------


@pytest.mark.manual("SMS-30", "SMS-31")
@BOTH_MODES
def test_without_route_and_country_the_platforms_sentences_come_back(
    make_api: MakeApi, *, strict: bool
) -> None:
    answer = make_api(strict=strict).post(SMS, json=make_sms("route"))

    assert (answer.status, answer.information) == (422, NEITHER)


@pytest.mark.manual("SMS-30", "SMS-31")
@pytest.mark.parametrize(
    "places", [{"route": 87}, {"country": 1}, {"route": "87", "country": "1"}]
)
@BOTH_MODES
def test_route_or_country_is_enough(
    make_api: MakeApi, places: dict[str, Any], *, strict: bool
) -> None:
    order = make_sms("route") | places

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
@TWINS
def test_an_id_of_nothing_is_refused(
    make_api: MakeApi, places: dict[str, Any], naming: str, *, strict: bool
) -> None:
    api = make_api(strict=strict)

    answer = api.post(SMS, json=make_sms("route") | places)

    assert_refused(answer, naming)
    assert_nothing_happened(api)


@pytest.mark.manual("SMS-33")
@BOTH_MODES
def test_a_country_alone_takes_its_cheapest_route(
    make_api: MakeApi, *, strict: bool
) -> None:
    answer = make_api(strict=strict).post(SMS, json=make_sms("route", country=1))

    assert (answer.body["route"], answer.body["balance"]) == ("Premium II", 468062.01)


@pytest.mark.manual("SMS-33")
def test_a_country_alone_may_take_the_first_route(make_api: MakeApi) -> None:
    api = make_api(assumptions={"country_route": "first"})

    answer = api.post(SMS, json=make_sms("route", country=1))

    assert answer.body["route"] == "Premium 2 Masiva"


@pytest.mark.manual("SMS-33")
def test_a_country_without_routes_is_refused(api: Api) -> None:
    answer = api.post(SMS, json=make_sms("route", country=2))

    assert_refused(answer, "El campo country no tiene rutas disponibles")
    assert_nothing_happened(api)


@pytest.mark.manual("SMS-34")
def test_a_route_wins_over_a_country(api: Api) -> None:
    placed = place_campaign(api, make_sms(route=170, country=2))

    assert (placed["route"], placed["country"]) == ("Premium II", "Mexico")
    assert placed["balance"] == 468062.01


# --- Dates -------------------------------------------------------------------


@pytest.mark.manual("SMS-36", "DLR-23")
def test_a_scheduled_campaign_waits_for_its_date(api: Api) -> None:
    placed = place_campaign(
        api, make_sms(scheduled_date="2026-03-02 13:00:00")
    )  # in an hour

    api.clock.advance(minutes=59, seconds=59, milliseconds=999)
    before = poll_messages(api, placed)
    api.clock.advance(milliseconds=1)
    after = poll_messages(api, placed)

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
    placed = place_campaign(api, make_sms(scheduled_date="2026-03-03 00:00:00"))

    api.clock.advance(minutes=30)

    assert read_column(api, placed, "sent_date") == ["2026-03-03 00:00:00"]


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
@TWINS
def test_nothing_else_is_a_date(make_api: MakeApi, date: Any, *, strict: bool) -> None:
    answer = make_api(strict=strict).post(SMS, json=make_sms(scheduled_date=date))

    assert_refused(answer, "scheduled_date")


@pytest.mark.manual("SMS-36")
@pytest.mark.parametrize("date", ["2028-02-29 00:00:00", "9999-12-31 23:59:59"])
def test_a_date_may_be_far_away(strict: Api, date: str) -> None:
    placed = place_campaign(strict, make_sms(scheduled_date=date))
    strict.clock.advance(seconds=1)

    assert placed["scheduled_date"] == date
    assert poll_messages(strict, placed)["scheduled_date"] == date


@pytest.mark.manual("SMS-37")
@pytest.mark.parametrize("date", ["2026-03-02 11:59:59", "1000-01-01 00:00:00"])
def test_a_past_date_is_sent_at_once(api: Api, date: str) -> None:
    placed = place_campaign(api, make_sms(scheduled_date=date))

    api.clock.advance(seconds=11)

    assert read_column(api, placed, "sent_date") == ["2026-03-02 12:00:11"]


@pytest.mark.manual("SMS-37")
def test_a_date_without_time_is_its_midnight(api: Api) -> None:
    placed = place_campaign(api, make_sms(scheduled_date="2026-03-03"))

    api.clock.advance(hours=12)  # from noon on

    assert placed["scheduled_date"] == "2026-03-03 00:00:00"
    assert read_column(api, placed, "sent_date") == ["2026-03-03 00:00:00"]


@pytest.mark.manual("SMS-37")
@BOTH_MODES
def test_a_date_of_null_is_none(make_api: MakeApi, *, strict: bool) -> None:
    answer = make_api(strict=strict).post(SMS, json=make_sms(scheduled_date=None))

    assert (answer.status, answer.notes) == (200, [])
    assert answer.body["scheduled_date"] is None


@pytest.mark.manual("SMS-38")
def test_lenient_takes_the_date_under_its_other_spelling(api: Api) -> None:
    answer = api.post(SMS, json=make_sms(scheduledDate="2026-03-03 08:00:00"))

    assert answer.body["scheduled_date"] == "2026-03-03 08:00:00"
    assert answer.notes == ["SMS-38"]


@pytest.mark.manual("SMS-38")
def test_of_two_spellings_the_right_one_counts(api: Api) -> None:
    answer = api.post(
        SMS,
        json=make_sms(
            scheduledDate="2026-03-04 08:00:00", scheduled_date="2026-03-03 08:00:00"
        ),
    )

    assert answer.body["scheduled_date"] == "2026-03-03 08:00:00"


@pytest.mark.manual("SMS-38")
def test_strict_may_take_the_other_spelling(make_api: MakeApi) -> None:
    api = make_api(strict=True, assumptions={"sms_schedule_name": "accept"})

    answer = api.post(SMS, json=make_sms(scheduledDate="2026-03-03 08:00:00"))

    assert answer.body["scheduled_date"] == "2026-03-03 08:00:00"
    assert answer.notes == ["SMS-38"]


@pytest.mark.manual("SMS-38")
@pytest.mark.parametrize(
    "settings", [{"strict": True}, {"assumptions": {"sms_schedule_name": "ignore"}}]
)
def test_strict_does_not_know_the_other_spelling(
    make_api: MakeApi, settings: dict[str, Any]
) -> None:
    answer = make_api(**settings).post(
        SMS, json=make_sms(scheduledDate="2026-03-03 08:00:00")
    )

    assert (answer.status, answer.notes) == (200, [])
    assert answer.body["scheduled_date"] is None


@pytest.mark.manual("SMS-36")
def test_a_campaign_starts_no_sooner_than_any_other(api: Api) -> None:
    placed = place_campaign(api, make_sms(scheduled_date="2026-03-02 12:00:02"))

    api.clock.advance(seconds=10, milliseconds=999)

    assert read_column(api, placed, "status") == ["in progress"]
