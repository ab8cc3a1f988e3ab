"""Sixty-four tests that share one server; ``test_plugin.py`` runs them, shuffled."""

from threading import Thread
from typing import Any

import pytest

from emulator.client import Emulator

CAMPAIGN = "/api/v3/campaign"
NUMBERS = [f"44989872{index:02d}" for index in range(8)]
ABSENT = "9990003000"

in_a_crowd = pytest.mark.parametrize("number", NUMBERS)


def send(smsclouds: Emulator, *numbers: str) -> int:
    people = [{"cellphone": number} for number in numbers]
    order = {"text": "hola", "recipients": people, "route": 87}
    answer = smsclouds.request("POST", CAMPAIGN, json=order)
    assert answer.status == 200, answer.text
    return int(answer.json()["campaign"])


def poll(smsclouds: Emulator, campaign: int) -> Any:
    return smsclouds.request("GET", f"{CAMPAIGN}/{campaign}/messages").json()


@in_a_crowd
def test_a_campaign_of_ones_own(smsclouds: Emulator, number: str) -> None:
    campaign = send(smsclouds, number)

    assert campaign == 8528238  # the first of every world
    assert [each.cellphone for each in smsclouds.messages()] == [number]


@in_a_crowd
def test_time_of_ones_own(smsclouds: Emulator, number: str) -> None:
    begin = smsclouds.clock.now
    campaign = send(smsclouds, number)

    smsclouds.advance(seconds=10)
    assert poll(smsclouds, campaign)["percentage"] == 0
    smsclouds.advance(seconds=1)
    assert poll(smsclouds, campaign)["percentage"] == 100
    assert (smsclouds.clock.now - begin).total_seconds() == 11


@in_a_crowd
def test_failures_of_ones_own(smsclouds: Emulator, number: str) -> None:
    smsclouds.fail_next("createCampaign", status=503, phase="after")
    order = {"text": "hola", "recipients": [{"cellphone": number}], "route": 87}

    statuses = [
        smsclouds.request("POST", CAMPAIGN, json=order).status for _ in range(2)
    ]

    assert statuses == [503, 200]
    assert smsclouds.messages(to=number).count == 2


@in_a_crowd
def test_a_future_of_ones_own(smsclouds: Emulator, number: str) -> None:
    send(smsclouds, number, ABSENT)

    run = smsclouds.settle()

    assert [each.event for each in run.events][-1] == "completed"
    assert [each.status for each in smsclouds.messages()] == ["sent", "failed"]


@in_a_crowd
def test_a_journal_of_ones_own(smsclouds: Emulator, number: str) -> None:
    sender = Thread(target=send, args=(smsclouds, number))
    sender.start()

    found = smsclouds.wait_for_request("createCampaign", number=number)
    sender.join()

    assert found.number == 1
    smsclouds.verify("createCampaign", exactly=1)


@in_a_crowd
def test_forks_of_ones_own(smsclouds: Emulator, number: str) -> None:
    campaign = send(smsclouds, number)
    fork = smsclouds.fork()

    fork.cancel(campaign)
    fork.settle()
    smsclouds.settle()

    assert [each.status for each in smsclouds.messages()] == ["sent"]
    assert [each.status for each in fork.messages()] == ["cancelled"]


@in_a_crowd
def test_money_of_ones_own(smsclouds: Emulator, number: str) -> None:
    before = smsclouds.balance

    send(smsclouds, number)

    assert smsclouds.balance == before - 1
    assert [each.amount for each in smsclouds.movements.movements] == [-1]


@in_a_crowd
def test_a_past_of_ones_own(smsclouds: Emulator, number: str) -> None:
    smsclouds.checkpoint("before")
    send(smsclouds, number)
    token = smsclouds.tokens.create("shop").token

    smsclouds.restore_checkpoint("before")

    assert smsclouds.messages().count == 0
    headers = {"Authorization": f"Bearer {token}"}
    assert smsclouds.request("GET", "/api/v1/user", headers=headers).status == 401
