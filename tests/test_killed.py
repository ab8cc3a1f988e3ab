"""A process that is killed under load, and begun anew: nothing acknowledged is lost.

HTTP, SMPP and pushes run at once; the process dies the moment the n-th answer has come,
with requests and pushes under way.
"""

import json
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count
from pathlib import Path
from random import Random
from threading import Lock, Thread
from typing import Any

import pytest

from tests.support.orders import make_recipients, make_sms
from tests.support.processes import DEADLINE, ServedEmulator, serve_emulator
from tests.support.servers import Receiver, run_receiver
from tests.support.smpp import (
    GENERIC_NACK,
    get_response_id,
    pack_bind,
    pack_pdu,
    pack_submit,
)

SEED = 20_261_125
ACKNOWLEDGED = 150  # answers at most before a process is killed
TOO_LATE = (OSError, HTTPException, struct.error)  # the process is gone


@dataclass
class Told:
    """What clients were told, by whatever process."""

    numbers: Iterator[int] = field(default_factory=count)
    campaigns: dict[int, str] = field(default_factory=dict)  # name by id
    messages: dict[int, str] = field(default_factory=dict)  # cellphone by id of SMPP
    replies: set[str] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)


class Crowd:
    """Clients of one process, which they kill with the last answer they wait for."""

    def __init__(self, served: ServedEmulator, told: Told, answers: int) -> None:
        self._served = served
        self._told = told
        self._left = answers

    def run(self) -> None:
        """Return once the process is dead, and no client hopes for an answer."""
        clients = (self._place, self._place, self._reply, self._submit)
        threads = [Thread(target=self._live, args=(each,)) for each in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._served.process.wait(DEADLINE)

    def _live(self, client: Callable[[], None]) -> None:
        with suppress(*TOO_LATE):
            client()

    def _acknowledged(self, fact: Mapping[int, str] | str, to: Any) -> None:
        """Note what a client was told; the last answer is the process's end."""
        with self._told.lock:
            to |= {fact} if isinstance(fact, str) else fact
            self._left -= 1
            if self._left == 0:
                self._served.process.kill()

    def _number(self) -> str:
        with self._told.lock:
            return f"44{next(self._told.numbers):08d}"

    def _asked(self, path: str, body: Any) -> Any:
        answer = self._served.ask("POST", path, json.dumps(body))
        assert answer.status == 200, answer.octets
        return answer.body

    def _place(self) -> None:
        told = self._told
        while True:
            name = self._number()
            order = make_sms(recipients=make_recipients(name), campaign_name=name)
            placed = self._asked("/api/v3/campaign", order)["campaign"]
            self._acknowledged({placed: name}, told.campaigns)

    def _reply(self) -> None:
        """Let a handset answer, which is pushed to the customer."""
        told = self._told
        while True:
            number = self._number()
            order = make_sms(
                recipients=make_recipients(number), campaign_name=f"for {number}"
            )
            self._asked("/api/v3/campaign", order)
            wrote = {"number": number, "text": number}
            self._asked("/_emulator/inbound", wrote)
            self._acknowledged(number, told.replies)

    def _submit(self) -> None:
        told = self._told
        host, _, port = self._served.ready["smpp"].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=DEADLINE) as line:
            line.sendall(pack_bind())
            _hear(line)
            for sequence in count(2):
                number = self._number()
                line.sendall(pack_submit(sequence, number, registered=1))
                message = int(_hear(line)[:-1])
                self._acknowledged({message: number}, told.messages)


def _hear(line: socket.socket) -> bytes:
    """Return the body of the next answer; receipts in between are acknowledged."""
    while True:
        length, command, status, sequence = struct.unpack(">IIII", _exactly(line, 16))
        body = _exactly(line, length - 16)
        if command & GENERIC_NACK:
            assert status == 0
            return body
        line.sendall(pack_pdu(get_response_id(command), sequence, b"\0"))


def _exactly(line: socket.socket, octets: int) -> bytes:
    found = b""
    while len(found) < octets:
        part = line.recv(octets - len(found))
        if not part:
            raise ConnectionResetError
        found += part
    return found


class Found:
    """What a process says that was begun on what another left."""

    def __init__(self, served: ServedEmulator, receiver: Receiver) -> None:
        self._served = served
        self._receiver = receiver
        assert self._ask("POST", "clock/settle", {})["events"] is not None

    def holds(self, told: Told) -> None:
        """Fail unless all that clients were told is there, once."""
        self._money(told)
        messages = self._ask("GET", "messages?limit=100000")["messages"]
        numbers = Counter(each["cellphone"] for each in messages)
        assert max(numbers.values(), default=1) == 1
        names = {each["campaign"]: each["cellphone"] for each in messages}
        assert told.campaigns.items() <= names.items()
        ids = {each["id"]: each["cellphone"] for each in messages}
        assert told.messages.items() <= ids.items()
        self._replies(told)

    def _money(self, told: Told) -> None:
        ledger = self._ask("GET", "movements")
        amounts = [each["amount"] for each in ledger["movements"]]
        assert ledger["balance"] == pytest.approx(ledger["opening"] + sum(amounts))
        paid = Counter(each["reference"] for each in ledger["movements"])
        assert set(paid.values()) <= {1}
        assert told.campaigns.keys() <= paid.keys()

    def _replies(self, told: Told) -> None:
        deliveries = self._ask("GET", "deliveries?kind=moPush")["deliveries"]
        records = {each["parameters"]["response"]: each for each in deliveries}
        assert len(records) == len(deliveries)
        assert told.replies <= records.keys()
        asked = Counter(each["response"] for each in self._receiver.parameters)
        for text, record in records.items():
            verdicts = Counter(each["verdict"] for each in record["attempts"])
            assert (record["state"], verdicts["accepted"]) == ("delivered", 1), record
            assert 1 <= asked[text] <= 1 + verdicts["stopped"], record

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        octets = None if body is None else json.dumps(body)
        answer = self._served.ask(method, f"/_emulator/{path}", octets)
        assert answer.status == 200, answer.octets
        return answer.body


@contextmanager
def process(folder: Path, receiver: Receiver) -> Iterator[ServedEmulator]:
    """Serve the worlds of a directory, in which messages arrive at once."""
    flags = ("--data", str(folder), "--pace", "instant", "--mo-url", receiver.url)
    with serve_emulator(*flags, "--max-deliveries", "1000000") as served:
        yield served


def killed(folder: Path, receiver: Receiver, random: Random, times: int) -> None:
    """Kill a process so many times, and look at what the next one finds."""
    told = Told()
    for _ in range(times):
        with process(folder, receiver) as served:
            Found(served, receiver).holds(told)
            Crowd(served, told, random.randint(1, ACKNOWLEDGED)).run()
            assert served.process.returncode == -9
    with process(folder, receiver) as served:
        Found(served, receiver).holds(told)
    assert told.campaigns
    assert told.messages
    assert told.replies


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(
    tmp_path: Path,
) -> None:
    with run_receiver() as receiver:
        killed(tmp_path, receiver, Random(SEED), times=3)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(20))
def test_nothing_is_lost_at_many_other_moments(tmp_path: Path, part: int) -> None:
    with run_receiver() as receiver:
        killed(tmp_path, receiver, Random(SEED + part + 1), times=10)
