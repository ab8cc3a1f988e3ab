import pytest
from receiver import Receiver
from smsclouds_requests import Refused, Smsclouds, Unanswered

from emulator.client import Emulator

PHONE = "4498987282"
NOON = "2026-03-02 12:00:00"

pytestmark = pytest.mark.smsclouds(clock="2026-03-02T18:00:00Z")  # noon in Mexico City


@pytest.fixture
def client(smsclouds: Emulator) -> Smsclouds:
    return Smsclouds(smsclouds.url, smsclouds.token, pause=0)


def test_send_and_poll(client: Smsclouds, smsclouds: Emulator) -> None:
    campaign = client.send("hola", [PHONE], "order 1")
    assert campaign is not None

    smsclouds.advance(seconds=10)
    assert client.progress(campaign) == (0, {PHONE: "in progress"})

    smsclouds.advance(seconds=1)
    assert client.progress(campaign) == (100, {PHONE: "sent"})


def test_a_reply_is_polled(client: Smsclouds, smsclouds: Emulator) -> None:
    client.send("hola", [PHONE], "order 2")
    smsclouds.settle()

    smsclouds.phone(PHONE).reply("BAJA")

    (reply,) = client.replies(since=NOON)
    assert (reply["campaign_name"], reply["response"]) == ("order 2", "BAJA")


def test_a_reply_that_is_pushed_twice_is_one(
    client: Smsclouds, smsclouds: Emulator
) -> None:
    with Receiver() as receiver:
        smsclouds.change_account(push_url=receiver.url)
        smsclouds.fault("moPush", push="duplicated")
        client.send("hola", [PHONE], "order 3")
        smsclouds.settle()

        smsclouds.phone(PHONE).reply("BAJA")
        smsclouds.settle()

        assert [each["response"] for each in receiver.replies] == ["BAJA"]
        assert receiver.replies[0]["cellphone"] == PHONE


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("fault", [{"status": 500}, {"wire": "close"}])
def test_a_failure_is_no_second_message(
    client: Smsclouds, smsclouds: Emulator, fault: dict[str, object], phase: str
) -> None:
    smsclouds.fail_next("createCampaign", phase=phase, **fault)

    campaign = client.send("hola", [PHONE], "order 4")

    assert smsclouds.messages(to=PHONE).count == 1
    assert (campaign is None) == (phase == "after")


def test_a_campaign_without_a_number_is_known_by_its_name(
    client: Smsclouds, smsclouds: Emulator
) -> None:
    smsclouds.fail_next("createCampaign", status=500, phase="after")
    client.send("hola", [PHONE], "order 5")
    smsclouds.settle()

    smsclouds.phone(PHONE).reply("Si")

    assert client.replies(since=NOON)[0]["campaign_name"] == "order 5"


def test_what_the_platform_refuses_is_not_tried_again(
    client: Smsclouds, smsclouds: Emulator
) -> None:
    smsclouds.top_up(0.5 - smsclouds.balance)

    with pytest.raises(Refused, match="422"):
        client.send("hola", [PHONE], "order 6")

    smsclouds.verify("createCampaign", exactly=1)


def test_a_platform_that_keeps_failing_gets_nothing(
    client: Smsclouds, smsclouds: Emulator
) -> None:
    smsclouds.fault("createCampaign", status=500)

    with pytest.raises(Unanswered, match="nothing was sent"):
        client.send("hola", [PHONE], "order 7")

    assert smsclouds.messages().count == 0
