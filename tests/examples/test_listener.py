from emulator.client import Emulator
from emulator.client.shown import Fact
from tests.examples.my_client import MyClient


def test_pushes_come_to_a_function(smsclouds: Emulator) -> None:
    texts: list[str] = []

    def service(push: Fact) -> str:
        texts.append(push.response)
        return "ok"

    MyClient(smsclouds.url, smsclouds.token).send("hola", to="9990011000")

    with smsclouds.receive(service):
        smsclouds.settle()

    assert texts == ["Si", "Gracias"]
