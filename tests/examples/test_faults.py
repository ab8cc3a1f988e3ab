from datetime import timedelta

import pytest

from emulator.client import Emulator
from tests.examples.my_client import MyClient, SmsError


def test_the_connection_breaks_after_the_order_was_taken(smsclouds: Emulator) -> None:
    smsclouds.fail_next("createCampaign", wire="reset", phase="after")

    MyClient(smsclouds.url, smsclouds.token).send("hola", to="4498987282")

    assert smsclouds.messages().count == 1


def test_every_third_call_of_one_hour_is_too_many(smsclouds: Emulator) -> None:
    client = MyClient(smsclouds.url, smsclouds.token)
    hour = smsclouds.clock.now + timedelta(hours=1)
    smsclouds.fault("getUser", every=3, until=hour, status=429, retry_after=30)

    client.credit()
    client.credit()
    with pytest.raises(SmsError, match="429") as failed:
        client.credit()
    assert failed.value.retry_after == "30"

    smsclouds.advance(hours=1)
    assert [client.credit() > 0 for _ in range(3)] == [True, True, True]
