"""Every way the platform says no.

One constant per refusal: its status, and its sentence in both languages.  The
sentence goes on the wire; our explanation travels beside it as *why* and is shown
in the journal and the header ``X-Emulator-Why`` only.

Source: manual ERR-01 to ERR-03 for the codes 400, 401, 404, 422 and 500 and for the
envelope; SMS-30 and SMS-31 for the two ``required_without`` sentences; the other
sentences are assumption ERR-11, in the manner of those two.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    name: str
    status: int  # of HTTP, and the envelope's ``status_code``
    es: str
    en: str

    def sentence(self, language: str, words: Mapping[str, object]) -> str:
        return (self.en if language == "en" else self.es).format_map(words)


class Refusal(Exception):  # noqa: N818 - nothing went wrong; the platform declines
    """The platform declines a request.

    *words* fill the sentence; they are field names and limits, never what was sent but
    for a host that is none of ours.
    """

    def __init__(
        self, reason: Reason, why: str, *, ledger: str = "", **words: object
    ) -> None:
        super().__init__(f"{reason.name}: {why}")
        self.reason = reason
        self.why = why
        self.ledger = ledger  # id of the strict reading that was not met
        self.words = words


UNREADABLE = Reason(
    "UNREADABLE",
    400,
    "La peticion no contiene un JSON valido",
    "The request carries no valid JSON",
)
UNAUTHENTICATED = Reason("UNAUTHENTICATED", 401, "No autenticado", "Unauthenticated")
NO_SUCH_PATH = Reason(
    "NO_SUCH_PATH",
    404,
    "La ruta especificada no existe",
    "The specified route could not be found",
)
NO_SUCH_CAMPAIGN = Reason(
    "NO_SUCH_CAMPAIGN", 404, "La campaña no existe", "The campaign does not exist"
)
NO_SUCH_TOKEN = Reason(
    "NO_SUCH_TOKEN", 404, "El token no existe", "The token does not exist"
)
NO_SUCH_WORLD = Reason(
    "NO_SUCH_WORLD", 404, "El mundo no existe", "The world does not exist"
)
FOREIGN_ORIGIN = Reason(
    "FOREIGN_ORIGIN",
    403,
    "La pagina es de otro origen",
    "The page is of another origin",
)
MISDIRECTED = Reason(
    "MISDIRECTED",
    421,
    "El emulador no responde al host {host} (--allowed-host lo agrega)",
    "The emulator does not answer to the host {host} (--allowed-host adds it)",
)
SECRET_NEEDED = Reason(
    "SECRET_NEEDED",
    401,
    "Falta el secreto de control o es otro",
    "The control secret is missing or another",
)
NO_SUCH_ITEM = Reason(
    "NO_SUCH_ITEM", 404, "El elemento no existe", "The item does not exist"
)
NOT_CHANGEABLE = Reason(
    "NOT_CHANGEABLE",
    422,
    "El campo {field} no puede cambiarse aqui",
    "The field {field} cannot be changed here",
)
WORLD_FULL = Reason(
    "WORLD_FULL",
    422,
    "El mundo del emulador no admite mas mensajes",
    "The emulator's world can hold no more messages",
)
NO_SUCH_FAULT = Reason(
    "NO_SUCH_FAULT", 404, "La regla no existe", "The rule does not exist"
)
NO_SUCH_MESSAGE = Reason(
    "NO_SUCH_MESSAGE", 404, "El mensaje no existe", "The message does not exist"
)
NO_SUCH_DELIVERY = Reason(
    "NO_SUCH_DELIVERY", 404, "La entrega no existe", "The delivery does not exist"
)
OTHER_NUMBER = Reason(
    "OTHER_NUMBER",
    422,
    "El mensaje es de otro numero",
    "The message belongs to another number",
)
NOT_ARRIVED = Reason(
    "NOT_ARRIVED",
    422,
    "El mensaje no ha llegado al telefono",
    "The message has not arrived on the handset",
)
NOTHING_TO_ANSWER = Reason(
    "NOTHING_TO_ANSWER",
    422,
    "El numero no tiene mensajes que responder",
    "The number has no messages to answer",
)
NOT_DUE = Reason(
    "NOT_DUE", 422, "La entrega ya termino", "The delivery is over already"
)
UNDER_WAY = Reason(
    "UNDER_WAY", 409, "La entrega esta en camino", "The delivery is under way"
)
JOURNAL_DROPPED = Reason(
    "JOURNAL_DROPPED",
    409,
    "El registro ya no tiene todo lo que se pide",
    "The journal no longer has all that is asked for",
)
NO_SUCH_EXCHANGE = Reason(
    "NO_SUCH_EXCHANGE", 404, "La peticion no existe", "The request does not exist"
)
NAME_TAKEN = Reason(
    "NAME_TAKEN", 409, "El nombre ya esta en uso", "The name is already in use"
)
WORLD_NEEDED = Reason(
    "WORLD_NEEDED", 422, "El mundo es indispensable", "The world is indispensable"
)
WORLDS_FULL = Reason(
    "WORLDS_FULL", 422, "No caben mas mundos", "There is no room for another world"
)
CLOCK_IN_MOTION = Reason(
    "CLOCK_IN_MOTION",
    409,
    "El reloj de este mundo se esta moviendo",
    "The clock of this world is being moved",
)
NO_SUCH_SESSION = Reason(
    "NO_SUCH_SESSION", 404, "La sesion no existe", "The session does not exist"
)
NO_SUCH_CHECKPOINT = Reason(
    "NO_SUCH_CHECKPOINT", 404, "El punto de control no existe", "No such checkpoint"
)
CHECKPOINTS_FULL = Reason(
    "CHECKPOINTS_FULL",
    422,
    "No caben mas puntos de control",
    "There is no room for another checkpoint",
)
SNAPSHOT_TOO_LARGE = Reason(
    "SNAPSHOT_TOO_LARGE",
    413,
    "El estado del mundo es demasiado grande",
    "The state of the world is too large",
)
SNAPSHOT_WRONG = Reason(
    "SNAPSHOT_WRONG",
    422,
    "El estado guardado no es valido",
    "The snapshot is not valid",
)
FIXTURE_WRONG = Reason(
    "FIXTURE_WRONG", 422, "El mundo no es valido", "The world is not valid"
)
TIME_PASSED = Reason(
    "TIME_PASSED", 422, "El tiempo no retrocede", "Time does not go back"
)
TIME_TOO_FAR = Reason(
    "TIME_TOO_FAR", 422, "El tiempo no llega tan lejos", "Time does not go that far"
)
TOO_FINE = Reason(
    "TOO_FINE",
    422,
    "El importe tiene mas de seis decimales",
    "The amount has more than six decimals",
)
METHOD_NOT_ALLOWED = Reason(
    "METHOD_NOT_ALLOWED",
    405,
    "El metodo no esta permitido para esta ruta",
    "The method is not allowed for this route",
)
TOO_LARGE = Reason(
    "TOO_LARGE",
    413,
    "La peticion no debe ser mayor que {limit} octetos",
    "The request may not be greater than {limit} octets",
)
SERVER_ERROR = Reason(
    "SERVER_ERROR",
    500,
    "Error del servidor, intente mas tarde",
    "Server error, try again later",
)

# The shape of a request.
REQUIRED = Reason(
    "REQUIRED",
    422,
    "El campo {field} es obligatorio",
    "The field {field} is required",
)
REQUIRED_WITHOUT = Reason(
    "REQUIRED_WITHOUT",
    422,
    "El campo {other} es obligatorio cuando {field} no esta presente. "
    "El campo {field} es obligatorio cuando {other} no esta presente",
    "The field {other} is required when {field} is not present. "
    "The field {field} is required when {other} is not present",
)
REQUIRED_WITH = Reason(
    "REQUIRED_WITH",
    422,
    "El campo {field} es obligatorio cuando {other} esta presente",
    "The field {field} is required when {other} is present",
)
TOO_LONG = Reason(
    "TOO_LONG",
    422,
    "El campo {field} no debe ser mayor que {limit} caracteres",
    "The field {field} may not be greater than {limit} characters",
)
TOO_SHORT = Reason(
    "TOO_SHORT",
    422,
    "El campo {field} debe contener al menos {limit} caracteres",
    "The field {field} must be at least {limit} characters",
)
TOO_MANY = Reason(
    "TOO_MANY",
    422,
    "El campo {field} no debe contener mas de {limit} elementos",
    "The field {field} may not have more than {limit} items",
)
TOO_FEW = Reason(
    "TOO_FEW",
    422,
    "El campo {field} debe contener al menos {limit} elementos",
    "The field {field} must have at least {limit} items",
)
NOT_IN_LIST = Reason(
    "NOT_IN_LIST",
    422,
    "El campo {field} seleccionado es invalido",
    "The selected {field} is invalid",
)
WRONG_FORMAT = Reason(
    "WRONG_FORMAT",
    422,
    "El formato del campo {field} es invalido",
    "The format of the field {field} is invalid",
)
NOT_WANTED = Reason(
    "NOT_WANTED",
    422,
    "El campo {field} no esta permitido en esta combinacion",
    "The field {field} is not allowed in this combination",
)

NOT_KNOWN = Reason(
    "NOT_KNOWN", 422, "El campo {field} no existe", "There is no field {field}"
)
NOT_AN_OBJECT = Reason(
    "NOT_AN_OBJECT",
    422,
    "La peticion debe ser un objeto JSON",
    "The request must be a JSON object",
)

# The rules of the platform.
UNKNOWN_ROUTE = Reason(
    "UNKNOWN_ROUTE",
    422,
    "El campo route no es una ruta disponible",
    "The field route is not an available route",
)
UNKNOWN_COUNTRY = Reason(
    "UNKNOWN_COUNTRY",
    422,
    "El campo country no es un pais disponible",
    "The field country is not an available country",
)
NO_ROUTE_TO_COUNTRY = Reason(
    "NO_ROUTE_TO_COUNTRY",
    422,
    "El campo country no tiene rutas disponibles",
    "The field country has no available routes",
)
ROUTE_ELSEWHERE = Reason(
    "ROUTE_ELSEWHERE",
    422,
    "El campo route no pertenece al pais del campo country",
    "The field route does not belong to the country of the field country",
)
UNKNOWN_LINK = Reason(
    "UNKNOWN_LINK",
    422,
    "El campo url no es un enlace disponible",
    "The field url is not an available link",
)
UNKNOWN_AUDIO = Reason(
    "UNKNOWN_AUDIO",
    422,
    "El campo audio no es un audio disponible",
    "The field audio is not an available audio",
)
UNKNOWN_MEDIUM = Reason(
    "UNKNOWN_MEDIUM",
    422,
    "El campo {field} no es un archivo multimedia disponible",
    "The field {field} is not an available multimedia file",
)
UNKNOWN_REMITTENT = Reason(
    "UNKNOWN_REMITTENT",
    422,
    "El campo remittent no es un numero disponible",
    "The field remittent is not an available number",
)
UNEVEN_FIELDS = Reason(
    "UNEVEN_FIELDS",
    422,
    "Todos los elementos de recipients deben contener los mismos campos",
    "All items of recipients must carry the same fields",
)
VALUE_MISSING = Reason(
    "VALUE_MISSING",
    422,
    "El campo {field} es obligatorio cuando {field_of} contiene {mark}",
    "The field {field} is required when {field_of} holds {mark}",
)
TOO_LONG_MERGED = Reason(
    "TOO_LONG_MERGED",
    422,
    "El campo text combinado no debe ser mayor que {limit} caracteres",
    "The merged field text may not be greater than {limit} characters",
)
SPECIAL_CHARACTERS = Reason(
    "SPECIAL_CHARACTERS",
    422,
    "El campo {field} contiene caracteres no permitidos sin encode",
    "The field {field} holds characters that are not allowed without encode",
)
URL_NOT_LISTED = Reason(
    "URL_NOT_LISTED",
    422,
    "El campo text contiene una URL que no esta en la lista blanca",
    "The field text holds a URL that is not on the white list",
)
DATE_PAST = Reason(
    "DATE_PAST",
    422,
    "El campo {field} debe ser una fecha futura",
    "The field {field} must be a future date",
)
DATES_REVERSED = Reason(
    "DATES_REVERSED",
    422,
    "El campo to debe ser una fecha posterior a from",
    "The field to must be a date after from",
)
INSUFFICIENT_BALANCE = Reason(
    "INSUFFICIENT_BALANCE", 422, "Saldo insuficiente", "Insufficient balance"
)
SERVICE_INACTIVE = Reason(
    "SERVICE_INACTIVE",
    422,
    "El servicio {service} no esta activo",
    "The service {service} is not active",
)
NOT_CANCELLABLE = Reason(
    "NOT_CANCELLABLE",
    422,
    "La campaña ya no puede cancelarse",
    "The campaign can no longer be cancelled",
)
NOT_PAUSABLE = Reason(
    "NOT_PAUSABLE",
    422,
    "La campaña no puede pausarse",
    "The campaign cannot be paused",
)
NOT_RESUMABLE = Reason(
    "NOT_RESUMABLE",
    422,
    "La campaña no puede reanudarse",
    "The campaign cannot be resumed",
)

REASONS: Mapping[str, Reason] = {
    value.name: value
    for value in tuple(globals().values())
    if isinstance(value, Reason)
}

# What a failed keyword of JSON Schema is called here.  Absent: WRONG_FORMAT.
BY_KEYWORD: Mapping[str, Reason] = {
    "required": REQUIRED,
    "required_without": REQUIRED_WITHOUT,
    "required_with": REQUIRED_WITH,
    "maxLength": TOO_LONG,
    "minLength": TOO_SHORT,
    "maxItems": TOO_MANY,
    "minItems": TOO_FEW,
    "enum": NOT_IN_LIST,
    "const": NOT_IN_LIST,
    "not": NOT_WANTED,
    "additionalProperties": NOT_KNOWN,
    "unevaluatedProperties": NOT_KNOWN,
}
