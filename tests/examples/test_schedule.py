import pytest

from emulator.client import Emulator
from tests.examples.my_client import MyClient


@pytest.mark.smsclouds(clock="2026-03-02T18:00:00Z")  # noon in Mexico City
def test_a_reminder_leaves_tomorrow_at_nine(smsclouds: Emulator) -> None:
    client = MyClient(smsclouds.url, smsclouds.token)
    client.send("cita a las 10", to="4498987282", scheduled_date="2026-03-03 09:00:00")

    smsclouds.advance(to="2026-03-03T08:59:59-06:00")
    assert smsclouds.messages(status="sent").count == 0

    smsclouds.advance(seconds=1)
    assert smsclouds.messages(status="sent").count == 1
