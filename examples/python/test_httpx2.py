import asyncio

import pytest
from receiver import Receiver
from smsclouds_httpx2 import Refused, Smsclouds

from emulator.client import Emulator

PHONE = "4498987282"
NOON = "2026-03-02 12:00:00"

pytestmark = pytest.mark.smsclouds(clock="2026-03-02T18:00:00Z")  # noon in Mexico City


def a_client(smsclouds: Emulator) -> Smsclouds:
    return Smsclouds(smsclouds.url, smsclouds.token, pause=0)


def test_send_and_poll(smsclouds: Emulator) -> None:
    async def story() -> None:
        async with a_client(smsclouds) as client:
            campaign = await client.send("hola", [PHONE], "order 1")
            assert campaign is not None
            smsclouds.advance(seconds=11)
            assert await client.progress(campaign) == (100, {PHONE: "sent"})

    asyncio.run(story())


def test_a_reply_is_polled_and_pushed(smsclouds: Emulator) -> None:
    async def story() -> None:
        async with a_client(smsclouds) as client:
            await client.send("hola", [PHONE], "order 2")
            smsclouds.settle()
            smsclouds.phone(PHONE).reply("BAJA")
            smsclouds.settle()
            (reply,) = await client.replies(since=NOON)
            assert (reply["campaign_name"], reply["response"]) == ("order 2", "BAJA")

    with Receiver() as receiver:
        smsclouds.change_account(push_url=receiver.url)
        asyncio.run(story())
        assert [each["response"] for each in receiver.replies] == ["BAJA"]


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("fault", [{"status": 500}, {"wire": "close"}])
def test_a_failure_is_no_second_message(
    smsclouds: Emulator, fault: dict[str, object], phase: str
) -> None:
    smsclouds.fail_next("createCampaign", phase=phase, **fault)

    async def story() -> int | None:
        async with a_client(smsclouds) as client:
            return await client.send("hola", [PHONE], "order 3")

    campaign = asyncio.run(story())

    assert smsclouds.messages(to=PHONE).count == 1
    assert (campaign is None) == (phase == "after")


def test_sending_side_by_side_confuses_nobody(smsclouds: Emulator) -> None:
    smsclouds.fault("createCampaign", status=500, every=2)

    async def story() -> None:
        async with a_client(smsclouds) as client:
            orders = (client.send("hola", [PHONE], f"order {i}") for i in range(8))
            await asyncio.gather(*orders)

    asyncio.run(story())

    assert smsclouds.messages(to=PHONE).count == 8


def test_what_the_platform_refuses_is_not_tried_again(smsclouds: Emulator) -> None:
    smsclouds.top_up(0.5 - smsclouds.balance)

    async def story() -> None:
        async with a_client(smsclouds) as client:
            await client.send("hola", [PHONE], "order 4")

    with pytest.raises(Refused, match="422"):
        asyncio.run(story())

    smsclouds.verify("createCampaign", exactly=1)
