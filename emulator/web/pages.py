"""Pages beside the two contracts: the platform's contract as a page, and short links.

Nothing here is in ``openapi.yaml``, and nothing loads from another server.
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
from emulator.web import addresses, http_request, http_response
from emulator.web.control_client import ControlRefusal
from emulator.web.http_response import HttpResponse
from emulator.web.panel import panel, words
from emulator.web.platform_api import PlatformApi, read_bearer_token
from emulator.world.transaction import run_transaction
from emulator.worlds import WorldDirectory, make_set_aside_refusal

WEB_DIR = Path(__file__).parent
SWAGGER_DIR, STATIC_DIR = WEB_DIR / "vendor" / "swagger-ui", WEB_DIR / "static"
DOCS_ASSETS = {
    "swagger-ui-bundle.js": (SWAGGER_DIR, "text/javascript"),
    "swagger-ui.css": (SWAGGER_DIR, "text/css"),
    "docs.js": (STATIC_DIR, "text/javascript"),
    "docs.css": (STATIC_DIR, "text/css"),
}
DOCS_HEADERS = {
    "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'"
}


class PublicPages:
    def __init__(
        self, api: PlatformApi, contract: Contract, worlds: WorldDirectory
    ) -> None:
        self._api = api
        self._contract = contract
        self._worlds = worlds

    def make_routes(self) -> list[BaseRoute]:
        return [
            Route("/openapi.json", self.serve_openapi),
            Route("/docs", self.serve_docs),
            Route("/docs/{asset}", self.serve_asset),
            Route("/s/{code}", self.follow_short_link),
        ]

    async def serve_openapi(self, request: Request) -> Response:
        """Return the contract, with the catalogue of the token's world as enums."""
        _, literal, _ = read_bearer_token(http_request.collect_headers(request.scope))
        try:
            world = (
                await self._worlds.get_or_create(literal)
                if literal
                else await self._worlds.load_default()
            )
        except Refusal as refusal:
            return _to_starlette(self._api.render_refusal(refusal, None))
        account = world.account
        document = self._contract.document.narrow_tree(
            account.assumptions.closed, list_catalogue_ids(account)
        )
        below = addresses.get_outside_prefix(request.scope) or "/"
        here = {"url": below, "description": "This emulator"}
        document = {**document, "servers": [here, *document["servers"][1:]]}
        return Response(
            http_response.encode_json(document), media_type="application/json"
        )

    async def serve_docs(self, _request: Request) -> Response:
        """Return the contract as a readable page."""
        page = (STATIC_DIR / "docs.html").read_bytes()
        return Response(page, media_type="text/html", headers=DOCS_HEADERS)

    async def serve_asset(self, request: Request) -> Response:
        name = request.path_params["asset"]
        if name not in DOCS_ASSETS:
            raise HTTPException(404)
        folder, kind = DOCS_ASSETS[name]
        octets = (folder / name).read_bytes()
        caching = {"cache-control": "max-age=3600"}
        return Response(octets, media_type=kind, headers=caching)

    async def follow_short_link(self, request: Request) -> Response:
        """Redirect to the original URL and record the click.

        Source: manual CLC-15; assumption CLC-16.
        """
        code = request.path_params["code"]
        world = await self._worlds.find_by_short_code(code)
        message = shortlink.parse_link_code(code)
        url = smsclic.find_link_target(world, message) if world and message else None
        if world is None or message is None or url is None:
            raise HTTPException(404)
        if request.method != "HEAD":  # a preview is no click
            try:
                if world.trouble:
                    raise make_set_aside_refusal(world)
                await run_transaction(world, lambda: smsclic.keep_click(world, message))
            except Refusal as refusal:  # of the store
                return _to_starlette(self._api.render_refusal(refusal, None))
        return RedirectResponse(url, 302)


def render_refusal_page(refusal: Refusal, scope: Scope) -> HttpResponse:
    """Return the page for a person whose request is refused."""
    accepted = (
        http_request.collect_headers(scope)
        .get(b"accept-language", b"")
        .decode("latin-1")
    )
    title = refusal.reason.format_sentence(
        words.choose_language(accepted), refusal.words
    )
    return panel.render_problem_page(
        scope, ControlRefusal(title, refusal.reason.status, refusal.why)
    )


def list_catalogue_ids(account: Account) -> dict[str, list[int]]:
    """Return the ids a request may name, under the names of ``x-catalog``."""
    return {
        "routes": list(account.routes),
        "countries": list(account.countries),
        "links": list(account.links),
        "audios": list(account.audios),
        "media": list(account.media),
    }


def _to_starlette(response: HttpResponse) -> Response:
    headers = {name.decode(): value.decode() for name, value in response.headers}
    return Response(
        response.body, response.status, headers, media_type="application/json"
    )
