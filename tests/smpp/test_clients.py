"""Clients of SMPP that are not ours: they bind, send, hear of it, ask, and leave.

What they and the emulator said is held to Wireshark's dissector as well.
"""

import asyncio
import json
import logging
import os
import struct
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import smpplib.client
import smpplib.gsm
from aiosmpplib import (
    ESME,
    AbstractHook,
    DeliverSm,
    PhoneNumber,
    SubmitSm,
    SubmitSmResp,
)

from tests.support.processes import (
    DEADLINE,
    ServedEmulator,
    require_tool,
    serve_emulator,
    skip_missing,
)
from tests.support.smpp import QUERY_SM, get_response_id, pack_pdu, pack_text

RAW_IP = 101  # link type
PORTS = (2775, 41_234)  # of the centre and of its client
MAGIC = 0xA1B2C3D4
PIECE = 1_400  # octets of a segment


class SpokenPdu(NamedTuple):
    """One PDU and who said it."""

    by_client: bool
    octets: bytes


def list_pdus(exchanges: Iterable[dict[str, Any]]) -> list[SpokenPdu]:
    """Return the PDUs that a journal holds, in order."""
    said = []
    for each in exchanges:
        asked = each["method"] == "ESME"
        for side, by_client in (("request", asked), ("response", not asked)):
            if octets := bytes.fromhex(each[side]["hex"]):
                said.append(SpokenPdu(by_client, octets))
    return said


def dissect_pdus(
    tshark: Path, said: list[SpokenPdu], file: Path
) -> list[tuple[str, bool]]:
    """Return what tshark makes of each PDU: its command, and if it is malformed."""
    file.write_bytes(_capture(said))
    shown = subprocess.run(
        (
            *(tshark, "-r", file, "-d", f"tcp.port=={PORTS[0]},smpp", "-Y", "smpp"),
            *("-T", "fields", "-e", "smpp.command_id", "-e", "_ws.malformed"),
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    found = []
    for line in shown.stdout.splitlines():
        commands, _, malformed = line.partition("\t")
        found += [(each, bool(malformed)) for each in commands.split(",")]
    return found


def _capture(said: list[SpokenPdu]) -> bytes:
    packets = [struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, 65_535, RAW_IP)]
    numbers = {True: 1, False: 1}  # the next octet of each side
    for second, (by_client, octets) in enumerate(said):
        for start in range(0, len(octets), PIECE):
            piece = octets[start : start + PIECE]
            packet = _packet(by_client, numbers, piece)
            numbers[by_client] += len(piece)
            packets.append(struct.pack("<IIII", second, start, *(len(packet),) * 2))
            packets.append(packet)
    return b"".join(packets)


def _packet(by_client: bool, numbers: dict[bool, int], piece: bytes) -> bytes:  # noqa: FBT001
    centre, client = PORTS
    ports = (client, centre) if by_client else (centre, client)
    own, other = numbers[by_client], numbers[not by_client]
    ends = (b"\x7f\0\0\x02", b"\x7f\0\0\x01")
    source, target = ends if by_client else ends[::-1]
    tcp = struct.pack(">HHIIBBHHH", *ports, own, other, 5 << 4, 0x18, 65_535, 0, 0)
    length = 20 + len(tcp) + len(piece)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, length, 0, 0, 64, 6, 0) + source + target
    return ip + tcp + piece


SCRIPT = Path(__file__).with_name("client.cjs")
LIBRARY = Path(__file__).parents[1] / "contract_tools" / "node_modules" / "smpp"
LONG = "Su folio es 123456, gracias por su compra. " * 8
TO = "524498987282"
DELIVERED = 2


@contextmanager
def centre(*flags: str) -> Iterator[tuple[ServedEmulator, str, int]]:
    """Serve a world in which nothing takes time."""
    with serve_emulator("--pace", "instant", *flags) as served:
        host, _, port = served.ready["smpp"].rpartition(":")
        yield served, host, int(port)


def texts(served: ServedEmulator) -> list[str]:
    listed = served.ask("GET", "/_emulator/messages").body["messages"]
    return [each["text"] for each in listed]


def journal(served: ServedEmulator) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = served.ask("GET", "/_emulator/journal").body[
        "exchanges"
    ]
    return found


def until(done: Callable[[], object], step: Callable[[], object]) -> None:
    """Take *step* until *done*, for so long at most."""
    deadline = time.monotonic() + DEADLINE
    while not done():
        assert time.monotonic() < deadline
        step()


def _into(heard: list[Any]) -> Callable[..., None]:
    """Return what smpplib calls with a PDU, by name or not."""

    def hear(pdu: Any, **_: Any) -> None:
        heard.append(pdu)

    return hear


def spoke(served: ServedEmulator, host: str, port: int) -> None:
    """Let smpplib bind, send, hear of it, ask and unbind, and look at what it hears."""
    receipts: list[Any] = []
    answers: list[Any] = []
    asked: list[Any] = []
    client = smpplib.client.Client(
        host, port, timeout=DEADLINE, allow_unknown_opt_params=True
    )
    client.set_message_sent_handler(_into(answers))
    client.set_message_received_handler(_into(receipts))
    client.set_query_resp_handler(_into(asked))
    client.connect()
    client.bind_transceiver(system_id="demo", password="demo")
    for text in ("hola", "mañana Ж", LONG):
        parts, coding, esm_class = smpplib.gsm.make_parts(text)
        for part in parts:
            client.send_message(
                source_addr="74342",
                destination_addr=TO,
                short_message=part,
                data_coding=coding,
                esm_class=esm_class,
                registered_delivery=1,
            )
    until(lambda: len(answers) == len(receipts) == 5, client.read_once)
    client.query_message(
        message_id=answers[0].message_id.decode(),
        source_addr_ton=0,
        source_addr_npi=0,
        source_addr="74342",
    )
    until(lambda: asked, client.read_once)
    client.unbind()
    client.disconnect()

    came = texts(served)
    (whole,) = served.ask("GET", "/_emulator/smpp/long-messages").body
    assert came[:2] == ["hola", "mañana Ж"]
    assert whole["text"] == "".join(came[2:]) == LONG
    assert whole["complete"]
    told = [each.receipted_message_id for each in receipts]
    assert sorted(told) == sorted(each.message_id for each in answers)
    assert asked[0].message_state == DELIVERED


@pytest.mark.manual("SMP-01", "SMP-02")
def test_smpplib_does_all_of_it() -> None:
    with centre() as (served, host, port):
        spoke(served, host, port)


class Ear(AbstractHook):  # type: ignore[misc]
    """Hears what aiosmpplib gets; of query_sm it knows the octets only."""

    def __init__(self, wanted: int) -> None:
        self.answers: list[str] = []
        self.receipts: list[str] = []
        self.states: list[int] = []
        self.done, self.asked = asyncio.Event(), asyncio.Event()
        self._wanted = wanted

    async def sending(self, *_: Any) -> None:
        pass

    async def received(self, message: Any, pdu: bytes, _client: str) -> None:
        if int.from_bytes(pdu[4:8], "big") == get_response_id(QUERY_SM):
            self.states.append(pdu[-2])
            self.asked.set()
        if isinstance(message, SubmitSmResp):
            self.answers.append(message.message_id)
        if isinstance(message, DeliverSm) and message.is_receipt():
            self.receipts.append(str(message.parse_receipt()["id"]))
        if len(self.answers) == len(self.receipts) == self._wanted:
            self.done.set()

    async def send_error(self, _message: Any, error: Exception, _client: str) -> None:
        raise error


async def _with_aiosmpplib(host: str, port: int, sent: list[str]) -> Ear:
    ear = Ear(len(sent))
    esme = ESME(host, port, "demo", "demo", hook=ear, log_handler=logging.NullHandler())
    running = asyncio.create_task(esme.start())
    for text in sent:
        await esme.broker.enqueue(
            SubmitSm(
                short_message=text,
                encoding="gsm0338" if text.isascii() else "ucs2",
                source=PhoneNumber("74342"),
                destination=PhoneNumber(TO),
                registered_delivery=1,
                log_id=text[:5],
            )
        )
    async with asyncio.timeout(DEADLINE):
        await ear.done.wait()
        asked = pack_text(ear.answers[0]) + b"\0\0" + pack_text("74342")
        esme._writer.write(pack_pdu(QUERY_SM, 9_000, asked))  # noqa: SLF001
        await ear.asked.wait()
        writer = esme._writer  # noqa: SLF001 - it closes no connection by itself
        await esme.stop()
        await running
        writer.close()
        await writer.wait_closed()
    return ear


@pytest.mark.manual("SMP-01", "SMP-02")
def test_aiosmpplib_does_all_that_it_can() -> None:
    sent = ["hola", "mañana Ж", LONG]
    with centre() as (served, host, port):
        ear = asyncio.run(_with_aiosmpplib(host, port, sent))

        assert sorted(texts(served)) == sorted(sent)
        assert sorted(ear.receipts) == sorted(ear.answers)
        assert ear.states == [DELIVERED]
        assert "unbind" in [each["operation"] for each in journal(served)]


@pytest.mark.tools
@pytest.mark.manual("SMP-01", "SMP-02")
@pytest.mark.parametrize("scheme", ["smpp", "ssmpp"])
def test_node_smpp_does_all_of_it(scheme: str, tmp_path: Path) -> None:
    node = require_tool("node")
    if not LIBRARY.is_dir():
        skip_missing("smpp of npm")
    ca = tmp_path / "ca.pem"
    with centre("--smpp-tls-port", "0", "--tls-ca-file", str(ca)) as (served, *_):
        address = served.ready["smpps" if scheme == "ssmpp" else "smpp"]
        done = subprocess.run(
            (node, SCRIPT, LIBRARY, f"{scheme}://{address}"),
            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(ca)},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)

        assert texts(served) == ["hola", "a @ $ _ b", "mañana Ж", LONG]
    assert {each["status"] for each in told["answers"]} == {0}
    ids = [each["id"] for each in told["answers"]]
    assert sorted(each["id"] for each in told["receipts"]) == sorted(ids)
    assert {each["esm_class"] for each in told["receipts"]} == {4}
    assert (told["state"], told["unbound"]) == (DELIVERED, True)


@pytest.mark.tools
def test_wireshark_finds_nothing_malformed(tmp_path: Path) -> None:
    tshark = require_tool("tshark")
    with centre() as (served, host, port):
        spoke(served, host, port)
        said = list_pdus(journal(served))

    found = dissect_pdus(tshark, said, tmp_path / "smpp.pcap")

    assert len(found) == len(said) > 20
    assert [command for command, malformed in found if malformed] == []
