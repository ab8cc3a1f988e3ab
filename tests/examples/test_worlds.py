from emulator.client import Emulator
from tests.examples.my_client import MyClient


def test_two_endings_of_one_story(smsclouds: Emulator) -> None:
    campaign = MyClient(smsclouds.url, smsclouds.token).send("hola", to="4498987282")

    other = smsclouds.fork()
    other.cancel(campaign)

    smsclouds.settle()
    other.settle()
    assert smsclouds.messages(status="sent").count == 1
    assert other.messages(status="cancelled").count == 1


def test_back_to_a_checkpoint(smsclouds: Emulator) -> None:
    client = MyClient(smsclouds.url, smsclouds.token)
    smsclouds.checkpoint("before")
    credit = client.credit()
    client.send("hola", to="4498987282")

    smsclouds.restore_checkpoint("before")

    assert client.credit() == credit
    assert smsclouds.messages().count == 0


def test_a_snapshot_goes_on_elsewhere(smsclouds: Emulator) -> None:
    MyClient(smsclouds.url, smsclouds.token).send("hola", to="4498987282")
    snapshot = smsclouds.snapshot()

    with Emulator.in_process() as another:
        copy = another.create("copy", snapshot=snapshot)
        copy.settle()
        assert copy.messages(status="sent").count == 1
