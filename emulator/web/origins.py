"""Which pages may have a browser ask what: one table, path by path.

Whose page asks is what a browser says by itself, and no page can change it: ``Origin``
with what may change something, ``Sec-Fetch-Site`` with everything, though only where it
trusts the address (https, loopback). A client that is no browser sends neither.
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto

from starlette.types import Scope

from emulator.web.hosts import split_authority

SAFE = frozenset({"GET", "HEAD"})
DEFAULT_PORTS = {"http": "80", "https": "443"}
SECURE = "https://"
SAYS = frozenset({b"origin", b"sec-fetch-site"})
BROWSER = "Mozilla/"  # what the name of every browser begins with
CONTROL = "x-emulator-control"  # which a page elsewhere would have to ask us for


class Pages(Enum):
    """The pages whose requests are answered."""

    ANY = auto()  # what is asked needs a token in a header, or says nothing
    LINKED = auto()  # our own; elsewhere may be a link that leads here
    OWN = auto()  # our own, and what a person types
    PROVEN = auto()  # our own, by a browser that says so: it takes something away


PLATFORM = "/api/"  # where everything needs a token, which no page elsewhere can send
STEERING = "/_emulator/"
OTHERWISE = Pages.OWN
# By the template of the path; a route that is not here is for our own pages.
DOORS: Mapping[str, Pages] = {
    "/_emulator/pushes": Pages.PROVEN,
    "/": Pages.LINKED,
    "/openapi.json": Pages.LINKED,
    "/docs": Pages.LINKED,
    "/docs/{asset}": Pages.OWN,
    "/s/{code}": Pages.LINKED,  # as in a text message
    "/panel/region/{name}": Pages.OWN,
    "/panel/do/{name}": Pages.OWN,
    "/panel/restore": Pages.OWN,
    "/panel/snapshot": Pages.OWN,
    "/panel/live": Pages.OWN,
    "/panel/asset/{name}": Pages.ANY,  # frames of e-mails have no origin
    "/panel/enter": Pages.OWN,
    "/panel/{page}": Pages.LINKED,
}
_TEMPLATES = [
    (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), pages)
    for path, pages in DOORS.items()
    if "{" in path
]


def pages_for(path: str) -> Pages:
    """Return whose pages may ask for *path*."""
    if path.startswith(PLATFORM):
        return Pages.ANY
    return _listed(path) or OTHERWISE


def is_page(path: str) -> bool:
    """Return whether a person looks at *path*, and neither API has it."""
    return not path.startswith((PLATFORM, STEERING)) and _listed(path) is not None


def _listed(path: str) -> Pages | None:
    if path in DOORS or path.startswith(STEERING):
        return DOORS.get(path)
    matches = (pages for pattern, pages in _TEMPLATES if pattern.fullmatch(path))
    return next(matches, None)


def objection(scope: Scope, pages: Pages) -> str:
    """Return why a request is none that *pages* make; empty where it may be one."""
    if pages is Pages.ANY:
        return ""
    says_nothing = SAYS.isdisjoint([name for name, _ in scope["headers"]])
    if says_nothing and pages is not Pages.PROVEN:  # as of any client but browsers
        return ""
    asked = _Asked(scope)
    return next(asked.objections(pages), "")


class _Asked:
    """A request, and what its browser says of it."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            values = self._headers.setdefault(name.decode("latin-1"), [])
            values.append(value.decode("latin-1"))
        self._sites = self._all("sec-fetch-site")
        self._is_safe = scope["method"] in SAFE

    def objections(self, pages: Pages) -> Iterator[str]:
        """Yield each reason why it is none that *pages* make."""
        for origin in self._all("origin"):
            if not self._is_own(origin):
                yield f"{origin} is not {self._own()}"
        for site in self._sites:
            if not (self._is_near(site) or (pages is Pages.LINKED and self._is_link())):
                yield (
                    f"a page that is not ours had a browser ask (Sec-Fetch-Site: "
                    f"{site}); open the address by itself"
                )
        if pages is Pages.PROVEN and self._is_unclear():
            yield (
                "a browser asks and does not say for which page; ask with curl or "
                f"smsclouds-emulator listen, or send the header {CONTROL}"
            )

    def _all(self, name: str) -> list[str]:
        return self._headers.get(name, [])

    def _is_near(self, site: str) -> bool:
        """Whether a page of our own asks, or a person who typed the address."""
        return site == "same-origin" or (site == "none" and self._is_safe)

    def _is_link(self) -> bool:
        """Whether a whole window goes there, and not a frame or a picture in a page."""
        return (
            self._is_safe
            and self._all("sec-fetch-mode") == ["navigate"]
            and self._all("sec-fetch-dest") == ["document"]
        )

    def _is_unclear(self) -> bool:
        says = self._sites or self._all("origin") or self._all(CONTROL)
        agents = self._all("user-agent")
        return not says and any(each.startswith(BROWSER) for each in agents)

    def _own(self) -> str:
        """Return our origin, as the request names it; its host is known by now."""
        return f"{self._scope['scheme']}://{next(iter(self._all('host')), '')}"

    def _is_own(self, origin: str) -> bool:
        """Whether *origin* is ours.

        Where TLS ends before us its scheme is another: then the browser has to say as
        well that the page comes from where its request goes.
        """
        ours = self._own()
        if self._sites == ["same-origin"] and origin.startswith(SECURE):
            ours = SECURE + ours.partition("://")[2]
        parts = _split_origin(origin)
        return parts is not None and parts == _split_origin(ours)


def _split_origin(origin: str) -> tuple[str, str, str] | None:
    """Return scheme, host and port; None for ``null`` and the like."""
    scheme, _, authority = origin.lower().partition("://")
    host, port = split_authority(authority) or ("", "")
    return (scheme, host, port or DEFAULT_PORTS.get(scheme, "")) if host else None
