"""``/openapi.json``: the contract as it holds for who asks for it."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from emulator import files
from emulator.contract.document import (
    LENIENT_READINGS,
    STRICT_READINGS,
    iterate_mappings,
)
from emulator.worldfile.fixture import parse_fixture
from emulator.worlds import Limits, WorldDirectory
from tests.support.emulator import (
    START,
    Api,
    MakeApi,
    build_app,
    read_contract,
    read_demo_world,
)
from tests.support.orders import ORDERS, SMS, VOICE, make_order

TREE = read_contract().document.tree
CATALOGUES = {
    "routes": [87, 170, 85, 153, 129, 178, 179, 77, 79],
    "countries": [1, 2],
    "links": [4],
    "audios": [31, 32],
    "media": [51, 52],
}


@pytest.fixture
def two_worlds() -> Iterator[Api]:
    """Return the demo world and one with another catalogue."""
    route = {**read_demo_world()["routes"][0], "route": 5}
    changes = {
        "name": "other",
        "routes": [route],
        "audios": [],
        "countries": read_demo_world()["countries"][:1],
    }
    other = {
        **read_demo_world(),
        **changes,
        "tokens": [{"name": "theirs", "token": "other"}],
    }
    worlds = [parse_fixture(each, "", now=START) for each in (read_demo_world(), other)]
    app = build_app(WorldDirectory(worlds, Limits()))
    with closing(Api(app)) as api:
        yield api


def test_without_a_token_the_default_worlds_catalogue_is_served(api: Api) -> None:
    served = api.get("/openapi.json", token="").body

    assert catalogues(served) == CATALOGUES


def test_it_is_served_by_this_emulator_and_by_the_platforms_own_servers(
    api: Api,
) -> None:
    """In the place of the first server, which is an emulator somewhere."""
    served = api.get("/openapi.json", token="").body["servers"]

    assert served[0] == {"url": "/", "description": "This emulator"}
    assert served[1:] == TREE["servers"][1:]


def test_the_catalogue_is_that_of_the_tokens_world(two_worlds: Api) -> None:
    ours = two_worlds.get("/openapi.json", token="demo").body
    theirs = two_worlds.get("/openapi.json", token="other").body
    default = two_worlds.get("/openapi.json", token="").body

    assert catalogues(ours) == catalogues(default) == CATALOGUES
    assert catalogues(theirs) == {
        **CATALOGUES,
        "routes": [5],
        "countries": [1],
        "audios": [],
    }


def test_a_world_that_is_made_on_first_use_has_the_catalogue_of_its_mould(
    api: Api,
) -> None:
    served = api.get("/openapi.json", token="world-of-a-test").body

    assert catalogues(served) == CATALOGUES


@pytest.mark.manual("AUT-04")
def test_an_unknown_token_is_refused_the_document_too(api: Api) -> None:
    answer = api.get("/openapi.json", token="nobodys")

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.body["error"]["status_code"] == 401


@pytest.mark.parametrize("mode", ["api", "strict"])
def test_what_is_served_is_an_openapi_document(
    request: pytest.FixtureRequest, mode: str
) -> None:
    world: Api = request.getfixturevalue(mode)

    validate(world.get("/openapi.json").body)


def test_a_world_without_audios_serves_a_document_too(two_worlds: Api) -> None:
    validate(two_worlds.get("/openapi.json", token="other").body)


def test_only_servers_and_catalogues_are_new_in_what_a_lenient_world_serves(
    api: Api,
) -> None:
    served = api.get("/openapi.json").body

    assert served["servers"][0]["url"] == "/"
    assert {**served, "servers": [], "components": {}} == {
        **TREE,
        "servers": [],
        "components": {},
    }
    schemas = TREE["components"]["schemas"]
    changed = {
        name
        for name, schema in served["components"]["schemas"].items()
        if schema != schemas[name]
    }
    assert changed == {"RouteRef", "CountryRef", "LinkRef", "AudioRef", "MediaRef"}


def test_serving_leaves_the_document_as_it_is(strict: Api) -> None:
    strict.get("/openapi.json")

    assert files.read_yaml(files.CONTRACT) == TREE


@pytest.mark.parametrize("path", ORDERS)
def test_who_reads_the_served_document_sends_what_is_taken(
    make_api: MakeApi, path: str
) -> None:
    for strict in (False, True):
        api = make_api(strict=strict)
        served = api.get("/openapi.json").body

        assert valid(served, path, make_order(path))
        assert api.post(path, json=make_order(path)).status == 200


@pytest.mark.manual("GEN-11")
@pytest.mark.parametrize(("field", "known"), [("route", 87), ("country", 1)])
def test_an_id_is_in_the_document_if_it_is_in_the_catalogue(
    api: Api, field: str, known: int
) -> None:
    served = api.get("/openapi.json").body
    body = make_order(SMS, route=None)

    assert valid(served, SMS, {**body, field: known})
    assert valid(served, SMS, {**body, field: str(known)})
    assert not valid(served, SMS, {**body, field: 999})
    assert not valid(served, SMS, {**body, field: "999"})


DOUBTFUL: Mapping[str, tuple[str, dict[str, Any]]] = {
    "SMS-28": (SMS, {"encode": 1}),
    "SMS-37": (SMS, {"scheduled_date": "2030-01-31"}),
    "SMS-25": (SMS, {"text": "mañana \u4f60"}),
    "VOI-08": (VOICE, {"remittent": None}),
}


@pytest.mark.parametrize("ledger", DOUBTFUL)
def test_a_strict_world_serves_its_own_reading(make_api: MakeApi, ledger: str) -> None:
    path, changes = DOUBTFUL[ledger]
    body = make_order(path, **changes)
    lenient, strict = make_api(), make_api(strict=True)

    assert valid(lenient.get("/openapi.json").body, path, body)
    assert not valid(strict.get("/openapi.json").body, path, body)
    assert lenient.post(path, json=body).notes == [ledger]
    assert strict.post(path, json=body).status == 422


def test_one_closed_switch_narrows_the_document_by_one_reading(
    make_api: MakeApi,
) -> None:
    served = (
        make_api(assumptions={"loose_booleans": "refuse"}).get("/openapi.json").body
    )

    assert not valid(served, SMS, make_order(SMS, encode=1))
    assert valid(served, SMS, make_order(SMS, scheduled_date="2030-01-31"))


def test_narrowing_adds_to_a_schema_and_takes_nothing_away() -> None:
    narrowed = read_contract().document.narrow_tree(STRICT_READINGS)["components"][
        "schemas"
    ]
    lenient = read_contract().document.narrow_tree(LENIENT_READINGS)["components"][
        "schemas"
    ]

    assert lenient == TREE["components"]["schemas"]
    flag = lenient["Flag"]
    assert narrowed["Flag"] == {**flag, "allOf": [flag["x-strict"][0]["schema"]]}


def catalogues(served: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the ids that a served document lists; digits say the same."""
    found = {}
    for node in iterate_mappings(served):
        if "x-catalog" in node:
            integers, digits = node["oneOf"]
            assert digits == {
                "type": "string",
                "enum": list(map(str, integers["enum"])),
            }
            found[node["x-catalog"]] = integers["enum"]
    return found


def valid(served: Mapping[str, Any], path: str, body: Any) -> bool:
    """Return whether a served document admits *body*."""
    content = served["paths"][path]["post"]["requestBody"]["content"]
    schema = {
        **content["application/json"]["schema"],
        "components": served["components"],
    }
    return jsonschema_rs.Draft202012Validator(schema).is_valid(body)
