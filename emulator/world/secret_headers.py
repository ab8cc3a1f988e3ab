"""Headers whose values are secrets: what is kept of them, shown and stored.

What commands the emulator is never kept, not in memory either.  What lets a client into
an account is, as a row of the journal has to say whose it is; it is masked where it is
shown or stored.
"""

import re
from collections.abc import Iterable, Iterator

from emulator.contract.memo import cache_short_keys
from emulator.world.journal import HEADER_SEPARATOR, HeaderPairs

SECRET_NAME = re.compile(
    rb"authori[sz]ation|cookie|token|secret|passw|api-?key|credential"
    rb"|x-emulator-control",
    re.IGNORECASE,
)
UNKEPT_HEADERS = frozenset({b"cookie", b"proxy-authorization", b"x-emulator-control"})
MASK = b"****"
LONG_TOKEN = 12  # characters; of a longer secret the last four are shown
MASKED = re.compile(r"\*{4}.{0,4}")


@cache_short_keys(1_024)
def is_secret_header(name: bytes) -> bool:
    """Return whether the value of a header may let its reader in somewhere."""
    return SECRET_NAME.search(name) is not None


def mask_secret(text: str) -> str:
    """Return ``Bearer ****6789``; what is masked stays as it is."""
    scheme, space, token = text.partition(" ")
    if scheme.lower() != "bearer":
        scheme, space, token = "", "", text
    if MASKED.fullmatch(token):
        return text
    return f"{scheme}{space}****{token[-4:] if len(token) > LONG_TOKEN else ''}"


def mask_unkept_headers(
    headers: Iterable[tuple[bytes, bytes]],
) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request without the values that are never kept."""
    return [
        (name, MASK if name.lower() in UNKEPT_HEADERS else value)
        for name, value in headers
    ]


def mask_header_pairs(headers: HeaderPairs) -> HeaderPairs:
    """Return headers without the secrets in them."""
    return tuple(_mask_pairs(headers))


def mask_joined_headers(joined: bytes) -> bytes:
    """Return headers that stand in one piece, without the secrets in them."""
    parts = joined.split(HEADER_SEPARATOR)
    pairs = zip(parts[::2], parts[1::2], strict=False)
    if not any(map(is_secret_header, parts[::2])):
        return joined
    return HEADER_SEPARATOR.join(
        each for pair in _mask_pairs(tuple(pairs)) for each in pair
    )


def _mask_pairs(headers: HeaderPairs) -> Iterator[tuple[bytes, bytes]]:
    for name, value in headers:
        if is_secret_header(name):
            yield name, mask_secret(value.decode("latin-1")).encode("latin-1")
        else:
            yield name, value
