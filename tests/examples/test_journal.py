from threading import Thread

import pytest

from emulator.client import Emulator
from tests.examples.my_client import MyClient


def test_a_worker_sends_in_the_background(smsclouds: Emulator) -> None:
    client = MyClient(smsclouds.url, smsclouds.token)
    worker = Thread(target=client.send, args=("hola",), kwargs={"to": "4498987282"})

    worker.start()

    request = smsclouds.wait_for_request("createCampaign", number="4498987282")
    assert request.status == 200
    worker.join()


def test_one_reminder_and_not_two(smsclouds: Emulator) -> None:
    client = MyClient(smsclouds.url, smsclouds.token)

    client.send("cita a las 10", to="4498987282")

    smsclouds.verify("createCampaign", text="cita", exactly=1)
    with pytest.raises(AssertionError, match="createCampaign"):
        smsclouds.verify("createCampaign", text="cita", at_least=2)


def test_what_was_refused_and_why(smsclouds: Emulator) -> None:
    order = {"text": "hola", "recipients": [], "route": 87}
    smsclouds.request("POST", "/api/v3/campaign", json=order)

    (refused,) = smsclouds.find_requests(status=422)

    assert "recipients" in refused.response.body
