"""Forwarding: a push is made again here, to a server that the emulator cannot reach."""

from collections.abc import Callable
from urllib.parse import urlsplit

from emulator.client.listener import Perform, Said
from emulator.client.shown import Fact
from emulator.client.transport import Request, Response, Socket

SECONDS = 10.0  # that an answer may take
MOST = 64 * 1024  # characters of it that are passed on
REPLIES = frozenset({"moPush", "smppMoPush"})
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REPEATED = frozenset({"connection", "keep-alive", "transfer-encoding"})


def forwarding(target: str, report: Callable[[str], object]) -> Perform:
    """Return what makes each push again, to *target*; a keyword has its own URL.

    *report* is told a line for each.
    """

    def perform(push: Fact) -> Said:
        url = target if push.operation in REPLIES else push.url
        said = _asked(url, push)
        came = str(said.status) if said.status else f"{said.verdict}: {said.says}"
        report(f"{push.operation} {push.parameters} -> {url}: {came} {said.body[:80]}")
        return said

    return perform


def _asked(url: str, push: Fact) -> Said:
    """Return what the server at *url* says."""
    parts = urlsplit(url)
    line = Socket(f"{parts.scheme}://{parts.netloc}")
    try:
        return _said(line.request(_request(parts.path or "/", parts.query, push)))
    except TimeoutError:
        return Said(verdict="timed_out", says=f"no answer came within {SECONDS:g} s")
    except ConnectionRefusedError:
        says = f"nothing listens on {parts.netloc}; is the receiver running?"
        return Said(verdict="refused", says=says)
    except (OSError, ValueError) as error:  # a URL that is none is of the latter
        return Said(verdict="broken", says=str(error)[:200])
    finally:
        line.close()


def _request(path: str, query: str, push: Fact) -> Request:
    """Return the push as a request; the URL's own query stays."""
    if push.method == "GET":
        query = f"{query}&{push.parameters}" if query else push.parameters
        return Request("GET", f"{path}?{query}", {}, b"", SECONDS)
    target = f"{path}?{query}" if query else path
    body = push.parameters.encode()
    return Request("POST", target, FORM, body, SECONDS)


def _said(answer: Response) -> Said:
    headers = {
        name: value for name, value in answer.headers.items() if name not in REPEATED
    }
    return Said(answer.status, answer.text[:MOST], headers)
