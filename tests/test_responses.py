"""Responses (MO) by poll: four ways to find what handsets answered."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.emulator import Api, MakeApi, keep_changes
from tests.support.orders import DoubtfulBody

PATH = "/api/v3/responses"
BOTH_MODES = pytest.mark.parametrize("strict_mode", [False, True])

# The ids of the manual, which a new world begins with.
FIRST, SECOND = 8528238, 8528239  # campaigns
HELLO, HOLA, AGAIN = 46608336, 46608337, 46608338  # messages
ANA, LUIS = "4498987281", "4498987282"  # numbers


def a_campaign(*numbers: str, **changes: Any) -> dict[str, Any]:
    return {
        "text": "hi mi name is Alex",
        "recipients": [{"cellphone": number} for number in numbers],
        "campaign_name": " my first campaign",
        "route": 87,
        **changes,
    }


def send(api: Api, *numbers: str, **changes: Any) -> None:
    """Place a campaign and let its messages go."""
    answer = api.post("/api/v3/campaign", json=a_campaign(*numbers, **changes))
    assert answer.status == 200
    api.clock.advance(seconds=20)


def found(api: Api, **query: Any) -> list[str]:
    """Return the texts that *query* finds."""
    answer = api.post(PATH, json=query)
    assert answer.status == 200
    return [each["response"] for each in answer.body["results"]]


def converse(api: Api) -> None:
    """Let Ana and Luis answer the first campaign, and Ana the second."""
    send(api, ANA, LUIS)
    send(api, ANA)
    api.receive(HELLO, "one")
    api.clock.advance(seconds=1)
    api.receive(HOLA, "two")
    api.clock.advance(seconds=1)
    api.receive(AGAIN, "three")


# --- The answer --------------------------------------------------------------


@pytest.mark.manual("MO-09", "MO-10", "MO-11", "MO-16", "MO-18", "GEN-07")
def test_responses_are_answered_like_the_manuals(api: Api) -> None:
    api.post("/api/v3/campaign", json=a_campaign(ANA))
    api.clock.advance(seconds=33)
    api.receive(HELLO, "Hi this is a mo")
    api.clock.advance(minutes=2)

    answer = api.post(PATH, json={"type": "4", "campaigns": [str(FIRST)]})

    assert answer.status == 200
    assert list(answer.body) == ["message", "type", "from", "to", "results"]
    assert list(answer.body["results"][0].items()) == [
        ("received_id", 977929),
        ("campaign_id", FIRST),
        ("campaign_name", " my first campaign"),
        ("message_id", HELLO),
        ("message", "hi mi name is Alex"),
        ("response", "Hi this is a mo"),
        ("sent_at", "2026-03-02 12:00:11"),
        ("received_at", "2026-03-02 12:00:33"),
    ]
    assert answer.body["message"] == "Completado Correctamente"
    assert answer.body["type"] == "4"
    assert answer.body["from"] == "2026-03-01 00:00:00"
    assert answer.body["to"] == "2026-03-02 12:02:33"


@pytest.mark.manual("MO-09")
def test_message_is_the_text_that_the_handset_read(api: Api) -> None:
    recipients = [{"cellphone": ANA, "name": "Ana"}, {"cellphone": LUIS, "name": "Lu"}]
    send(api, text="hola <+B+>", recipients=recipients)
    api.receive(HOLA, "quien es?")

    answer = api.post(PATH, json={"type": 3, "cellphone": LUIS})

    assert answer.body["results"][0]["message"] == "hola Lu"


@BOTH_MODES
@pytest.mark.manual("MO-10")
@pytest.mark.parametrize("asked", [1, "1"])
def test_the_type_is_echoed_as_it_came(
    make_api: MakeApi, asked: Any, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    assert api.post(PATH, json={"type": asked}).body["type"] == asked


@pytest.mark.manual("MO-13")
@pytest.mark.parametrize(
    "query",
    [
        {"type": 1},
        {"type": 2, "messages": [HELLO]},
        {"type": 3, "cellphone": ANA},
        {"type": 4, "campaigns": [FIRST]},
    ],
)
def test_nothing_found_is_an_empty_list(api: Api, query: dict[str, Any]) -> None:
    answer = api.post(PATH, json=query)

    assert answer.status == 200
    assert answer.body["results"] == []


@pytest.mark.manual("MO-18")
def test_ids_of_responses_grow_from_the_manuals(api: Api) -> None:
    converse(api)

    answer = api.post(PATH, json={"type": 1})

    ids = [each["received_id"] for each in answer.body["results"]]
    assert ids == [977929, 977930, 977931]


@pytest.mark.manual("MO-17")
def test_the_oldest_response_comes_first(api: Api) -> None:
    converse(api)
    late = api.receive(HELLO, "overtaken")
    early = replace(late, id=late.id + 1, received_at=late.sent_at or late.received_at)
    keep_changes(api.world, replace(early, response="delayed on its way"))

    texts = found(api, type=1)

    assert texts == ["delayed on its way", "one", "two", "three", "overtaken"]


@pytest.mark.manual("MO-17")
def test_responses_of_one_instant_come_in_the_order_of_their_ids(api: Api) -> None:
    send(api, ANA)
    first = api.receive(HELLO, "second")
    keep_changes(api.world, replace(first, id=first.id - 1, response="first"))

    assert found(api, type=1) == ["first", "second"]


# --- The path ----------------------------------------------------------------


@BOTH_MODES
@pytest.mark.manual("MO-01")
@pytest.mark.parametrize(
    ("path", "notes"),
    [("/api/v3/responses", []), ("/api/v3/response", ["MO-01"])],
)
def test_plural_and_singular_path_answer_alike(
    make_api: MakeApi, path: str, notes: list[str], *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    converse(api)

    answer = api.post(path, json={"type": 4, "campaigns": [FIRST]})

    assert [each["response"] for each in answer.body["results"]] == ["one", "two"]
    assert answer.notes == notes


# --- Four ways to search -----------------------------------------------------


@BOTH_MODES
@pytest.mark.manual("MO-02", "MO-06", "GEN-11")
@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ({"type": 1}, ["one", "two", "three"]),
        ({"type": 2, "messages": [HELLO, AGAIN]}, ["one", "three"]),
        ({"type": 2, "messages": [str(HOLA)]}, ["two"]),
        ({"type": 3, "cellphone": ANA}, ["one", "three"]),
        ({"type": 3, "cellphone": int(LUIS)}, ["two"]),
        ({"type": 4, "campaigns": [FIRST]}, ["one", "two"]),
        ({"type": 4, "campaigns": [str(SECOND)]}, ["three"]),
        ({"type": 4, "campaigns": [SECOND, FIRST]}, ["one", "two", "three"]),
    ],
)
def test_each_type_finds_in_its_own_way(
    make_api: MakeApi, query: dict[str, Any], texts: list[str], *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    converse(api)

    assert found(api, **query) == texts
    assert found(api, **{**query, "type": str(query["type"])}) == texts


@BOTH_MODES
@pytest.mark.manual("MO-02")
@pytest.mark.parametrize("asked", [0, 5, -1, "5", "04", "", True, None, [4], {}, 1.5])
def test_there_are_four_types_and_no_others(
    make_api: MakeApi, asked: Any, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json={"type": asked, "campaigns": [FIRST]})

    assert answer.status == 422
    assert "type" in answer.information


@BOTH_MODES
@pytest.mark.manual("MO-02")
def test_the_type_is_required(make_api: MakeApi, *, strict_mode: bool) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json={"campaigns": [FIRST]})

    assert answer.status == 422
    assert answer.information == "El campo type es obligatorio"


@BOTH_MODES
@pytest.mark.manual("MO-06")
@pytest.mark.parametrize(
    "number", [[ANA], "449898728", "44989872811", "+524498987281", 99, None]
)
def test_type_3_takes_one_number_of_ten_digits(
    make_api: MakeApi, number: Any, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json={"type": 3, "cellphone": number})

    assert answer.status == 422
    assert "cellphone" in answer.information


@BOTH_MODES
@pytest.mark.manual("MO-05", "MO-07")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"type": 2, "messages": []}, "messages"),
        ({"type": 2, "messages": ["x"]}, "messages.0"),
        ({"type": 2, "messages": [HELLO, True]}, "messages.1"),
        ({"type": 2, "messages": {"id": HELLO}}, "messages"),
        ({"type": 4, "campaigns": []}, "campaigns"),
        ({"type": 4, "campaigns": [-1]}, "campaigns.0"),
        ({"type": 4, "campaigns": None}, "campaigns"),
    ],
)
def test_an_array_of_ids_holds_ids_and_at_least_one(
    make_api: MakeApi, query: dict[str, Any], field: str, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=query)

    assert answer.status == 422
    assert f" {field} " in answer.information


@BOTH_MODES
@pytest.mark.manual("MO-08")
@pytest.mark.parametrize(
    ("asked", "field"), [(2, "messages"), (3, "cellphone"), (4, "campaigns")]
)
def test_a_type_requires_its_own_parameter(
    make_api: MakeApi, asked: int, field: str, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json={"type": asked})

    assert answer.status == 422
    assert answer.information == f"El campo {field} es obligatorio"


# --- Dates -------------------------------------------------------------------


@BOTH_MODES
@pytest.mark.manual("MO-03", "MO-11")
def test_without_from_the_search_begins_with_the_current_month(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    send(api, ANA)
    api.receive(HELLO, "in March")
    api.clock.advance(days=40)
    api.receive(HELLO, "in April")

    answer = api.post(PATH, json={"type": 1})

    assert [each["response"] for each in answer.body["results"]] == ["in April"]
    assert answer.body["from"] == "2026-04-01 00:00:00"
    assert found(api, **{"type": 1, "from": "2026-03-01 00:00:00"}) == [
        "in March",
        "in April",
    ]


@pytest.mark.manual("MO-04")
def test_without_to_the_search_ends_now(api: Api) -> None:
    converse(api)
    api.clock.advance(hours=1)

    answer = api.post(PATH, json={"type": 1, "from": "2026-03-02 12:00:42"})

    assert [each["response"] for each in answer.body["results"]] == ["three"]
    assert answer.body["from"] == "2026-03-02 12:00:42"
    assert answer.body["to"] == "2026-03-02 13:00:42"


@BOTH_MODES
@pytest.mark.manual("MO-03", "MO-04")
@pytest.mark.parametrize(
    ("start", "end", "texts"),
    [
        ("2026-03-02 12:00:40", "2026-03-02 12:00:42", ["one", "two", "three"]),
        ("2026-03-02 12:00:41", "2026-03-02 12:00:41", ["two"]),
        ("2026-03-02 12:00:41", "2027-01-01 00:00:00", ["two", "three"]),
        ("2026-03-02 12:00:43", "2026-03-02 12:00:59", []),
        ("1999-12-31 23:59:59", "2026-03-02 12:00:39", []),
    ],
)
def test_both_ends_belong_to_the_dates_searched(
    make_api: MakeApi, start: str, end: str, texts: list[str], *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    converse(api)

    assert found(api, **{"type": 1, "from": start, "to": end}) == texts


@pytest.mark.manual("MO-04", "GEN-09")
def test_a_response_is_found_by_the_date_that_its_row_shows(api: Api) -> None:
    send(api, ANA)
    api.clock.advance(milliseconds=700)
    api.receive(HELLO, "between two seconds")
    api.clock.advance(hours=1)

    shown = api.post(PATH, json={"type": 1}).body["results"][0]["received_at"]

    assert found(api, **{"type": 1, "from": shown, "to": shown}) == [
        "between two seconds"
    ]


@pytest.mark.manual("GEN-10", "MO-11")
def test_dates_are_those_of_the_accounts_time_zone(make_api: MakeApi) -> None:
    account = {
        "user": "ana@example.org",
        "name": "Ana",
        "surname": "Ejemplo",
        "time_zone": "Asia/Tokyo",
        "credit": 10,
    }
    api = make_api(account=account, clock="2026-03-31T18:00:00Z")
    send(api, ANA)
    api.receive(HELLO, "in April already")

    answer = api.post(PATH, json={"type": 1})

    assert answer.body["from"] == "2026-04-01 00:00:00"
    assert answer.body["to"] == "2026-04-01 03:00:20"
    assert answer.body["results"][0]["received_at"] == "2026-04-01 03:00:20"


@BOTH_MODES
@pytest.mark.manual("MO-03", "MO-04", "GEN-09")
@pytest.mark.parametrize("field", ["from", "to"])
@pytest.mark.parametrize(
    "date",
    [
        "2026-03-02",
        "2026-02-30 00:00:00",
        "2026-03-02T00:00:00",
        "02-03-2026 00:00:00",
        "2026-03-02 24:00:00",
        " 2026-03-02 00:00:00",
        "2026-03-02 00:00:00\n",
        1772409600,
        None,
    ],
)
def test_a_date_that_is_no_date_is_refused(
    make_api: MakeApi, field: str, date: Any, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json={"type": 1, field: date})

    assert answer.status == 422
    assert f" {field} " in answer.information


@pytest.mark.manual("MO-03", "MO-04")
def test_the_last_second_of_the_calendar_can_be_asked_for(api: Api) -> None:
    converse(api)

    dates = {"from": "1000-01-01 00:00:00", "to": "9999-12-31 23:59:59"}

    assert found(api, type=1, **dates) == ["one", "two", "three"]


@pytest.mark.manual("MO-12")
@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ({"type": 2, "messages": [HELLO]}, ["one"]),
        ({"type": 3, "cellphone": ANA}, ["one", "three"]),
        ({"type": 4, "campaigns": [FIRST]}, ["one", "two"]),
    ],
)
def test_dates_narrow_type_1_only(
    api: Api, query: dict[str, Any], texts: list[str]
) -> None:
    converse(api)
    dates = {"from": "2026-03-02 12:00:41", "to": "2026-03-02 12:00:41"}

    answer = api.post(PATH, json={**query, **dates})

    assert [each["response"] for each in answer.body["results"]] == texts
    assert answer.body["from"] == "2026-03-01 00:00:00"
    assert answer.body["to"] == "2026-03-02 12:00:42"
    assert answer.notes == ["MO-08"]


@pytest.mark.manual("MO-20")
def test_responses_are_kept_as_long_as_the_world(api: Api) -> None:
    converse(api)
    api.clock.advance(days=300)

    assert found(api, type=4, campaigns=[FIRST]) == ["one", "two"]
    assert len(found(api, **{"type": 1, "from": "2026-03-01 00:00:00"})) == 3


# --- What lenient accepts and strict declines --------------------------------

DOUBTS = [
    DoubtfulBody(
        "responses_message", "MO-05", {"type": 2, "message": HELLO}, "messages"
    ),
    DoubtfulBody(
        "responses_message", "MO-05", {"type": 2, "message": [HELLO]}, "messages"
    ),
    DoubtfulBody(
        "responses_message", "MO-05", {"type": 2, "messages": HELLO}, "messages"
    ),
    DoubtfulBody(
        "responses_message", "MO-05", {"type": 2, "messages": "1"}, "messages"
    ),
    DoubtfulBody(
        "responses_campaign", "MO-07", {"type": 4, "campaigns": 1}, "campaigns"
    ),
    DoubtfulBody(
        "responses_campaign", "MO-07", {"type": 4, "campaigns": "1"}, "campaigns"
    ),
    DoubtfulBody(
        "responses_others",
        "MO-08",
        {"type": 1, "campaigns": ["ignored", None]},
        "campaigns",
    ),
    DoubtfulBody(
        "responses_others",
        "MO-08",
        {"type": 2, "messages": [HELLO], "to": "2026-03-01 00:00:00"},
        "to",
    ),
    DoubtfulBody(
        "responses_others",
        "MO-08",
        {"type": 3, "cellphone": LUIS, "messages": [HELLO]},
        "messages",
    ),
    DoubtfulBody(
        "responses_others",
        "MO-08",
        {"type": 4, "campaigns": [FIRST], "cellphone": "ignored"},
        "cellphone",
    ),
    DoubtfulBody(
        "reversed_dates",
        "MO-14",
        {"type": 1, "from": "2026-03-02 12:00:42", "to": "2026-03-02 12:00:41"},
        "to",
    ),
]


@pytest.mark.manual("MO-14")
def test_one_second_is_no_reversed_window(strict: Api) -> None:
    second = "2026-03-02 12:00:42"

    answer = strict.post(PATH, json={"type": 1, "from": second, "to": second})

    assert (answer.status, answer.notes) == (200, [])


@pytest.mark.manual("MO-05", "MO-07", "MO-08", "MO-14")
@pytest.mark.parametrize("doubt", DOUBTS, ids=str)
def test_lenient_takes_a_doubtful_query_and_notes_it(
    make_api: MakeApi, doubt: DoubtfulBody
) -> None:
    for api in doubt.make_takers(make_api):
        answer = api.post(PATH, json=doubt.body)

        assert answer.status == 200
        assert answer.notes == [doubt.ledger]


@pytest.mark.manual("MO-05", "MO-07", "MO-08", "MO-14")
@pytest.mark.parametrize("doubt", DOUBTS, ids=str)
def test_strict_declines_a_doubtful_query_and_names_the_field(
    make_api: MakeApi, doubt: DoubtfulBody
) -> None:
    for api in doubt.make_decliners(make_api):
        answer = api.post(PATH, json=doubt.body)

        assert answer.status == 422
        assert f" {doubt.field} " in answer.information


@pytest.mark.manual("MO-05", "MO-07", "MO-08", "MO-14")
@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ({"type": 2, "message": HELLO}, ["one"]),
        ({"type": 2, "message": [HOLA]}, ["two"]),
        ({"type": 2, "messages": AGAIN}, ["three"]),
        ({"type": 4, "campaigns": SECOND}, ["three"]),
        ({"type": 4, "campaigns": str(FIRST)}, ["one", "two"]),
        ({"type": 1, "messages": [HELLO]}, ["one", "two", "three"]),
        ({"type": 2, "messages": [HELLO], "cellphone": LUIS}, ["one"]),
        ({"type": 3, "cellphone": LUIS, "campaigns": [SECOND]}, ["two"]),
        ({"type": 4, "campaigns": [SECOND], "messages": [HELLO]}, ["three"]),
        ({"type": 1, "from": "2026-03-02 12:00:42", "to": "2026-03-02 12:00:40"}, []),
    ],
)
def test_a_doubtful_query_finds_what_is_meant(
    api: Api, query: dict[str, Any], texts: list[str]
) -> None:
    converse(api)

    assert found(api, **query) == texts


@pytest.mark.manual("GEN-14")
def test_the_capital_of_the_table_is_lenient_only(api: Api, strict: Api) -> None:
    query = {"Type": 4, "campaigns": [FIRST]}
    converse(api)

    answer, refused = (each.post(PATH, json=query) for each in (api, strict))

    assert len(answer.body["results"]) == 2
    assert answer.notes == ["GEN-14"]
    assert refused.status == 422
    assert refused.information == "El campo type es obligatorio"


# --- Whose, and what it costs ------------------------------------------------


@pytest.mark.manual("AUT-08", "MO-02")
def test_another_accounts_responses_are_not_found(api: Api) -> None:
    converse(api)

    answer = api.post(
        PATH, json={"type": 4, "campaigns": [FIRST]}, token="world-another"
    )

    assert answer.status == 200
    assert answer.body["results"] == []


@pytest.mark.manual("MO-09")
def test_asking_is_free_and_changes_nothing(api: Api) -> None:
    converse(api)
    balance = api.balance()

    first, second = (api.post(PATH, json={"type": 1}) for _ in range(2))

    assert first.octets == second.octets
    assert api.balance() == balance


@pytest.mark.manual("MO-09", "DLR-16")
def test_responses_to_a_campaign_with_links_are_found_too(api: Api) -> None:
    send(api, ANA)
    text = "ver <+DYNAMICSHORTURL_IVX4+>"
    order = {**a_campaign(LUIS, text=text, route=85), "url": 4}
    api.post("/api/v3/smsclic/campaign", json=order)
    api.clock.advance(seconds=20)
    api.receive(HOLA, "ya lo vi")

    answer = api.post(PATH, json={"type": 4, "campaigns": [SECOND]})

    (row,) = answer.body["results"]
    assert row["campaign_id"] == SECOND
    assert row["message"].startswith("ver https://mx4.mx/")
