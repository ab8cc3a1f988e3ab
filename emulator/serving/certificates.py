"""The certificate that is shown over TLS: the user's own, or one made on the spot."""

import os
import ssl
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from emulator.serving.settings import LOOPBACK_FOR, ServeError, Settings, split_list
from emulator.web.admission import PLATFORM_HOST, read_machine_names

OWN_NAMES = (PLATFORM_HOST, "localhost", "127.0.0.1", "::1")


def make_server_context(settings: Settings) -> ssl.SSLContext:
    """Return the context of the user's certificate, or of a new one.

    Raises ``ServeError`` where the one cannot be read, or the CA of the other written.
    """
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
    names = dict.fromkeys(list_certificate_names(settings))
    _load_certificate(authority.issue_cert(*names), context)
    if settings.tls_ca_file:
        try:
            authority.cert_pem.write_to_path(str(settings.tls_ca_file))
        except OSError as error:
            message = f"the CA cannot be written: {error}"
            raise ServeError(message) from error
    return context


def list_certificate_names(settings: Settings) -> Iterator[str]:
    """Yield the names of a certificate made here, the platform's first."""
    yield from OWN_NAMES
    if settings.host and settings.host not in LOOPBACK_FOR:
        yield settings.host
    for each in sorted(read_machine_names()):
        yield each
    for each in split_list(settings.tls_name):
        name = each.removeprefix("[").removesuffix("]")
        yield f"*{name}" if name.startswith(".") else name


def _load_certificate(certificate: Any, context: ssl.SSLContext) -> None:
    """Let *context* show *certificate*; a disk to write on may be missing."""
    memfd_create = getattr(os, "memfd_create", None)
    if sys.platform != "linux" or memfd_create is None:
        certificate.configure_cert(context)
        return
    with os.fdopen(memfd_create("certificate"), "wb", buffering=0) as file:
        file.write(certificate.private_key_and_cert_chain_pem.bytes())
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
