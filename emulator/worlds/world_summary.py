"""What is in a world, in a few words: for who lists worlds, loaded or not."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from emulator.domain.assumptions import LENIENT_CHOICES
from emulator.timekeeping.work_queue import NEVER
from emulator.world import FIRST_IDS, World


class WorldSummary(Struct, frozen=True):
    """What a list says of a world, beside its name and its time."""

    tokens: tuple[str, ...]
    seed: int
    time_zone: str
    balance: int  # millionths
    campaigns: int
    messages: int
    assumptions: Mapping[str, str]  # that are not the lenient ones


class WorldIndex(Struct, frozen=True):
    """What is known of a world that is not loaded: how it is found, when it acts."""

    tokens: tuple[str, ...]  # that open it, or did
    binds: tuple[str, ...]  # system_ids of SMPP
    at: datetime  # where its clock stood, ...
    rate: float  # ... how fast it ran, ...
    wall: datetime  # ... and what the machine's said then
    due: datetime | None = None  # when it acts by itself next
    is_due_known: bool = False
    summary: WorldSummary | None = None  # None where it has changed since


def summarize_world(world: World) -> WorldSummary:
    """Return what is in *world*."""
    chosen = world.account.assumptions.chosen
    return WorldSummary(
        tokens=tuple(world.tokens),
        seed=world.account.seed,
        time_zone=str(world.account.zone),
        balance=world.balance,
        campaigns=sum(map(len, world.list_campaign_tables())),
        messages=world.next["message"] - FIRST_IDS["message"],
        assumptions={
            name: choice
            for name, choice in chosen.items()
            if choice != LENIENT_CHOICES[name]
        },
    )


def index_world(world: World) -> WorldIndex:
    """Return what has to be known of *world* without it."""
    at, rate, wall = world.clock.take_reading()
    due = world.work_queue.next_at
    return WorldIndex(
        tokens=(*world.tokens, *world.revoked),
        binds=tuple(world.account.access.binds),
        at=at,
        rate=rate,
        wall=wall,
        due=None if due == NEVER else due,
        is_due_known=True,
        summary=summarize_world(world),
    )
