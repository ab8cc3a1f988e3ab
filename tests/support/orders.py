"""What tests ask the platform for, taken and refused; strict worlds take it, too.

``make_order`` is an order for each operation that takes a body, ``make_sms`` and its
like the campaigns that most tests place, ``REFUSAL_CASES`` each refusal with a request
that provokes it.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emulator.domain.sms import SmsCampaign
from tests.support.emulator import (
    BODY_LIMIT,
    Answer,
    Api,
    MakeApi,
    keep_changes,
    read_demo_world,
)

SMS = "/api/v3/campaign"
CLIC = "/api/v3/smsclic/campaign"
EMAIL = "/api/v1/email"
VOICE = "/api/v3/voice"
RESPONSES = "/api/v3/responses"

NUMBER = "4498987282"
AHEAD = "2026-03-03 09:00:00"  # the day after ``START``
MARK = "<+DYNAMICSHORTURL_IVX4+>"  # where a link of SMS CLIC stands
HANDSETS = [f"99900{outcome:02d}001" for outcome in (*range(8), 10, 11, 12)]
LAST_SECOND = "9999-12-31 23:59:59"

Body = dict[str, Any]
ORDERS: Mapping[str, Mapping[str, Any]] = {
    SMS: {
        "text": "hola",
        "recipients": [{"cellphone": NUMBER}],
        "campaign_name": "avisos",
        "route": 87,
    },
    CLIC: {
        "text": "mira <+DYNAMICSHORTURL_X+>",
        "recipients": [{"cellphone": NUMBER}],
        "campaign_name": "tienda",
        "route": 87,
        "url": 4,
    },
    EMAIL: {
        "subject": "aviso",
        "template": 2,
        "body": "hola",
        "recipients": [{"email": "ana@example.org"}],
    },
    VOICE: {
        "campaign_name": "llamadas",
        "type": 2,
        "text": "hola",
        "recipients": [{"cellphone": NUMBER}],
        "remittent": "5570055780",
    },
    RESPONSES: {"type": 3, "cellphone": NUMBER},
}
SENDING = (SMS, CLIC, EMAIL, VOICE)


def make_order(path: str, **changes: Any) -> dict[str, Any]:
    """Return the order for *path* with *changes*; ``None`` takes a field away."""
    body = {**deepcopy(dict(ORDERS[path])), **changes}
    return {name: value for name, value in body.items() if value is not None}


def count_campaigns(api: Api) -> int:
    """Return how many campaigns of any kind the world holds."""
    world = api.world
    others = len(world.email_campaigns) + len(world.voice_campaigns)
    return len(world.campaigns) + others


def make_recipients(*cellphones: Any, **fields: Any) -> list[Body]:
    """Return recipients, all with the same *fields*."""
    return [{"cellphone": cellphone, **fields} for cellphone in cellphones]


def make_crowd(count: int, **fields: str) -> list[Body]:
    """Return *count* recipients; ``{}`` in a field's text is the recipient's index."""
    return [
        {
            "cellphone": f"55{index:08d}",
            **{name: text.format(index) for name, text in fields.items()},
        }
        for index in range(count)
    ]


def make_sms(*without: str, **changes: Any) -> Body:
    """Return an ordinary campaign, which both modes take, *changes* made to it."""
    body = {
        "text": "hola",
        "recipients": make_recipients(NUMBER),
        "route": 87,
        **changes,
    }
    return {name: value for name, value in body.items() if name not in without}


def make_clic(*without: str, **changes: Any) -> Body:
    """Return an ordinary SMS CLIC campaign, *changes* made to it."""
    return make_sms(*without, **{"text": f"ver {MARK}", "url": 4, **changes})


def place_campaign(api: Api, order: Body | None = None, *, path: str = SMS) -> Body:
    """Place a campaign, which must be taken, and return the answer's body."""
    answer = api.post(path, json=order or (make_clic() if path == CLIC else make_sms()))
    assert answer.status == 200, answer.octets
    placed: Body = answer.body
    return placed


def poll_messages(api: Api, placed: Mapping[str, Any]) -> Body:
    """Read where a campaign and its messages stand."""
    answer = api.get(f"{SMS}/{placed['campaign']}/messages")
    assert answer.status == 200, answer.octets
    body: Body = answer.body
    return body


def read_column(api: Api, placed: Mapping[str, Any], name: str) -> list[Any]:
    """Read one column of a campaign's messages."""
    return [row[name] for row in poll_messages(api, placed)["data"]]


def read_texts(api: Api, order: Body, *, path: str = SMS) -> list[str]:
    """Place *order* and return what each of its recipients reads."""
    placed = place_campaign(api, order, path=path)
    api.clock.advance(seconds=1)
    return read_column(api, placed, "text")


def change_campaign(
    api: Api,
    placed: Mapping[str, Any],
    change: Callable[[SmsCampaign, datetime], SmsCampaign],
) -> None:
    """Do to a campaign what a person does in the panel: ``dlr.pause``, for one."""
    world = api.world
    changed = change(world.get_campaign(placed["campaign"]), world.clock.now())
    keep_changes(world, changed)


def assert_nothing_happened(api: Api) -> None:
    """Fail if anything was created or charged since the world was made."""
    world = api.world
    assert world.balance == world.account.credit
    assert (world.movements, world.campaigns, world.clicks) == ([], {}, [])
    assert world.next["campaign"] == 8528238


def assert_refused(answer: Answer, naming: str) -> None:
    """Fail unless the platform said no with a sentence in which *naming* stands."""
    assert answer.status == 422, answer.octets
    assert answer.body == {
        "error": {"information": answer.information, "status_code": 422}
    }
    assert naming in answer.information


USER = "/api/v1/user"
TOO_MUCH = b" " * (BODY_LIMIT + 1)


@dataclass(frozen=True)
class RefusalCase:
    """A request that is refused, and with which words."""

    reason: str
    status: int
    es: str
    en: str
    method: str = "POST"
    path: str = SMS
    options: Mapping[str, Any] = field(default_factory=dict)
    world: Mapping[str, Any] = field(default_factory=dict)

    def send(self, make_api: MakeApi, **assumptions: str) -> Answer:
        """Return the answer of a world that is made for it."""
        with closing(self.make_api(make_api, **assumptions)) as api:
            return api.send(self.method, self.path, **self.options)

    def make_api(self, make_api: MakeApi, **assumptions: str) -> Api:
        chosen = {**self.world.get("assumptions", {}), **assumptions}
        return make_api(**{**self.world, "assumptions": chosen})


def make_case(  # noqa: PLR0913 - the parts of a line in the table
    reason: str,
    es: str,
    en: str,
    *,
    status: int = 422,
    path: str = SMS,
    json: Any = None,
    **world: Any,
) -> RefusalCase:
    """Return a refusal of the body *json*."""
    return RefusalCase(reason, status, es, en, "POST", path, {"json": json}, world)


POOR = {**read_demo_world()["account"], "credit": 0.99}
NAMED = [{"cellphone": NUMBER, "name": "Ana"}, {"cellphone": NUMBER}]
LONG_NAME = [{"cellphone": NUMBER, "name": "x" * 200}]
CYRILLIC = [{"cellphone": NUMBER, "name": "Анна"}]
PAST = "2026-03-01 09:00:00"
REFUSAL_CASES = [
    RefusalCase(
        "UNREADABLE",
        400,
        "La peticion no contiene un JSON valido",
        "The request carries no valid JSON",
        options={"content": b"{"},
    ),
    RefusalCase(
        "UNAUTHENTICATED",
        401,
        "No autenticado",
        "Unauthenticated",
        method="GET",
        path=USER,
        options={"headers": {"authorization": "demo"}},
    ),
    RefusalCase(
        "NO_SUCH_PATH",
        404,
        "La ruta especificada no existe",
        "The specified route could not be found",
        path="/api/v3/nothing",
    ),
    RefusalCase(
        "NO_SUCH_CAMPAIGN",
        404,
        "La campaña no existe",
        "The campaign does not exist",
        method="GET",
        path="/api/v3/campaign/7/messages",
    ),
    RefusalCase(
        "METHOD_NOT_ALLOWED",
        405,
        "El metodo no esta permitido para esta ruta",
        "The method is not allowed for this route",
        method="DELETE",
    ),
    RefusalCase(
        "TOO_LARGE",
        413,
        "La peticion no debe ser mayor que 33554432 bytes",
        "The request may not be greater than 33554432 bytes",
        options={"content": TOO_MUCH},
    ),
    make_case(
        "NOT_AN_OBJECT",
        "La peticion debe ser un objeto JSON",
        "The request must be a JSON object",
        json=[],
    ),
    make_case(
        "REQUIRED",
        "El campo text es obligatorio",
        "The field text is required",
        json=make_order(SMS, text=None),
    ),
    make_case(
        "REQUIRED_WITHOUT",
        "El campo route es obligatorio cuando country no esta presente. "
        "El campo country es obligatorio cuando route no esta presente",
        "The field route is required when country is not present. "
        "The field country is required when route is not present",
        json=make_order(SMS, route=None),
    ),
    make_case(
        "REQUIRED_WITH",
        "El campo transfer_key es obligatorio cuando transfer_num esta presente",
        "The field transfer_key is required when transfer_num is present",
        path=VOICE,
        json=make_order(VOICE, transfer_num=NUMBER),
    ),
    make_case(
        "TOO_LONG",
        "El campo text no debe ser mayor que 160 caracteres",
        "The field text may not be greater than 160 characters",
        json=make_order(SMS, text="x" * 161),
    ),
    make_case(
        "TOO_SHORT",
        "El campo subject debe contener al menos 1 caracteres",
        "The field subject must be at least 1 characters",
        path=EMAIL,
        json=make_order(EMAIL, subject=""),
    ),
    make_case(
        "TOO_MANY",
        "El campo recipients no debe contener mas de 50000 elementos",
        "The field recipients may not have more than 50000 items",
        json=make_order(SMS, recipients=[{"cellphone": NUMBER}] * 50_001),
    ),
    make_case(
        "TOO_FEW",
        "El campo recipients debe contener al menos 1 elementos",
        "The field recipients must have at least 1 items",
        json=make_order(SMS, recipients=[]),
    ),
    make_case(
        "NOT_IN_LIST",
        "El campo template seleccionado es invalido",
        "The selected template is invalid",
        path=EMAIL,
        json=make_order(EMAIL, template=5),
    ),
    make_case(
        "WRONG_FORMAT",
        "El formato del campo recipients.1.cellphone es invalido",
        "The format of the field recipients.1.cellphone is invalid",
        json=make_order(SMS, recipients=[{"cellphone": NUMBER}, {"cellphone": "9"}]),
    ),
    make_case(
        "NOT_WANTED",
        "El campo campaigns no esta permitido en esta combinacion",
        "The field campaigns is not allowed in this combination",
        path=RESPONSES,
        json=make_order(RESPONSES, campaigns=[1]),
        strict=True,
    ),
    make_case(
        "UNKNOWN_ROUTE",
        "El campo route no es una ruta disponible",
        "The field route is not an available route",
        json=make_order(SMS, route=999),
    ),
    make_case(
        "UNKNOWN_COUNTRY",
        "El campo country no es un pais disponible",
        "The field country is not an available country",
        json=make_order(SMS, country=999),
    ),
    make_case(
        "NO_ROUTE_TO_COUNTRY",
        "El campo country no tiene rutas disponibles",
        "The field country has no available routes",
        json=make_order(SMS, route=None, country=2),
    ),
    make_case(
        "ROUTE_ELSEWHERE",
        "El campo route no pertenece al pais del campo country",
        "The field route does not belong to the country of the field country",
        json=make_order(SMS, country=2),
        strict=True,
    ),
    make_case(
        "UNKNOWN_LINK",
        "El campo url no es un enlace disponible",
        "The field url is not an available link",
        path=CLIC,
        json=make_order(CLIC, url=999),
    ),
    make_case(
        "UNKNOWN_AUDIO",
        "El campo audio no es un audio disponible",
        "The field audio is not an available audio",
        path=VOICE,
        json=make_order(VOICE, type=1, text=None, audio=999),
    ),
    make_case(
        "UNKNOWN_MEDIUM",
        "El campo attachment no es un archivo multimedia disponible",
        "The field attachment is not an available multimedia file",
        path=EMAIL,
        json=make_order(EMAIL, attachment=999),
    ),
    make_case(
        "UNKNOWN_REMITTENT",
        "El campo remittent no es un numero disponible",
        "The field remittent is not an available number",
        path=VOICE,
        json=make_order(VOICE, remittent="5500000000"),
        strict=True,
    ),
    make_case(
        "UNEVEN_FIELDS",
        "Todos los elementos de recipients deben contener los mismos campos",
        "All items of recipients must carry the same fields",
        json=make_order(SMS, recipients=NAMED),
        strict=True,
    ),
    make_case(
        "VALUE_MISSING",
        "El campo name es obligatorio cuando text contiene <+B+>",
        "The field name is required when text holds <+B+>",
        json=make_order(SMS, text="hola <+B+>"),
        strict=True,
    ),
    make_case(
        "TOO_LONG_MERGED",
        "El campo text combinado no debe ser mayor que 160 caracteres",
        "The merged field text may not be greater than 160 characters",
        json=make_order(SMS, text="hola <+B+>", recipients=LONG_NAME),
        strict=True,
    ),
    make_case(
        "SPECIAL_CHARACTERS",
        "El campo recipients contiene caracteres no permitidos sin encode",
        "The field recipients holds characters that are not allowed without encode",
        json=make_order(SMS, text="hola <+B+>", recipients=CYRILLIC),
        strict=True,
    ),
    make_case(
        "URL_NOT_LISTED",
        "El campo text contiene una URL que no esta en la lista blanca",
        "The field text holds a URL that is not on the white list",
        json=make_order(SMS, text="http://shop.example.org/"),
        assumptions={"url_whitelist": "reject"},
    ),
    make_case(
        "DATE_PAST",
        "El campo scheduled_date debe ser una fecha futura",
        "The field scheduled_date must be a future date",
        json=make_order(SMS, scheduled_date=PAST),
        strict=True,
    ),
    make_case(
        "DATES_REVERSED",
        "El campo to debe ser una fecha posterior a from",
        "The field to must be a date after from",
        path=RESPONSES,
        json={"type": 1, "from": "2026-03-02 09:00:00", "to": PAST},
        strict=True,
    ),
    make_case(
        "INSUFFICIENT_BALANCE",
        "Saldo insuficiente",
        "Insufficient balance",
        json=make_order(SMS),
        account=POOR,
    ),
    make_case(
        "SERVICE_INACTIVE",
        "El servicio voice no esta activo",
        "The service voice is not active",
        path=VOICE,
        json=make_order(VOICE),
        services={"voice": False},
    ),
]


@dataclass(frozen=True)
class DoubtfulBody:
    """A body that lenient takes with a note and strict declines."""

    switch: str
    ledger: str  # the note
    body: dict[str, Any]
    field: str  # that strict names

    def __str__(self) -> str:
        return f"{self.ledger}-{self.field}"

    def make_takers(self, make_api: MakeApi) -> list[Api]:
        """Return a lenient world, and a strict one with this one switch open."""
        one_open = {self.switch: "accept"}
        return [make_api(), make_api(strict=True, assumptions=one_open)]

    def make_decliners(self, make_api: MakeApi) -> list[Api]:
        """Return a strict world, and a lenient one with this one switch closed."""
        one_closed = {self.switch: "refuse"}
        return [make_api(strict=True), make_api(assumptions=one_closed)]
