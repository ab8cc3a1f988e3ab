"""An exchange of a journal as octets, and back."""

from array import array
from typing import Any

import msgspec

from emulator.world.journal import Cut, Exchange


def written(exchange: Exchange) -> bytes:
    return _encode(exchange)


def read(octets: bytes) -> Exchange:
    """Return what ``written`` has written."""
    row = msgspec.msgpack.decode(octets)
    exchange = Exchange._make(row)
    return exchange._replace(
        request=_body(exchange.request),
        answer=_body(exchange.answer),
        answer_headers=tuple((name, value) for name, value in exchange.answer_headers),
        notes=tuple(exchange.notes),
        refusal=tuple(exchange.refusal),
        numbers=array("Q", exchange.numbers),
    )


def _body(value: Any) -> bytes | Cut:
    return value if isinstance(value, bytes) else Cut.kept(*value)


def _plain(value: Any) -> Any:
    if isinstance(value, Cut):
        return [value.head, value.octets, value.sha256]
    if isinstance(value, array):
        return list(value)
    raise TypeError(type(value))


_encode = msgspec.msgpack.Encoder(enc_hook=_plain).encode
