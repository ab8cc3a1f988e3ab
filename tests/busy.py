"""An emulator with its hands full: streams, SMPP and pushes, all at once."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection

from emulator.client import Emulator
from tests.campaigns import NUMBER, SMS, an_sms
from tests.served import DEADLINE
from tests.smpp import packed

Address = tuple[str, int]


@contextmanager
def busy(
    http: Address, smpp: Address, *, ours: Address = ("127.0.0.1", 0), seen_as: str = ""
) -> Iterator[None]:
    """Keep a stream, a bound client of SMPP and a push open until the block ends.

    The push hangs at a server on *ours*, which the emulator reaches as *seen_as*.
    """
    with ExitStack() as stack:
        receiver = stack.enter_context(socket.create_server(ours))
        receiver.settimeout(DEADLINE)
        port = receiver.getsockname()[1]
        url = f"http://{seen_as or '127.0.0.1'}:{port}/mo"
        with Emulator(f"http://{http[0]}:{http[1]}") as emulator:
            emulator.change_account(
                push_url=url, push_retries="backoff", pace="instant"
            )
            placed = emulator.request("POST", SMS, json=an_sms())
            assert placed.status == 200, placed.text
            emulator.phone(NUMBER).reply("hola")
        connection = HTTPConnection(*http, timeout=DEADLINE)
        stack.callback(connection.close)
        connection.request("GET", "/_emulator/events")
        assert connection.getresponse().status == 200
        push, _ = receiver.accept()
        stack.enter_context(push)
        push.settimeout(DEADLINE)
        assert push.recv(4) == b"GET "
        client = stack.enter_context(socket.create_connection(smpp, timeout=DEADLINE))
        client.sendall(packed.bind())
        assert client.recv(16)[4:12] == b"\x80\0\0\x09\0\0\0\0"
        yield
