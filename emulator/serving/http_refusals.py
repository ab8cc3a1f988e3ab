"""How HTTP itself is refused: answers to what is no request that could be asked.

They are sent below the application, and the connection ends with each.
"""

from email.utils import formatdate
from http import HTTPStatus

import orjson
from msgspec import Struct

RETRY_AFTER = 1  # seconds after which a client may try again

PHRASES = {  # in the platform's language
    HTTPStatus.BAD_REQUEST: "La peticion no es HTTP valido",
    HTTPStatus.REQUEST_TIMEOUT: "La peticion tardo demasiado",
    HTTPStatus.REQUEST_URI_TOO_LONG: "La direccion es demasiado larga",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "Los encabezados son demasiado grandes",
    HTTPStatus.NOT_IMPLEMENTED: "El servidor no implementa lo que se pide",
    HTTPStatus.SERVICE_UNAVAILABLE: "Hay demasiadas conexiones abiertas",
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: "La version de HTTP no se admite",
}
REASONS = {  # as RFC 9110 has them, where Python has older ones
    HTTPStatus.REQUEST_URI_TOO_LONG: "URI Too Long",
}


class HttpRefusal(Struct, frozen=True):
    """Why something is not asked: a status, and a sentence in ASCII."""

    status: HTTPStatus
    why: str

    def to_octets(self) -> bytes:
        """Return the whole answer."""
        status = self.status
        detail = {"information": PHRASES[status], "status_code": status.value}
        body = orjson.dumps({"error": detail})
        reason = REASONS.get(status, status.phrase)
        lines = [
            f"HTTP/1.1 {status.value} {reason}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            f"x-emulator-why: {self.why}",
            f"date: {formatdate(usegmt=True)}",
            "connection: close",
        ]
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            lines.append(f"retry-after: {RETRY_AFTER}")
        return "\r\n".join([*lines, "", ""]).encode() + body


def refuse_request(why: str) -> HttpRefusal:
    """Return the refusal of what is no valid HTTP."""
    return HttpRefusal(HTTPStatus.BAD_REQUEST, why)
