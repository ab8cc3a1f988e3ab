"""The paths of the contracts, looked up before anything else is asked of a request.

A path of a contract goes straight to its endpoint; Starlette's own layers, which would
cost such a request a fifth of its time, see only the pages and what is nowhere.
"""

import re
from collections.abc import Mapping
from functools import cached_property

from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from emulator.contract.memo import remembered
from emulator.web import origins
from emulator.web import http_body
from emulator.web.admission import Admission, shut
from emulator.web.endpoint import Endpoint

POLLED = 1_024  # paths with parameters that are asked again and again
Found = tuple[Endpoint, dict[str, str]]


class Paths:
    """Endpoints by path template: ``/api/v3/campaign/{campaignId}/messages``."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._literal: dict[str, Found] = {
            path: (endpoint, {})
            for path, endpoint in endpoints.items()
            if "{" not in path
        }
        self._endpoints = endpoints
        self._seen = remembered(POLLED)(self._match)

    @cached_property
    def _templates(self) -> list[tuple[re.Pattern[str], Endpoint]]:
        """The paths with parameters, compiled when the first is asked for."""
        return [
            (_pattern(path), endpoint)
            for path, endpoint in self._endpoints.items()
            if "{" in path
        ]

    def find(self, path: str) -> Found | None:
        """Return the endpoint of *path* and the values of its parameters."""
        return self._literal.get(path) or self._seen(path)

    def _match(self, path: str) -> Found | None:
        for pattern, endpoint in self._templates:
            if match := pattern.fullmatch(path):
                return endpoint, match.groupdict()
        return None


class Program(Starlette):
    """Starlette for the pages; before it the contracts' paths, and first admission."""

    admission: Admission | None = None
    paths = Paths({})
    is_dated = True  # its answers carry the time of their world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            if not path.startswith(origins.PLATFORM):
                send = shut(send, path)
            if self.admission and (no := self.admission.refused(scope)):
                bodiless = scope["method"] == "HEAD"
                await no.send(self._dated(send), bodiless=bodiless)
                return
            if found := self.paths.find(path):
                endpoint, scope["path_params"] = found
                await endpoint(scope, receive, send)
                return
        await super().__call__(scope, receive, self._dated(send))

    def _dated(self, send: Send) -> Send:
        """Return *send* with a ``Date`` header: the default world's time."""

        async def dated(message: Message) -> None:
            if message["type"] == http_body.START:
                now = self.state.worlds.default.clock.now()
                message["headers"] = [*message["headers"], http_body.dated(now)]
            await send(message)

        return dated


def _pattern(template: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", template)
    names = (f"(?P<{name}>[^/]+)" for name in pieces[1::2])
    literals = map(re.escape, pieces[::2])
    return re.compile(
        "".join(a + b for a, b in zip(literals, [*names, ""], strict=True))
    )
