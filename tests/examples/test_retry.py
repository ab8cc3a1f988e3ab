import pytest

from emulator.client import Emulator
from tests.examples.my_client import MyClient


@pytest.mark.parametrize("phase", ["before", "after"])
def test_retry_does_not_send_twice(smsclouds: Emulator, phase: str) -> None:
    smsclouds.fail_next("createCampaign", status=500, phase=phase)

    MyClient(smsclouds.url, smsclouds.token).send("hola", to="4498987282")

    smsclouds.settle()
    assert smsclouds.messages(to="4498987282").count == 1
