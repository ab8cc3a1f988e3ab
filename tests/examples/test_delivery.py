from emulator.client import Emulator
from tests.examples.my_client import MyClient


def test_a_message_is_on_its_way_for_eleven_seconds(smsclouds: Emulator) -> None:
    client = MyClient(smsclouds.url, smsclouds.token)
    campaign = client.send("hola", to="4498987282")

    smsclouds.advance(seconds=10)
    assert client.status(campaign) == "in progress"

    smsclouds.advance(seconds=1)
    assert client.status(campaign) == "sent"


def test_from_event_to_event(smsclouds: Emulator) -> None:
    MyClient(smsclouds.url, smsclouds.token).send("hola", to="4498987282")

    events = [each.event for each in smsclouds.settle().events]

    assert events == ["inserted", "completed"]
