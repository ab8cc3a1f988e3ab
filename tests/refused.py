"""Every refusal of the platform, with a request that provokes it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import MakeApi
from tests.emulated import BODY_LIMIT, Answer, Api, demo
from tests.orders import CELLPHONE, CLIC, EMAIL, RESPONSES, SMS, VOICE, order

USER = "/api/v1/user"
TOO_MUCH = b" " * (BODY_LIMIT + 1)


@dataclass(frozen=True)
class No:
    """A request that is refused, and with which words."""

    reason: str
    status: int
    es: str
    en: str
    method: str = "POST"
    path: str = SMS
    options: Mapping[str, Any] = field(default_factory=dict)
    world: Mapping[str, Any] = field(default_factory=dict)

    def asked(self, make_api: MakeApi, **assumptions: str) -> Answer:
        """Return the answer of a world that is made for it."""
        with closing(self.api(make_api, **assumptions)) as api:
            return api.send(self.method, self.path, **self.options)

    def api(self, make_api: MakeApi, **assumptions: str) -> Api:
        chosen = {**self.world.get("assumptions", {}), **assumptions}
        return make_api(**{**self.world, "assumptions": chosen})


def no(  # noqa: PLR0913 - the parts of a line in the table
    reason: str,
    es: str,
    en: str,
    *,
    status: int = 422,
    path: str = SMS,
    json: Any = None,
    **world: Any,
) -> No:
    """Return a refusal of the body *json*."""
    return No(reason, status, es, en, "POST", path, {"json": json}, world)


POOR = {**demo()["account"], "credit": 0.99}
NAMED = [{"cellphone": CELLPHONE, "name": "Ana"}, {"cellphone": CELLPHONE}]
LONG_NAME = [{"cellphone": CELLPHONE, "name": "x" * 200}]
CYRILLIC = [{"cellphone": CELLPHONE, "name": "Анна"}]
PAST = "2026-03-01 09:00:00"
REFUSED = [
    No(
        "UNREADABLE",
        400,
        "La peticion no contiene un JSON valido",
        "The request carries no valid JSON",
        options={"content": b"{"},
    ),
    No(
        "UNAUTHENTICATED",
        401,
        "No autenticado",
        "Unauthenticated",
        method="GET",
        path=USER,
        options={"headers": {"authorization": "demo"}},
    ),
    No(
        "NO_SUCH_PATH",
        404,
        "La ruta especificada no existe",
        "The specified route could not be found",
        path="/api/v3/nothing",
    ),
    No(
        "NO_SUCH_CAMPAIGN",
        404,
        "La campaña no existe",
        "The campaign does not exist",
        method="GET",
        path="/api/v3/campaign/7/messages",
    ),
    No(
        "METHOD_NOT_ALLOWED",
        405,
        "El metodo no esta permitido para esta ruta",
        "The method is not allowed for this route",
        method="DELETE",
    ),
    No(
        "TOO_LARGE",
        413,
        "La peticion no debe ser mayor que 33554432 bytes",
        "The request may not be greater than 33554432 bytes",
        options={"content": TOO_MUCH},
    ),
    no(
        "NOT_AN_OBJECT",
        "La peticion debe ser un objeto JSON",
        "The request must be a JSON object",
        json=[],
    ),
    no(
        "REQUIRED",
        "El campo text es obligatorio",
        "The field text is required",
        json=order(SMS, text=None),
    ),
    no(
        "REQUIRED_WITHOUT",
        "El campo route es obligatorio cuando country no esta presente. "
        "El campo country es obligatorio cuando route no esta presente",
        "The field route is required when country is not present. "
        "The field country is required when route is not present",
        json=order(SMS, route=None),
    ),
    no(
        "REQUIRED_WITH",
        "El campo transfer_key es obligatorio cuando transfer_num esta presente",
        "The field transfer_key is required when transfer_num is present",
        path=VOICE,
        json=order(VOICE, transfer_num=CELLPHONE),
    ),
    no(
        "TOO_LONG",
        "El campo text no debe ser mayor que 160 caracteres",
        "The field text may not be greater than 160 characters",
        json=order(SMS, text="x" * 161),
    ),
    no(
        "TOO_SHORT",
        "El campo subject debe contener al menos 1 caracteres",
        "The field subject must be at least 1 characters",
        path=EMAIL,
        json=order(EMAIL, subject=""),
    ),
    no(
        "TOO_MANY",
        "El campo recipients no debe contener mas de 50000 elementos",
        "The field recipients may not have more than 50000 items",
        json=order(SMS, recipients=[{"cellphone": CELLPHONE}] * 50_001),
    ),
    no(
        "TOO_FEW",
        "El campo recipients debe contener al menos 1 elementos",
        "The field recipients must have at least 1 items",
        json=order(SMS, recipients=[]),
    ),
    no(
        "NOT_IN_LIST",
        "El campo template seleccionado es invalido",
        "The selected template is invalid",
        path=EMAIL,
        json=order(EMAIL, template=5),
    ),
    no(
        "WRONG_FORMAT",
        "El formato del campo recipients.1.cellphone es invalido",
        "The format of the field recipients.1.cellphone is invalid",
        json=order(SMS, recipients=[{"cellphone": CELLPHONE}, {"cellphone": "9"}]),
    ),
    no(
        "NOT_WANTED",
        "El campo campaigns no esta permitido en esta combinacion",
        "The field campaigns is not allowed in this combination",
        path=RESPONSES,
        json=order(RESPONSES, campaigns=[1]),
        strict=True,
    ),
    no(
        "UNKNOWN_ROUTE",
        "El campo route no es una ruta disponible",
        "The field route is not an available route",
        json=order(SMS, route=999),
    ),
    no(
        "UNKNOWN_COUNTRY",
        "El campo country no es un pais disponible",
        "The field country is not an available country",
        json=order(SMS, country=999),
    ),
    no(
        "NO_ROUTE_TO_COUNTRY",
        "El campo country no tiene rutas disponibles",
        "The field country has no available routes",
        json=order(SMS, route=None, country=2),
    ),
    no(
        "ROUTE_ELSEWHERE",
        "El campo route no pertenece al pais del campo country",
        "The field route does not belong to the country of the field country",
        json=order(SMS, country=2),
        strict=True,
    ),
    no(
        "UNKNOWN_LINK",
        "El campo url no es un enlace disponible",
        "The field url is not an available link",
        path=CLIC,
        json=order(CLIC, url=999),
    ),
    no(
        "UNKNOWN_AUDIO",
        "El campo audio no es un audio disponible",
        "The field audio is not an available audio",
        path=VOICE,
        json=order(VOICE, type=1, text=None, audio=999),
    ),
    no(
        "UNKNOWN_MEDIUM",
        "El campo attachment no es un archivo multimedia disponible",
        "The field attachment is not an available multimedia file",
        path=EMAIL,
        json=order(EMAIL, attachment=999),
    ),
    no(
        "UNKNOWN_REMITTENT",
        "El campo remittent no es un numero disponible",
        "The field remittent is not an available number",
        path=VOICE,
        json=order(VOICE, remittent="5500000000"),
        strict=True,
    ),
    no(
        "UNEVEN_FIELDS",
        "Todos los elementos de recipients deben contener los mismos campos",
        "All items of recipients must carry the same fields",
        json=order(SMS, recipients=NAMED),
        strict=True,
    ),
    no(
        "VALUE_MISSING",
        "El campo name es obligatorio cuando text contiene <+B+>",
        "The field name is required when text holds <+B+>",
        json=order(SMS, text="hola <+B+>"),
        strict=True,
    ),
    no(
        "TOO_LONG_MERGED",
        "El campo text combinado no debe ser mayor que 160 caracteres",
        "The merged field text may not be greater than 160 characters",
        json=order(SMS, text="hola <+B+>", recipients=LONG_NAME),
        strict=True,
    ),
    no(
        "SPECIAL_CHARACTERS",
        "El campo recipients contiene caracteres no permitidos sin encode",
        "The field recipients holds characters that are not allowed without encode",
        json=order(SMS, text="hola <+B+>", recipients=CYRILLIC),
        strict=True,
    ),
    no(
        "URL_NOT_LISTED",
        "El campo text contiene una URL que no esta en la lista blanca",
        "The field text holds a URL that is not on the white list",
        json=order(SMS, text="http://shop.example.org/"),
        assumptions={"url_whitelist": "reject"},
    ),
    no(
        "DATE_PAST",
        "El campo scheduled_date debe ser una fecha futura",
        "The field scheduled_date must be a future date",
        json=order(SMS, scheduled_date=PAST),
        strict=True,
    ),
    no(
        "DATES_REVERSED",
        "El campo to debe ser una fecha posterior a from",
        "The field to must be a date after from",
        path=RESPONSES,
        json={"type": 1, "from": "2026-03-02 09:00:00", "to": PAST},
        strict=True,
    ),
    no(
        "INSUFFICIENT_BALANCE",
        "Saldo insuficiente",
        "Insufficient balance",
        json=order(SMS),
        account=POOR,
    ),
    no(
        "SERVICE_INACTIVE",
        "El servicio voice no esta activo",
        "The service voice is not active",
        path=VOICE,
        json=order(VOICE),
        services={"voice": False},
    ),
]
