"""Two features at once: what was placed, kept, put back, broken and let happen."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import (
    Api,
    MakeApi,
    make_emulator,
    run_control,
    send_control,
)
from tests.support.orders import (
    CLIC,
    EMAIL,
    NUMBER,
    SMS,
    VOICE,
    make_order,
    make_recipients,
    make_sms,
    place_campaign,
    poll_messages,
)
from tests.support.worlds import keep_worlds
from tests.test_snapshots import restored, snapshot

REPLYING, DUPLICATED = "9990010000", "9990011000"  # handsets that answer by themselves
DAY = 86_400


def advance(api: Api, seconds: float) -> Any:
    return run_control(api, "POST", "clock/advance", json={"seconds": seconds})


def keep(api: Api) -> None:
    run_control(api, "POST", "world/checkpoints", json={"name": "one"})


# --- Three ways back to what was ---------------------------------------------


def by_checkpoint(api: Api) -> Api:
    run_control(api, "POST", "world/checkpoints/one/restore")
    return api


def by_fork(api: Api) -> Api:
    run_control(api, "POST", "world/checkpoints/one/open", json={"name": "copy"})
    api.token = "world-copy"
    return api


def by_snapshot(api: Api) -> Api:
    run_control(api, "POST", "world/checkpoints/one/open", json={"name": "copy"})
    document = run_control(api, "GET", "world/snapshot?world=copy")
    return restored(document)


WAYS = pytest.mark.parametrize("back", [by_checkpoint, by_fork, by_snapshot])
Back = Callable[[Api], Api]


def replied(api: Api) -> list[tuple[str, str]]:
    """Return what handsets have written, the oldest first."""
    return [(f"{each.number:010}", each.response) for each in api.world.responses]


@WAYS
def test_a_reply_that_has_come_does_not_come_again(api: Api, back: Back) -> None:
    place_campaign(api, make_sms(recipients=make_recipients(DUPLICATED, REPLYING)))
    advance(api, 11 + 11 + 1)  # the first of each has come
    keep(api)
    advance(api, DAY)
    wanted = replied(api)

    with closing(back(api)) as there:
        before = replied(there)
        advance(there, DAY)

        assert [text for _, text in before] == ["Si", "Si"]
        assert replied(there) == wanted
        assert [text for _, text in wanted] == ["Si", "Si", "Gracias"]


@WAYS
def test_a_reply_that_came_early_does_not_come_again(api: Api, back: Back) -> None:
    url = {"push_url": "http://127.0.0.1:9/mo", "push_retries": []}
    run_control(api, "PATCH", "account", json=url)
    early = {"effect": {"push": "early"}, "first": 1}
    run_control(api, "POST", "faults", json=early)
    place_campaign(api, make_sms(recipients=make_recipients(DUPLICATED, REPLYING)))
    keep(api)
    first = replied(api)

    with closing(back(api)) as there:
        advance(there, DAY)

        assert first == [(DUPLICATED, "Si")]
        assert sorted(replied(there)) == [
            (REPLYING, "Si"),
            (DUPLICATED, "Gracias"),
            (DUPLICATED, "Si"),
        ]


@WAYS
def test_a_paused_campaign_goes_on_where_it_stood(api: Api, back: Back) -> None:
    placed = place_campaign(api, make_sms(recipients=make_recipients(*[NUMBER] * 3)))
    advance(api, 11.015)  # two of them have left
    run_control(api, "POST", f"campaigns/sms/{placed['campaign']}/pause")
    keep(api)
    run_control(api, "POST", f"campaigns/sms/{placed['campaign']}/cancel")

    with closing(back(api)) as there:
        advance(there, DAY)
        paused = [each["status"] for each in poll_messages(there, placed)["data"]]
        run_control(there, "POST", f"campaigns/sms/{placed['campaign']}/resume")
        advance(there, 60)

        assert paused == ["sent", "sent", "paused"]
        assert [each["status"] for each in poll_messages(there, placed)["data"]] == [
            "sent"
        ] * 3


@WAYS
def test_calls_that_were_cancelled_later_are_paid_again(api: Api, back: Back) -> None:
    before = api.balance()
    api.post(VOICE, json=make_order(VOICE, scheduledDate="2026-03-05 10:00:00"))
    keep(api)
    cancelled = api.post(f"{VOICE}/481776/cancel")
    refunded = api.balance()

    with closing(back(api)) as there:
        paid = there.balance()
        again = there.post(f"{VOICE}/481776/cancel")

        assert (cancelled.status, again.status) == (200, 200)
        assert (before - refunded, before - paid) == (0, 1)
        assert there.balance() == before
        assert there.post(f"{VOICE}/481776/cancel").status == 422


def test_cancelled_calls_that_are_not_paid_back_stay_paid(make_api: MakeApi) -> None:
    api = make_api(assumptions={"refund_on_cancel": "no"})
    before = api.balance()
    api.post(VOICE, json=make_order(VOICE, scheduledDate="2026-03-05 10:00:00"))
    api.post(f"{VOICE}/481776/cancel")

    assert before - api.balance() == 1
    reasons = [
        each["reason"] for each in run_control(api, "GET", "movements")["movements"]
    ]
    assert reasons == ["voice"]


@WAYS
def test_clicks_and_links_belong_to_the_world_that_shows_them(
    api: Api, back: Back
) -> None:
    placed = place_campaign(api, path=CLIC)
    advance(api, 20)
    keep(api)
    with closing(back(api)) as there:
        text = poll_messages(there, placed)["data"][0]["text"]
        path = f"/s/{text.rpartition('/')[2]}"

        assert there.get(path, token="").status == 302
        assert len(there.world.clicks) == 1
        (link,) = run_control(there, "GET", "links")
        assert [each["message"] for each in link["clicks"]] == [46608336]


def test_a_click_that_was_put_back_is_none(api: Api) -> None:
    placed = place_campaign(api, path=CLIC)
    advance(api, 20)
    keep(api)
    text = poll_messages(api, placed)["data"][0]["text"]
    path = f"/s/{text.rpartition('/')[2]}"
    api.get(path, token="")

    by_checkpoint(api)

    assert api.world.clicks == []
    assert api.get(path, token="").status == 302
    assert len(api.world.clicks) == 1


@WAYS
def test_a_rule_counts_on_from_where_it_stood(api: Api, back: Back) -> None:
    run_control(api, "POST", "faults", json={"effect": {"status": 503}, "nth": 2})
    api.get("/api/v1/user")
    keep(api)
    struck = api.get("/api/v1/user").status

    with closing(back(api)) as there:
        asked = [there.get("/api/v1/user").status for _ in range(2)]

        assert struck == 503
        assert asked == [503, 200]
        run_control(there, "POST", "faults", json={"effect": {"status": 500}})
        assert [each["id"] for each in run_control(there, "GET", "faults")] == [
            "f1",
            "f2",
        ]


@WAYS
def test_a_push_that_is_due_is_due_again(api: Api, back: Back) -> None:
    url = {"push_url": "http://127.0.0.1:9/mo", "push_retries": [60, 600]}
    run_control(api, "PATCH", "account", json=url)
    place_campaign(api)
    advance(api, 11)
    run_control(api, "POST", "inbound", json={"number": NUMBER, "text": "si"})
    advance(api, 0)
    keep(api)
    run_control(api, "POST", "deliveries/1/drop")

    with closing(back(api)) as there:
        (delivery,) = run_control(there, "GET", "deliveries")["deliveries"]
        run = advance(there, DAY)
        (done,) = run_control(there, "GET", "deliveries")["deliveries"]

        assert (delivery["state"], len(delivery["attempts"])) == ("due", 1)
        assert (done["state"], len(done["attempts"])) == ("given_up", 3)
        pushed = [each["at"][11:19] for each in run["events"] if "verdict" in each]
        assert pushed == ["18:01:11", "18:11:11"]


@WAYS
def test_the_clock_goes_on_from_then_at_its_rate(api: Api, back: Back) -> None:
    advance(api, 100)
    keep(api)
    run_control(api, "PUT", "clock", json={"rate": 60})
    advance(api, DAY)

    with closing(back(api)) as there:
        assert run_control(there, "GET", "clock") == {
            "now": "2026-03-02T18:01:40.000000Z",
            "rate": 0,
        }


@WAYS
def test_handsets_and_account_are_what_they_were(api: Api, back: Back) -> None:
    run_control(api, "PUT", f"handsets/{NUMBER}", json={"outcome": "failed"})
    run_control(api, "PATCH", "account", json={"prices": {"hlr": 5}})
    keep(api)
    run_control(api, "PUT", f"handsets/{NUMBER}", json={"outcome": "sent"})
    run_control(api, "PATCH", "account", json={"prices": {"hlr": 7}})

    with closing(back(api)) as there:
        placed = place_campaign(there)
        before = there.balance()
        there.get(f"/api/v3/hlr/{NUMBER}")
        advance(there, 60)

        assert poll_messages(there, placed)["data"][0]["status"] == "failed"
        assert before - there.balance() == 5


# --- Time and tokens ---------------------------------------------------------


def test_a_token_that_expired_is_good_again_in_a_world_put_back(api: Api) -> None:
    made = run_control(api, "POST", "tokens", json={"name": "mine"})["token"]
    keep(api)
    advance(api, 366 * DAY)
    expired = api.get("/api/v1/user", token=made).status

    by_checkpoint(api)

    assert expired == 401
    assert api.get("/api/v1/user", token=made).status == 200


def test_a_token_expires_at_its_very_instant(api: Api) -> None:
    made = run_control(api, "POST", "tokens", json={"name": "mine"})["token"]
    run = advance(api, 365 * DAY - 0.000001)
    before = api.get("/api/v1/user", token=made).status
    last = advance(api, 0.000001)

    assert (before, api.get("/api/v1/user", token=made).status) == (200, 401)
    assert [each["token"] for each in last["events"]] == ["mytoken", "mine"]
    assert "expired" not in [each["event"] for each in run["events"]]


def test_an_expired_token_still_finds_its_world_for_commands(api: Api) -> None:
    run_control(api, "POST", "tokens/demo/expire")

    assert run_control(api, "GET", "world")["name"] == "demo"
    assert api.get("/api/v1/user").status == 401


def test_settling_carries_out_what_a_late_answer_holds(api: Api) -> None:
    late = {"operation": "createCampaign", "effect": {"delay": 60}}
    run_control(api, "POST", "faults", json=late)
    asked = api.start("POST", SMS, json=make_sms())

    run = run_control(api, "POST", "clock/settle", json={})
    answer = api.finish(asked)

    assert answer.status == 200
    assert [each["event"] for each in run["events"]] == [
        "delayed",
        "inserted",
        "completed",
    ]
    assert run["events"][0]["operation"] == "createCampaign"
    assert run_control(api, "GET", "clock/pending")["pending"] == []


def test_a_reset_while_an_answer_is_late_lets_it_come(api: Api) -> None:
    late = {"operation": "getUser", "phase": "after", "effect": {"delay": 60}}
    run_control(api, "POST", "faults", json=late)
    asked = api.start("GET", "/api/v1/user")
    api.get("/api/v3/routes")  # lets it begin

    run_control(api, "POST", "world/reset")
    advance(api, 60)

    assert api.finish(asked).status == 200
    assert api.world.delayed_answers == {}


def test_a_keyword_that_expires_on_the_way_answers_nobody(api: Api) -> None:
    keyword = {
        "keyword": "hoy",
        "response": "abierto",
        "expires": "2026-03-02 12:00:30",
    }
    run_control(api, "POST", "account/keywords", json=keyword)
    place_campaign(api)
    advance(api, 11)

    def wrote() -> Any:
        body = {"number": NUMBER, "text": "hoy"}
        return run_control(api, "POST", "inbound", json=body)["keyword"]

    advance(api, 18.999999)
    before = wrote()
    advance(api, 0.000001)

    assert (before, wrote()) == ("hoy", None)


# --- Channels and schedules --------------------------------------------------


@pytest.mark.parametrize(
    ("path", "date", "event"),
    [
        (SMS, "scheduled_date", "completed"),
        (CLIC, "scheduled_date", "completed"),
        (VOICE, "scheduledDate", "completed"),
        (EMAIL, "scheduledDate", "sent"),
    ],
)
@WAYS
def test_what_is_scheduled_happens_at_its_date_in_every_copy(
    api: Api, path: str, date: str, event: str, back: Back
) -> None:
    body = make_order(path, **{date: "2026-03-02 13:00:00"})
    assert api.post(path, json=body).status == 200
    keep(api)

    with closing(back(api)) as there:
        before = advance(there, 3599)
        run = advance(there, 3601)

        assert event not in [each["event"] for each in before["events"]]
        (done,) = [each for each in run["events"] if each["event"] == event]
        assert done["at"] >= "2026-03-02T19:00:00"
        assert run_control(there, "GET", "clock/pending")["pending"] == []


def test_a_pause_that_begins_before_a_schedule_holds_it(api: Api) -> None:
    placed = place_campaign(api, make_sms(scheduled_date="2026-03-02 13:00:00"))
    number = placed["campaign"]
    run_control(api, "POST", f"campaigns/sms/{number}/pause")
    waiting = advance(api, 2 * 3600)["pending"]
    run_control(api, "POST", f"campaigns/sms/{number}/resume")

    run = advance(api, 2)

    assert waiting[-1] == {
        "at": None,
        "event": "completed",
        "channel": "sms",
        "campaign": number,
        "waits_for": "a resume",
    }
    assert [each["event"] for each in run["events"]][-1] == "resumed"
    assert poll_messages(api, placed)["percentage"] == 100


def test_a_lost_campaign_still_brings_replies(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=make_recipients(REPLYING)))
    run_control(api, "POST", f"campaigns/sms/{placed['campaign']}/mark-unknown")

    advance(api, 60)

    assert replied(api) == [(REPLYING, "Si")]
    assert (
        send_control(api, "POST", f"campaigns/sms/{placed['campaign']}/cancel").status
        == 422
    )


def test_a_cancelled_campaign_brings_replies_to_what_was_sent(api: Api) -> None:
    placed = place_campaign(
        api, make_sms(recipients=make_recipients(REPLYING, REPLYING))
    )
    advance(api, 11.005)  # the first has left
    run_control(api, "POST", f"campaigns/sms/{placed['campaign']}/cancel")

    advance(api, 60)

    assert replied(api) == [(REPLYING, "Si")]


# --- And the disk ------------------------------------------------------------


def test_a_process_that_starts_anew_repeats_no_reply(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        place_campaign(api, make_sms(recipients=make_recipients(DUPLICATED, REPLYING)))
        advance(api, 11 + 11 + 1)

    with keep_worlds(tmp_path) as api:
        advance(api, DAY)
        assert [text for _, text in replied(api)] == ["Si", "Si", "Gracias"]

    with keep_worlds(tmp_path) as api:
        advance(api, DAY)
        assert len(replied(api)) == 3


def test_a_process_that_starts_anew_has_the_token_and_no_checkpoint(
    tmp_path: Path,
) -> None:
    """Checkpoints are in memory, as the contract says."""
    with keep_worlds(tmp_path) as api:
        made = run_control(api, "POST", "tokens", json={"name": "mine"})["token"]
        run_control(api, "POST", f"tokens/{made}/expire")
        keep(api)
        place_campaign(api)
        by_checkpoint(api)

    with keep_worlds(tmp_path) as api:
        assert api.world.campaigns == {}
        assert run_control(api, "GET", "world/checkpoints") == []
        assert api.get("/api/v1/user", token=made).status == 401


def test_a_world_of_a_snapshot_is_reset_to_it(tmp_path: Path) -> None:
    with closing(make_emulator()) as first:
        place_campaign(first)
        document = snapshot(first)

    with keep_worlds(tmp_path) as api:
        order = {"name": "other", "snapshot": document}
        run_control(api, "POST", "worlds", json=order)
        api.token = "world-other"
        place_campaign(api)

    with keep_worlds(tmp_path, token="world-other") as api:
        assert len(api.world.campaigns) == 2
        run_control(api, "POST", "world/reset")
        assert len(api.world.campaigns) == 1
