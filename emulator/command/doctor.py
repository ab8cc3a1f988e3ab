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

from emulator.client.line import ClientError, WorldConnection
from emulator.domain.targets import ANY_TARGET, AllowedTargets
from emulator.network.resolver import ForbiddenTargetError, dial_host

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
NEW_WORLD = "world-"  # what a token of a world that is not there yet begins with
PROBE_TIMEOUT = 2.0  # of the wall, that an answer may take
DELIVERIES_CHECKED = 100  # of the newest deliveries, that are looked at
CALLBACK_FIELDS = ("response_url", "push_url")  # of a keyword
URL_DEFAULT_PORTS = {"http": 80, "https": 443}


class DiagnosisTarget(NamedTuple):
    """The emulator to examine, and the world in it."""

    url: str
    secret: str | None = None
    world: str | None = None
    token: str | None = None
    smpp_port: int | None = None  # that serve would want

    def get_json(self, what: str, world: str | None = None, **query: Any) -> Any:
        """Return what the control API answers.  Raises ``ClientError``."""
        line = WorldConnection(
            self.url, world=world, secret=self.secret, timeout=PROBE_TIMEOUT
        )
        with line:
            return line.send_command("GET", f"/_emulator/{what}", **query)


def find_problems(target: DiagnosisTarget) -> Iterator[str]:
    """Look at everything that can be looked at."""
    yield from _check_proxies(target.url)
    try:
        worlds = target.get_json("worlds")
    except ClientError as error:
        yield from _explain_no_answer(target, error)
        return
    named = {each.name: each for each in worlds}
    world = target.world
    if world is not None and world not in named:
        yield f"there is no world {world}; there are {_list_some(named)}"
        return
    if target.token is not None:
        holder = next((each for each in worlds if target.token in each.tokens), None)
        yield from _check_token(target, holder.name if holder else None, list(named))
        world = world or (holder.name if holder else None)
        if world is None:
            return
    world = world or worlds[0].name
    yield from _check_clock(target, world)
    yield from _check_callbacks(target, world)


def _check_proxies(url: str) -> Iterator[str]:
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


def _explain_no_answer(target: DiagnosisTarget, error: ClientError) -> Iterator[str]:
    """Say why no emulator answers, or which one does not let us look."""
    if error.status == HTTPStatus.MISDIRECTED_REQUEST:
        name = urlsplit(target.url).hostname
        yield (
            f"the emulator at {target.url} does not answer to the name {name}: start "
            f"it with --allowed-host {name} (EMULATOR_ALLOWED_HOST), or ask for it by "
            "localhost or an IP address"
        )
        return
    if error.status:
        yield f"the emulator at {target.url} refuses: {error}"
        return
    host, port = _parse_address(target.url)
    reason = explain_unreachable(host, port)
    if not reason:
        yield (
            f"port {port} of {host} is taken by something that is no emulator: stop "
            "it, or start the emulator with another --port and say so with --url"
        )
        return
    yield (
        f"nothing answers at {target.url} ({reason}): start smsclouds-emulator serve, "
        "or say with --url where it is"
    )
    wanted = target.smpp_port
    if host in LOOPBACK_HOSTS and wanted and not explain_unreachable(host, wanted):
        yield (
            f"port {wanted} of {host}, which serve wants for SMPP, is taken: "
            "start it with another --smpp-port, where 0 is a free one and none is none"
        )


def _check_token(
    target: DiagnosisTarget, holder: str | None, there: Sequence[str]
) -> Iterator[str]:
    """Say where the token does not lead to the world that is meant."""
    if holder is not None:
        if target.world not in (None, holder):
            yield (
                f"the token opens world {holder} and not {target.world}: what is sent "
                f"with it is seen with --world {holder}"
            )
        return
    token = target.token or ""
    if not token.startswith(NEW_WORLD):
        yield (
            "no world of this emulator knows the token, so that it is refused with "
            f"401: take demo or {NEW_WORLD}<any name>, or make one with "
            "smsclouds-emulator token create"
        )
        return
    yield (
        f"nothing was sent with the token to this emulator: its first request opens "
        f"a new and empty world {token.removeprefix(NEW_WORLD)} "
        f"beside {_list_some(there)}"
    )


def _check_clock(target: DiagnosisTarget, world: str) -> Iterator[str]:
    clock = target.get_json("clock/pending", world)
    if clock.rate or not clock.pending:
        return
    first = clock.pending[0]
    yield (
        f"the clock of world {world} stands still at {clock.now}, and {first.event} at "
        f"{first.at} waits for it, with {len(clock.pending) - 1} more: let it happen "
        f"with smsclouds-emulator settle --world {world}, or let the clock run by "
        "PUT /_emulator/clock"
    )


def _check_callbacks(target: DiagnosisTarget, world: str) -> Iterator[str]:
    """Say which URL of this machine the emulator does not find its way to."""
    account = target.get_json("account", world)
    keywords = account.get("keywords", ())
    urls = [account.get("push_url")]
    urls += [each.get(name) for each in keywords for name in CALLBACK_FIELDS]
    local = {url for url in urls if url and urlsplit(url).hostname in LOOPBACK_HOSTS}
    if not local:
        return
    tried = target.get_json("deliveries", world, last=DELIVERIES_CHECKED).deliveries
    verdicts = {each.url: each.attempts[-1].verdict for each in tried if each.attempts}
    host = target.get_json("readyz", world).host
    for url in sorted(local):
        if verdicts.get(url) != "accepted":
            yield from _check_callback(url, host)


def _check_callback(url: str, emulator_host: str) -> Iterator[str]:
    """Say why no push gets to *url* from the host that is the emulator's."""
    if emulator_host != node():
        yield (
            f"pushes go to {url}, but the emulator is on {emulator_host}, a container "
            f"or another machine, whose localhost is its own: give the account "
            f"{_to_container_url(url)}, or fetch the pushes with smsclouds-emulator "
            f"listen --forward-to {url}"
        )
    elif reason := explain_unreachable(*_parse_address(url)):
        yield (
            f"pushes go to {url}, where nothing answers ({reason}): start your server, "
            "or give the account the address where it is"
        )


def _to_container_url(url: str) -> str:
    target = urlsplit(url)
    _, port = _parse_address(url)
    return target._replace(netloc=f"host.docker.internal:{port}").geturl()


def _parse_address(url: str) -> tuple[str, int]:
    target = urlsplit(url)
    return target.hostname or "", target.port or URL_DEFAULT_PORTS.get(
        target.scheme, 80
    )


def explain_unreachable(host: str, port: int) -> str:
    """Return why no server answers; empty where one does."""
    try:
        asyncio.run(_try_connection(host, port))
    except TimeoutError:
        return "timed out"
    except OSError as error:
        number = error.errno or 0  # below it are those of names
        return os.strerror(number) if number > 0 else error.strerror or str(error)
    except (ForbiddenTargetError, UnicodeError) as error:
        return str(error)
    return ""


async def _try_connection(host: str, port: int) -> None:
    """Connect and disconnect at once.  Raises what ``dial_host`` raises."""
    async with asyncio.timeout(PROBE_TIMEOUT):
        # Both the emulator and these pushes are where their owner says.
        allowed = AllowedTargets((ANY_TARGET,))
        (await dial_host(allowed, _ProbeProtocol, host, port)).hang_up()


class _ProbeProtocol(asyncio.Protocol):
    """A connection that says nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.hang_up = transport.close


def _list_some(names: Sequence[str] | dict[str, Any]) -> str:
    """Return some of the names of worlds, and how many more there are."""
    first = list(names)[:3]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")
