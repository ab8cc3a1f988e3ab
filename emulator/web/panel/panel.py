"""The panel's paths: pages, their regions by themselves, commands, the live stream."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from emulator.web import addresses, http_request, http_response
from emulator.web.control_client import ControlClient, ControlRefusal, WorldClient
from emulator.web.control_secret import (
    SESSION_TIME,
    SecretCheck,
    SecretGuard,
    choose_cookie_name,
)
from emulator.web.http_response import HttpResponse
from emulator.web.panel import words
from emulator.web.panel.actions import ACTIONS
from emulator.web.panel.assets import find_asset, make_asset_path
from emulator.web.panel.faults import FAULT_CHOICES, FAULTABLE_OPERATIONS, FaultChoices
from emulator.web.panel.phones import SHOWN_PARAM
from emulator.web.panel.rendering import render_template
from emulator.web.panel.views import PAGES, REGIONS, TIMED_REGIONS, RegionContext

# Nothing but what comes from here; scripts and styles from files only.
PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
ASSET_HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",
    "vary": "accept-encoding",
}
# Of a region, which is replaced only when it changes
REGION_MARK_HEADER = "x-panel-mark"
THEMES = frozenset({"light", "dark"})
FORM_LIMIT = 64 * 1024  # octets

PageHandler = Callable[[Request], Awaitable[Response]]


class QueryValues(dict[str, Any]):
    """The query of a request; an absent parameter is None."""

    def __missing__(self, name: str) -> None:
        return None


class Panel:
    """The pages of the panel, made from the control API."""

    def __init__(
        self,
        control: ControlClient,
        guard: SecretGuard,
        *,
        upload_limit: int,
        choices: FaultChoices,
    ) -> None:
        self._control = control
        self._choices = choices
        self._guard = guard
        self._upload_limit = upload_limit

    def make_routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._require_secret(self.show_page)),
            Route("/panel/region/{name}", self._require_secret(self.show_region)),
            Route(
                "/panel/do/{name}",
                self._require_secret(self.run_action),
                methods=["POST"],
            ),
            Route(
                "/panel/restore",
                self._require_secret(self.restore_snapshot),
                methods=["POST"],
            ),
            Route("/panel/snapshot", self._require_secret(self.download_snapshot)),
            Route("/panel/live", self._require_secret(self.stream_changes)),
            Route("/panel/asset/{name}", self.serve_asset),
            Route("/panel/enter", self.log_in, methods=["POST"]),
            Route("/panel/{page}", self._require_secret(self.show_page)),
        ]

    def _require_secret(self, handler: PageHandler) -> PageHandler:
        """Return *handler* behind the control secret; a refusal becomes a page."""

        async def guarded(request: Request) -> Response:
            headers = http_request.collect_headers(request.scope)
            check = self._guard.check_request(request.scope, headers)
            if not check.is_right:
                return _make_entrance(request, check, is_wrong=False)
            try:
                return await handler(request)
            except ControlRefusal as declined:
                html = _render_template("declined.html", request, declined=declined)
                return _make_response(html, declined.status)

        return guarded

    async def log_in(self, request: Request) -> Response:
        """Check the control secret; its visitor may stay for some hours."""
        secret = (await _read_form(request)).get("secret", "")
        check = self._guard.check_guess(request.scope, secret.encode())
        if not check.is_right:
            return _make_entrance(request, check, is_wrong=True)
        path = f"{addresses.get_outside_prefix(request.scope)}/"
        is_secure = _is_over_tls(request)
        answer = RedirectResponse(path, 303)
        answer.set_cookie(
            choose_cookie_name(is_secure=is_secure, path=path),
            self._guard.make_session(),
            max_age=int(SESSION_TIME.total_seconds()),
            path=path,
            secure=is_secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    async def show_page(self, request: Request) -> Response:
        name = request.path_params.get("page", "phones")
        if name not in PAGES:
            raise _make_404(request)
        seat = await self._open_client(request)
        context = {"page_name": name, "regions": PAGES[name], "timed": TIMED_REGIONS}
        context["choices"] = self._choices
        for each in ("status", *PAGES[name]):
            context |= await REGIONS[each](seat, request.query_params)
        shown = {
            each: _render_template(
                f"regions/{each}.html", request, seat=seat, **context
            )
            for each in PAGES[name]
        }
        marks = {each: _hash_html(html) for each, html in shown.items()}
        context |= {"shown": shown, "marks": marks}
        return _make_response(
            _render_template("shell.html", request, seat=seat, **context)
        )

    async def show_region(self, request: Request) -> Response:
        """Return one region as it is now."""
        name = request.path_params["name"]
        if name not in REGIONS:
            raise _make_404(request)
        seat = await self._open_client(request)
        context = await REGIONS[name](seat, request.query_params)
        context["choices"] = self._choices
        if name != "status":
            context |= await REGIONS["status"](seat, request.query_params)
        html = _render_template(f"regions/{name}.html", request, seat=seat, **context)
        answer = _make_response(html)
        answer.headers[REGION_MARK_HEADER] = _hash_html(html)
        return answer

    async def run_action(self, request: Request) -> Response:
        """Run a command and return a message about its result."""
        action = ACTIONS.get(request.path_params["name"])
        if action is None:
            raise _make_404(request)
        form = await _read_form(request)
        seat = await self._open_client(request)
        params = {name: form.get(name) for name in action.params}
        try:
            done = await seat.call_operation(
                action.operation, action.body(form), **params
            )
        except ControlRefusal as declined:
            return _make_declined_toast(request, declined)
        name = request.path_params["name"]
        answer = _make_response(
            _render_template("toast.html", request, declined=None, name=name, done=done)
        )
        if action.leads_to:
            below = addresses.get_outside_prefix(request.scope)
            answer.headers["hx-redirect"] = f"{below}/?world={quote(done['name'])}"
        return answer

    async def restore_snapshot(self, request: Request) -> Response:
        """Set the world to the snapshot in the body of the request."""
        seat, headers = (
            await self._open_client(request),
            http_request.collect_headers(request.scope),
        )
        try:
            done = await seat.call_with_upload(
                "restoreWorld", headers, self._upload_limit
            )
        except ControlRefusal as declined:
            return _make_declined_toast(request, declined)
        return _make_response(
            _render_template(
                "toast.html", request, declined=None, name="restore", done=done
            )
        )

    async def download_snapshot(self, request: Request) -> Response:
        """Return the state of the world as a file."""
        seat = await self._open_client(request)
        document = await seat.call_operation("takeSnapshot")
        kept = {"content-disposition": f'attachment; filename="{seat.name}.json"'}
        return Response(
            document, media_type="application/json", headers=PAGE_HEADERS | kept
        )

    async def stream_changes(self, request: Request) -> Response:
        """Stream ``changed`` after a possible change, ``ticked`` as time passes."""
        client = await self._open_client(request)
        stream = client.stream_operation("streamChanges")
        return StreamingResponse(
            stream, media_type="text/event-stream", headers=PAGE_HEADERS
        )

    async def serve_asset(self, request: Request) -> Response:
        found = find_asset(request.path_params["name"])
        if found is None:
            return Response(status_code=404)
        if "gzip" in request.headers.get("accept-encoding", ""):
            packed = ASSET_HEADERS | {"content-encoding": "gzip"}
            return Response(found.gzip_octets, media_type=found.kind, headers=packed)
        return Response(found.octets, media_type=found.kind, headers=ASSET_HEADERS)

    async def _open_client(self, request: Request) -> WorldClient:
        return await self._control.open_client(
            request.query_params.get("world", ""), request.receive
        )


def render_problem_page(scope: Scope, refusal: ControlRefusal) -> HttpResponse:
    """Return the page for a refused request."""
    html = _render_template("declined.html", Request(scope), declined=refusal)
    headers = [(name.encode(), value.encode()) for name, value in PAGE_HEADERS.items()]
    return HttpResponse(
        refusal.status, html.encode(), http_response.HTML_CONTENT_TYPE, headers
    )


def _make_entrance(request: Request, check: SecretCheck, *, is_wrong: bool) -> Response:
    """Return the page that asks for the control secret."""
    html = _render_template("enter.html", request, wrong=is_wrong, wait=check.wait)
    answer = _make_response(html, 429 if check.wait else 401)
    if check.wait:
        answer.headers["retry-after"] = str(check.wait)
    return answer


def _is_over_tls(request: Request) -> bool:
    """Return whether the browser speaks TLS, wherever TLS ends."""
    origin = request.headers.get("origin", "")
    url = origin if "://" in origin else addresses.get_outside_url(request.scope)
    return url.startswith("https://")


def _make_404(request: Request) -> ControlRefusal:
    path: str = request.scope["path"]
    return ControlRefusal("404", 404, path)


def _make_declined_toast(request: Request, declined: ControlRefusal) -> Response:
    html = _render_template("toast.html", request, declined=declined)
    return _make_response(html, declined.status)


def _hash_html(html: str) -> str:
    """Return a hash of the content of a region."""
    return sha256(html.encode()).hexdigest()[:12]


def _make_response(html: str, status: int = 200) -> Response:
    return Response(html, status, PAGE_HEADERS, media_type="text/html")


def _render_template(template: str, request: Request, **context: Any) -> str:
    """Return *template* rendered with the values that every page needs."""
    language = words.choose_language(request.headers.get("accept-language", ""))
    theme = request.cookies.get("panel_theme", "")
    seat: WorldClient | None = context.pop("seat", None)
    below = addresses.get_outside_prefix(request.scope)
    common: RegionContext = {
        "say": words.make_translator(language),
        "language": language,
        "theme": theme if theme in THEMES else "",
        "world": seat.name if seat else request.query_params.get("world", ""),
        "asked": QueryValues(_read_filters(request)),
        "base": addresses.get_outside_url(request.scope),
        "find_base": partial(_find_base, request),
        "below": below,
        "asset": lambda name: f"{below}{make_asset_path(name)}",
        "breakages": FAULT_CHOICES,
        "operations_known": FAULTABLE_OPERATIONS,
    }
    return render_template(template, common | context)


def _find_base(request: Request, host: str) -> str:
    """Return the URL of *host*: as the page has it, where it is the page's own."""
    scope = request.scope
    is_here = host == request.headers.get("host") or addresses.OUTSIDE_KEY in scope
    return addresses.get_outside_url(scope) if is_here else f"http://{host}"


def _read_filters(request: Request) -> Mapping[str, str]:
    """Return the parameters of a query that links pass on."""
    return {
        name: value
        for name, value in request.query_params.items()
        if name != SHOWN_PARAM
    }


async def _read_form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form; too large a one is empty."""
    octets = b""
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > FORM_LIMIT:
            return {}
    return dict(parse_qsl(octets.decode("utf-8", "replace")))
