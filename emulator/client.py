"""A client of the control API, with nothing but the standard library."""

import json
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

SECONDS = 2.0  # that an answer may take


class ClientError(Exception):
    """No emulator answers, or it declines; the message says which and why."""


def ask(
    method: str,
    url: str,
    path: str,
    *,
    world: str | None = None,
    body: Mapping[str, Any] | None = None,
) -> Any:
    """Return what the emulator at *url* answers.  Raises ``ClientError``."""
    query = f"?world={quote(world, safe='')}" if world else ""
    try:
        declined, answer = _exchanged(method, url, path + query, body)
    except (OSError, HTTPException, ValueError) as error:
        message = (
            f"no emulator answers at {url} ({error}); "
            "start one, or say with --url where it is"
        )
        raise ClientError(message) from error
    if declined:
        message = f"{answer['title']}: {answer['detail']}"
        raise ClientError(message)
    return answer


def _exchanged(
    method: str, url: str, path: str, body: Mapping[str, Any] | None
) -> tuple[bool, Any]:
    """Return whether the answer is a problem document, and what it says.

    Raises ``ValueError`` for an answer that is not an emulator's.
    """
    target = urlsplit(url)
    connect = HTTPSConnection if target.scheme == "https" else HTTPConnection
    with closing(connect(target.netloc or url, timeout=SECONDS)) as connection:
        content = json.dumps(body) if body else None
        connection.request(method, path, content, {"Content-Type": "application/json"})
        response = connection.getresponse()
        declined = response.headers.get_content_subtype() == "problem+json"
        if response.status != HTTPStatus.OK and not declined:
            message = f"something else does, with {response.status} {response.reason}"
            raise ValueError(message)
        return declined, json.load(response)
