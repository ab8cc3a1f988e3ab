"""An exchange of a journal as bytes, and back."""

from array import array
from typing import Any

import msgspec

from emulator.world.journal import CutBody, Exchange


def encode_exchange(exchange: Exchange) -> bytes:
    return _encode_msgpack(exchange)


def decode_exchange(octets: bytes) -> Exchange:
    """Return the exchange from ``encode_exchange``."""
    row = msgspec.msgpack.decode(octets)
    exchange = Exchange._make(row)
    return exchange._replace(
        request=_decode_body(exchange.request),
        answer=_decode_body(exchange.answer),
        answer_headers=tuple((name, value) for name, value in exchange.answer_headers),
        notes=tuple(exchange.notes),
        refusal=tuple(exchange.refusal),
        numbers=array("Q", exchange.numbers),
    )


def _decode_body(value: Any) -> bytes | CutBody:
    return value if isinstance(value, bytes) else CutBody.from_parts(*value)


def _encode_hook(value: Any) -> Any:
    if isinstance(value, CutBody):
        return [value.head, value.octets, value.sha256]
    if isinstance(value, array):
        return list(value)
    raise TypeError(type(value))


_encode_msgpack = msgspec.msgpack.Encoder(enc_hook=_encode_hook).encode
