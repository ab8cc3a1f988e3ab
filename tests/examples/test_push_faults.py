from collections.abc import Iterator

import pytest

from emulator.client import Emulator
from tests.examples.my_client import MyClient
from tests.examples.my_service import MyService


@pytest.fixture
def service(smsclouds: Emulator) -> Iterator[MyService]:
    with MyService() as service:
        smsclouds.change_account(push_url=f"{service.url}/mo")
        yield service


def test_a_push_that_comes_twice_counts_once(
    smsclouds: Emulator, service: MyService
) -> None:
    smsclouds.fault("moPush", push="duplicated")
    MyClient(smsclouds.url, smsclouds.token).send("hola", to="9990010000")

    smsclouds.settle()

    assert service.calls == 2
    assert service.replies == {"9990010000": "Si"}


def test_the_reply_is_there_before_the_answer_to_the_send(
    smsclouds: Emulator, service: MyService
) -> None:
    smsclouds.fault("moPush", push="early")

    MyClient(smsclouds.url, smsclouds.token).send("hola", to="9990010000")

    assert service.replies == {"9990010000": "Si"}
