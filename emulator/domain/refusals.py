"""All refusals of the platform.

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
class RefusalReason:
    name: str
    status: int  # of HTTP, and the envelope's ``status_code``
    es: str
    en: str

    def format_sentence(self, language: str, words: Mapping[str, object]) -> str:
        return (self.en if language == "en" else self.es).format_map(words)


class Refusal(Exception):  # noqa: N818 - nothing went wrong; the platform declines
    """The platform refuses a request.

    *words* fill the sentence; they are field names and limits, never what was sent but
    for a host that is none of ours.
    """

    def __init__(
        self, reason: RefusalReason, why: str, *, ledger: str = "", **words: object
    ) -> None:
        super().__init__(f"{reason.name}: {why}")
        self.reason = reason
        self.why = why
        self.ledger = ledger  # id of the strict reading that was not met
        self.words = words


UNREADABLE = RefusalReason(
    "UNREADABLE",
    400,
    "La peticion no contiene un JSON valido",
    "The request carries no valid JSON",
)
UNAUTHENTICATED = RefusalReason(
    "UNAUTHENTICATED", 401, "No autenticado", "Unauthenticated"
)
NO_SUCH_PATH = RefusalReason(
    "NO_SUCH_PATH",
    404,
    "La ruta especificada no existe",
    "The specified route could not be found",
)
NO_SUCH_CAMPAIGN = RefusalReason(
    "NO_SUCH_CAMPAIGN", 404, "La campaña no existe", "The campaign does not exist"
)
NO_SUCH_TOKEN = RefusalReason(
    "NO_SUCH_TOKEN", 404, "El token no existe", "The token does not exist"
)
NO_SUCH_WORLD = RefusalReason(
    "NO_SUCH_WORLD", 404, "El mundo no existe", "The world does not exist"
)
FOREIGN_ORIGIN = RefusalReason(
    "FOREIGN_ORIGIN",
    403,
    "La pagina es de otro origen",
    "The page is of another origin",
)
MISDIRECTED = RefusalReason(
    "MISDIRECTED",
    421,
    "El emulador no responde al host {host} (--allowed-host lo agrega)",
    "The emulator does not answer to the host {host} (--allowed-host adds it)",
)
SECRET_NEEDED = RefusalReason(
    "SECRET_NEEDED",
    401,
    "Falta el secreto de control o es otro",
    "The control secret is missing or another",
)
NO_SUCH_ITEM = RefusalReason(
    "NO_SUCH_ITEM", 404, "El elemento no existe", "The item does not exist"
)
NOT_CHANGEABLE = RefusalReason(
    "NOT_CHANGEABLE",
    422,
    "El campo {field} no puede cambiarse aqui",
    "The field {field} cannot be changed here",
)
WORLD_FULL = RefusalReason(
    "WORLD_FULL",
    422,
    "El mundo del emulador no admite mas mensajes",
    "The emulator's world can hold no more messages",
)
NO_SUCH_FAULT = RefusalReason(
    "NO_SUCH_FAULT", 404, "La regla no existe", "The rule does not exist"
)
NO_SUCH_MESSAGE = RefusalReason(
    "NO_SUCH_MESSAGE", 404, "El mensaje no existe", "The message does not exist"
)
NO_SUCH_DELIVERY = RefusalReason(
    "NO_SUCH_DELIVERY", 404, "La entrega no existe", "The delivery does not exist"
)
OTHER_NUMBER = RefusalReason(
    "OTHER_NUMBER",
    422,
    "El mensaje es de otro numero",
    "The message belongs to another number",
)
NOT_ARRIVED = RefusalReason(
    "NOT_ARRIVED",
    422,
    "El mensaje no ha llegado al telefono",
    "The message has not arrived on the handset",
)
NOTHING_TO_ANSWER = RefusalReason(
    "NOTHING_TO_ANSWER",
    422,
    "El numero no tiene mensajes que responder",
    "The number has no messages to answer",
)
NOT_DUE = RefusalReason(
    "NOT_DUE", 422, "La entrega ya termino", "The delivery is over already"
)
UNDER_WAY = RefusalReason(
    "UNDER_WAY", 409, "La entrega esta en camino", "The delivery is under way"
)
JOURNAL_DROPPED = RefusalReason(
    "JOURNAL_DROPPED",
    409,
    "El registro ya no tiene todo lo que se pide",
    "The journal no longer has all that is asked for",
)
NO_SUCH_EXCHANGE = RefusalReason(
    "NO_SUCH_EXCHANGE", 404, "La peticion no existe", "The request does not exist"
)
NAME_TAKEN = RefusalReason(
    "NAME_TAKEN", 409, "El nombre ya esta en uso", "The name is already in use"
)
WORLD_NEEDED = RefusalReason(
    "WORLD_NEEDED", 422, "El mundo es indispensable", "The world is indispensable"
)
WORLDS_FULL = RefusalReason(
    "WORLDS_FULL", 422, "No caben mas mundos", "There is no room for another world"
)
CLOCK_IN_MOTION = RefusalReason(
    "CLOCK_IN_MOTION",
    409,
    "El reloj de este mundo se esta moviendo",
    "The clock of this world is being moved",
)
NO_SUCH_SESSION = RefusalReason(
    "NO_SUCH_SESSION", 404, "La sesion no existe", "The session does not exist"
)
NO_SUCH_CHECKPOINT = RefusalReason(
    "NO_SUCH_CHECKPOINT", 404, "El punto de control no existe", "No such checkpoint"
)
CHECKPOINTS_FULL = RefusalReason(
    "CHECKPOINTS_FULL",
    422,
    "No caben mas puntos de control",
    "There is no room for another checkpoint",
)
SNAPSHOT_TOO_LARGE = RefusalReason(
    "SNAPSHOT_TOO_LARGE",
    413,
    "El estado del mundo es demasiado grande",
    "The state of the world is too large",
)
SNAPSHOT_WRONG = RefusalReason(
    "SNAPSHOT_WRONG",
    422,
    "El estado guardado no es valido",
    "The snapshot is not valid",
)
FIXTURE_WRONG = RefusalReason(
    "FIXTURE_WRONG", 422, "El mundo no es valido", "The world is not valid"
)
TIME_PASSED = RefusalReason(
    "TIME_PASSED", 422, "El tiempo no retrocede", "Time does not go back"
)
TIME_TOO_FAR = RefusalReason(
    "TIME_TOO_FAR", 422, "El tiempo no llega tan lejos", "Time does not go that far"
)
TOO_FINE = RefusalReason(
    "TOO_FINE",
    422,
    "El importe tiene mas de seis decimales",
    "The amount has more than six decimals",
)
METHOD_NOT_ALLOWED = RefusalReason(
    "METHOD_NOT_ALLOWED",
    405,
    "El metodo no esta permitido para esta ruta",
    "The method is not allowed for this route",
)
TOO_LARGE = RefusalReason(
    "TOO_LARGE",
    413,
    "La peticion no debe ser mayor que {limit} bytes",
    "The request may not be greater than {limit} bytes",
)
SERVER_ERROR = RefusalReason(
    "SERVER_ERROR",
    500,
    "Error del servidor, intente mas tarde",
    "Server error, try again later",
)

# The shape of a request.
REQUIRED = RefusalReason(
    "REQUIRED",
    422,
    "El campo {field} es obligatorio",
    "The field {field} is required",
)
REQUIRED_WITHOUT = RefusalReason(
    "REQUIRED_WITHOUT",
    422,
    "El campo {other} es obligatorio cuando {field} no esta presente. "
    "El campo {field} es obligatorio cuando {other} no esta presente",
    "The field {other} is required when {field} is not present. "
    "The field {field} is required when {other} is not present",
)
REQUIRED_WITH = RefusalReason(
    "REQUIRED_WITH",
    422,
    "El campo {field} es obligatorio cuando {other} esta presente",
    "The field {field} is required when {other} is present",
)
TOO_LONG = RefusalReason(
    "TOO_LONG",
    422,
    "El campo {field} no debe ser mayor que {limit} caracteres",
    "The field {field} may not be greater than {limit} characters",
)
TOO_SHORT = RefusalReason(
    "TOO_SHORT",
    422,
    "El campo {field} debe contener al menos {limit} caracteres",
    "The field {field} must be at least {limit} characters",
)
TOO_MANY = RefusalReason(
    "TOO_MANY",
    422,
    "El campo {field} no debe contener mas de {limit} elementos",
    "The field {field} may not have more than {limit} items",
)
TOO_FEW = RefusalReason(
    "TOO_FEW",
    422,
    "El campo {field} debe contener al menos {limit} elementos",
    "The field {field} must have at least {limit} items",
)
NOT_IN_LIST = RefusalReason(
    "NOT_IN_LIST",
    422,
    "El campo {field} seleccionado es invalido",
    "The selected {field} is invalid",
)
WRONG_FORMAT = RefusalReason(
    "WRONG_FORMAT",
    422,
    "El formato del campo {field} es invalido",
    "The format of the field {field} is invalid",
)
NOT_WANTED = RefusalReason(
    "NOT_WANTED",
    422,
    "El campo {field} no esta permitido en esta combinacion",
    "The field {field} is not allowed in this combination",
)

NOT_KNOWN = RefusalReason(
    "NOT_KNOWN", 422, "El campo {field} no existe", "There is no field {field}"
)
NOT_AN_OBJECT = RefusalReason(
    "NOT_AN_OBJECT",
    422,
    "La peticion debe ser un objeto JSON",
    "The request must be a JSON object",
)

# The rules of the platform.
UNKNOWN_ROUTE = RefusalReason(
    "UNKNOWN_ROUTE",
    422,
    "El campo route no es una ruta disponible",
    "The field route is not an available route",
)
UNKNOWN_COUNTRY = RefusalReason(
    "UNKNOWN_COUNTRY",
    422,
    "El campo country no es un pais disponible",
    "The field country is not an available country",
)
NO_ROUTE_TO_COUNTRY = RefusalReason(
    "NO_ROUTE_TO_COUNTRY",
    422,
    "El campo country no tiene rutas disponibles",
    "The field country has no available routes",
)
ROUTE_ELSEWHERE = RefusalReason(
    "ROUTE_ELSEWHERE",
    422,
    "El campo route no pertenece al pais del campo country",
    "The field route does not belong to the country of the field country",
)
UNKNOWN_LINK = RefusalReason(
    "UNKNOWN_LINK",
    422,
    "El campo url no es un enlace disponible",
    "The field url is not an available link",
)
UNKNOWN_AUDIO = RefusalReason(
    "UNKNOWN_AUDIO",
    422,
    "El campo audio no es un audio disponible",
    "The field audio is not an available audio",
)
UNKNOWN_MEDIUM = RefusalReason(
    "UNKNOWN_MEDIUM",
    422,
    "El campo {field} no es un archivo multimedia disponible",
    "The field {field} is not an available multimedia file",
)
UNKNOWN_REMITTENT = RefusalReason(
    "UNKNOWN_REMITTENT",
    422,
    "El campo remittent no es un numero disponible",
    "The field remittent is not an available number",
)
UNEVEN_FIELDS = RefusalReason(
    "UNEVEN_FIELDS",
    422,
    "Todos los elementos de recipients deben contener los mismos campos",
    "All items of recipients must carry the same fields",
)
VALUE_MISSING = RefusalReason(
    "VALUE_MISSING",
    422,
    "El campo {field} es obligatorio cuando {field_of} contiene {mark}",
    "The field {field} is required when {field_of} holds {mark}",
)
TOO_LONG_MERGED = RefusalReason(
    "TOO_LONG_MERGED",
    422,
    "El campo text combinado no debe ser mayor que {limit} caracteres",
    "The merged field text may not be greater than {limit} characters",
)
SPECIAL_CHARACTERS = RefusalReason(
    "SPECIAL_CHARACTERS",
    422,
    "El campo {field} contiene caracteres no permitidos sin encode",
    "The field {field} holds characters that are not allowed without encode",
)
URL_NOT_LISTED = RefusalReason(
    "URL_NOT_LISTED",
    422,
    "El campo text contiene una URL que no esta en la lista blanca",
    "The field text holds a URL that is not on the white list",
)
DATE_PAST = RefusalReason(
    "DATE_PAST",
    422,
    "El campo {field} debe ser una fecha futura",
    "The field {field} must be a future date",
)
DATES_REVERSED = RefusalReason(
    "DATES_REVERSED",
    422,
    "El campo to debe ser una fecha posterior a from",
    "The field to must be a date after from",
)
INSUFFICIENT_BALANCE = RefusalReason(
    "INSUFFICIENT_BALANCE", 422, "Saldo insuficiente", "Insufficient balance"
)
SERVICE_INACTIVE = RefusalReason(
    "SERVICE_INACTIVE",
    422,
    "El servicio {service} no esta activo",
    "The service {service} is not active",
)
NOT_CANCELLABLE = RefusalReason(
    "NOT_CANCELLABLE",
    422,
    "La campaña ya no puede cancelarse",
    "The campaign can no longer be cancelled",
)
NOT_PAUSABLE = RefusalReason(
    "NOT_PAUSABLE",
    422,
    "La campaña no puede pausarse",
    "The campaign cannot be paused",
)
NOT_RESUMABLE = RefusalReason(
    "NOT_RESUMABLE",
    422,
    "La campaña no puede reanudarse",
    "The campaign cannot be resumed",
)

REASONS: Mapping[str, RefusalReason] = {
    value.name: value
    for value in tuple(globals().values())
    if isinstance(value, RefusalReason)
}

# What a failed keyword of JSON Schema is called here.  Absent: WRONG_FORMAT.
REASON_BY_KEYWORD: Mapping[str, RefusalReason] = {
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
