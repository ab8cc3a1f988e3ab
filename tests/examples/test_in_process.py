from collections.abc import Iterator

import pytest

from emulator.client import Emulator

ORDER = {"text": "hola", "recipients": [{"cellphone": "4498987282"}], "route": 87}


@pytest.fixture
def platform() -> Iterator[Emulator]:
    with Emulator.in_process(clock="frozen") as emulator:
        yield emulator


def test_no_socket_and_no_http_library(platform: Emulator) -> None:
    answer = platform.request("POST", "/api/v3/campaign", json=ORDER)

    assert answer.status == 200
    assert answer.json()["recipients_count"] == 1
    assert platform.messages(to="4498987282").count == 1
