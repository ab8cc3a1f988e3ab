"""The paths of the contracts, looked up before anything else is asked of a request.

A path of a contract goes straight to its endpoint; Starlette's own layers, which would
cost such a request a fifth of its time, see only the pages and what is nowhere.
"""

import re
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from emulator.web.endpoint import Endpoint

Found = tuple[Endpoint, dict[str, str]]


class Paths:
    """Endpoints by path template: ``/api/v3/campaign/{campaignId}/messages``."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._literal: dict[str, Found] = {
            path: (endpoint, {})
            for path, endpoint in endpoints.items()
            if "{" not in path
        }
        self._templates = [
            (_pattern(path), endpoint)
            for path, endpoint in endpoints.items()
            if "{" in path
        ]

    def find(self, path: str) -> Found | None:
        """Return the endpoint of *path* and the values of its parameters."""
        if found := self._literal.get(path):
            return found
        for pattern, endpoint in self._templates:
            if match := pattern.fullmatch(path):
                return endpoint, match.groupdict()
        return None


class Program(Starlette):
    """Starlette for the pages; the contracts' paths first."""

    paths = Paths({})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (found := self.paths.find(scope["path"])):
            endpoint, scope["path_params"] = found
            await endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _pattern(template: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", template)
    names = (f"(?P<{name}>[^/]+)" for name in pieces[1::2])
    literals = map(re.escape, pieces[::2])
    return re.compile(
        "".join(a + b for a, b in zip(literals, [*names, ""], strict=True))
    )
