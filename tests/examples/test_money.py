import pytest

from emulator.client import Emulator
from tests.examples.my_client import MyClient, SmsError


def test_without_credit_nothing_is_sent(smsclouds: Emulator) -> None:
    smsclouds.top_up(0.5 - smsclouds.balance)

    with pytest.raises(SmsError, match="422"):
        MyClient(smsclouds.url, smsclouds.token).send("hola", to="4498987282")

    assert smsclouds.balance == 0.5
    assert smsclouds.messages().count == 0
