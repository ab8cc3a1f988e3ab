"""Sockets, signals and TLS: from an application to a process that serves it."""

import asyncio
import gc
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from types import FrameType
from typing import Any, NamedTuple

import uvicorn
from msgspec import Struct, field
from starlette.types import ASGIApp

from emulator.network.connections import LISTEN_BACKLOG, ConnectionTable
from emulator.network.tls_handshake import TlsDoor
from emulator.serving.certificates import make_server_context
from emulator.serving.file_limit import raise_file_limit
from emulator.serving.http_connection import HttpLimits
from emulator.serving.http_protocol import HttpProtocol
from emulator.serving.listeners import open_listeners
from emulator.serving.ready_file import (
    prepare_ready_file,
    remove_ready_file,
    write_ready_file,
)
from emulator.serving.settings import ServeError, Settings, make_reachable_url
from emulator.smsc.smpp_server import SmppServer

SHUTDOWN_GRACE = 0.3  # seconds that open requests get when the process stops
WARM_UP_DELAY = 0.1  # seconds, in which who started the process has its first answer
STOP_SIGNALS = tuple(  # SIGBREAK is Ctrl-Break, which Windows alone has
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGBREAK")
    if hasattr(signal, name)
)

# Requests make many small objects, and few of them are rubbish: with the interpreter's
# own thresholds the collector is the tail of the latency. What stays is looked at once,
# and soon, while it lies in the processor's cache: half a millisecond for so many.
GC_THRESHOLDS = (5_000, 6_000, 1_000)


log = logging.getLogger("emulator")


class Listeners(NamedTuple):
    """Sockets of one port, and what they speak TLS with."""

    sockets: list[socket.socket]
    context: ssl.SSLContext | None = None


class ReadyReport(Struct, frozen=True):
    """The addresses of the process."""

    http: str  # http://127.0.0.1:41234
    https: str | None = None
    # Host:port, by smpp and smpps
    smpp: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> Mapping[str, Any]:
        """The content of the ready file."""
        pid = {"pid": os.getpid()}
        facts = {"http": self.http, "https": self.https, **self.smpp, **pid}
        return {name: fact for name, fact in facts.items() if fact is not None}


class SmppEndpoint(Struct, frozen=True):
    """The SMPP server, if the application has one, and where it is to listen."""

    server: SmppServer | None
    listeners: list[Listeners]
    handshake_timeout: float | None = None  # seconds, of TLS

    @property
    def addresses(self) -> Mapping[str, str]:
        return dict(self.server.addresses) if self.server else {}

    async def open(self) -> None:
        if self.server:
            for listeners in self.listeners:
                await self.server.listen(
                    *listeners, handshake_timeout=self.handshake_timeout
                )

    async def close(self) -> None:
        if self.server:
            await self.server.close()


class Endpoints(NamedTuple):
    """The listening sockets of the process."""

    http: list[Listeners]
    smpp: SmppEndpoint


class HttpServer(uvicorn.Server):
    """uvicorn without signals of its own, which reports when it is ready."""

    smpp = SmppEndpoint(None, [])  # that it serves beside

    def __init__(
        self, config: uvicorn.Config, *, handshake_timeout: float | None = None
    ) -> None:
        super().__init__(config)
        self.handshake_timeout = handshake_timeout  # seconds, of TLS
        self._tls_door: TlsDoor | None = None
        self.answering = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop, config = asyncio.get_running_loop(), self.config
        protocol: Any = config.http_protocol_class
        make_connection: Callable[[], Any] = partial(
            protocol,
            config=config,
            server_state=self.server_state,
            app_state={},
            _loop=loop,
        )
        if config.ssl is not None:
            make_connection = self._tls_door = TlsDoor(
                make_connection, config.ssl, protocol.table, self.handshake_timeout
            )
        self.servers = [
            await loop.create_server(make_connection, sock=each, backlog=LISTEN_BACKLOG)
            for each in sockets or []
        ]
        self.started = True
        await self.smpp.open()
        self.answering.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for open requests, then disconnect, which ends their endpoints."""
        if self._tls_door is not None:
            self._tls_door.close()
        asyncio.get_running_loop().call_later(SHUTDOWN_GRACE, self._abort_connections)
        await asyncio.gather(super().shutdown(sockets), self.smpp.close())

    def _abort_connections(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def run_server(
    app: ASGIApp, settings: Settings, announce: Callable[[ReadyReport], None]
) -> None:
    """Serve *app* until SIGTERM or SIGINT; call *announce* once it answers.

    Raises ``ServeError`` where it cannot.
    """
    _check_settings(settings)
    _bound_connections(app, settings)
    doors = _open_endpoints(app, settings)
    if settings.ready_file:
        prepare_ready_file(settings.ready_file)
    with asyncio.Runner(loop_factory=_find_loop_factory()) as runner:
        runner.run(_run_servers(app, settings, doors, announce))


def make_embedded_server(app: ASGIApp, settings: Settings) -> HttpServer:
    """Return a server for a thread and sockets of the caller.

    ``run([listener])`` serves until another thread sets ``should_exit``.  It hears no
    signals and leaves the garbage collector of the process as it is.  SMPP is served on
    a free port of the same host.
    """
    server = HttpServer(_make_config(app, settings, None))
    server.smpp = SmppEndpoint(
        _find_smpp_server(app), [Listeners(open_listeners(settings.host, 0))]
    )
    return server


async def _run_servers(
    app: ASGIApp,
    settings: Settings,
    doors: Endpoints,
    announce: Callable[[ReadyReport], None],
) -> None:
    servers = [
        HttpServer(
            _make_config(app, settings, context),
            handshake_timeout=settings.header_timeout,
        )
        for _, context in doors.http
    ]
    servers[0].smpp = doors.smpp
    with _handle_signals(servers), ExitStack() as at_the_end:
        async with asyncio.TaskGroup() as group:
            for server, (sockets, _) in zip(servers, doors.http, strict=True):
                group.create_task(server.serve(sockets))
            for server in servers:
                await server.answering.wait()
            _tune_garbage_collector()
            http, *secure = (make_listener_url(*each) for each in doors.http)
            ready = ReadyReport(http, next(iter(secure), None), doors.smpp.addresses)
            if settings.ready_file:
                write_ready_file(settings.ready_file, ready.facts)
                at_the_end.callback(remove_ready_file, settings.ready_file, ready.facts)
            announce(ready)
            await _warm_up(app, servers)


async def _warm_up(app: ASGIApp, servers: list[HttpServer]) -> None:
    """Prepare what first requests would wait for, while other requests are served.

    What is left when the servers end is left.
    """
    steps = getattr(getattr(app, "state", None), "warming", ())
    await asyncio.sleep(WARM_UP_DELAY)
    for _ in steps:
        await asyncio.sleep(0)
        if any(each.should_exit for each in servers):
            return


def _open_endpoints(app: ASGIApp, settings: Settings) -> Endpoints:
    """Return the sockets that the settings ask for, listening.

    Raises ``ServeError`` where one of them cannot.
    """
    tls_ports = (settings.tls_port, settings.smpp_tls_port)
    context = None if tls_ports == (None, None) else make_server_context(settings)
    host = settings.host
    http = [Listeners(open_listeners(host, settings.port))]
    if settings.tls_port is not None:
        opened = open_listeners(host, settings.tls_port, "--tls-port")
        http.append(Listeners(opened, context))
    door = _find_smpp_server(app)
    smpp: list[Listeners] = []
    if door and settings.smpp_port is not None:
        flag = "--smpp-port (none switches SMPP off)"
        smpp.append(Listeners(open_listeners(host, settings.smpp_port, flag)))
    if door and settings.smpp_tls_port is not None:
        opened = open_listeners(host, settings.smpp_tls_port, "--smpp-tls-port")
        smpp.append(Listeners(opened, context))
    return Endpoints(http, SmppEndpoint(door, smpp, settings.header_timeout))


def _find_smpp_server(app: ASGIApp) -> SmppServer | None:
    """Return the SMPP server of an application that has one."""
    return getattr(getattr(app, "state", None), "smpp", None)


def _find_connection_table(app: ASGIApp) -> ConnectionTable:
    """Return the table of the application's connections, or a new one."""
    table: ConnectionTable | None = getattr(
        getattr(app, "state", None), "connections", None
    )
    return table or ConnectionTable()


def _bound_connections(app: ASGIApp, settings: Settings) -> None:
    """Let there be as many connections as are set and the system lets be open."""
    possible = raise_file_limit(settings.max_connections)
    _find_connection_table(app).counts.limit = possible
    if possible < settings.max_connections:
        log.warning(
            "the system lets this process open too few files (ulimit -n) for "
            "--max-connections %s: there can be %s connections",
            settings.max_connections,
            possible,
        )


def _check_settings(settings: Settings) -> None:
    """Raise ``ServeError`` for a setting that has no effect with the others."""
    of_ours = settings.tls_ca_file or settings.tls_name
    details = settings.tls_cert or settings.tls_key or of_ours
    message = ""
    if settings.tls_port is None and settings.smpp_tls_port is None and details:
        message = (
            "a certificate, its names, a key or a CA file needs --tls-port or "
            "--smpp-tls-port as well"
        )
    elif settings.tls_key and not settings.tls_cert:
        message = "--tls-key needs the certificate that it belongs to, as --tls-cert"
    elif settings.tls_cert and of_ours:
        flag = "--tls-ca-file" if settings.tls_ca_file else "--tls-name"
        of_what = "the CA" if settings.tls_ca_file else "the names"
        message = (
            f"{flag} is for {of_what} of a certificate made on the spot; "
            "leave it out, or --tls-cert"
        )
    if message:
        raise ServeError(message)


def _make_config(
    app: ASGIApp, settings: Settings, context: ssl.SSLContext | None
) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=_make_protocol(settings, _find_connection_table(app)),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        date_header=not getattr(app, "is_dated", False),
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    config.load()
    config.ssl = context
    return config


def _make_protocol(settings: Settings, table: ConnectionTable) -> type[HttpProtocol]:
    """Return the protocol with the bounds that the settings give."""
    limits = HttpLimits(
        line=settings.request_line_limit,
        headers=settings.header_limit,
        count=settings.max_headers,
        discard=max(settings.body_limit, settings.snapshot_limit),
        idle=settings.idle_timeout,
        header=settings.header_timeout,
        transfer=settings.transfer_timeout,
    )
    facts = {
        "limits": limits,
        "keep_alive_lines": limits.keep_alive_lines,
        "table": table,
        "lingering": set(),
    }
    return type("HttpProtocol", (HttpProtocol,), facts)


@contextmanager
def _handle_signals(servers: list[HttpServer]) -> Iterator[None]:
    """Let the signals that stop a process end the servers."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for server in servers:
            server.should_exit = True

    before = {each: signal.signal(each, stop) for each in STOP_SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _find_loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        factory: Callable[[], asyncio.AbstractEventLoop]
        factory = import_module("uvloop").new_event_loop
    except ImportError:  # Windows
        return None
    return factory


def _tune_garbage_collector() -> None:
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()


def make_listener_url(
    sockets: list[socket.socket], context: ssl.SSLContext | None
) -> str:
    """Return the URL of the first of *sockets*."""
    host, port = sockets[0].getsockname()[:2]
    return make_reachable_url(host, port, scheme="https" if context else "http")
