"""Lists that are easily one row short: each is held to another that knows better."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import fields
from typing import Any

import pytest

from emulator.client import Emulator
from emulator.domain import emulator_refusals, platform_refusals, refusal_catalog
from emulator.domain.assumptions import LENIENT_CHOICES, STRICT_CHOICES
from emulator.domain.dlr import CHANGE_MILESTONES, STATUS_AFTER_CHANGE, WAITING_STATUS
from emulator.domain.refusals import RefusalReason
from emulator.domain.timeline import (
    INSTANT_PACE,
    MANUAL_PACE,
    PACES,
    InterventionKind,
    Pace,
)
from emulator.operations.control import account, deliveries, journal
from emulator.operations.control.statements import (
    COLUMNS,
    STATEMENTS_BY_FIELD,
    STATEMENTS_BY_REASON,
    STATEMENTS_BY_STATUS,
    read_ledger,
)
from emulator.serving import settings
from emulator.world import FIRST_IDS, SharedState
from emulator.world.journal import JournalPool
from emulator.worlds import Limits
from tests.support.emulator import (
    Api,
    MakeApi,
    make_emulator,
    read_contract,
    read_control,
    run_control,
    send_control,
)
from tests.support.orders import ORDERS, REFUSAL_CASES, RefusalCase, make_order

# Which statements stand behind a refusal, once more.
EXPLAINED: Mapping[str, str] = {
    "UNREADABLE": "ERR-03",
    "UNAUTHENTICATED": "AUT-04",
    "NO_SUCH_PATH": "ERR-07",
    "NO_SUCH_CAMPAIGN": "DLR-15",
    "METHOD_NOT_ALLOWED": "ERR-09",
    "SERVER_ERROR": "ERR-13",
    "REQUIRED_WITHOUT": "SMS-30 SMS-31",
    "NOT_AN_OBJECT": "ERR-05",
    "UNKNOWN_ROUTE": "SMS-32",
    "UNKNOWN_COUNTRY": "SMS-32",
    "NO_ROUTE_TO_COUNTRY": "SMS-33",
    "ROUTE_ELSEWHERE": "SMS-34",
    "UNKNOWN_LINK": "CLC-04",
    "UNKNOWN_AUDIO": "VOI-03",
    "UNKNOWN_MEDIUM": "EML-07",
    "UNKNOWN_REMITTENT": "VOI-09",
    "UNEVEN_FIELDS": "SMS-07",
    "VALUE_MISSING": "SMS-08",
    "TOO_LONG_MERGED": "SMS-26",
    "SPECIAL_CHARACTERS": "SMS-25",
    "URL_NOT_LISTED": "SMS-47",
    "DATE_PAST": "SMS-36",
    "DATES_REVERSED": "MO-14",
    "INSUFFICIENT_BALANCE": "SMS-45",
    "SERVICE_INACTIVE": "ERR-12",
    "NOT_CANCELLABLE": "VOI-32",
}
BOOLEANS = "SMS-28"  # a statement about all of them, which names none


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with closing(make_emulator()) as api:
        yield api


def explained(api: Api, number: int) -> str:
    """Return the statements behind the refusal of an exchange."""
    found = run_control(api, "GET", f"journal/{number}")["statements"]
    assert {each["about"] for each in found} <= {"refusal"}
    return " ".join(each["id"] for each in found)


# --- Statements behind a refusal ---------------------------------------------


# What is refused before anybody is let in is in nobody's journal.
AT_THE_DOOR = {"UNAUTHENTICATED", "NO_SUCH_PATH", "METHOD_NOT_ALLOWED"}


@pytest.mark.parametrize(
    "no",
    [each for each in REFUSAL_CASES if each.reason in EXPLAINED.keys() - AT_THE_DOOR],
    ids=lambda each: each.reason,
)
def test_a_refusal_is_explained(make_api: MakeApi, no: RefusalCase) -> None:
    with closing(no.make_api(make_api)) as api:
        api.send(no.method, no.path, **no.options)

        (stated, *others) = STRICTER.get(no.reason, EXPLAINED[no.reason]).split()
        assert explained(api, 1).split() == [stated, *others]


# A strict world names the reading that was not met.
STRICTER = {"DATE_PAST": "SMS-37"}


def test_every_row_of_the_explanations_is_looked_at() -> None:
    assert {
        name: " ".join(ids) for name, ids in STATEMENTS_BY_REASON.items()
    } == EXPLAINED
    assert STATEMENTS_BY_REASON.keys() <= refusal_catalog.REASONS.keys()
    assert STATEMENTS_BY_STATUS == {400: ("ERR-03",), 422: ("ERR-02",)}


def test_every_field_of_an_order_is_explained_by_a_statement_that_names_it() -> None:
    for operation in read_contract().operations.values():
        if operation.body_shape is None:
            continue
        rows = STATEMENTS_BY_FIELD[operation.id]

        assert {*_properties(operation.id)} == rows.keys(), operation.id
        for name, ids in rows.items():
            word = "field1" if name in COLUMNS else name  # of `field1` to `field4`
            for each in ids:
                item = read_ledger()[each]
                assert word in item["says"] + item["does"] or each == BOOLEANS, name


def _properties(operation: str) -> Iterator[str]:
    """Yield the names of what a body may have, and its recipients."""
    found = read_contract().operations[operation]
    where = f"/paths/{found.path.replace('/', '~1')}/{found.method.lower()}"
    where += "/requestBody/content/application~1json/schema"
    yield from _names(read_contract().document.resolve_pointer(where)[1])


def _names(node: Any) -> Iterator[str]:
    if "$ref" in node:
        node = read_contract().document.resolve_pointer(node["$ref"][1:])[1]
    for name, each in node.get("properties", {}).items():
        yield name
        if name == "recipients":
            yield from _names(each.get("items", {}))
    for several in ("oneOf", "allOf", "anyOf"):
        for each in node.get(several, ()):
            yield from _names(each)


@pytest.mark.parametrize("path", ORDERS)
def test_what_is_wrong_with_a_field_is_explained_by_its_statements(
    api: Api, path: str
) -> None:
    operation = next(
        each.id for each in read_contract().operations.values() if each.path == path
    )
    for name in STATEMENTS_BY_FIELD[operation].keys() & ORDERS[path].keys():
        api.post(path, json=make_order(path, **{name: [[]]}))
        exchange = run_control(api, "GET", f"journal/{api.world.journal.last}")

        assert exchange["status"] == 422, (name, exchange["response"])
        ids = tuple(each["id"] for each in exchange["statements"])
        assert ids == STATEMENTS_BY_REASON.get(
            exchange["reason"], STATEMENTS_BY_FIELD[operation][name]
        ), name


# --- The account -------------------------------------------------------------


def test_every_collection_of_the_account_has_a_name_for_its_items() -> None:
    asked = read_control().document.resolve_pointer(
        "/components/parameters/Collection"
    )[1]

    assert {*asked["schema"]["enum"]} == account.ITEM_KEYS.keys()


ITEMS: Mapping[str, Any] = {
    "audios": {"id": 900, "name": "x"},
    "binds": {"system_id": "Other", "password": "x"},
    "countries": {"country": 900, "name": "Nowhere"},
    "handsets": {"cellphone": "5599999999", "outcome": "absent"},
    "keywords": {"keyword": "Nuevo", "response": "hola"},
    "links": {"id": 900, "title": "x", "url": "https://x.example.org/"},
    "media": {"id": 900, "name": "x", "url": "https://x.example.org/x"},
    "routes": {
        "route": 900,
        "name": "x",
        "country": 1,
        "price": 1,
        "description": "x",
    },
}


@pytest.mark.parametrize("collection", account.ITEM_KEYS)
def test_an_item_of_every_collection_is_added_replaced_and_removed_by_its_name(
    api: Api, collection: str
) -> None:
    item = ITEMS[collection]
    name = str(item[account.ITEM_KEYS[collection]])
    before = run_control(api, "GET", "account").get(collection, [])

    for _ in range(2):  # the second one takes the place of the first
        run_control(api, "POST", f"account/{collection}", json=item)
        there = run_control(api, "GET", "account")[collection]
        assert len(there) == len(before) + 1
    run_control(api, "DELETE", f"account/{collection}/{name.swapcase()}")

    assert run_control(api, "GET", "account").get(collection, []) == before
    answer = send_control(api, "DELETE", f"account/{collection}/{name}")
    assert (answer.status, answer.body["detail"]) == (
        404,
        f"the account has no such item in {collection}",
    )


INSTEAD = {
    "account.credit": (
        {"account": {"credit": 5}},
        "it is what the account was opened with; POST /_emulator/movements moves money",
    ),
    "balance": ({"balance": 1}, "POST /_emulator/movements moves money"),
    "clock": ({"clock": "frozen"}, "PUT /_emulator/clock sets it"),
    "name": (
        {"name": "other"},
        "a world keeps its name; POST /_emulator/world/fork makes a copy",
    ),
    "seed": (
        {"seed": 2},
        "a world keeps its seed; POST /_emulator/worlds opens one with another",
    ),
    "tokens": ({"tokens": []}, "POST and DELETE /_emulator/tokens change them"),
}


def test_what_the_account_does_not_change_says_what_to_do_instead(api: Api) -> None:
    assert {".".join(path) for path in account.FIXED_FIELDS} == INSTEAD.keys()
    for field, (patch, instead) in INSTEAD.items():
        answer = send_control(api, "PATCH", "account", json=patch)

        assert answer.status == 422
        assert answer.body["title"] == f"The field {field} cannot be changed here"
        assert answer.body["detail"] == instead


# --- Words for what is ------------------------------------------------------


def test_every_keyword_of_a_schema_has_its_refusal() -> None:
    assert {
        name: each.name for name, each in refusal_catalog.REASON_BY_KEYWORD.items()
    } == {
        "required": "REQUIRED",
        "required_without": "REQUIRED_WITHOUT",
        "required_with": "REQUIRED_WITH",
        "maxLength": "TOO_LONG",
        "minLength": "TOO_SHORT",
        "maxItems": "TOO_MANY",
        "minItems": "TOO_FEW",
        "enum": "NOT_IN_LIST",
        "const": "NOT_IN_LIST",
        "not": "NOT_WANTED",
        "additionalProperties": "NOT_KNOWN",
        "unevaluatedProperties": "NOT_KNOWN",
    }


# Beside those of ``support/orders.py``: what the control API says, and a fault in
# Spanish too.
SENTENCES: Mapping[str, tuple[int, str, str]] = {
    "NO_SUCH_TOKEN": (404, "El token no existe", "The token does not exist"),
    "NO_SUCH_WORLD": (404, "El mundo no existe", "The world does not exist"),
    "FOREIGN_ORIGIN": (
        403,
        "La pagina es de otro origen",
        "The page is of another origin",
    ),
    "SECRET_NEEDED": (
        401,
        "Falta el secreto de control o es otro",
        "The control secret is missing or another",
    ),
    "TOO_MANY_GUESSES": (
        429,
        "Demasiados secretos equivocados: espere {seconds} s",
        "Too many wrong secrets: wait {seconds} s",
    ),
    "NO_SUCH_ITEM": (404, "El elemento no existe", "The item does not exist"),
    "NOT_CHANGEABLE": (
        422,
        "El campo {field} no puede cambiarse aqui",
        "The field {field} cannot be changed here",
    ),
    "WORLD_FULL": (
        422,
        "El mundo del emulador no admite mas mensajes",
        "The emulator's world can hold no more messages",
    ),
    "NO_SUCH_FAULT": (404, "La regla no existe", "The rule does not exist"),
    "NO_SUCH_MESSAGE": (404, "El mensaje no existe", "The message does not exist"),
    "NO_SUCH_DELIVERY": (404, "La entrega no existe", "The delivery does not exist"),
    "OTHER_NUMBER": (
        422,
        "El mensaje es de otro numero",
        "The message belongs to another number",
    ),
    "NOT_ARRIVED": (
        422,
        "El mensaje no ha llegado al telefono",
        "The message has not arrived on the handset",
    ),
    "NOTHING_TO_ANSWER": (
        422,
        "El numero no tiene mensajes que responder",
        "The number has no messages to answer",
    ),
    "NOT_DUE": (422, "La entrega ya termino", "The delivery is over already"),
    "UNDER_WAY": (409, "La entrega esta en camino", "The delivery is under way"),
    "JOURNAL_DROPPED": (
        409,
        "El registro ya no tiene todo lo que se pide",
        "The journal no longer has all that is asked for",
    ),
    "NO_SUCH_EXCHANGE": (404, "La peticion no existe", "The request does not exist"),
    "NAME_TAKEN": (409, "El nombre ya esta en uso", "The name is already in use"),
    "WORLD_NEEDED": (422, "El mundo es indispensable", "The world is indispensable"),
    "WORLDS_FULL": (422, "No caben mas mundos", "There is no room for another world"),
    "CLOCK_IN_MOTION": (
        409,
        "El reloj de este mundo se esta moviendo",
        "The clock of this world is being moved",
    ),
    "NO_SUCH_SESSION": (404, "La sesion no existe", "The session does not exist"),
    "NO_SUCH_CHECKPOINT": (404, "El punto de control no existe", "No such checkpoint"),
    "BACKUP_IMPOSSIBLE": (
        409,
        "No se puede hacer una copia ahora",
        "No copy can be made now",
    ),
    "CHECKPOINTS_FULL": (
        422,
        "No caben mas puntos de control",
        "There is no room for another checkpoint",
    ),
    "SNAPSHOT_TOO_LARGE": (
        413,
        "El estado del mundo es demasiado grande",
        "The state of the world is too large",
    ),
    "SNAPSHOT_WRONG": (
        422,
        "El estado guardado no es valido",
        "The snapshot is not valid",
    ),
    "FIXTURE_WRONG": (422, "El mundo no es valido", "The world is not valid"),
    "TIME_PASSED": (422, "El tiempo no retrocede", "Time does not go back"),
    "TIME_TOO_FAR": (422, "El tiempo no llega tan lejos", "Time does not go that far"),
    "BALANCE_TOO_LARGE": (
        422,
        "El importe o el saldo es demasiado grande",
        "The amount or the balance is too large",
    ),
    "BODIES_BUSY": (
        503,
        "Demasiadas peticiones grandes a la vez, intente mas tarde",
        "Too many large requests at once, try again later",
    ),
    "TOO_MANY_NODES": (
        413,
        "La peticion no debe tener mas de {limit} valores",
        "The request may not have more than {limit} values",
    ),
    "TOO_FINE": (
        422,
        "El importe tiene mas de seis decimales",
        "The amount has more than six decimals",
    ),
    "SERVER_ERROR": (
        500,
        "Error del servidor, intente mas tarde",
        "Server error, try again later",
    ),
    "NOT_KNOWN": (422, "El campo {field} no existe", "There is no field {field}"),
    "NOT_CANCELLABLE": (
        422,
        "La campaña ya no puede cancelarse",
        "The campaign can no longer be cancelled",
    ),
    "NOT_PAUSABLE": (
        422,
        "La campaña no puede pausarse",
        "The campaign cannot be paused",
    ),
    "MISDIRECTED": (
        421,
        "El emulador no responde al host {host} (--allowed-host lo agrega)",
        "The emulator does not answer to the host {host} (--allowed-host adds it)",
    ),
    "NOT_RESUMABLE": (
        422,
        "La campaña no puede reanudarse",
        "The campaign cannot be resumed",
    ),
}


def test_every_sentence_stands_in_both_languages() -> None:
    others = {each.reason: (each.status, each.es, each.en) for each in REFUSAL_CASES}
    assert others.keys() | SENTENCES.keys() == refusal_catalog.REASONS.keys()
    assert {
        name: (each.status, each.es, each.en)
        for name, each in refusal_catalog.REASONS.items()
        if name in SENTENCES
    } == SENTENCES


def test_every_refusal_is_known_by_its_own_name() -> None:
    named = {
        name: each
        for module in (platform_refusals, emulator_refusals)
        for name, each in vars(module).items()
        if isinstance(each, RefusalReason)
    }

    assert named == refusal_catalog.REASONS
    assert all(each.name == name for name, each in named.items())
    assert len({each.es for each in named.values()}) == len(named)
    assert len({each.en for each in named.values()}) == len(named)


def test_every_intervention_has_its_words() -> None:
    told = {str(each): STATUS_AFTER_CHANGE.get(each) for each in InterventionKind}
    waits = {str(each): WAITING_STATUS.get(each) for each in InterventionKind}
    leads = {str(each): CHANGE_MILESTONES.get(each) for each in InterventionKind}

    assert told == {
        "paused": "paused",
        "resumed": "inserted",
        "cancelled": "canceled",
        "lost": None,
    }
    assert waits == {
        "paused": "paused",
        "resumed": None,
        "cancelled": "cancelled",
        "lost": None,
    }
    assert leads == {
        "paused": "paused",
        "resumed": "resumed",
        "cancelled": "canceled",
        "lost": None,
    }


def test_every_pace_is_as_the_ledger_has_it() -> None:
    seconds = {
        each.name: getattr(MANUAL_PACE, each.name).total_seconds()
        for each in fields(Pace)
        if each.name != "retry_scale"
    }

    assert seconds == {
        "inserting": 1,
        "updating": 1,
        "sms_after": 11,
        "sms_every": 0.01,
        "call_after": 35,
        "call_every": 0.1,
    }
    assert MANUAL_PACE.retry_scale == 1
    assert not any(getattr(INSTANT_PACE, each.name) for each in fields(Pace))
    assert PACES == {"manual": MANUAL_PACE, "instant": INSTANT_PACE}


def test_both_modes_decide_everything() -> None:
    assert LENIENT_CHOICES.keys() == STRICT_CHOICES.keys()


# --- Bounds that stand in two places -----------------------------------------


def test_a_process_may_hold_what_its_settings_say() -> None:
    chosen, limits = settings.Settings(), Limits()
    names = {
        "worlds": "max_worlds",
        "messages": "max_messages",
        "journal": "journal_limit",
        "journals": "journal_total_limit",
        "snapshot": "snapshot_limit",
        "checkpoints": "max_checkpoints",
        "deliveries": "max_deliveries",
    }

    for bound, setting in names.items():
        assert getattr(limits, bound) == getattr(chosen, setting), bound
    assert limits.smpp_mints == (chosen.auto_create_worlds == "any")
    archive, commons = JournalPool(), SharedState()
    assert (archive.journal_limit, archive.total_limit) == (
        limits.journal,
        limits.journals,
    )
    assert (commons.message_limit, commons.delivery_limit) == (
        limits.messages,
        limits.deliveries,
    )


@pytest.mark.parametrize(
    ("method", "seconds"),
    [
        ("wait_for_request", journal.WAIT_TIMEOUT),
        ("wait_for_delivery", deliveries.WAIT_TIMEOUT),
    ],
)
def test_a_client_waits_as_long_as_the_control_api(method: str, seconds: float) -> None:
    waits = inspect.signature(getattr(Emulator, method)).parameters

    assert waits["timeout"].default == seconds == 5
    assert waits["count"].default == 1


@pytest.mark.parametrize(
    ("choice", "value", "says"),
    [
        ("refund_on_cancel", True, "yes"),
        ("refund_on_cancel", False, "no"),
        ("refund_on_cancel", "no", "no"),
        ("url_whitelist", False, "off"),
    ],
)
def test_what_yaml_takes_for_a_truth_is_the_word_that_a_switch_knows(
    make_api: MakeApi, choice: str, value: object, says: str
) -> None:
    assert (
        make_api(assumptions={choice: value}).account.assumptions.chosen[choice] == says
    )


def test_ids_grow_from_those_of_the_manual() -> None:
    """Those of look-ups and deliveries are ours."""
    assert FIRST_IDS == {
        "campaign": 8528238,
        "message": 46608336,
        "voice": 481776,
        "call": 754061,
        "email": 28648,
        "hlr": 90210,
        "response": 977929,
        "delivery": 1,
    }
