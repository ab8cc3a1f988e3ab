"""The panel's paths: pages, their regions by themselves, commands, the live stream."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from emulator.web import http_body
from emulator.web.control_client import Declined, Desk, Seat
from emulator.web.control_secret import COOKIE, Guard
from emulator.web.panel import words
from emulator.web.panel.actions import ACTIONS
from emulator.web.panel.assets import asset
from emulator.web.panel.faults import BREAKAGES, OPERATIONS, Choices
from emulator.web.panel.phones import SHOWN
from emulator.web.panel.rendering import rendered
from emulator.web.panel.views import PAGES, REGIONS, TIMED, Context
from emulator.web.http_body import Answer

# Nothing but what comes from here; scripts and styles from files only.
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
FOREVER = {
    "cache-control": "public, max-age=31536000, immutable",
    "vary": "accept-encoding",
}
MARK = "x-panel-mark"  # of a region, which is left alone while it says the same
THEMES = frozenset({"light", "dark"})
FORM_LIMIT = 64 * 1024  # octets

Answered = Callable[[Request], Awaitable[Response]]


class Asked(dict[str, Any]):
    """The query of a request; what it does not say is None."""

    def __missing__(self, name: str) -> None:
        return None


class Panel:
    """Pages for a person, over the control API."""

    def __init__(
        self, desk: Desk, secret: str | None, *, upload_limit: int, choices: Choices
    ) -> None:
        self._desk = desk
        self._choices = choices
        self._guard = Guard(secret)
        self._upload_limit = upload_limit

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._guarded(self.page)),
            Route("/panel/region/{name}", self._guarded(self.region)),
            Route("/panel/do/{name}", self._guarded(self.command), methods=["POST"]),
            Route("/panel/restore", self._guarded(self.restore), methods=["POST"]),
            Route("/panel/snapshot", self._guarded(self.snapshot)),
            Route("/panel/live", self._guarded(self.live)),
            Route("/panel/asset/{name}", self.file),
            Route("/panel/enter", self.enter, methods=["POST"]),
            Route("/panel/{page}", self._guarded(self.page)),
        ]

    def _guarded(self, answer: Answered) -> Answered:
        """Let in who knows the secret."""

        async def guarded(request: Request) -> Response:
            if not self._guard.knows(http_body.headers(request.scope)):
                return _page(_shown("enter.html", request, wrong=False), 401)
            try:
                return await answer(request)
            except Declined as declined:
                html = _shown("declined.html", request, declined=declined)
                return _page(html, declined.status)

        return guarded

    async def enter(self, request: Request) -> Response:
        """Take the control secret and keep it in a cookie that only we get."""
        secret = (await _form(request)).get("secret", "")
        if not self._guard.is_secret(secret.encode()):
            return _page(_shown("enter.html", request, wrong=True), 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, secret, httponly=True, samesite="strict")
        return answer

    async def page(self, request: Request) -> Response:
        name = request.path_params.get("page", "phones")
        if name not in PAGES:
            raise _nowhere(request)
        seat = self._seat(request)
        context = {"page_name": name, "regions": PAGES[name], "timed": TIMED}
        context["choices"] = self._choices
        for each in ("status", *PAGES[name]):
            context |= await REGIONS[each](seat, request.query_params)
        shown = {
            each: _shown(f"regions/{each}.html", request, seat=seat, **context)
            for each in PAGES[name]
        }
        marks = {each: _mark(html) for each, html in shown.items()}
        context |= {"shown": shown, "marks": marks}
        return _page(_shown("shell.html", request, seat=seat, **context))

    async def region(self, request: Request) -> Response:
        """Answer one region by itself, as it is now."""
        name = request.path_params["name"]
        if name not in REGIONS:
            raise _nowhere(request)
        seat = self._seat(request)
        context = await REGIONS[name](seat, request.query_params)
        context["choices"] = self._choices
        if name != "status":
            context |= await REGIONS["status"](seat, request.query_params)
        html = _shown(f"regions/{name}.html", request, seat=seat, **context)
        answer = _page(html)
        answer.headers[MARK] = _mark(html)
        return answer

    async def command(self, request: Request) -> Response:
        """Carry out a command and say how it went."""
        action = ACTIONS.get(request.path_params["name"])
        if action is None:
            raise _nowhere(request)
        form = await _form(request)
        seat = self._seat(request)
        params = {name: form.get(name) for name in action.params}
        try:
            done = await seat.ask(action.operation, action.body(form), **params)
        except Declined as declined:
            return _page(_shown("toast.html", request, declined=declined))
        name = request.path_params["name"]
        answer = _page(
            _shown("toast.html", request, declined=None, name=name, done=done)
        )
        if action.leads_to:
            answer.headers["hx-redirect"] = f"/?world={quote(done['name'])}"
        return answer

    async def restore(self, request: Request) -> Response:
        """Put the world into the state of a snapshot, the body of the request."""
        seat, headers = self._seat(request), http_body.headers(request.scope)
        try:
            document = await seat.uploaded(headers, self._upload_limit)
            done = await seat.ask("restoreWorld", document)
        except Declined as declined:
            return _page(_shown("toast.html", request, declined=declined))
        return _page(
            _shown("toast.html", request, declined=None, name="restore", done=done)
        )

    async def snapshot(self, request: Request) -> Response:
        """Answer the state of the world as a file to keep."""
        seat = self._seat(request)
        document = await seat.ask("takeSnapshot")
        kept = {"content-disposition": f'attachment; filename="{seat.name}.json"'}
        octets = http_body.encoded(document)
        return Response(octets, media_type="application/json", headers=HEADERS | kept)

    async def live(self, request: Request) -> Response:
        """Say ``changed`` whenever something may have, ``ticked`` when time passes."""
        stream = self._seat(request).hear("streamChanges")
        return StreamingResponse(
            stream, media_type="text/event-stream", headers=HEADERS
        )

    async def file(self, request: Request) -> Response:
        found = asset(request.path_params["name"])
        if found is None:
            return Response(status_code=404)
        if "gzip" in request.headers.get("accept-encoding", ""):
            packed = FOREVER | {"content-encoding": "gzip"}
            return Response(found.packed, media_type=found.kind, headers=packed)
        return Response(found.octets, media_type=found.kind, headers=FOREVER)

    def _seat(self, request: Request) -> Seat:
        return self._desk.seat(request.query_params.get("world", ""), request.receive)


def declined(scope: Scope, why: Declined) -> Answer:
    """Return the page that says no to who is not let in."""
    html = _shown("declined.html", Request(scope), declined=why)
    headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    return Answer(why.status, html.encode(), http_body.HTML, headers)


def _nowhere(request: Request) -> Declined:
    path: str = request.scope["path"]
    return Declined("404", 404, path)


def _mark(html: str) -> str:
    """Return what changes with what a region says."""
    return sha256(html.encode()).hexdigest()[:12]


def _page(html: str, status: int = 200) -> Response:
    return Response(html, status, HEADERS, media_type="text/html")


def _shown(template: str, request: Request, **context: Any) -> str:
    """Return *template* with what every page needs."""
    language = words.preferred(request.headers.get("accept-language", ""))
    theme = request.cookies.get("panel_theme", "")
    seat: Seat | None = context.pop("seat", None)
    common: Context = {
        "say": words.spoken(language),
        "language": language,
        "theme": theme if theme in THEMES else "",
        "world": seat.name if seat else request.query_params.get("world", ""),
        "asked": Asked(_chosen(request)),
        "base": f"{request.scope['scheme']}://{request.headers.get('host', '')}",
        "breakages": BREAKAGES,
        "operations_known": OPERATIONS,
    }
    return rendered(template, common | context)


def _chosen(request: Request) -> Mapping[str, str]:
    """Return what of a query a visitor has chosen, which links carry on."""
    return {
        name: value for name, value in request.query_params.items() if name != SHOWN
    }


async def _form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form; too large a one is empty."""
    octets = b""
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > FORM_LIMIT:
            return {}
    return dict(parse_qsl(octets.decode("utf-8", "replace")))
