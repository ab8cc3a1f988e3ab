from datetime import datetime

import pytest

from emulator.client import Emulator

PHONE, ABSENT = "4498987282", "9990003000"


def seventy_two_hours(world: Emulator) -> None:
    """Live three days of a shop; they begin at noon in Mexico City."""
    begin = world.clock.now
    token = world.tokens.create("the shop's").token
    shop = {"Authorization": f"Bearer {token}"}

    # A campaign for tomorrow, to a phone that is on and to one that is off.
    people = [{"cellphone": PHONE}, {"cellphone": ABSENT}]
    order = {"text": "mañana 9 h", "recipients": people, "route": 87}
    order["scheduled_date"] = "2026-03-03 09:00:00"
    placed = world.request("POST", "/api/v3/campaign", json=order, headers=shop)
    messages = f"/api/v3/campaign/{placed.json()['campaign']}/messages"
    assert world.messages(status="in progress").count == 2

    # Tomorrow: one has it, one is being tried.
    world.advance(to="2026-03-03T09:01:00-06:00")
    assert [each.status for each in world.messages()] == ["sent", "retried"]

    # A call that is cancelled in time, and one for which it is too late.
    call = {"type": 1, "audio": 31, "campaign_name": "aviso", "remittent": "5570055780"}
    call["recipients"] = [{"cellphone": PHONE}]
    for seconds, status in ((34, 200), (36, 422)):
        placed = world.request("POST", "/api/v3/voice", json=call, headers=shop)
        world.advance(seconds=seconds)
        cancel = f"/api/v3/voice/{placed.json()['voice_campaign']}/cancel"
        assert world.request("POST", cancel, headers=shop).status == status

    # The day after: the phone that was off is given up.
    world.settle(days=2)
    assert [each.status for each in world.messages()] == ["sent", "failed"]

    # And the shop's token ends with the story.
    world.advance(to=datetime.fromisoformat("2026-03-05T18:00:00Z"))
    assert world.request("GET", messages, headers=shop).status == 200
    world.tokens.expire(token)
    assert world.request("GET", messages, headers=shop).status == 401
    assert (world.clock.now - begin).total_seconds() == 72 * 3600


@pytest.mark.smsclouds(clock="2026-03-02T18:00:00Z")
def test_seventy_two_hours(smsclouds: Emulator) -> None:
    seventy_two_hours(smsclouds)
