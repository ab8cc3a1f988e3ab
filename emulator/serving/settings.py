"""Everything that can be set, with its default."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

MEBIBYTE = 1024 * 1024
LOOPBACK_FOR = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - heard on, not called


class ServeError(Exception):
    """The process cannot serve with these settings; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Flag > environment > TOML file > these defaults."""

    host: str = "127.0.0.1"
    port: int = 7672  # 0 takes a free one
    world: str = "demo"  # demo, contract, a world file, or a directory of them
    clock: str | None = None  # real, frozen, xN; None is what the world file says
    pace: str | None = None  # manual or instant
    strict: bool | None = None
    seed: int | None = None
    data: Path | None = None  # the directory that worlds are kept in
    durability: Literal["process", "power"] = "process"  # what an answer outlives there
    accept_loss: bool = False  # whether to go on without a part of it that is lost
    ready_file: Path | None = None
    tls_port: int | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca_file: Path | None = None
    tls_name: str | None = None  # names in a certificate made, beside our own: a,b
    smpp_port: int | None = 2775  # 0 takes a free one, None is off
    smpp_tls_port: int | None = None
    auto_create_worlds: str = (
        "any"  # who opens new worlds by their names: any protocol, or http
    )
    processes: int = 1
    allowed_host: str | None = None  # names that are answered to beside our own: a,b
    trusted_proxy: str | None = None  # whose X-Forwarded-* is believed: a,b
    public_url: str | None = None  # where browsers find it, behind a proxy
    cors_origin: str | None = None  # pages that may use the platform's API: a,b
    control_secret: str | None = field(default=None, repr=False)
    log_level: str = "warning"
    mo_url: str | None = None  # where replies are pushed; None is what the file says
    push_allow: str | None = None  # hosts and networks beside our own: a,b
    push_timeout: float = 10.0  # seconds of the wall, that an answer may take
    push_response_limit: int = 64 * 1024  # octets of it that are read
    max_deliveries: int = 10_000  # that are over, which a world remembers
    body_limit: int = 32 * MEBIBYTE  # octets of a request's body
    json_node_limit: int = 2_000_000  # values and names in a body
    body_total_limit: int = 64 * MEBIBYTE  # bytes of all bodies in work at once
    request_line_limit: int = 16 * 1024  # bytes
    header_limit: int = 64 * 1024  # bytes of a request's header lines
    max_headers: int = 100  # of a request
    max_connections: int = 2_000  # open at once, over all ports
    idle_timeout: float = 75.0  # seconds between two requests
    header_timeout: float = 30.0  # seconds in which the head of a request has to come
    transfer_timeout: float = 120.0  # seconds for its body, and for an unread answer
    snapshot_limit: int = 64 * MEBIBYTE  # octets of a body for the control API, too
    max_messages: int = 5_000_000  # that a world may hold
    max_worlds: int = 20_000
    max_checkpoints: int = 100  # that a world may keep
    journal_limit: int = 8 * MEBIBYTE  # of requests and answers, kept a world
    journal_total_limit: int = 64 * MEBIBYTE  # of those of all worlds


def split_list(listed: str | None) -> list[str]:
    """Return what a setting lists: ``a, b`` is ``["a", "b"]``."""
    return [each.strip() for each in listed.split(",")] if listed else []


def make_reachable_url(host: str, port: int, *, scheme: str = "http") -> str:
    """Return the URL by which this machine reaches what listens on *host*."""
    host = LOOPBACK_FOR.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
