"""What comes between a client and an emulator, each finding in one sentence.

It looks and changes nothing: no world is made by asking, and no journal written.
"""

import asyncio
import os
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from platform import node
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from emulator.client.line import ClientError, Line
from emulator.domain.targets import ANYWHERE, Targets
from emulator.network.resolver import ForbiddenTargetError, dial

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
MINTED = "world-"  # what a token of a world that is not there yet begins with
SECONDS = 2.0  # of the wall, that an answer may take
SEEN = 100  # of the newest deliveries, that are looked at
CALLED = ("response_url", "push_url")  # of a keyword
DEFAULT_PORTS = {"http": 80, "https": 443}


class Patient(NamedTuple):
    """Which emulator and which of its worlds somebody has trouble with."""

    url: str
    secret: str | None = None
    world: str | None = None
    token: str | None = None
    smpp_port: int | None = None  # that serve would want

    def ask(self, what: str, world: str | None = None, **query: Any) -> Any:
        """Return what the control API answers.  Raises ``ClientError``."""
        line = Line(self.url, world=world, secret=self.secret, timeout=SECONDS)
        with line:
            return line.control("GET", f"/_emulator/{what}", **query)


def findings(patient: Patient) -> Iterator[str]:
    """Look at everything that can be looked at."""
    yield from _proxies(patient.url)
    try:
        worlds = patient.ask("worlds")
    except ClientError as error:
        yield from _unanswered(patient, error)
        return
    named = {each.name: each for each in worlds}
    world = patient.world
    if world is not None and world not in named:
        yield f"there is no world {world}; there are {_listed(named)}"
        return
    if patient.token is not None:
        holder = next((each for each in worlds if patient.token in each.tokens), None)
        yield from _token(patient, holder.name if holder else None, list(named))
        world = world or (holder.name if holder else None)
        if world is None:
            return
    world = world or worlds[0].name
    yield from _clock(patient, world)
    yield from _callbacks(patient, world)


def _proxies(url: str) -> Iterator[str]:
    target = urlsplit(url)
    proxies = getproxies_environment()
    name = next((each for each in (target.scheme, "all") if each in proxies), None)
    host = target.hostname or ""
    if name is None or proxy_bypass(host):
        return
    yield (
        f"{name}_proxy is set and no_proxy does not name {host}, so that most clients "
        f"ask the proxy instead of the emulator: export no_proxy={host}"
    )


def _unanswered(patient: Patient, error: ClientError) -> Iterator[str]:
    """Say why no emulator answers, or which one does not let us look."""
    if error.status == HTTPStatus.MISDIRECTED_REQUEST:
        name = urlsplit(patient.url).hostname
        yield (
            f"the emulator at {patient.url} does not answer to the name {name}: start "
            f"it with --allowed-host {name} (EMULATOR_ALLOWED_HOST), or ask for it by "
            "localhost or an IP address"
        )
        return
    if error.status:
        yield f"the emulator at {patient.url} declines: {error}"
        return
    host, port = _address(patient.url)
    reason = unreachable(host, port)
    if not reason:
        yield (
            f"port {port} of {host} is taken by something that is no emulator: stop "
            "it, or start the emulator with another --port and say so with --url"
        )
        return
    yield (
        f"nothing answers at {patient.url} ({reason}): start smsclouds-emulator serve, "
        "or say with --url where it is"
    )
    wanted = patient.smpp_port
    if host in LOCAL and wanted and not unreachable(host, wanted):
        yield (
            f"port {wanted} of {host}, which serve wants for SMPP, is taken: "
            "start it with another --smpp-port, where 0 is a free one and none is none"
        )


def _token(patient: Patient, holder: str | None, there: Sequence[str]) -> Iterator[str]:
    """Say where the token does not lead to the world that is meant."""
    if holder is not None:
        if patient.world not in (None, holder):
            yield (
                f"the token opens world {holder} and not {patient.world}: what is sent "
                f"with it is seen with --world {holder}"
            )
        return
    token = patient.token or ""
    if not token.startswith(MINTED):
        yield (
            "no world of this emulator knows the token, so that it is refused with "
            f"401: take demo or {MINTED}<any name>, or make one with "
            "smsclouds-emulator token create"
        )
        return
    yield (
        f"nothing was sent with the token to this emulator: its first request opens a "
        f"new and empty world {token.removeprefix(MINTED)} beside {_listed(there)}"
    )


def _clock(patient: Patient, world: str) -> Iterator[str]:
    clock = patient.ask("clock/pending", world)
    if clock.rate or not clock.pending:
        return
    first = clock.pending[0]
    yield (
        f"the clock of world {world} stands still at {clock.now}, and {first.event} at "
        f"{first.at} waits for it, with {len(clock.pending) - 1} more: let it happen "
        f"with smsclouds-emulator settle --world {world}, or let the clock run by "
        "PUT /_emulator/clock"
    )


def _callbacks(patient: Patient, world: str) -> Iterator[str]:
    """Say which URL of this machine the emulator does not find its way to."""
    account = patient.ask("account", world)
    keywords = account.get("keywords", ())
    urls = [account.get("push_url")]
    urls += [each.get(name) for each in keywords for name in CALLED]
    local = {url for url in urls if url and urlsplit(url).hostname in LOCAL}
    if not local:
        return
    tried = patient.ask("deliveries", world, last=SEEN).deliveries
    verdicts = {each.url: each.attempts[-1].verdict for each in tried if each.attempts}
    host = patient.ask("readyz", world).host
    for url in sorted(local):
        if verdicts.get(url) != "accepted":
            yield from _callback(url, host)


def _callback(url: str, emulators: str) -> Iterator[str]:
    """Say why no push gets to *url* from the host that is the emulator's."""
    if emulators != node():
        yield (
            f"pushes go to {url}, but the emulator is on {emulators}, a container or "
            f"another machine, whose localhost is its own: give the account "
            f"{_from_a_container(url)}, or fetch the pushes with smsclouds-emulator "
            f"listen --forward-to {url}"
        )
    elif reason := unreachable(*_address(url)):
        yield (
            f"pushes go to {url}, where nothing answers ({reason}): start your server, "
            "or give the account the address where it is"
        )


def _from_a_container(url: str) -> str:
    target = urlsplit(url)
    _, port = _address(url)
    return target._replace(netloc=f"host.docker.internal:{port}").geturl()


def _address(url: str) -> tuple[str, int]:
    target = urlsplit(url)
    return target.hostname or "", target.port or DEFAULT_PORTS.get(target.scheme, 80)


def unreachable(host: str, port: int) -> str:
    """Return why nobody is there; empty where somebody is."""
    try:
        asyncio.run(_reached(host, port))
    except TimeoutError:
        return "timed out"
    except OSError as error:
        number = error.errno or 0  # below it are those of names
        return os.strerror(number) if number > 0 else error.strerror or str(error)
    except (ForbiddenTargetError, UnicodeError) as error:
        return str(error)
    return ""


async def _reached(host: str, port: int) -> None:
    """Connect and hang up at once.  Raises what ``dial`` raises."""
    async with asyncio.timeout(SECONDS):
        # Both the emulator and these pushes are where their owner says.
        allowed = Targets((ANYWHERE,))
        (await dial(allowed, _Knock, host, port)).hang_up()


class _Knock(asyncio.Protocol):
    """A connection that says nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.hang_up = transport.close


def _listed(names: Sequence[str] | dict[str, Any]) -> str:
    """Return some of the names of worlds, and how many more there are."""
    first = list(names)[:3]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")
