"""Which pages may send requests through a browser: one table, by path.

Whose page asks is what a browser says by itself, and no page can change it: ``Origin``
with what may change something, ``Sec-Fetch-Site`` with everything, though only where it
trusts the address (https, loopback). A client that is no browser sends neither.
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto

from starlette.types import Scope

from emulator.web.addresses import get_outside_origin, split_origin

MAX_SHOWN = 100  # characters of what was sent, in a sentence about it
SAFE_METHODS = frozenset({"GET", "HEAD"})
HTTPS_PREFIX = "https://"
# An origin that can be typed as it is.
PLAIN_ORIGIN_PATTERN = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+")
FORWARDED_PREFIX = "x-forwarded-"  # of what proxies say
ORIGIN_HEADERS = frozenset({b"origin", b"sec-fetch-site"})
BROWSER_AGENT = "Mozilla/"  # what every browser's User-Agent begins with
CONTROL_HEADER = "x-emulator-control"  # which needs a preflight from another origin


class AllowedPages(Enum):
    """The pages whose requests are answered."""

    ANY = auto()  # it needs a token in a header, or reveals nothing
    LINKED = auto()  # our own; other pages may link to it
    OWN = auto()  # our own, and a typed address
    PROVEN = auto()  # our own, if the browser proves it: it takes something away


PLATFORM_PREFIX = "/api/"  # all of it needs a token, which no other page can send
CONTROL_PREFIX = "/_emulator/"
DEFAULT_PAGES = AllowedPages.OWN
# By the template of the path; a route that is not here is for our own pages.
PAGES_BY_PATH: Mapping[str, AllowedPages] = {
    "/_emulator/pushes": AllowedPages.PROVEN,
    "/": AllowedPages.LINKED,
    "/openapi.json": AllowedPages.LINKED,
    "/docs": AllowedPages.LINKED,
    "/docs/{asset}": AllowedPages.OWN,
    "/s/{code}": AllowedPages.LINKED,  # as in a text message
    "/panel/region/{name}": AllowedPages.OWN,
    "/panel/do/{name}": AllowedPages.OWN,
    "/panel/restore": AllowedPages.OWN,
    "/panel/snapshot": AllowedPages.OWN,
    "/panel/live": AllowedPages.OWN,
    "/panel/asset/{name}": AllowedPages.ANY,  # frames of e-mails have no origin
    "/panel/enter": AllowedPages.OWN,
    "/panel/{page}": AllowedPages.LINKED,
}
_TEMPLATES = [
    (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), pages)
    for path, pages in PAGES_BY_PATH.items()
    if "{" in path
]


def get_allowed_pages(path: str) -> AllowedPages:
    """Return whose pages may ask for *path*."""
    if path.startswith(PLATFORM_PREFIX):
        return AllowedPages.ANY
    return _find_pages(path) or DEFAULT_PAGES


def is_page_path(path: str) -> bool:
    """Return whether a person looks at *path*, and neither API has it."""
    return (
        not path.startswith((PLATFORM_PREFIX, CONTROL_PREFIX))
        and _find_pages(path) is not None
    )


def _find_pages(path: str) -> AllowedPages | None:
    if path in PAGES_BY_PATH or path.startswith(CONTROL_PREFIX):
        return PAGES_BY_PATH.get(path)
    matches = (pages for pattern, pages in _TEMPLATES if pattern.fullmatch(path))
    return next(matches, None)


def find_objection(scope: Scope, pages: AllowedPages) -> str:
    """Return why *pages* do not allow a request; empty if they may."""
    if pages is AllowedPages.ANY:
        return ""
    says_nothing = ORIGIN_HEADERS.isdisjoint([name for name, _ in scope["headers"]])
    if (
        says_nothing and pages is not AllowedPages.PROVEN
    ):  # as of any client but browsers
        return ""
    asked = _BrowserRequest(scope)
    return next(asked.iter_objections(pages), "")


class _BrowserRequest:
    """A request, with what its browser says of its origin."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            values = self._headers.setdefault(name.decode("latin-1"), [])
            values.append(value.decode("latin-1"))
        self._sites = self._get_values("sec-fetch-site")
        self._is_safe = scope["method"] in SAFE_METHODS

    def iter_objections(self, pages: AllowedPages) -> Iterator[str]:
        """Yield each reason why *pages* do not allow it."""
        for origin in self._get_values("origin"):
            if not self._is_own_origin(origin):
                yield (
                    f"{shorten_shown(origin)} is not {self._make_own_origin()}"
                    f"{self._describe_proxy_settings(origin)}"
                )
        for site in self._sites:
            if not (
                self._is_near(site)
                or (pages is AllowedPages.LINKED and self._is_link())
            ):
                yield (
                    f"a page that is not ours had a browser ask (Sec-Fetch-Site: "
                    f"{site}); open the address by itself"
                )
        if pages is AllowedPages.PROVEN and self._is_unclear():
            yield (
                "a browser asks and does not say for which page; ask with curl or "
                f"smsclouds-emulator listen, or send the header {CONTROL_HEADER}"
            )

    def _get_values(self, name: str) -> list[str]:
        return self._headers.get(name, [])

    def _is_near(self, site: str) -> bool:
        """Whether it comes from a page of our own, or from a typed address."""
        return site == "same-origin" or (site == "none" and self._is_safe)

    def _is_link(self) -> bool:
        """Whether it loads a whole window, and not a frame or a picture."""
        return (
            self._is_safe
            and self._get_values("sec-fetch-mode") == ["navigate"]
            and self._get_values("sec-fetch-dest") == ["document"]
        )

    def _is_unclear(self) -> bool:
        says = (
            self._sites
            or self._get_values("origin")
            or self._get_values(CONTROL_HEADER)
        )
        agents = self._get_values("user-agent")
        return not says and any(each.startswith(BROWSER_AGENT) for each in agents)

    def _describe_proxy_settings(self, origin: str) -> str:
        """Return what to set where a proxy in between changes the address.

        Nothing where the browser says that the page is of another site: then it is.
        """
        is_plain = PLAIN_ORIGIN_PATTERN.fullmatch(origin) and len(origin) < MAX_SHOWN
        if not is_plain or not set(self._sites) <= {"same-origin"}:
            return ""
        more = ""
        client = self._scope.get("client")
        if client and any(name.startswith(FORWARDED_PREFIX) for name in self._headers):
            more = f", or believe what it says: --trusted-proxy {client[0]}"
        return (
            "; if that is a proxy of yours before the emulator, start it with "
            f"--public-url {origin} (or EMULATOR_PUBLIC_URL), with the "
            f"path where the proxy adds one{more}"
        )

    def _make_own_origin(self) -> str:
        """Return our origin, as the request names it; its host is known by now."""
        return f"{self._scope['scheme']}://{next(iter(self._get_values('host')), '')}"

    def _is_own_origin(self, origin: str) -> bool:
        """Whether *origin* is ours.

        Where TLS ends before us its scheme is another: then the browser has to say as
        well that the page comes from where its request goes.
        """
        ours = self._make_own_origin()
        if self._sites == ["same-origin"] and origin.startswith(HTTPS_PREFIX):
            ours = HTTPS_PREFIX + ours.partition("://")[2]
        parts = split_origin(origin)
        known = (ours, get_outside_origin(self._scope))
        return parts is not None and parts in map(split_origin, known)


def shorten_shown(text: str) -> str:
    """Return *text*, cut where it is too long for a sentence."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
