"""Addresses of the emulator: how they are written, and where a browser finds it.

A proxy may serve it under another origin and below a path of its own; links, redirects
and cookies are made for where the browser is.
"""

import re
from typing import NamedTuple

from starlette.types import Scope

AUTHORITY_PATTERN = re.compile(r"(\[[^\[\]@/]*\]|[^\[\]@/:]*)(?::([0-9]{0,5}))?")
ORIGIN_PORTS = {"http": "80", "https": "443"}
OUTSIDE_KEY = "emulator.outside"  # of a scope: an OutsideAddress


class OutsideAddress(NamedTuple):
    """Where a browser finds the emulator: ``https://sms.example.com``, ``/sms``."""

    origin: str = ""  # empty where that is what the request says by itself
    prefix: str = ""


INSIDE = OutsideAddress()


def split_authority(authority: str) -> tuple[str, str] | None:
    """Return host and port as they are compared; None for what is no authority.

    >>> split_authority("LOCALHOST.:7672")
    ('localhost', '7672')
    """
    match = AUTHORITY_PATTERN.fullmatch(authority)
    return match and (match[1].lower().removesuffix("."), match[2] or "")


def split_origin(origin: str) -> tuple[str, str, str] | None:
    """Return scheme, host and port; None for ``null`` and the like."""
    scheme, _, authority = origin.lower().partition("://")
    host, port = split_authority(authority) or ("", "")
    return (scheme, host, port or ORIGIN_PORTS.get(scheme, "")) if host else None


def get_client_address(scope: Scope) -> str:
    """Return the address of the client; empty where there is none."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def get_outside_prefix(scope: Scope) -> str:
    """Return the path below which a browser finds the emulator: ``/sms``, or empty."""
    outside: OutsideAddress = scope.get(OUTSIDE_KEY, INSIDE)
    return outside.prefix


def get_outside_origin(scope: Scope) -> str:
    """Return the origin that is set for browsers; empty where none is."""
    outside: OutsideAddress = scope.get(OUTSIDE_KEY, INSIDE)
    return outside.origin


def get_outside_url(scope: Scope) -> str:
    """Return where a browser finds the emulator, without a slash at the end."""
    outside: OutsideAddress = scope.get(OUTSIDE_KEY, INSIDE)
    hosts = (value for name, value in scope["headers"] if name == b"host")
    own = f"{scope['scheme']}://{next(hosts, b'').decode('latin-1')}"
    return f"{outside.origin or own}{outside.prefix}"
