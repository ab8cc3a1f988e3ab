"""Every way only the emulator says no, most of them in the control API.

A constant per reason; the platform never has one of them.
"""

from emulator.domain.refusals import RefusalReason

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
TOO_MANY_GUESSES = RefusalReason(
    "TOO_MANY_GUESSES",
    429,
    "Demasiados secretos equivocados: espere {seconds} s",
    "Too many wrong secrets: wait {seconds} s",
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
BACKUP_IMPOSSIBLE = RefusalReason(
    "BACKUP_IMPOSSIBLE",
    409,
    "No se puede hacer una copia ahora",
    "No copy can be made now",
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
BALANCE_TOO_LARGE = RefusalReason(
    "BALANCE_TOO_LARGE",
    422,
    "El importe o el saldo es demasiado grande",
    "The amount or the balance is too large",
)
BODIES_BUSY = RefusalReason(
    "BODIES_BUSY",
    503,
    "Demasiadas peticiones grandes a la vez, intente mas tarde",
    "Too many large requests at once, try again later",
)
TOO_MANY_NODES = RefusalReason(
    "TOO_MANY_NODES",
    413,
    "La peticion no debe tener mas de {limit} valores",
    "The request may not have more than {limit} values",
)
TOO_FINE = RefusalReason(
    "TOO_FINE",
    422,
    "El importe tiene mas de seis decimales",
    "The amount has more than six decimals",
)
NOT_KNOWN = RefusalReason(
    "NOT_KNOWN", 422, "El campo {field} no existe", "There is no field {field}"
)
