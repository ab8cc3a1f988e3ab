"""Every way the platform says no: a constant per reason.

Source: manual ERR-01 to ERR-03 for the codes 400, 401, 404, 422 and 500; SMS-30 and
SMS-31 for the two ``required_without`` sentences; the other sentences are assumption
ERR-11, in the manner of those two.
"""

from emulator.domain.refusals import RefusalReason

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
