"""Find the endpoint of a path in the contracts, before Starlette is asked.

A path of a contract goes straight to its endpoint; Starlette's own layers, which would
cost such a request a fifth of its time, see only the pages and what is nowhere. Before
either of them, what proxies say is read, and the request is admitted or refused.
"""

import re
from collections.abc import Mapping
from functools import cached_property

from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from emulator.contract.memo import cache_short_keys
from emulator.web import cors, http_response, origins
from emulator.web.admission import Admission, add_security_headers
from emulator.web.cors import CorsPolicy
from emulator.web.endpoint import Endpoint
from emulator.web.proxies import ProxyRules

PATH_CACHE_SIZE = 1_024  # paths with parameters that are polled
EndpointMatch = tuple[Endpoint, dict[str, str]]


class ContractPaths:
    """Endpoints by path template: ``/api/v3/campaign/{campaignId}/messages``."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._literal: dict[str, EndpointMatch] = {
            path: (endpoint, {})
            for path, endpoint in endpoints.items()
            if "{" not in path
        }
        self._endpoints = endpoints
        self._cached_match = cache_short_keys(PATH_CACHE_SIZE)(self._match_template)

    @cached_property
    def _templates(self) -> list[tuple[re.Pattern[str], Endpoint]]:
        """The paths with parameters, compiled when the first is asked for."""
        return [
            (_compile_template(path), endpoint)
            for path, endpoint in self._endpoints.items()
            if "{" in path
        ]

    def find_endpoint(self, path: str) -> EndpointMatch | None:
        """Return the endpoint of *path* and the values of its parameters."""
        return self._literal.get(path) or self._cached_match(path)

    def _match_template(self, path: str) -> EndpointMatch | None:
        for pattern, endpoint in self._templates:
            if match := pattern.fullmatch(path):
                return endpoint, match.groupdict()
        return None


class EmulatorApp(Starlette):
    """Admission first, then the paths of the contracts, then Starlette's pages."""

    admission: Admission | None = None
    proxies: ProxyRules | None = None  # those that are believed, if any are
    cors: CorsPolicy | None = None  # other origins' pages, if any may ask
    paths = ContractPaths({})
    is_dated = True  # its answers carry the time of their world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if self.proxies is not None:
                self.proxies.rewrite_scope(scope)
            path: str = scope["path"]
            found = self.paths.find_endpoint(path)
            is_platform = path.startswith(origins.PLATFORM_PREFIX)
            if not is_platform:
                send = add_security_headers(send, path)
            if self.admission and (no := self.admission.find_refusal(scope)):
                bodiless = scope["method"] == "HEAD"
                await no.send(self._add_date_header(send), bodiless=bodiless)
                return
            if is_platform and self.cors is not None:
                if headers := self.cors.find_preflight_headers(scope):
                    dated = self._add_date_header(send)
                    await cors.send_preflight_answer(dated, headers)
                    return
                send = cors.add_response_headers(send, self.cors.find_headers(scope))
            if found:
                endpoint, scope["path_params"] = found
                await endpoint(scope, receive, send)
                return
        await super().__call__(scope, receive, self._add_date_header(send))

    def _add_date_header(self, send: Send) -> Send:
        """Return *send* with a ``Date`` header: the default world's time."""

        async def dated(message: Message) -> None:
            if message["type"] == http_response.RESPONSE_START:
                now = self.state.worlds.default.clock.now()
                message["headers"] = [
                    *message["headers"],
                    http_response.make_date_header(now),
                ]
            await send(message)

        return dated


def _compile_template(template: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", template)
    names = (f"(?P<{name}>[^/]+)" for name in pieces[1::2])
    literals = map(re.escape, pieces[::2])
    return re.compile(
        "".join(a + b for a, b in zip(literals, [*names, ""], strict=True))
    )
