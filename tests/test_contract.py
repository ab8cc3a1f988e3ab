"""The contract drives the program: what it says, and that the program does it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from emulator.contract.contract import Contract, ContractError, load_contract
from emulator.contract.document import iterate_mappings
from emulator.operations import PLATFORM_OPERATIONS
from emulator.web.routing import EmulatorApp
from emulator.worldfile.fixture import parse_fixture
from emulator.worlds import Limits, WorldDirectory
from tests.support.emulator import (
    START,
    Api,
    make_validator,
    read_contract,
    read_demo_world,
)
from tests.support.emulator import build_app as program_over
from tests.support.orders import make_order

TREE = read_contract().document.tree
EVERY = tuple(read_contract().operations.values())


# --- Contract and program ----------------------------------------------------


def test_there_is_one_function_for_every_operation() -> None:
    assert read_contract().operations.keys() == PLATFORM_OPERATIONS.keys()


def test_an_operation_without_a_function_does_not_start() -> None:
    tree = with_path("/api/v3/fax", {"get": an_operation("sendFax")})

    with pytest.raises(ContractError, match=r"without a function: sendFax; .*none$"):
        program(tree)


def test_a_function_without_an_operation_does_not_start() -> None:
    paths = {path: each for path, each in TREE["paths"].items() if "hlr" not in path}

    with pytest.raises(ContractError, match=r"without an operationId: lookupNumber$"):
        program({**TREE, "paths": paths})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read: .*No such file"),
        ("paths: [", "cannot be read: "),
        ("openapi: 3.1.1", "has no paths"),
        ("[]", "has no paths"),
        ("", "has no paths"),
    ],
)
def test_a_contract_that_cannot_be_used_is_named(
    tmp_path: Path, text: str | None, says: str
) -> None:
    path = tmp_path / "openapi.yaml"
    if text is not None:
        path.write_text(text, "utf-8")

    with pytest.raises(ContractError, match=f"^the contract {path} {says}"):
        load_contract(path)


@pytest.mark.parametrize(("security", "status"), [([], 200), (TREE["security"], 401)])
def test_the_contract_says_whether_a_token_is_asked_for(
    security: list[Any], status: int
) -> None:
    path = "/api/v3/user/countries"
    operation = {**TREE["paths"][path]["get"], "security": security}
    app = program(with_path(path, {"get": operation}))

    with closing(Api(app)) as api:
        answer = api.get(path, token="")

    assert answer.status == status


def test_one_path_has_all_its_methods() -> None:
    assert read_contract().group_by_path()["/api/v1/user"].keys() == {"GET", "HEAD"}


@pytest.mark.manual("CLC-02", "MO-01", "VOI-21")
def test_an_alias_leads_to_the_same_operation() -> None:
    by_path = read_contract().group_by_path()
    aliases = {
        alias: (each.id, each.aliases[alias], by_path[alias] == by_path[each.path])
        for each in EVERY
        for alias in each.aliases
    }

    assert aliases == {
        "/api/v3/smscllic/campaign": ("createSmsClicCampaign", "CLC-02", True),
        "/api/v3/smsclc/campaign": ("createSmsClicCampaign", "CLC-02", True),
        "/api/smscliv3/campaign": ("createSmsClicCampaign", "CLC-02", True),
        "/api/v3/response": ("queryResponses", "MO-01", True),
        "/api/v3/voice/{voiceId}/": ("getVoiceCampaign", "VOI-21", True),
    }


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("8528381", 8528381),
        ("0008528381", 8528381),
        ("999999999999999", 999999999999999),
        ("1000000000000000", None),
        ("0", None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("1e3", None),
        (" 1", None),
        ("abc", None),
        ("", None),
        ("\u0664\u0664", None),
        ("9" * 30, None),
    ],
)
def test_an_id_in_a_path_is_plain_digits(raw: str, value: int | None) -> None:
    (campaign,) = read_contract().operations["getCampaignMessages"].parameters

    assert campaign.parse_value(raw) == value


@pytest.mark.manual("HLR-02")
@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("4498987282", "4498987282"),
        ("0498987282", "0498987282"),
        ("449898728", None),
        ("44989872820", None),
        ("4498987282\n", None),
        ("449898728x", None),
        ("\u0664" * 10, None),
    ],
)
def test_a_number_in_a_path_stays_text(raw: str, value: str | None) -> None:
    (cellphone,) = read_contract().operations["lookupNumber"].parameters

    assert cellphone.parse_value(raw) == value


def test_only_a_bearer_opens_an_operation() -> None:
    assert all(each.secured for each in EVERY)
    schemes = TREE["components"]["securitySchemes"]
    assert [(each["type"], each["scheme"]) for each in schemes.values()] == [
        ("http", "bearer")
    ]


# --- What the document says --------------------------------------------------


def test_every_operation_and_push_names_its_statements() -> None:
    described = [*EVERY_NODE.values(), *PUSHES.values()]

    assert all(each["x-ledger"] for each in described)
    assert all(isinstance(each["x-ledger"], list) for each in described)


@pytest.mark.manual("MOP-03", "SMP-08", "KEY-04")
def test_the_three_pushes_are_described_as_webhooks() -> None:
    parameters = {
        name: [each["name"] for each in push["parameters"]]
        for name, push in PUSHES.items()
    }

    assert parameters == {
        "moPush": ["response", "cellphone", "message_id", "date"],
        "smppMoPush": ["Response", "Cellphone", "Message_id", "Date"],
        "keywordPush": ["response", "cellphone", "keyword", "date"],
    }
    assert all(push["security"] == [] for push in PUSHES.values())


def test_every_success_shows_an_example() -> None:
    shown = {
        each.id: each.node["responses"]["200"].get("content", {}) for each in EVERY
    }

    assert {name for name, content in shown.items() if not content} == {"headUser"}
    assert all(
        content["application/json"]["examples"] for content in shown.values() if content
    )


def test_every_example_has_the_shape_that_it_is_an_example_of() -> None:
    seen = 0
    for where, media in media_types():
        for each in media["examples"].values():
            _, example = read_contract().document.resolve_pointer(
                each["$ref"].removeprefix("#")
            )
            make_validator(f"{where}/schema").validate(example["value"])
            seen += 1

    assert seen > 40


def test_a_request_is_described_without_formats() -> None:
    """Every validator has an opinion of its own on what an e-mail address is."""
    formats = [node["format"] for node in asked_for() if "format" in node]

    assert formats == []


def test_a_pattern_spells_out_its_characters() -> None:
    r"""What \d and \w stand for is another thing in every language."""
    patterns = [node["pattern"] for node in iterate_mappings(TREE) if is_pattern(node)]

    assert len(patterns) > 10
    assert [each for each in patterns if re.search(r"(?<!\\)\\[dDwWsSbB]", each)] == []


def test_a_field_never_has_two_meanings() -> None:
    """The same field name is spelled otherwise in one way everywhere."""
    meanings: dict[str, set[str]] = {}
    for node in iterate_mappings(TREE):
        for name, each in node.get("properties", {}).items():
            for spelling in each.get("x-also-called", {}):
                meanings.setdefault(spelling, set()).add(name)

    assert meanings
    assert all(len(names) == 1 for names in meanings.values())


LINKS = {
    f"{each.id} {name}": (each.path, link)
    for each in EVERY
    for name, link in each.node["responses"]["200"].get("links", {}).items()
}


@pytest.mark.parametrize("name", LINKS)
def test_a_link_leads_from_a_creation_to_what_was_created(api: Api, name: str) -> None:
    path, link = LINKS[name]
    created = api.post(path, json=make_order(path)).body
    target = read_contract().operations[link["operationId"]]
    (parameter,) = target.parameters
    field = link["parameters"][parameter.name].removeprefix("$response.body#/")
    there = target.path.replace(f"{{{parameter.name}}}", str(created[field]))

    answer = api.send(target.method, there)

    assert answer.status == 200
    assert answer.body[field] == created[field]


def test_there_are_links_to_every_operation_on_one_campaign() -> None:
    targets = {link["operationId"] for _, link in LINKS.values()}

    assert targets == {each.id for each in EVERY if each.parameters} - {"lookupNumber"}


# --- Helpers -----------------------------------------------------------------

EVERY_NODE = {each.id: each.node for each in EVERY}
PUSHES = {name: item["get"] for name, item in TREE["webhooks"].items()}


def an_operation(name: str) -> dict[str, Any]:
    return {"operationId": name, "responses": {"200": {"description": "Sent"}}}


def with_path(path: str, item: Mapping[str, Any]) -> dict[str, Any]:
    return {**TREE, "paths": {**TREE["paths"], path: item}}


def program(tree: dict[str, Any]) -> EmulatorApp:
    """Put the program together over another contract."""
    worlds = WorldDirectory(
        [parse_fixture(read_demo_world(), "demo", now=START)], Limits()
    )
    return program_over(worlds, Contract(tree))


def media_types() -> Iterator[tuple[str, Any]]:
    """Yield every described body that has examples, and where it stands."""
    for each in EVERY:
        start = f"/paths/{each.path.replace('/', '~1')}/{each.method.lower()}"
        places = [f"{start}/requestBody"] if each.body_shape else []
        places += [f"{start}/responses/{status}" for status in each.node["responses"]]
        for place in places:
            where, node = read_contract().document.resolve_pointer(place)
            for media in node.get("content", {}).values():
                yield f"{where}/content/application~1json", media


def asked_for() -> Iterator[dict[str, Any]]:
    """Yield every part of the schemas of requests."""
    for each in EVERY:
        if each.body_shape:
            path = each.path.replace("/", "~1")
            yield from read_contract().document.iterate_reachable(
                f"/paths/{path}/post/requestBody"
            )


def is_pattern(node: Mapping[str, Any]) -> bool:
    return isinstance(node.get("pattern"), str)
