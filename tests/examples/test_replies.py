from collections.abc import Iterator

import pytest

from emulator.client import Emulator
from tests.examples.my_client import MyClient
from tests.examples.my_service import MyService

PHONE = "4498987282"


@pytest.fixture
def service(smsclouds: Emulator) -> Iterator[MyService]:
    with MyService() as service:
        smsclouds.change_account(push_url=f"{service.url}/mo")
        yield service


def test_a_reply_reaches_the_service(smsclouds: Emulator, service: MyService) -> None:
    MyClient(smsclouds.url, smsclouds.token).send("hola", to=PHONE)
    smsclouds.settle()  # the message is on the handset

    smsclouds.phone(PHONE).reply("BAJA")
    smsclouds.settle()  # what fell due was pushed

    assert service.replies == {PHONE: "BAJA"}
    assert smsclouds.deliveries[0].state == "delivered"


def test_some_handsets_answer_by_themselves(
    smsclouds: Emulator, service: MyService
) -> None:
    MyClient(smsclouds.url, smsclouds.token).send("hola", to="9990012000")

    smsclouds.settle()

    assert service.replies == {"9990012000": "BAJA"}


def test_every_attempt_is_on_record(smsclouds: Emulator, service: MyService) -> None:
    smsclouds.change_account(push_retries=[60])
    smsclouds.fault("moPush", push="misspelled")  # the service knows no rellphone
    MyClient(smsclouds.url, smsclouds.token).send("hola", to=PHONE)
    smsclouds.settle()

    smsclouds.phone(PHONE).reply("Si")
    smsclouds.advance(minutes=1)

    (delivery,) = smsclouds.deliveries
    assert [each.status for each in delivery.attempts] == [400, 400]
    assert delivery.attempts[0].body == "'cellphone' is missing"
    assert service.replies == {}
