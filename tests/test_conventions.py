"""What all operations have in common: paths, literals, dates, spelling, headers."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.emulator import Answer, Api, MakeApi, read_contract, read_demo_world
from tests.support.orders import (
    AHEAD,
    CLIC,
    EMAIL,
    NUMBER,
    ORDERS,
    RESPONSES,
    SENDING,
    SMS,
    VOICE,
    make_order,
)

DATE = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
READING = ("/api/v1/user", "/api/v3/user/routes", "/api/v3/user/countries")
WITHOUT_PARAMETERS = (*READING, *ORDERS)


@pytest.mark.manual("GEN-02")
def test_every_operation_stands_below_api(api: Api) -> None:
    paths = [
        path
        for operation in read_contract().operations.values()
        for path in (operation.path, *operation.aliases)
    ]

    assert all(path.startswith("/api/") for path in paths)
    assert api.get("/v1/user").status == 404


@pytest.mark.manual("GEN-02")
@pytest.mark.parametrize("host", ["smsclouds.cloud", "127.0.0.1:7672", "sms.internal"])
def test_any_host_is_the_platform(api: Api, host: str) -> None:
    assert api.get("/api/v1/user", headers={"host": host}).status == 200


@pytest.mark.manual("GEN-03")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v3/user"),
        ("POST", "/api/v3/email"),
        ("POST", "/api/v1/campaign"),
        ("POST", "/api/v1/voice"),
        ("POST", "/api/v1/responses"),
        ("GET", "/api/v1/user/routes"),
        ("GET", f"/api/v1/hlr/{NUMBER}"),
        ("GET", "/api/user"),
    ],
)
def test_no_operation_answers_under_the_other_version(
    api: Api, method: str, path: str
) -> None:
    assert api.send(method, path, json={}).status == 404


@pytest.mark.manual("GEN-04")
def test_json_and_a_token_read_the_user_send_and_follow(api: Api) -> None:
    user = api.get("/api/v1/user")
    placed = api.post(SMS, json=make_order(SMS))
    status = api.get(f"/api/v3/campaign/{placed.body['campaign']}/messages")
    replies = api.post(RESPONSES, json=make_order(RESPONSES))

    answers = [user, placed, status, replies]

    assert [answer.status for answer in answers] == [200] * 4
    assert all(isinstance(answer.body, dict) for answer in answers)


@pytest.mark.manual("GEN-05")
@pytest.mark.parametrize("accept", ["", "text/html", "*/*", "application/xml"])
def test_accept_does_not_matter(api: Api, strict: Api, accept: str) -> None:
    for world in (api, strict):
        answer = world.post(SMS, json=make_order(SMS), headers={"accept": accept})

        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.manual("GEN-05", "ERR-04")
@pytest.mark.parametrize("path", READING)
def test_a_get_needs_no_content_type(strict: Api, path: str) -> None:
    assert strict.get(path, headers={"content-type": ""}).status == 200


@pytest.mark.manual("GEN-06")
@pytest.mark.parametrize("path", SENDING)
def test_a_creation_is_answered_with_200_and_no_location(api: Api, path: str) -> None:
    answer = api.post(path, json=make_order(path))

    assert answer.status == 200
    assert "location" not in answer.headers


@pytest.mark.manual("GEN-07")
def test_answers_of_v3_say_that_all_went_well(api: Api) -> None:
    sms = api.post(SMS, json=make_order(SMS))
    voice = api.post(VOICE, json=make_order(VOICE))
    answers = [
        sms,
        voice,
        api.post(CLIC, json=make_order(CLIC)),
        api.post(RESPONSES, json=make_order(RESPONSES)),
        api.get(f"/api/v3/campaign/{sms.body['campaign']}/messages"),
        api.get(f"/api/v3/voice/{voice.body['voice_campaign']}"),
        api.post(f"/api/v3/voice/{voice.body['voice_campaign']}/cancel"),
        api.get(f"/api/v3/hlr/{NUMBER}"),
    ]

    messages = [next(iter(answer.body.items())) for answer in answers]

    assert messages == [("message", "Completado Correctamente")] * len(answers)


@pytest.mark.manual("GEN-08")
def test_answers_of_v1_are_in_english(api: Api) -> None:
    user = api.get("/api/v1/user")
    email = api.post(EMAIL, json=make_order(EMAIL))

    assert user.body["data"]["information"] == "User Found"
    assert email.body["message"] == "New Email Campaign created successfully"


@pytest.mark.manual("GEN-09")
@pytest.mark.parametrize(
    ("path", "field"),
    [(SMS, "scheduled_date"), (EMAIL, "scheduledDate"), (VOICE, "scheduledDate")],
)
@pytest.mark.parametrize(
    "date",
    [
        "2027-1-31 09:00:00",
        "31-01-2027 09:00:00",
        "2027/01/31 09:00:00",
        "2027-01-31T09:00:00",
        "2027-01-31 09:00",
        "2027-01-31 09:00:00Z",
        "2027-01-31  09:00:00",
        " 2027-01-31 09:00:00",
        "2027-01-31 24:00:00",
        "2027-01-31 09:60:00",
        "2027-02-29 09:00:00",
        "2027-04-31 09:00:00",
        "2027-13-01 09:00:00",
        "0000-01-01 09:00:00",
        "mañana",
        "",
        20270131,
    ],
)
def test_a_date_in_another_form_is_refused(
    api: Api, path: str, field: str, date: object
) -> None:
    answer = api.post(path, json=make_order(path, **{field: date}))

    assert answer.status == 422
    assert field in answer.information


@pytest.mark.manual("GEN-09")
@pytest.mark.parametrize("date", ["2028-02-29 09:00:00", "2026-12-31 23:59:59"])
def test_a_date_of_the_calendar_comes_back_as_it_was_written(
    api: Api, date: str
) -> None:
    answer = api.post(SMS, json=make_order(SMS, scheduled_date=date))

    assert answer.body["scheduled_date"] == date


@pytest.mark.manual("GEN-09")
def test_every_date_in_an_answer_has_the_same_form(api: Api) -> None:
    placed = api.post(SMS, json=make_order(SMS, scheduled_date=AHEAD))
    called = api.post(VOICE, json=make_order(VOICE, scheduledDate=AHEAD))
    api.clock.advance(days=2)
    answers = [
        placed,
        called,
        api.get("/api/v1/user"),
        api.get(f"/api/v3/campaign/{placed.body['campaign']}/messages"),
        api.get(f"/api/v3/voice/{called.body['voice_campaign']}"),
        api.post(RESPONSES, json=make_order(RESPONSES)),
        api.get(f"/api/v3/hlr/{NUMBER}"),
    ]

    dates = [date for answer in answers for date in dated(answer.body)]

    assert len(dates) == 12
    assert all(DATE.fullmatch(date) for date in dates)


def dated(node: Any, name: str = "") -> Iterator[str]:
    """Yield every value in *node* whose key speaks of a date."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from dated(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from dated(value, name)
    elif re.search("date|expires|creation|^from$|^to$", name) and node is not None:
        yield node


@pytest.mark.manual("GEN-10")
def test_the_time_zone_is_mexico_city_by_default(api: Api) -> None:
    token = api.get("/api/v1/user").body["data"]["API_settings"][0]

    assert api.clock.now.isoformat() == "2026-03-02T18:00:00+00:00"
    assert token["creation"] == "2026-03-02 12:00:00"


@pytest.mark.manual("GEN-10")
@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "2026-07-02 18:00:00"),
        ("Asia/Tokyo", "2026-07-03 03:00:00"),
        ("Europe/Madrid", "2026-07-02 20:00:00"),  # summer
        ("America/Mexico_City", "2026-07-02 12:00:00"),  # no summer time any more
    ],
)
def test_dates_are_written_in_the_accounts_time_zone(
    make_api: MakeApi, zone: str, shown: str
) -> None:
    api = make_api(
        account={**read_demo_world()["account"], "time_zone": zone},
        clock="2026-07-02T18:00:00Z",
    )

    token = api.get("/api/v1/user").body["data"]["API_settings"][0]

    assert token["creation"] == shown


@pytest.mark.manual("GEN-10")
def test_dates_are_read_in_the_accounts_time_zone(make_api: MakeApi) -> None:
    api = make_api(account={**read_demo_world()["account"], "time_zone": "Asia/Tokyo"})
    noon_in_tokyo = api.post(
        SMS, json=make_order(SMS, scheduled_date="2026-03-03 12:00:00")
    ).body["campaign"]  # nine hours after the world's clock

    api.clock.advance(hours=8, minutes=59)
    before = api.get(f"/api/v3/campaign/{noon_in_tokyo}/messages").body["data"]
    api.clock.advance(minutes=2)
    after = api.get(f"/api/v3/campaign/{noon_in_tokyo}/messages").body["data"]

    assert (before[0]["status"], after[0]["status"]) == ("in progress", "sent")


@pytest.mark.manual("GEN-11")
@pytest.mark.parametrize("mode", ["api", "strict"])
@pytest.mark.parametrize(
    ("path", "changes"),
    [
        (SMS, {"route": 87}),
        (SMS, {"route": "87"}),
        (SMS, {"route": None, "country": 1}),
        (SMS, {"route": None, "country": "1"}),
        (SMS, {"recipients": [{"cellphone": 4498987282}]}),
        (SMS, {"recipients": [{"cellphone": "4498987282"}]}),
        (CLIC, {"url": 4}),
        (CLIC, {"url": "4"}),
        (EMAIL, {"template": 1}),
        (EMAIL, {"template": "1"}),
        (EMAIL, {"attachment": 51}),
        (EMAIL, {"attachment": "51"}),
        (VOICE, {"type": 1, "text": None, "audio": 31}),
        (VOICE, {"type": "1", "text": None, "audio": "31"}),
        (VOICE, {"remittent": 5570055780}),
        (VOICE, {"transfer_num": NUMBER, "transfer_key": 5}),
        (VOICE, {"transfer_num": int(NUMBER), "transfer_key": "5"}),
        (RESPONSES, {"type": "3", "cellphone": int(NUMBER)}),
        (RESPONSES, {"type": "2", "cellphone": None, "messages": [46608336]}),
        (RESPONSES, {"type": "2", "cellphone": None, "messages": ["46608336"]}),
        (RESPONSES, {"type": "4", "cellphone": None, "campaigns": ["8528238"]}),
    ],
)
def test_an_integer_and_its_digits_mean_the_same(
    request: pytest.FixtureRequest, mode: str, path: str, changes: dict[str, Any]
) -> None:
    world: Api = request.getfixturevalue(mode)

    answer = world.post(path, json=make_order(path, **changes))

    assert answer.status == 200
    assert answer.notes == []


@pytest.mark.manual("GEN-11")
@pytest.mark.parametrize(
    "route", ["087", "+87", " 87", "87 ", "87.0", "8_7", "0x57", "", 87.5, True, [87]]
)
def test_only_plain_digits_are_an_integer(api: Api, route: object) -> None:
    answer = api.post(SMS, json=make_order(SMS, route=route))

    assert answer.status == 422
    assert "route" in answer.information


PICTURE = "https://media.example.org/promocion.png"
REQUIRED: list[tuple[str, dict[str, Any], str]] = [
    (EMAIL, {"template": 3, "body": None, "Image": PICTURE}, "image"),
    (VOICE, {"type": None, "Type": 2}, "type"),
    (VOICE, {"text": None, "Text": "hola"}, "text"),
    (VOICE, {"type": 1, "text": None, "Audio": 31}, "audio"),
    (RESPONSES, {"type": None, "Type": 3}, "type"),
]
OPTIONAL: list[tuple[str, dict[str, Any]]] = [
    (EMAIL, {"template": None, "Template": 1}),
    (EMAIL, {"Sender": "Tienda"}),
    (EMAIL, {"Header": "Aviso"}),
    (EMAIL, {"Attachment": 51}),
]


@pytest.mark.manual("GEN-14")
@pytest.mark.parametrize(
    ("path", "changes"), [*OPTIONAL, *(each[:2] for each in REQUIRED)]
)
def test_lenient_takes_a_capital_with_a_note(
    api: Api, path: str, changes: dict[str, Any]
) -> None:
    answer = api.post(path, json=make_order(path, **changes))

    assert answer.status == 200
    assert answer.notes == ["GEN-14"]


@pytest.mark.manual("GEN-14")
@pytest.mark.parametrize(("path", "changes", "missing"), REQUIRED)
def test_strict_misses_a_required_field_that_has_a_capital(
    strict: Api, path: str, changes: dict[str, Any], missing: str
) -> None:
    answer = strict.post(path, json=make_order(path, **changes))

    assert answer.status == 422
    assert answer.information == f"El campo {missing} es obligatorio"


@pytest.mark.manual("GEN-14")
@pytest.mark.parametrize(("path", "changes"), OPTIONAL)
def test_strict_ignores_an_optional_field_that_has_a_capital(
    strict: Api, path: str, changes: dict[str, Any]
) -> None:
    answer = strict.post(path, json=make_order(path, **changes))

    assert answer.status == 200
    assert answer.notes == []


@pytest.mark.manual("GEN-14")
def test_the_lower_case_name_wins(api: Api) -> None:
    answer = api.post(RESPONSES, json=make_order(RESPONSES, Type="nonsense"))

    assert answer.status == 200
    assert answer.body["type"] == 3


@pytest.mark.manual("GEN-14")
def test_a_capital_counts_at_the_top_level_only(api: Api) -> None:
    answer = api.post(SMS, json=make_order(SMS, recipients=[{"Cellphone": NUMBER}]))

    assert answer.status == 422
    assert answer.information == "El campo recipients.0.cellphone es obligatorio"


@pytest.mark.manual("GEN-15")
@pytest.mark.parametrize("mode", ["api", "strict"])
@pytest.mark.parametrize("path", ORDERS)
def test_unknown_fields_are_ignored(
    request: pytest.FixtureRequest, mode: str, path: str
) -> None:
    world: Api = request.getfixturevalue(mode)

    answer = world.post(
        path, json=make_order(path, color="azul", nested={"a": [1, {}]})
    )

    assert answer.status == 200
    assert answer.notes == []


@pytest.mark.manual("GEN-15")
def test_unknown_fields_of_a_recipient_are_ignored(strict: Api) -> None:
    recipients = [{"cellphone": NUMBER, "field9": 9, "age": None}]

    answer = strict.post(SMS, json=make_order(SMS, recipients=recipients))

    assert answer.status == 200


@pytest.mark.manual("GEN-16")
def test_nobody_is_slowed_down(api: Api) -> None:
    answers = [api.get("/api/v1/user") for _ in range(300)]

    assert {answer.status for answer in answers} == {200}
    assert not any(spoken_of(answer, "ratelimit", "retry") for answer in answers)


@pytest.mark.manual("GEN-16")
def test_nothing_is_paged(api: Api) -> None:
    recipients = [{"cellphone": NUMBER}] * 250
    placed = api.post(SMS, json=make_order(SMS, recipients=recipients)).body["campaign"]
    api.clock.advance(seconds=5)

    answer = api.get(f"/api/v3/campaign/{placed}/messages?page=2&per_page=10&limit=1")

    assert len(answer.body["data"]) == 250
    assert not spoken_of(answer, "link", "page", "count")


@pytest.mark.manual("GEN-16")
def test_an_idempotency_key_means_nothing(api: Api) -> None:
    key = {"idempotency-key": "once"}

    first = api.post(SMS, json=make_order(SMS), headers=key)
    second = api.post(SMS, json=make_order(SMS), headers=key)

    assert second.body["campaign"] == first.body["campaign"] + 1


@pytest.mark.manual("GEN-16")
def test_no_other_origin_is_let_in(api: Api) -> None:
    origin = {"origin": "https://shop.example.org"}
    asked = {**origin, "access-control-request-method": "POST"}

    preflight = api.send("OPTIONS", SMS, token="", headers=asked)
    answer = api.get("/api/v1/user", headers=origin)

    assert preflight.status == 405
    assert answer.status == 200
    assert not spoken_of(preflight, "access-control")
    assert not spoken_of(answer, "access-control", "vary")


def spoken_of(answer: Answer, *words: str) -> list[str]:
    """Return the headers of *answer* whose name holds one of *words*."""
    return [name for name in answer.headers if any(word in name for word in words)]


@pytest.mark.manual("GEN-17")
@pytest.mark.parametrize("path", WITHOUT_PARAMETERS)
def test_an_answer_carries_few_headers(api: Api, path: str) -> None:
    answer = (
        api.post(path, json=make_order(path, color="azul"))
        if path in ORDERS
        else api.get(path)
    )

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers.keys() == {"content-type", "content-length", "date"}


@pytest.mark.manual("GEN-17")
def test_what_the_emulator_adds_says_so(api: Api) -> None:
    noted = api.post(VOICE, json=make_order(VOICE, remittent=None))
    refused = api.post(VOICE, json={})

    ours = {*noted.headers, *refused.headers}
    ours -= {"content-type", "content-length", "date"}

    assert ours == {"x-emulator-notes", "x-emulator-why"}


@pytest.mark.manual("GEN-19")
@pytest.mark.parametrize("mode", ["api", "strict"])
@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        (
            "application/x-www-form-urlencoded",
            b"text=hola&route=87&recipients%5B0%5D%5Bcellphone%5D=4498987282",
        ),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=text\r\n\r\nhi\r\n--x--\r\n",
        ),
    ],
)
def test_a_form_is_refused(
    request: pytest.FixtureRequest, mode: str, content_type: str, content: bytes
) -> None:
    world: Api = request.getfixturevalue(mode)

    answer = world.post(SMS, content=content, headers={"content-type": content_type})

    assert answer.status == 400
    assert world.world.campaigns == {}


@pytest.mark.manual("GEN-20")
@pytest.mark.parametrize("mode", ["api", "strict"])
@pytest.mark.parametrize(
    "path", [f"{path}/" for path in WITHOUT_PARAMETERS] + ["/api//v1/user", "//", ""]
)
def test_a_slash_too_many_is_refused_on_the_spot(
    request: pytest.FixtureRequest, mode: str, path: str
) -> None:
    world: Api = request.getfixturevalue(mode)
    method = "POST" if path.rstrip("/") in ORDERS else "GET"

    answer = world.send(method, path, json={})

    assert answer.status == 404
    assert "location" not in answer.headers


@pytest.mark.manual("GEN-20", "VOI-21")
def test_the_slash_that_the_manual_shows_is_answered_on_the_spot(api: Api) -> None:
    placed = api.post(VOICE, json=make_order(VOICE)).body["voice_campaign"]

    answer = api.get(f"/api/v3/voice/{placed}/")

    assert answer.status == 200
    assert answer.notes == ["VOI-21"]
