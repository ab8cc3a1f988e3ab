import pytest

from emulator.client import Emulator
from tests.examples.my_client import MyClient, SmsError


def test_a_token_is_good_for_a_year(smsclouds: Emulator) -> None:
    token = smsclouds.tokens.create("shop").token
    client = MyClient(smsclouds.url, token)

    smsclouds.advance(days=364)
    assert client.credit() > 0

    smsclouds.advance(days=2)
    with pytest.raises(SmsError, match="401"):
        client.credit()


def test_or_as_long_as_the_test_says(smsclouds: Emulator) -> None:
    token = smsclouds.tokens.create("shop").token

    smsclouds.tokens.expire(token)

    with pytest.raises(SmsError, match="401"):
        MyClient(smsclouds.url, token).credit()
