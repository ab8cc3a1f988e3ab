from emulator.client import Emulator
from tests.examples.my_client import MyClient


def test_each_token_has_an_account_of_its_own(smsclouds_server: Emulator) -> None:
    ana = MyClient(smsclouds_server.url, "world-ana")
    eva = MyClient(smsclouds_server.url, "world-eva")

    ana.send("hola", to="4498987282")

    assert eva.credit() - ana.credit() == 1
    for token in ("world-ana", "world-eva"):
        with Emulator(smsclouds_server.url, token=token) as world:
            world.delete()


def test_two_tokens_may_have_one_account(smsclouds: Emulator) -> None:
    shop = MyClient(smsclouds.url, smsclouds.tokens.create("shop").token)
    office = MyClient(smsclouds.url, smsclouds.tokens.create("office").token)

    shop.send("hola", to="4498987282")

    assert office.credit() == shop.credit() == smsclouds.balance
