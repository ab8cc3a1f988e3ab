"""Draws: the hash of a seed, a purpose and a number, so that order never matters."""

from hashlib import blake2b


def draw_fraction(seed: int, purpose: str, number: int | str) -> float:
    """Return a number from 0 up to but not 1, the same for the same arguments."""
    return draw_bits(seed, purpose, number) / 2**64


def draw_bits(seed: int, purpose: str, number: int | str) -> int:
    """Return 64 bits, the same for the same arguments."""
    octets = f"{seed}:{purpose}:{number}".encode()
    return int.from_bytes(blake2b(octets, digest_size=8).digest(), "big")
