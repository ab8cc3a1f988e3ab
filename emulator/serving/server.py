"""Sockets, signals and TLS: from an application to a process that serves it."""

import asyncio
import gc
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import uvicorn
from msgspec import Struct, field
from starlette.types import ASGIApp

from emulator.serving.http_protocol import HeadLimits, HttpProtocol
from emulator.serving.settings import Settings, make_reachable_url
from emulator.smsc.smpp_server import SmppServer

SHUTDOWN_GRACE = 0.3  # seconds that open requests get when the process stops
WARM_UP_DELAY = 0.1  # seconds, in which who started the process has its first answer
# Seconds that a connection may be idle; a balancer waits for less
KEEP_ALIVE_SECONDS = 5
LISTEN_BACKLOG = 2_048  # connections that wait to be accepted
CERTIFICATE_HOSTS = (
    "smsclouds.cloud",
    "localhost",
    "127.0.0.1",
)  # of a certificate of our own

# Requests make many small objects, and few of them are rubbish: with the interpreter's
# own thresholds the collector is the tail of the latency. What stays is looked at once,
# and soon, while it lies in the processor's cache: half a millisecond for so many.
GC_THRESHOLDS = (5_000, 6_000, 1_000)


ListeningSocket = tuple[socket.socket, ssl.SSLContext | None]


class ServeError(Exception):
    """The process cannot serve with these settings; the message says what to change."""


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
    listeners: list[ListeningSocket]

    @property
    def addresses(self) -> Mapping[str, str]:
        return dict(self.server.addresses) if self.server else {}

    async def open(self) -> None:
        if self.server:
            for listener, context in self.listeners:
                await self.server.listen(listener, context)

    async def close(self) -> None:
        if self.server:
            await self.server.close()


class Endpoints(NamedTuple):
    """The listening sockets of the process."""

    http: list[ListeningSocket]
    smpp: SmppEndpoint


class HttpServer(uvicorn.Server):
    """uvicorn without signals of its own, which reports when it is ready."""

    smpp = SmppEndpoint(None, [])  # that it serves beside

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await self.smpp.open()
        self.answering.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for open requests, then disconnect, which ends their endpoints."""
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
        _find_smpp_server(app), [(open_listener(settings.host, 0), None)]
    )
    return server


async def _run_servers(
    app: ASGIApp,
    settings: Settings,
    doors: Endpoints,
    announce: Callable[[ReadyReport], None],
) -> None:
    servers = [
        HttpServer(_make_config(app, settings, context)) for _, context in doors.http
    ]
    servers[0].smpp = doors.smpp
    with _handle_signals(servers):
        async with asyncio.TaskGroup() as group:
            for server, (listener, _) in zip(servers, doors.http, strict=True):
                group.create_task(server.serve([listener]))
            for server in servers:
                await server.answering.wait()
            _tune_garbage_collector()
            http, *secure = (make_listener_url(*each) for each in doors.http)
            ready = ReadyReport(http, next(iter(secure), None), doors.smpp.addresses)
            if settings.ready_file:
                write_ready_file(settings.ready_file, ready.facts)
            announce(ready)
            await _warm_up(app, servers)
    if settings.ready_file:
        settings.ready_file.unlink(missing_ok=True)


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
    http: list[ListeningSocket] = [(open_listener(settings.host, settings.port), None)]
    if settings.tls_port is not None:
        http.append(
            (open_listener(settings.host, settings.tls_port, "--tls-port"), context)
        )
    door = _find_smpp_server(app)
    smpp: list[ListeningSocket] = []
    if door and settings.smpp_port is not None:
        flag = "--smpp-port (none switches SMPP off)"
        smpp.append((open_listener(settings.host, settings.smpp_port, flag), None))
    if door and settings.smpp_tls_port is not None:
        listener = open_listener(
            settings.host, settings.smpp_tls_port, "--smpp-tls-port"
        )
        smpp.append((listener, context))
    return Endpoints(http, SmppEndpoint(door, smpp))


def _find_smpp_server(app: ASGIApp) -> SmppServer | None:
    """Return the SMPP server of an application that has one."""
    return getattr(getattr(app, "state", None), "smpp", None)


def _check_settings(settings: Settings) -> None:
    """Raise ``ServeError`` for a setting that has no effect with the others."""
    details = settings.tls_cert or settings.tls_key or settings.tls_ca_file
    message = ""
    if settings.tls_port is None and settings.smpp_tls_port is None and details:
        message = (
            "a certificate, a key or a CA file needs --tls-port or --smpp-tls-port "
            "as well"
        )
    elif settings.tls_key and not settings.tls_cert:
        message = "--tls-key needs the certificate that it belongs to, as --tls-cert"
    elif settings.tls_cert and settings.tls_ca_file:
        message = (
            "--tls-ca-file is for the CA of a certificate made on the spot; "
            "leave it out, or --tls-cert"
        )
    if message:
        raise ServeError(message)


def write_ready_file(ready_file: Path, facts: Mapping[str, Any]) -> None:
    """Write the ready file, whole or not at all."""
    scratch = _scratch_path(ready_file)
    scratch.write_text(json.dumps(facts) + "\n", "utf-8")
    scratch.replace(ready_file)


def prepare_ready_file(ready_file: Path) -> None:
    """Remove what a killed process left, and see that a new one can be written.

    Raises ``ServeError`` where it cannot.
    """
    try:
        ready_file.unlink(missing_ok=True)
        _scratch_path(ready_file).touch()
    except OSError as error:
        message = f"the ready file {ready_file} cannot be written ({error.strerror})"
        raise ServeError(message) from error


def _scratch_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def _make_config(
    app: ASGIApp, settings: Settings, context: ssl.SSLContext | None
) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=_make_protocol(settings),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        date_header=not getattr(app, "is_dated", False),
        backlog=LISTEN_BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    config.load()
    config.ssl = context
    return config


def _make_protocol(settings: Settings) -> type[HttpProtocol]:
    """Return the protocol with the bounds that the settings give."""
    limits = HeadLimits(
        line=settings.request_line_limit,
        headers=settings.header_limit,
        count=settings.header_lines,
    )
    return type("HttpProtocol", (HttpProtocol,), {"limits": limits})


@contextmanager
def _handle_signals(servers: list[HttpServer]) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the servers."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for server in servers:
            server.should_exit = True

    before = {
        each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)
    }
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


def open_listener(host: str, port: int, flag: str = "--port") -> socket.socket:
    """Return a listening socket.  Raises ``ServeError`` where the port is taken."""
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind, protocol)
        with ExitStack() as failing:
            failing.callback(listener.close)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(target)
            listener.listen(LISTEN_BACKLOG)
            failing.pop_all()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        message = (
            f"cannot listen on {host}:{port} ({reason}); "
            f"choose another --host or {flag}, where 0 takes a free one"
        )
        raise ServeError(message) from error
    return listener


def make_listener_url(listener: socket.socket, context: ssl.SSLContext | None) -> str:
    """Return the URL of *listener*."""
    host, port = listener.getsockname()[:2]
    return make_reachable_url(host, port, scheme="https" if context else "http")


def make_server_context(settings: Settings) -> ssl.SSLContext:
    """Return the context of the user's certificate, or of a new one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if settings.tls_cert:
        try:
            context.load_cert_chain(settings.tls_cert, settings.tls_key)
        except (OSError, ssl.SSLError) as error:
            message = f"the certificate {settings.tls_cert} cannot be used: {error}"
            raise ServeError(message) from error
        return context
    trustme = import_module("trustme")  # with cryptography 60 ms
    authority = trustme.CA()
    _load_certificate(authority.issue_cert(*CERTIFICATE_HOSTS), context)
    if settings.tls_ca_file:
        try:
            authority.cert_pem.write_to_path(str(settings.tls_ca_file))
        except OSError as error:
            message = f"the CA cannot be written: {error}"
            raise ServeError(message) from error
    return context


def _load_certificate(certificate: Any, context: ssl.SSLContext) -> None:
    """Let *context* show *certificate*; a disk to write on may be missing."""
    if sys.platform != "linux":
        certificate.configure_cert(context)
        return
    with os.fdopen(os.memfd_create("certificate"), "wb", buffering=0) as file:
        file.write(certificate.private_key_and_cert_chain_pem.bytes())
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
