"""The limits of a process."""

from msgspec import Struct


class Limits(Struct, frozen=True):
    worlds: int = 20_000
    messages: int = 5_000_000  # a world
    journal: int = 8 * 1024 * 1024  # octets a world
    journals: int = 64 * 1024 * 1024  # octets of all worlds
    checkpoints: int = 100  # a world
    snapshot: int = 64 * 1024 * 1024  # octets
    deliveries: int = 10_000  # that are over, a world
    smpp_mints: bool = True  # whether a bind opens a new world
