"""An exchange of a journal as bytes, and back."""

import sys
from array import array
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from emulator.world.journal import CellphoneNumbers, CutBody, Exchange
from emulator.world.secret_headers import mask_header_pairs, mask_joined_headers

LITTLE_ENDIAN = sys.byteorder == "little"


def encode_exchange(exchange: Exchange) -> bytes:
    """Return an exchange as it lies on the disk: without the secrets in its headers."""
    return _encode_msgpack(
        exchange._replace(
            request_headers=mask_joined_headers(exchange.request_headers),
            answer_headers=mask_header_pairs(exchange.answer_headers),
        )
    )


def decode_exchange(octets: bytes) -> Exchange:
    """Return the exchange from ``encode_exchange``.  Raises any error in it."""
    row = _decode_msgpack(octets)
    exchange = Exchange._make(row)
    return exchange._replace(
        request=_decode_body(exchange.request),
        answer=_decode_body(exchange.answer),
        answer_headers=tuple(exchange.answer_headers),
        notes=tuple(exchange.notes),
        refusal=tuple(exchange.refusal),
        numbers=_decode_numbers(exchange.numbers),
    )


def _decode_body(value: Any) -> bytes | CutBody:
    return value if isinstance(value, bytes) else CutBody.from_parts(*value)


def _decode_numbers(value: Sequence[int] | bytes) -> CellphoneNumbers:
    """Return cellphones from eight bytes each, or from the list of before."""
    if not isinstance(value, bytes):
        return array("Q", value)
    numbers = array("Q", value)
    return numbers if LITTLE_ENDIAN else _swap_bytes(numbers)


def _swap_bytes(numbers: "array[int]") -> "array[int]":
    swapped = array("Q", numbers)
    swapped.byteswap()
    return swapped


def _encode_hook(value: Any) -> Any:
    if isinstance(value, CutBody):
        return [value.head, value.octets, value.sha256]
    if isinstance(value, array):
        return (value if LITTLE_ENDIAN else _swap_bytes(value)).tobytes()
    raise TypeError(type(value))


# The fields of an exchange, in their order, as they come back from the disk.
StoredBody = bytes | tuple[bytes, int, str]
StoredExchange = tuple[
    int,
    datetime,
    str,
    str,
    str,
    bytes,
    bytes,
    StoredBody,
    int,
    bytes,
    list[tuple[bytes, bytes]],
    StoredBody,
    list[str],
    str,
    list[str],
    str,
    float,
    list[int] | bytes,
    int,
]
_decode_msgpack = msgspec.msgpack.Decoder(StoredExchange).decode
_encode_msgpack = msgspec.msgpack.Encoder(enc_hook=_encode_hook).encode
