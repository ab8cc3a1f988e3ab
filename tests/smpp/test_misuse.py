"""Who misuses the port costs so many octets and no more, and disturbs nobody."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

import pytest

from tests.support.processes import ServedEmulator, serve_emulator, skip_missing
from tests.support.smpp import (
    ENQUIRE_LINK,
    SUBMIT_SM,
    SmppSocket,
    pack_pdu,
    pack_submit,
)

MEBIBYTE = 1024 * 1024
JOURNAL = 8 * MEBIBYTE  # octets, as it is bounded for one world
SLACK = 8 * MEBIBYTE  # of an allocator that gives little back
HALF_OPEN = 200  # connections
LONGEST = 70_000  # octets of a PDU


@pytest.fixture(autouse=True)
def proc() -> None:
    """Look at nothing where the memory of a process cannot be read."""
    if not Path("/proc/self/status").exists():
        skip_missing("/proc")


class Centre:
    """A process under misuse."""

    def __init__(self, served: ServedEmulator) -> None:
        self._served = served
        self._host, _, port = served.ready["smpp"].rpartition(":")
        self._port = int(port)
        self.serves_others()  # and has imported what it needs
        self._before = self.resident()

    def call(self) -> SmppSocket:
        return SmppSocket(self._host, self._port)

    def resident(self) -> int:
        """Return the octets of memory that the process holds."""
        status = Path(f"/proc/{self._served.process.pid}/status").read_text("ascii")
        line = next(each for each in status.splitlines() if each.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    @property
    def grown(self) -> int:
        return self.resident() - self._before

    def serves_others(self) -> bool:
        with self.call() as other:
            other.bind("demo", "demo")
            sent = other.submit("4498987282", b"hola")
        return bool(sent) and self._served.ask("GET", "/api/v1/user").status == 200


@pytest.fixture
def centre() -> Iterator[Centre]:
    with serve_emulator() as served:
        yield Centre(served)


def test_random_octets_cost_nothing_that_lasts(centre: Centre) -> None:
    chance = Random(3)
    poured = 0
    while poured < 32 * MEBIBYTE:
        octets = chance.randbytes(MEBIBYTE)
        with centre.call() as wild, suppress(ConnectionError):
            poured += len(octets)
            wild.say(octets)

    assert centre.serves_others()
    assert centre.grown < SLACK


def test_random_pdus_of_a_client_fill_the_journal_and_nothing_else(
    centre: Centre,
) -> None:
    chance = Random(4)
    with centre.call() as wild:
        wild.bind("world-wild", "x")
        for _ in range(1_000):
            bodies = [chance.randbytes(chance.randrange(2_000)) for _ in range(20)]
            commands = chance.choices((*range(1, 0x30), 0x103, 0x80000005), k=20)
            pairs = zip(commands, bodies, strict=True)
            wild.say(b"".join(pack_pdu(each, 7, body) for each, body in pairs))
            wild.say(pack_pdu(ENQUIRE_LINK, 8))
            while wild.hear().sequence != 8:
                pass

        assert centre.serves_others()
        assert centre.grown < JOURNAL + SLACK


def test_connections_that_say_half_of_something_cost_that_half(centre: Centre) -> None:
    half = pack_pdu(SUBMIT_SM, 7, bytes(LONGEST - 16))[:-1]
    with ExitStack() as stack:
        for _ in range(HALF_OPEN):
            wild = stack.enter_context(centre.call())
            wild.say(half)

        assert centre.serves_others()
        assert centre.grown < HALF_OPEN * LONGEST * 2 + SLACK


@pytest.mark.parametrize(
    "octets",
    [pack_pdu(ENQUIRE_LINK, 7), pack_submit(7, registered=1)],
    ids=["enquire_link", "submit_sm"],
)
def test_a_client_that_never_reads_is_not_read_from(
    centre: Centre, octets: bytes
) -> None:
    with centre.call() as greedy:
        greedy.bind("world-greedy", "x")

        greedy.stuff(octets)

        assert centre.serves_others()
        assert centre.grown < JOURNAL + 3 * SLACK
