from emulator.client import Emulator
from tests.examples.my_client import MyClient

ABSENT = "9990003000"  # numbers that begin with 9990003 are switched off


def test_a_phone_that_is_off_is_given_up_after_a_day(smsclouds: Emulator) -> None:
    client = MyClient(smsclouds.url, smsclouds.token)
    campaign = client.send("hola", to=ABSENT)

    smsclouds.advance(hours=1)
    assert client.status(campaign) == "retried"

    smsclouds.advance(hours=24)
    assert client.status(campaign) == "failed"


def test_any_number_can_be_off(smsclouds: Emulator) -> None:
    smsclouds.set_handset("4498987282", "absent")

    MyClient(smsclouds.url, smsclouds.token).send("hola", to="4498987282")

    smsclouds.advance(days=2)
    assert smsclouds.messages(status="failed").count == 1
