"""How the platform says no: when, in which order, and with which words."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from emulator.domain.account import Movement
from emulator.domain.refusal_catalog import REASONS
from emulator.operations import PLATFORM_OPERATIONS
from emulator.operations.call import OperationCall, OperationFunction, OperationResult
from emulator.web import platform_api as web
from emulator.web.endpoint import make_endpoints
from emulator.web.routing import ContractPaths, EmulatorApp
from emulator.world import World
from tests.support.emulator import BODY_LIMIT, Api, MakeApi, read_contract
from tests.support.orders import (
    CLIC,
    EMAIL,
    NUMBER,
    ORDERS,
    PAST,
    POOR,
    REFUSAL_CASES,
    RESPONSES,
    SENDING,
    SMS,
    TOO_MUCH,
    USER,
    VOICE,
    RefusalCase,
    make_case,
    make_order,
)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ELSEWHERE = {
    "control API": {
        "FOREIGN_ORIGIN",
        "JOURNAL_DROPPED",
        "NOT_CHANGEABLE",
        "NOT_KNOWN",
        "NO_SUCH_ITEM",
        "NO_SUCH_TOKEN",
        "NO_SUCH_WORLD",
        "NAME_TAKEN",
        "CLOCK_IN_MOTION",
        "CHECKPOINTS_FULL",
        "FIXTURE_WRONG",
        "NO_SUCH_CHECKPOINT",
        "NO_SUCH_DELIVERY",
        "NO_SUCH_EXCHANGE",
        "NO_SUCH_MESSAGE",
        "NOTHING_TO_ANSWER",
        "NOT_ARRIVED",
        "NOT_DUE",
        "OTHER_NUMBER",
        "UNDER_WAY",
        "SECRET_NEEDED",
        "SNAPSHOT_TOO_LARGE",
        "SNAPSHOT_WRONG",
        "NO_SUCH_FAULT",
        "NO_SUCH_SESSION",
        "TIME_PASSED",
        "TIME_TOO_FAR",
        "TOO_FINE",
        "TOO_MANY_GUESSES",
        "WORLDS_FULL",
        "WORLD_NEEDED",
    },
    "a mistake of ours": {"SERVER_ERROR"},
    "a limit of ours": {
        "BACKUP_IMPOSSIBLE",
        "BALANCE_TOO_LARGE",
        "BODIES_BUSY",
        "TOO_MANY_NODES",
        "WORLD_FULL",
    },
    "no request of ours": {"MISDIRECTED"},
    "no operation of the manual": {"NOT_PAUSABLE", "NOT_RESUMABLE"},
}

every_refusal = pytest.mark.parametrize(
    "each", REFUSAL_CASES, ids=lambda each: each.reason
)


def test_every_refusal_that_the_platform_knows_is_shown_here() -> None:
    shown = {each.reason for each in REFUSAL_CASES} | {"NOT_CANCELLABLE"}

    assert len(shown) == len(REFUSAL_CASES) + 1
    assert shown | set().union(*ELSEWHERE.values()) == REASONS.keys()


@pytest.mark.manual("ERR-02", "ERR-06", "ERR-10", "ERR-11", "LOST-08")
@every_refusal
def test_a_refusal_is_an_envelope_with_a_spanish_sentence(
    make_api: MakeApi, each: RefusalCase
) -> None:
    answer = each.send(make_api)

    assert answer.status == each.status
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.body) == ["error"]
    assert list(answer.body["error"].items()) == [
        ("information", each.es),
        ("status_code", each.status),
    ]


@pytest.mark.manual("ERR-11")
@every_refusal
def test_a_world_may_refuse_in_english(make_api: MakeApi, each: RefusalCase) -> None:
    answer = each.send(make_api, language="en")

    assert (answer.status, answer.information) == (each.status, each.en)


@every_refusal
def test_a_header_says_in_english_what_to_do(
    make_api: MakeApi, each: RefusalCase
) -> None:
    why = each.send(make_api).headers["x-emulator-why"]

    assert why
    assert why.isascii()
    assert why.isprintable()


def test_the_header_is_ascii_whatever_it_speaks_of(make_api: MakeApi) -> None:
    api = make_api(assumptions={"url_whitelist": "reject"})

    answer = api.post(SMS, json=make_order(SMS, text="http://\u017fhop.example.org/"))

    why = answer.headers["x-emulator-why"]
    assert why == "\\u017fhop.example.org is not on the white list"


@pytest.mark.manual("ERR-06", "LOST-08")
@every_refusal
def test_a_world_may_refuse_as_the_framework_does(
    make_api: MakeApi, each: RefusalCase
) -> None:
    answer = bare(each.make_api(make_api, errors="laravel"), each)

    body = answer.json()
    assert answer.status_code == each.status
    assert body["message"] == ("Unauthenticated." if each.status == 401 else each.es)
    assert body.keys() <= {"message", "errors"}


@pytest.mark.manual("ERR-06")
def test_the_framework_lists_the_sentences_by_field(make_api: MakeApi) -> None:
    api = make_api(assumptions={"errors": "laravel"})

    answer = bare(api, make_case("", "", "", json=make_order(SMS, text=None)))

    assert answer.json() == {
        "message": "El campo text es obligatorio",
        "errors": {"text": ["El campo text es obligatorio"]},
    }


def bare(api: Api, each: RefusalCase) -> Any:
    """Return the answer, not held to the contract, which describes envelopes only."""
    options = dict(each.options)
    headers = {"authorization": "Bearer demo", "content-type": "application/json"}
    headers |= options.pop("headers", {})
    client = TestClient(api.app, headers=headers)
    return client.request(each.method, each.path, **options)


@pytest.mark.manual("ERR-01")
def test_the_codes_are_the_manuals_and_two_more() -> None:
    assert {each.status for each in REFUSAL_CASES} == {400, 401, 404, 405, 413, 422}
    assert REASONS["SERVER_ERROR"].status == 500


@pytest.mark.manual("ERR-03")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \r\n\t",
        b"hola",
        b"text=hola&route=87",
        b"<order/>",
        b"{",
        b'{"text": "hola"',
        b'{"text": "hola",}',
        b"{'text': 'hola'}",
        b'{"text": "hola"} {}',
        b'{"text": NaN}',
        b'{"text": "\xff"}',
        b"[" * 100_000,
        b'{"route": %s}' % (b"9" * 5000),
        b"// hola\n{}",
        b"True",
    ],
    ids=lambda content: content[:20].decode("latin-1"),
)
def test_what_is_not_json_is_400(api: Api, content: bytes) -> None:
    answer = api.post(SMS, content=content)

    assert answer.status == 400
    assert answer.information == "La peticion no contiene un JSON valido"
    assert api.world.campaigns == {}


@pytest.mark.manual("ERR-04")
@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "text/json", "application/xml", "json", "*/*"]
)
@pytest.mark.parametrize("path", ORDERS)
def test_lenient_reads_json_under_another_type_with_a_note(
    api: Api, path: str, content_type: str
) -> None:
    headers = {"content-type": content_type}

    answer = api.post(path, json=make_order(path), headers=headers)

    assert answer.status == 200
    assert answer.notes == ["ERR-04"]


@pytest.mark.manual("ERR-04")
@pytest.mark.parametrize("content_type", ["", "text/plain", "text/json", "*/*"])
@pytest.mark.parametrize("path", ORDERS)
def test_strict_refuses_json_under_another_type(
    strict: Api, path: str, content_type: str
) -> None:
    headers = {"content-type": content_type}

    answer = strict.post(path, json=make_order(path), headers=headers)

    assert answer.status == 400
    assert "Content-Type: application/json" in answer.headers["x-emulator-why"]


@pytest.mark.manual("ERR-04")
@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8"],
)
def test_json_is_recognised_in_any_case_and_with_a_charset(
    strict: Api, content_type: str
) -> None:
    headers = {"content-type": content_type}

    assert strict.post(SMS, json=make_order(SMS), headers=headers).status == 200


@pytest.mark.manual("ERR-05")
@pytest.mark.parametrize("path", ORDERS)
@pytest.mark.parametrize("content", [b"null", b"[]", b"[{}]", b'"{}"', b"7", b"true"])
def test_json_that_is_no_object_is_422(api: Api, path: str, content: bytes) -> None:
    answer = api.post(path, content=content)

    assert answer.status == 422
    assert answer.information == "La peticion debe ser un objeto JSON"


@pytest.mark.manual("ERR-07", "SMS-32")
def test_a_path_and_a_campaign_are_not_found_but_a_route_is_wrong(api: Api) -> None:
    path = api.get("/api/v3/routes")
    campaign = api.get("/api/v3/campaign/8528238/messages")
    voice = api.get("/api/v3/voice/481776")
    route = api.post(SMS, json=make_order(SMS, route=999))

    statuses = [answer.status for answer in (path, campaign, voice, route)]

    assert statuses == [404, 404, 404, 422]
    assert route.headers["x-emulator-why"].startswith("routes: 87, 170, 85")


@pytest.mark.manual("ERR-07")
@pytest.mark.parametrize(
    "number",
    ["0", "-1", "1", "8528238.0", "1e3", "+1", "abc", "9" * 15, "9" * 30, " 1"],
)
@pytest.mark.parametrize("path", ["/api/v3/campaign/{}/messages", "/api/v3/voice/{}"])
def test_what_cannot_be_an_id_is_not_found(api: Api, path: str, number: str) -> None:
    api.post(SMS, json=make_order(SMS))
    api.post(VOICE, json=make_order(VOICE))

    assert api.get(path.format(number)).status == 404


# One request each that is wrong in its own way and in all the ways that come later.
IN_ORDER = [
    ("DELETE", "/api/v3/nothing", {"token": "", "content": TOO_MUCH}, 404),
    ("DELETE", SMS, {"token": "", "content": TOO_MUCH}, 405),
    ("POST", SMS, {"token": "", "content": TOO_MUCH}, 401),
    ("POST", SMS, {"token": "wrong", "content": TOO_MUCH}, 401),
    ("POST", SMS, {"content": TOO_MUCH}, 413),
    ("POST", SMS, {"content": b'{"route": 999'}, 400),
    ("POST", "/api/v3/voice/7/cancel", {"token": "wrong"}, 401),
    ("POST", "/api/v3/voice/7/cancel", {"content": b"{"}, 404),
    ("GET", "/api/v3/campaign/7/messages", {"token": ""}, 401),
    ("GET", "/api/v3/hlr/7", {"token": ""}, 401),
]


@pytest.mark.manual("ERR-08", "ERR-01")
@pytest.mark.parametrize(("method", "path", "options", "status"), IN_ORDER)
def test_the_first_of_several_mistakes_is_answered(
    api: Api, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    assert api.send(method, path, **options).status == status


@pytest.mark.manual("ERR-08")
def test_the_shape_of_a_body_comes_before_the_rules(make_api: MakeApi) -> None:
    api = make_api(account=POOR, services={"voice": False})

    sms = api.post(SMS, json=make_order(SMS, route=999, text=None))
    voice = api.post(VOICE, json=make_order(VOICE, text=None))
    hlr = api.get("/api/v3/hlr/7")

    assert sms.information == "El campo text es obligatorio"
    assert voice.information == "El campo text es obligatorio"
    assert hlr.information == "El formato del campo cellphone es invalido"


@pytest.mark.manual("ERR-08")
def test_the_content_type_comes_before_the_content(strict: Api) -> None:
    headers = {"content-type": "text/plain"}

    answer = strict.post(SMS, content=b"{", headers=headers)

    assert "Content-Type" in answer.headers["x-emulator-why"]


@pytest.mark.manual("ERR-08")
def test_the_last_word_is_the_balances(make_api: MakeApi) -> None:
    api = make_api(account=POOR, strict=True)

    past = api.post(SMS, json=make_order(SMS, scheduled_date=PAST))
    unknown = api.post(SMS, json=make_order(SMS, route=999))
    right = api.post(SMS, json=make_order(SMS))

    assert past.information == "El campo scheduled_date debe ser una fecha futura"
    assert unknown.information == "El campo route no es una ruta disponible"
    assert right.information == "Saldo insuficiente"


@pytest.mark.manual("ERR-09")
@pytest.mark.parametrize("path", read_contract().group_by_path())
def test_another_method_is_405_with_exactly_the_declared_ones(
    api: Api, path: str
) -> None:
    declared = list(read_contract().group_by_path()[path])
    others = [method for method in METHODS if method not in declared]

    answers = [api.send(method, path, token="") for method in others]

    assert {answer.status for answer in answers} == {405}
    assert {answer.headers["allow"] for answer in answers} == {", ".join(declared)}


@pytest.mark.manual("ERR-09")
def test_the_refusal_of_a_head_has_no_body(api: Api) -> None:
    not_allowed = api.send("HEAD", SMS)
    not_found = api.send("HEAD", "/api/v3/nothing")

    assert (not_allowed.status, not_allowed.octets) == (405, b"")
    assert (not_found.status, not_found.octets) == (404, b"")


@pytest.mark.manual("ERR-11", "SMS-30", "SMS-31")
@pytest.mark.parametrize("path", [SMS, CLIC])
def test_the_manuals_two_sentences_stand_to_the_letter(api: Api, path: str) -> None:
    answer = api.post(path, json=make_order(path, route=None))

    assert answer.information.split(". ") == [
        "El campo route es obligatorio cuando country no esta presente",
        "El campo country es obligatorio cuando route no esta presente",
    ]


@pytest.mark.manual("ERR-12", "LOST-10", "VOI-31")
@pytest.mark.parametrize("minutes", [1, 10])
def test_a_campaign_that_has_begun_cannot_be_cancelled(api: Api, minutes: int) -> None:
    recipients = [{"cellphone": NUMBER}] * 1000
    placed = api.post(VOICE, json=make_order(VOICE, recipients=recipients))
    path = f"/api/v3/voice/{placed.body['voice_campaign']}"
    api.clock.advance(minutes=minutes)
    before = api.get(path).body

    answer = api.post(f"{path}/cancel")

    assert answer.status == 422
    assert answer.information == "La campaña ya no puede cancelarse"
    assert "only TO_SEND can be cancelled" in answer.headers["x-emulator-why"]
    assert api.get(path).body == before


@pytest.mark.manual("LOST-10", "VOI-32")
def test_a_campaign_cannot_be_cancelled_twice(api: Api) -> None:
    placed = api.post(VOICE, json=make_order(VOICE)).body["voice_campaign"]
    path = f"/api/v3/voice/{placed}/cancel"

    answers = [api.post(path), api.post(path)]

    assert [answer.status for answer in answers] == [200, 422]
    assert answers[1].information == "La campaña ya no puede cancelarse"


@pytest.mark.manual("ERR-12", "EML-31", "VOI-44")
@pytest.mark.parametrize(("service", "path"), [("email", EMAIL), ("voice", VOICE)])
def test_a_service_that_is_not_active_is_422(
    make_api: MakeApi, service: str, path: str
) -> None:
    api = make_api(services={service: False})

    answer = api.post(path, json=make_order(path))

    assert answer.status == 422
    assert answer.information == f"El servicio {service} no esta activo"
    assert service in answer.headers["x-emulator-why"]


@pytest.mark.manual("ERR-12")
@pytest.mark.parametrize("status", [400, 402, 409, 503])
def test_a_world_file_chooses_another_code(make_api: MakeApi, status: int) -> None:
    change = {"INSUFFICIENT_BALANCE": {"status": status}}
    api = make_api(account=POOR, refusals=change)

    answer = bare(api, make_case("", "", "", json=make_order(SMS)))

    assert answer.status_code == status
    assert answer.json() == {
        "error": {"information": "Saldo insuficiente", "status_code": status}
    }


@pytest.mark.manual("ERR-12")
@pytest.mark.parametrize(
    ("language", "sentence"),
    [("es", "Falta text, por favor"), ("en", "The field text is required")],
)
def test_a_world_file_chooses_another_sentence(
    make_api: MakeApi, language: str, sentence: str
) -> None:
    api = make_api(
        refusals={"REQUIRED": {"es": "Falta {field}, por favor"}},
        assumptions={"language": language},
    )

    answer = api.post(SMS, json=make_order(SMS, text=None))

    assert (answer.status, answer.information) == (422, sentence)


@pytest.mark.manual("ERR-12")
def test_another_worlds_choice_is_its_own(make_api: MakeApi) -> None:
    chosen = make_api(refusals={"UNAUTHENTICATED": {"es": "Quien es usted?"}})
    other = make_api()

    sentences = [each.get(USER, token="").information for each in (chosen, other)]

    assert sentences == ["Quien es usted?", "No autenticado"]


@pytest.mark.manual("ERR-12")
def test_a_401_of_any_name_carries_the_challenge(make_api: MakeApi) -> None:
    api = make_api(refusals={"NO_SUCH_CAMPAIGN": {"status": 401}})

    answer = api.get("/api/v3/campaign/7/messages")

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"


SECRET = "Xochiquetzal-4711"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SMS, {SECRET: SECRET}),
        (SMS, [SECRET]),
        (SMS, SECRET),
        (SMS, make_order(SMS, text=SECRET * 20)),
        (SMS, make_order(SMS, route=SECRET)),
        (SMS, make_order(SMS, country=SECRET)),
        (SMS, make_order(SMS, recipients=[{"cellphone": SECRET}])),
        (SMS, make_order(SMS, recipients=[{SECRET: SECRET}])),
        (SMS, make_order(SMS, recipients=SECRET)),
        (SMS, make_order(SMS, recipients={SECRET: SECRET})),
        (SMS, make_order(SMS, scheduled_date=SECRET)),
        (SMS, make_order(SMS, encode=SECRET)),
        (SMS, make_order(SMS, campaign_name=[SECRET])),
        (CLIC, make_order(CLIC, url=SECRET)),
        (EMAIL, make_order(EMAIL, template=SECRET)),
        (EMAIL, make_order(EMAIL, recipients=[{"email": SECRET}])),
        (EMAIL, make_order(EMAIL, template=3, image=SECRET)),
        (VOICE, make_order(VOICE, type=SECRET)),
        (VOICE, make_order(VOICE, transfer_num=NUMBER, transfer_key=SECRET)),
        (RESPONSES, {"type": SECRET}),
        (RESPONSES, {"type": 2, "messages": [SECRET]}),
        (RESPONSES, {"type": 1, "from": SECRET}),
    ],
)
def test_a_refusal_does_not_repeat_what_was_sent(
    api: Api, path: str, body: object
) -> None:
    answer = api.post(path, json=body)

    assert answer.status == 422
    assert SECRET not in answer.octets.decode()
    assert SECRET not in str(answer.headers)


@pytest.mark.parametrize("path", SENDING)
def test_a_refusal_creates_and_charges_nothing(make_api: MakeApi, path: str) -> None:
    prices = {"email": 1}
    api = make_api(account=POOR, prices=prices)
    rich = make_api(prices=prices)

    answer = api.post(path, json=make_order(path))

    assert answer.information == "Saldo insuficiente"
    assert api.balance() == 0.99
    assert api.world.movements == []
    assert api.world.campaigns == {}
    assert api.world.email_campaigns == {}
    assert api.world.voice_campaigns == {}
    assert rich.post(path, json=make_order(path)).status == 200


@pytest.mark.manual("LOST-08", "ERR-06", "ERR-10")
def test_a_mistake_of_ours_is_a_500_in_the_envelope_and_changes_nothing(
    make_api: MakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(world: World, call: OperationCall) -> OperationResult:
        world.keep_change(Movement(call.now, -1_000_000, "sms", 1))
        message = "ours"
        raise RuntimeError(message)

    api = with_operation(make_api, "createCampaign", mistaken)

    answer = api.post(SMS, json=make_order(SMS))

    assert answer.status == 500
    assert answer.body == {
        "error": {
            "information": "Error del servidor, intente mas tarde",
            "status_code": 500,
        }
    }
    assert "ours" in caplog.text
    assert api.balance() == 468062.11


def test_an_answer_that_the_contract_does_not_describe_is_not_given(
    make_api: MakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(world: World, call: OperationCall) -> OperationResult:
        world.keep_change(Movement(call.now, -1_000_000, "sms", 1))
        return OperationResult({"message": "Completado"})

    api = with_operation(make_api, "createCampaign", mistaken)

    answer = api.post(SMS, json=make_order(SMS))

    assert answer.status == 500
    assert "createCampaign is not what the contract describes" in caplog.text
    assert api.balance() == 468062.11


def with_operation(make_api: MakeApi, name: str, function: OperationFunction) -> Api:
    """Return a demo world with another *function* behind one operation."""
    api = make_api()
    functions = {**PLATFORM_OPERATIONS, name: function}
    door = web.PlatformApi(api.worlds, body_limit=BODY_LIMIT)
    program = EmulatorApp()
    program.paths = ContractPaths(make_endpoints(door, read_contract(), functions))
    program.state.worlds = api.worlds
    api.app = program
    return api
