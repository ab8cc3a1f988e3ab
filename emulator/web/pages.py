"""What is neither contract nor control: the contract itself, and short links.

Nothing here is in ``openapi.yaml``, and nothing asks a server outside.
"""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from emulator.contract.contract import Contract
from emulator.domain import shortlink
from emulator.domain.account import Account
from emulator.domain.refusals import Refusal
from emulator.operations.platform import smsclic
from emulator.world.transaction import transact
from emulator.web import http_body
from emulator.web.platform_api import Api, bearer
from emulator.web.control_client import Declined
from emulator.web.panel import panel, words
from emulator.web.http_body import Answer
from emulator.worlds import Worlds, needs_no_help

HERE = Path(__file__).parent
SWAGGER, OURS = HERE / "vendor" / "swagger-ui", HERE / "static"
ASSETS = {
    "swagger-ui-bundle.js": (SWAGGER, "text/javascript"),
    "swagger-ui.css": (SWAGGER, "text/css"),
    "docs.js": (OURS, "text/javascript"),
    "docs.css": (OURS, "text/css"),
}
STRICT_CSP = {
    "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'"
}


class Pages:
    def __init__(self, api: Api, contract: Contract, worlds: Worlds) -> None:
        self._api = api
        self._contract = contract
        self._worlds = worlds

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/openapi.json", self.openapi),
            Route("/docs", self.docs),
            Route("/docs/{asset}", self.asset),
            Route("/s/{code}", self.short_link),
        ]

    async def openapi(self, request: Request) -> Response:
        """Answer the contract, the catalogue of the token's world in it as enums."""
        _, literal, _ = bearer(http_body.headers(request.scope))
        try:
            world = (
                await self._worlds.find(literal) if literal else self._worlds.default
            )
        except Refusal as refusal:
            return _response(self._api.refused(refusal, None))
        account = world.account
        document = self._contract.document.narrowed(
            account.assumptions.closed, catalogue(account)
        )
        here = {"url": "/", "description": "This emulator"}
        document = {**document, "servers": [here, *document["servers"][1:]]}
        return Response(http_body.encoded(document), media_type="application/json")

    async def docs(self, _request: Request) -> Response:
        """Answer the contract as a readable page."""
        page = (OURS / "docs.html").read_bytes()
        return Response(page, media_type="text/html", headers=STRICT_CSP)

    async def asset(self, request: Request) -> Response:
        name = request.path_params["asset"]
        if name not in ASSETS:
            raise HTTPException(404)
        folder, kind = ASSETS[name]
        octets = (folder / name).read_bytes()
        caching = {"cache-control": "max-age=3600"}
        return Response(octets, media_type=kind, headers=caching)

    async def short_link(self, request: Request) -> Response:
        """Lead to the original URL and record the click.

        Source: manual CLC-15; assumption CLC-16.
        """
        code = request.path_params["code"]
        world, message = self._worlds.coded(code), shortlink.message(code)
        url = smsclic.target(world, message) if world and message else None
        if world is None or message is None or url is None:
            raise HTTPException(404)
        if request.method != "HEAD":  # a preview is no click
            try:
                needs_no_help(world)
                await transact(world, lambda: smsclic.follow(world, message))
            except Refusal as refusal:  # of the disk
                return _response(self._api.refused(refusal, None))
        return RedirectResponse(url, 302)


def refused(refusal: Refusal, scope: Scope) -> Answer:
    """Return the page that says no to a person who is not let in."""
    accepted = http_body.headers(scope).get(b"accept-language", b"").decode("latin-1")
    title = refusal.reason.sentence(words.preferred(accepted), refusal.words)
    return panel.declined(scope, Declined(title, refusal.reason.status, refusal.why))


def catalogue(account: Account) -> dict[str, list[int]]:
    """Return the ids a request may name, under the names of ``x-catalog``."""
    return {
        "routes": list(account.routes),
        "countries": list(account.countries),
        "links": list(account.links),
        "audios": list(account.audios),
        "media": list(account.media),
    }


def _response(answer: Answer) -> Response:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, answer.status, headers, media_type="application/json")
