"""The account: the user, the routes and countries open to it."""

from typing import Any

import pytest

from tests.support.emulator import Api, MakeApi, read_demo_world
from tests.support.orders import NUMBER, SMS, VOICE, make_order

USER = "/api/v1/user"
ROUTES = "/api/v3/user/routes"
COUNTRIES = "/api/v3/user/countries"
TOUR = {  # a small account of another kind than the demo's
    "countries": [{"country": 7, "name": "Perú"}, {"country": 9, "name": "Chile"}],
    "routes": [
        {
            "route": 501,
            "name": "Andes",
            "country": 9,
            "price": 0.012,
            "description": "Mask-Ñandú, Long Code",
        }
    ],
}


@pytest.mark.manual("USR-01", "USR-03", "AUT-02")
def test_the_user_is_shown_with_these_keys_in_this_order(api: Api) -> None:
    answer = api.get(USER)

    assert answer.status == 200
    assert list(answer.body) == ["data"]
    assert list(answer.body["data"].items()) == [
        ("information", "User Found"),
        ("user", "beatriz.arevalo@example.org"),
        ("name", "Beatriz"),
        ("surname", "Arévalo"),
        ("credit", 468062.11),
        (
            "API_settings",
            [
                {
                    "name": "mytoken",
                    "creation": "2026-03-02 12:00:00",
                    "expires": "2027-03-02 12:00:00",
                }
            ],
        ),
    ]


@pytest.mark.manual("USR-03")
def test_an_answer_is_written_in_utf_8(api: Api) -> None:
    assert '"Arévalo"'.encode() in api.get(USER).octets


@pytest.mark.manual("USR-02")
def test_head_is_the_get_without_its_body(api: Api) -> None:
    get, head = api.get(USER), api.send("HEAD", USER)

    assert (head.status, head.octets) == (200, b"")
    assert head.headers == get.headers


@pytest.mark.manual("USR-02", "AUT-04")
@pytest.mark.parametrize("token", ["", "wrong"])
def test_head_tells_whether_a_token_lives(api: Api, token: str) -> None:
    get = api.get(USER, token=token)
    head = api.send("HEAD", USER, token=token)

    assert (head.status, head.octets) == (401, b"")
    assert head.headers == get.headers


@pytest.mark.manual("USR-04")
def test_the_credit_is_the_balance_of_other_answers(api: Api) -> None:
    sms = api.post(SMS, json=make_order(SMS, route=170)).body["balance"]
    after_sms = api.balance()
    voice = api.post(VOICE, json=make_order(VOICE)).body["balance"]
    after_voice = api.balance()

    assert (sms, voice) == (468062.01, 468061.01)
    assert (after_sms, after_voice) == (sms, voice)


@pytest.mark.manual("USR-04")
def test_reading_costs_nothing(api: Api) -> None:
    for path in (USER, ROUTES, COUNTRIES) * 3:
        api.get(path)

    assert api.balance() == 468062.11
    assert api.world.movements == []


@pytest.mark.manual("USR-07")
@pytest.mark.parametrize(
    "query", ["user=1", "token=wrong", "a=%ff&b=%zz", "&&=", "x" * 9]
)
def test_the_users_query_is_ignored(api: Api, query: str) -> None:
    assert api.get(f"{USER}?{query}").body == api.get(USER).body


@pytest.mark.manual("CAT-01")
@pytest.mark.parametrize(
    "route", [each["route"] for each in read_demo_world()["routes"]]
)
def test_every_route_that_is_listed_can_be_used(api: Api, route: int) -> None:
    listed = {each["route"]: each["name"] for each in api.get(ROUTES).body}

    answer = api.post(SMS, json=make_order(SMS, route=route))

    assert answer.status == 200
    assert answer.body["route"] == listed[route]


@pytest.mark.manual("CAT-01")
def test_what_is_not_listed_cannot_be_used(make_api: MakeApi) -> None:
    api = make_api(**TOUR)

    assert api.post(SMS, json=make_order(SMS, route=87)).status == 422
    assert api.post(SMS, json=make_order(SMS, route=501)).status == 200


@pytest.mark.manual("CAT-02", "CAT-05", "CAT-04")
def test_the_routes_are_a_bare_array_with_the_panels_ids_and_prices(api: Api) -> None:
    routes: list[dict[str, Any]] = api.get(ROUTES).body

    assert [list(route) for route in routes] == [
        ["route", "name", "country", "price", "description"]
    ] * len(routes)
    assert [(route["route"], route["price"]) for route in routes] == [
        (87, 1),
        (170, 0.1),
        (85, 0.3),
        (153, 1),
        (129, 0.23),
        (178, 0.2),
        (179, 0.2),
        (77, 1),
        (79, 1),
    ]
    assert {route["country"] for route in routes} == {"Mexico"}


@pytest.mark.manual("CAT-06")
def test_the_ids_that_were_misread_are_not_there(api: Api) -> None:
    listed = {route["route"] for route in api.get(ROUTES).body}

    assert {87, 178} <= listed
    assert not {67, 176} & listed


@pytest.mark.manual("CAT-03")
def test_the_countries_are_a_bare_array_of_ids_and_names(api: Api) -> None:
    answer = api.get(COUNTRIES)

    assert [list(each.items()) for each in answer.body] == [
        [("country", 1), ("name", "Mexico")],
        [("country", 2), ("name", "USA")],
    ]


@pytest.mark.manual("CAT-04", "CAT-08")
def test_a_world_file_says_what_a_route_costs_and_how_it_is_described(
    make_api: MakeApi,
) -> None:
    api = make_api(**TOUR)

    answer = api.post(SMS, json=make_order(SMS, route=501))

    assert api.get(ROUTES).body == [
        {
            "route": 501,
            "name": "Andes",
            "country": "Chile",
            "price": 0.012,
            "description": "Mask-Ñandú, Long Code",
        }
    ]
    assert answer.body["balance"] == 468062.098


@pytest.mark.manual("CAT-07")
def test_a_routes_country_is_found_by_its_name(make_api: MakeApi) -> None:
    api = make_api(**TOUR)
    ids = {each["name"]: each["country"] for each in api.get(COUNTRIES).body}

    answer = api.post(SMS, json=make_order(SMS, route=None, country=ids["Chile"]))

    assert ids == {"Perú": 7, "Chile": 9}
    assert (answer.body["route"], answer.body["country"]) == ("Andes", "Chile")


@pytest.mark.manual("CAT-08")
@pytest.mark.parametrize("route", [170, 87, 79])  # a mask, a short code, a long code
def test_the_description_changes_nothing(api: Api, route: int) -> None:
    placed = api.post(SMS, json=make_order(SMS, route=route)).body["campaign"]
    api.clock.advance(minutes=1)

    rows = api.get(f"/api/v3/campaign/{placed}/messages").body["data"]

    assert [(row["cellphone"], row["status"]) for row in rows] == [(NUMBER, "sent")]
