"""Delivery: where a campaign and its messages stand, as time goes by."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain import dates, dlr, sms
from emulator.domain.account import Account
from emulator.domain.platform_refusals import (
    NOT_CANCELLABLE,
    NOT_PAUSABLE,
    NOT_RESUMABLE,
)
from emulator.domain.refusals import Refusal, RefusalReason
from emulator.domain.sms import SmsCampaign
from emulator.domain.timeline import compute_percentage
from tests.support.emulator import START, Api, MakeApi, make_emulator, set_examples
from tests.support.orders import (
    CLIC,
    SMS,
    change_campaign,
    make_crowd,
    make_recipients,
    make_sms,
    place_campaign,
    poll_messages,
    read_column,
    read_texts,
)

SENT, FAILED, RETRIED, ABSENT = (
    "9990000000",
    "9990001000",
    "9990002000",
    "9990003000",
)
THREE = [
    {"cellphone": "4498987281"},
    {"cellphone": "4498987282"},
    {"cellphone": "4498987283"},
]
Change = Callable[[SmsCampaign, datetime], SmsCampaign]


def stand(api: Api, placed: dict[str, Any]) -> tuple[str, int]:
    """Return status and percentage of a campaign."""
    polled = poll_messages(api, placed)
    return polled["campaign_status"], polled["percentage"]


# --- With time ---------------------------------------------------------------


@pytest.mark.manual("DLR-01", "DLR-05", "DLR-08", "DLR-13", "DLR-21", "SMS-01")
def test_polling_walks_through_inserting_0_1_to_99_and_100(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))

    walk = {}
    for milliseconds in (0, 999, 1_000, 10_999, 11_000, 11_009, 11_010, 11_020, 10**9):
        now = START + timedelta(milliseconds=milliseconds)
        api.world.clock.advance(now - api.clock.now)
        walk[milliseconds] = stand(api, placed)

    assert walk == {
        0: ("inserting", 0),
        999: ("inserting", 0),
        1_000: ("inserted", 0),
        10_999: ("inserted", 0),
        11_000: ("inserted", 33),
        11_009: ("inserted", 33),
        11_010: ("inserted", 66),
        11_020: ("inserted", 100),
        10**9: ("inserted", 100),
    }


@pytest.mark.manual("DLR-01", "DLR-03", "DLR-12", "DLR-13", "DLR-18", "GEN-07")
def test_a_finished_campaign_is_shown_like_the_manuals(make_api: MakeApi) -> None:
    account = {
        "user": "a@example.org",
        "name": "A",
        "surname": "B",
        "time_zone": "America/Mexico_City",
        "credit": 470536.043,
    }
    api = make_api(clock="2020-05-25T18:22:38Z", account=account)
    name, text = " my first campaign", "hi mi name is Alex"
    placed = place_campaign(
        api, make_sms(text=text, campaign_name=name, recipients=THREE)
    )

    api.clock.advance(minutes=1)
    polled = poll_messages(api, placed)

    assert list(polled.items()) == [
        ("message", "Completado Correctamente"),
        ("campaign", 8528238),
        ("name", name),
        ("campaign_status", "inserted"),
        ("scheduled_date", "2020-05-25 13:22:38"),
        ("recipients_count", 3),
        ("percentage", 100),
        ("balance", 470533.043),
        ("data", polled["data"]),
    ]
    assert [list(row.items()) for row in polled["data"]] == [
        [
            ("id", 46608336 + index),
            ("cellphone", f"449898728{1 + index}"),
            ("status", "sent"),
            ("sent_date", "2020-05-25 13:22:49"),
            ("text", text),
        ]
        for index in range(3)
    ]


@pytest.mark.manual("DLR-02", "DLR-17")
def test_query_parameters_are_ignored(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))
    api.clock.advance(seconds=12)
    path = f"{SMS}/{placed['campaign']}/messages"

    answer = api.get(f"{path}?id=46608337&page=2&per_page=1&percentage=7")

    assert answer.octets == api.get(path).octets
    assert len(answer.body["data"]) == 3


@pytest.mark.manual("DLR-04", "SMS-03")
def test_a_row_shows_the_merged_text(api: Api) -> None:
    order = make_sms(
        text="<+B+>: <+C+>", recipients=make_crowd(2, name="N{}", field1="f{}")
    )

    assert read_texts(api, order) == ["N0: f0", "N1: f1"]


@pytest.mark.manual("DLR-06", "LOST-09")
def test_a_campaign_that_is_inserting_shows_no_rows(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))

    polled = poll_messages(api, placed)

    assert polled["campaign_status"] == "inserting"
    assert (polled["recipients_count"], polled["data"]) == (3, [])


@pytest.mark.manual("DLR-06", "LOST-09")
def test_a_campaign_that_is_inserting_may_not_be_found(make_api: MakeApi) -> None:
    api = make_api(assumptions={"no_information": "not_found"})
    placed = place_campaign(api)
    path = f"{SMS}/{placed['campaign']}/messages"

    early = api.get(path)
    api.clock.advance(seconds=1)
    late = api.get(path)

    assert (early.status, late.status) == (404, 200)


@pytest.mark.manual("DLR-08")
@pytest.mark.parametrize(
    ("count", "final", "shown"),
    [
        (1, 1, 100),
        (2, 1, 50),
        (3, 2, 66),
        (101, 100, 99),
        (1_000, 1, 1),
        (1_000, 19, 1),
        (1_000, 20, 2),
        (1_000, 999, 99),
        (1_000, 1_000, 100),
    ],
)
def test_percentage_is_the_share_of_final_messages(
    api: Api, count: int, final: int, shown: int
) -> None:
    placed = place_campaign(api, make_sms(recipients=make_crowd(count)))

    api.clock.advance(seconds=11, milliseconds=10 * (final - 1))
    polled = poll_messages(api, placed)

    assert polled["percentage"] == shown
    assert [row["status"] for row in polled["data"]].count("sent") == final


@pytest.mark.manual("DLR-09", "DLR-11", "DLR-19")
@pytest.mark.parametrize(
    ("cellphone", "walk"),
    [
        (SENT, ["in progress", "sent", "sent", "sent"]),
        (FAILED, ["in progress", "failed", "failed", "failed"]),
        (RETRIED, ["in progress", "retried", "sent", "sent"]),
        (ABSENT, ["in progress", "retried", "retried", "failed"]),
    ],
)
def test_a_message_ends_sent_or_failed(
    api: Api, cellphone: str, walk: list[str]
) -> None:
    placed = place_campaign(api, make_sms(recipients=make_recipients(cellphone)))

    seen = []
    for step in ({"seconds": 10}, {"seconds": 1}, {"minutes": 1}, {"hours": 24}):
        api.clock.advance(**step)
        seen += read_column(api, placed, "status")

    assert seen == walk


@pytest.mark.manual("DLR-08", "DLR-11")
def test_a_retried_message_is_not_final_yet(api: Api) -> None:
    placed = place_campaign(
        api, make_sms(recipients=make_recipients(SENT, FAILED, RETRIED, ABSENT))
    )

    shown = []
    for step in ({"seconds": 12}, {"minutes": 1}, {"hours": 23}, {"hours": 1}):
        api.clock.advance(**step)
        shown.append(stand(api, placed)[1])

    assert shown == [50, 75, 75, 100]


@pytest.mark.manual("DLR-11", "DLR-21")
def test_what_is_final_stays_as_it_is(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=make_recipients(SENT, FAILED)))
    api.clock.advance(seconds=12)
    once = poll_messages(api, placed)

    api.clock.advance(days=300)

    assert poll_messages(api, placed) == once


@pytest.mark.manual("DLR-12")
def test_scheduled_date_is_the_creation_or_the_date_that_was_ordered(api: Api) -> None:
    at_once = place_campaign(api)
    later = place_campaign(api, make_sms(scheduled_date="2026-03-04 09:00:00"))

    assert at_once["scheduled_date"] is None
    assert poll_messages(api, at_once)["scheduled_date"] == "2026-03-02 12:00:00"
    assert poll_messages(api, later)["scheduled_date"] == "2026-03-04 09:00:00"


@pytest.mark.manual("DLR-14", "DLR-23")
def test_a_message_without_its_turn_is_in_progress_and_has_no_date(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))

    api.clock.advance(seconds=11)

    assert read_column(api, placed, "status") == ["sent", "in progress", "in progress"]
    assert read_column(api, placed, "sent_date") == ["2026-03-02 12:00:11", None, None]


@pytest.mark.manual("DLR-13")
def test_messages_are_sent_one_hundred_a_second(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=make_crowd(250)))

    api.clock.advance(minutes=1)

    assert read_column(api, placed, "sent_date") == (
        ["2026-03-02 12:00:11"] * 100
        + ["2026-03-02 12:00:12"] * 100
        + ["2026-03-02 12:00:13"] * 50
    )


@pytest.mark.manual("DLR-13")
def test_a_world_may_have_a_pace_of_its_own(make_api: MakeApi) -> None:
    api = make_api(pace={"inserting": 5, "sms_after": 20, "sms_every": 60})
    placed = place_campaign(api, make_sms(recipients=THREE))

    seen = []
    for seconds in (4, 1, 15, 60, 59, 1):
        api.clock.advance(seconds=seconds)
        seen.append(stand(api, placed))

    assert [status for status, _ in seen] == ["inserting"] + ["inserted"] * 5
    assert [percent for _, percent in seen] == [0, 0, 33, 66, 66, 100]


@pytest.mark.manual("DLR-13", "DLR-21")
def test_an_instant_pace_is_final_at_placing(make_api: MakeApi) -> None:
    api = make_api(pace="instant")

    placed = place_campaign(api, make_sms(recipients=make_crowd(5_000)))

    assert stand(api, placed) == ("inserted", 100)
    assert set(read_column(api, placed, "sent_date")) == {"2026-03-02 12:00:00"}


@pytest.mark.manual("DLR-15")
@pytest.mark.parametrize(
    "number",
    ["8528239", "1", "0", "-1", "abc", "8528238x", "8528238.0", "1e3", "%20", "9" * 30],
)
def test_an_id_of_nothing_is_not_found(api: Api, number: str) -> None:
    place_campaign(api)  # 8528238

    answer = api.get(f"{SMS}/{number}/messages")

    assert answer.status == 404
    assert answer.body["error"]["status_code"] == 404


@pytest.mark.manual("DLR-15", "AUT-08")
def test_another_accounts_campaign_is_not_found(api: Api) -> None:
    placed = place_campaign(api)
    path = f"{SMS}/{placed['campaign']}/messages"

    assert api.get(path, token="world-b").status == 404
    assert api.get(path).status == 200


@pytest.mark.manual("DLR-16")
def test_an_sms_clic_campaign_is_read_at_the_same_place(api: Api) -> None:
    plain, clic, last = (
        place_campaign(api),
        place_campaign(api, path=CLIC),
        place_campaign(api),
    )
    api.clock.advance(seconds=11)

    assert [each["campaign"] for each in (plain, clic, last)] == [
        8528238,
        8528239,
        8528240,
    ]
    assert read_column(api, clic, "id") == [46608337]
    assert read_column(api, clic, "status") == ["sent"]


@pytest.mark.manual("DLR-17", "DLR-18", "SMS-09")
@pytest.mark.parametrize("fields", [{}, {"name": "N{}", "field1": "f{}"}])
def test_50000_rows_come_in_one_answer(api: Api, fields: dict[str, str]) -> None:
    text = "hola <+B+>, <+C+>" if fields else "hola"
    placed = place_campaign(
        api, make_sms(text=text, recipients=make_crowd(50_000, **fields))
    )
    api.clock.advance(seconds=11, milliseconds=10 * 29_999)

    rows = poll_messages(api, placed)["data"]

    assert [row["id"] for row in rows] == list(range(46608336, 46608336 + 50_000))
    assert [row["cellphone"] for row in rows] == [f"55{i:08d}" for i in range(50_000)]
    assert [row["status"] for row in rows] == ["sent"] * 30_000 + (
        ["in progress"] * 20_000
    )
    assert rows[29_999]["sent_date"] == "2026-03-02 12:05:10"
    assert rows[30_000]["sent_date"] is None
    assert [row["text"] for row in rows] == (
        [f"hola N{i}, f{i}" for i in range(50_000)] if fields else ["hola"] * 50_000
    )


@pytest.mark.manual("DLR-18")
def test_message_ids_go_on_from_campaign_to_campaign(api: Api) -> None:
    first, second = place_campaign(api, make_sms(recipients=THREE)), place_campaign(api)
    api.clock.advance(seconds=1)

    assert read_column(api, first, "id") == [46608336, 46608337, 46608338]
    assert read_column(api, second, "id") == [46608339]


@pytest.mark.manual("DLR-20", "DLR-22")
def test_a_failed_message_is_not_paid_back(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=make_recipients(FAILED, FAILED)))

    api.clock.advance(days=2)

    assert poll_messages(api, placed)["balance"] == placed["balance"] == 468060.11
    assert len(api.world.movements) == 1


@pytest.mark.manual("DLR-22")
def test_the_balance_is_that_of_reading(api: Api) -> None:
    first = place_campaign(api)
    place_campaign(api, make_sms(recipients=THREE))

    assert first["balance"] == 468061.11
    assert poll_messages(api, first)["balance"] == api.balance() == 468058.11


@pytest.mark.manual("DLR-01")
def test_reading_changes_nothing(api: Api) -> None:
    placed = place_campaign(
        api, make_sms(recipients=make_recipients(SENT, FAILED, RETRIED, ABSENT))
    )
    api.clock.advance(seconds=11, milliseconds=20)

    once = poll_messages(api, placed)

    assert [poll_messages(api, placed) for _ in range(3)] == [once] * 3


# --- With somebody's hand ----------------------------------------------------


@pytest.mark.manual("DLR-05", "DLR-07", "DLR-09")
def test_a_paused_campaign_holds_back_what_is_left(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))
    api.clock.advance(seconds=11)

    change_campaign(api, placed, dlr.pause_sending)
    api.clock.advance(days=1)

    assert stand(api, placed) == ("paused", 33)
    assert read_column(api, placed, "status") == ["sent", "paused", "paused"]
    assert read_column(api, placed, "id") == [46608336, 46608337, 46608338]


@pytest.mark.manual("DLR-05", "DLR-09")
def test_a_resumed_campaign_goes_on_where_it_stood(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))
    api.clock.advance(seconds=11, milliseconds=5)
    change_campaign(api, placed, dlr.pause_sending)
    api.clock.advance(hours=1)

    change_campaign(api, placed, dlr.resume_sending)
    seen = [stand(api, placed)]
    for milliseconds in (4, 1, 10, 985):
        api.clock.advance(milliseconds=milliseconds)
        seen.append(stand(api, placed))

    assert seen == [
        ("updating", 33),
        ("updating", 33),
        ("updating", 66),
        ("updating", 100),
        ("inserted", 100),
    ]
    assert read_column(api, placed, "sent_date") == [
        "2026-03-02 12:00:11",
        "2026-03-02 13:00:11",
        "2026-03-02 13:00:11",
    ]


@pytest.mark.manual("DLR-13", "DLR-14")
def test_a_pause_within_a_second_moves_some_messages_to_the_next(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=make_crowd(100)))
    api.clock.advance(seconds=11, milliseconds=305)
    change_campaign(api, placed, dlr.pause_sending)
    api.clock.advance(milliseconds=500)

    change_campaign(api, placed, dlr.resume_sending)
    api.clock.advance(minutes=1)

    assert read_column(api, placed, "sent_date") == (
        ["2026-03-02 12:00:11"] * 50 + ["2026-03-02 12:00:12"] * 50
    )


@pytest.mark.manual("DLR-05", "DLR-09")
def test_a_campaign_paused_before_its_first_message_sends_none(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))
    api.clock.advance(seconds=5)

    change_campaign(api, placed, dlr.pause_sending)
    api.clock.advance(hours=1)

    assert stand(api, placed) == ("paused", 0)
    assert read_column(api, placed, "status") == ["paused"] * 3


@pytest.mark.manual("DLR-05", "DLR-09", "DLR-10")
def test_a_campaign_paused_before_its_first_message_can_be_cancelled(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))
    api.clock.advance(seconds=5)
    change_campaign(api, placed, dlr.pause_sending)
    api.clock.advance(hours=1)

    change_campaign(api, placed, dlr.cancel_sending)
    api.clock.advance(hours=1)

    assert stand(api, placed) == ("canceled", 100)
    assert read_column(api, placed, "status") == ["cancelled"] * 3


@pytest.mark.manual("DLR-05", "DLR-07", "DLR-09", "DLR-10")
def test_a_cancelled_campaign_gives_up_what_is_left(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))
    api.clock.advance(seconds=11)

    change_campaign(api, placed, dlr.cancel_sending)
    api.clock.advance(days=1)

    assert stand(api, placed) == ("canceled", 100)
    assert read_column(api, placed, "status") == ["sent", "cancelled", "cancelled"]
    assert read_column(api, placed, "sent_date") == ["2026-03-02 12:00:11", None, None]


@pytest.mark.manual("DLR-09", "DLR-11")
def test_a_message_under_way_ends_although_its_campaign_is_cancelled(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=make_recipients(RETRIED, SENT)))
    api.clock.advance(seconds=11)

    change_campaign(api, placed, dlr.cancel_sending)
    api.clock.advance(seconds=59)
    before = stand(api, placed), read_column(api, placed, "status")
    api.clock.advance(seconds=1)
    after = stand(api, placed), read_column(api, placed, "status")

    assert before == (("canceled", 50), ["retried", "cancelled"])
    assert after == (("canceled", 100), ["sent", "cancelled"])


@pytest.mark.manual("DLR-09", "DLR-11")
def test_a_message_under_way_ends_although_its_campaign_is_paused(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=make_recipients(RETRIED, SENT)))
    api.clock.advance(seconds=11)

    change_campaign(api, placed, dlr.pause_sending)
    api.clock.advance(minutes=1)

    assert read_column(api, placed, "status") == ["sent", "paused"]


@pytest.mark.manual("DLR-20", "DLR-22")
def test_a_cancelled_sms_campaign_is_not_paid_back(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))

    change_campaign(api, placed, dlr.cancel_sending)

    assert poll_messages(api, placed)["balance"] == placed["balance"]


@pytest.mark.manual("DLR-05")
@pytest.mark.parametrize(
    ("change", "word", "settled"),
    [
        (dlr.pause_sending, "updating", "paused"),
        (dlr.cancel_sending, "updating", "canceled"),
        (dlr.set_unknown_status, "unknown", "unknown"),
    ],
)
def test_an_intervention_is_carried_out_for_one_second(
    api: Api, change: Change, word: str, settled: str
) -> None:
    placed = place_campaign(api)
    api.clock.advance(seconds=5)

    change_campaign(api, placed, change)
    seen = []
    for milliseconds in (0, 999, 1):
        api.clock.advance(milliseconds=milliseconds)
        seen.append(stand(api, placed)[0])

    assert seen == [word, word, settled]


@pytest.mark.manual("DLR-05", "DLR-06")
def test_a_campaign_that_is_paused_while_inserting_is_inserted_first(api: Api) -> None:
    placed = place_campaign(api)
    api.clock.advance(milliseconds=500)

    change_campaign(api, placed, dlr.pause_sending)
    seen = []
    for milliseconds in (499, 1, 500):
        api.clock.advance(milliseconds=milliseconds)
        seen.append(stand(api, placed)[0])

    assert seen == ["inserting", "updating", "paused"]


@pytest.mark.manual("DLR-07")
@pytest.mark.parametrize("change", [dlr.pause_sending, dlr.cancel_sending])
def test_rows_can_be_had_while_a_campaign_is_updating(api: Api, change: Change) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))
    api.clock.advance(seconds=5)

    change_campaign(api, placed, change)

    assert stand(api, placed)[0] == "updating"
    assert read_column(api, placed, "id") == [46608336, 46608337, 46608338]


@pytest.mark.manual("DLR-05", "DLR-06", "LOST-09")
def test_a_lost_campaign_is_unknown_and_shows_no_rows(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))
    api.clock.advance(seconds=20)

    change_campaign(api, placed, dlr.set_unknown_status)
    polled = poll_messages(api, placed)

    assert polled["campaign_status"] == "unknown"
    assert (polled["recipients_count"], polled["data"]) == (3, [])


@pytest.mark.manual("DLR-06", "LOST-09")
def test_a_lost_campaign_may_not_be_found(make_api: MakeApi) -> None:
    api = make_api(assumptions={"no_information": "not_found"})
    placed = place_campaign(api)
    api.clock.advance(seconds=20)

    change_campaign(api, placed, dlr.set_unknown_status)

    assert api.get(f"{SMS}/{placed['campaign']}/messages").status == 404


@pytest.mark.manual("DLR-05", "DLR-23", "SMS-36")
def test_a_scheduled_campaign_can_be_cancelled_before_its_date(api: Api) -> None:
    placed = place_campaign(
        api, make_sms(recipients=THREE, scheduled_date="2026-03-03 09:00:00")
    )
    api.clock.advance(hours=1)

    change_campaign(api, placed, dlr.cancel_sending)
    api.clock.advance(days=2)

    assert stand(api, placed) == ("canceled", 100)
    assert read_column(api, placed, "status") == ["cancelled"] * 3


@pytest.mark.manual("DLR-05", "SMS-36")
def test_a_scheduled_campaign_paused_and_resumed_before_its_date_keeps_it(
    api: Api,
) -> None:
    placed = place_campaign(api, make_sms(scheduled_date="2026-03-03 09:00:00"))
    change_campaign(api, placed, dlr.pause_sending)
    api.clock.advance(hours=1)

    change_campaign(api, placed, dlr.resume_sending)
    api.clock.advance(days=2)

    assert read_column(api, placed, "sent_date") == ["2026-03-03 09:00:00"]


@pytest.mark.manual("DLR-05", "SMS-36")
def test_a_scheduled_campaign_resumed_after_its_date_is_sent_then(api: Api) -> None:
    placed = place_campaign(api, make_sms(scheduled_date="2026-03-03 09:00:00"))
    change_campaign(api, placed, dlr.pause_sending)
    api.clock.advance(hours=22)  # it is 10:00

    change_campaign(api, placed, dlr.resume_sending)

    assert read_column(api, placed, "sent_date") == ["2026-03-03 10:00:00"]


NOTHING: list[Change] = []
REFUSED: list[tuple[list[Change], Change, RefusalReason]] = [
    ([dlr.pause_sending], dlr.pause_sending, NOT_PAUSABLE),
    ([dlr.cancel_sending], dlr.pause_sending, NOT_PAUSABLE),
    ([dlr.set_unknown_status], dlr.pause_sending, NOT_PAUSABLE),
    ([dlr.cancel_sending], dlr.cancel_sending, NOT_CANCELLABLE),
    ([dlr.pause_sending, dlr.cancel_sending], dlr.cancel_sending, NOT_CANCELLABLE),
    ([dlr.set_unknown_status], dlr.cancel_sending, NOT_CANCELLABLE),
    (NOTHING, dlr.resume_sending, NOT_RESUMABLE),
    ([dlr.pause_sending, dlr.resume_sending], dlr.resume_sending, NOT_RESUMABLE),
    ([dlr.pause_sending, dlr.cancel_sending], dlr.resume_sending, NOT_RESUMABLE),
    ([dlr.set_unknown_status], dlr.resume_sending, NOT_RESUMABLE),
]


@pytest.mark.manual("DLR-05")
@pytest.mark.parametrize(("before", "change", "reason"), REFUSED)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    api: Api, before: list[Change], change: Change, reason: RefusalReason
) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))
    for each in before:
        api.clock.advance(seconds=2)
        change_campaign(api, placed, each)
    api.clock.advance(seconds=2)
    as_it_was = poll_messages(api, placed)

    with pytest.raises(Refusal) as refused:
        change_campaign(api, placed, change)

    assert refused.value.reason == reason
    assert poll_messages(api, placed) == as_it_was


@pytest.mark.manual("DLR-05", "DLR-11")
@pytest.mark.parametrize(
    ("change", "reason"),
    [(dlr.pause_sending, NOT_PAUSABLE), (dlr.cancel_sending, NOT_CANCELLABLE)],
)
def test_a_cancelled_campaign_with_a_message_under_way_is_left_alone(
    api: Api, change: Change, reason: RefusalReason
) -> None:
    placed = place_campaign(api, make_sms(recipients=make_recipients(RETRIED, SENT)))
    api.clock.advance(seconds=11)
    change_campaign(api, placed, dlr.cancel_sending)
    api.clock.advance(seconds=1)

    with pytest.raises(Refusal) as refused:
        change_campaign(api, placed, change)

    assert refused.value.reason == reason
    assert stand(api, placed) == ("canceled", 50)


@pytest.mark.manual("DLR-05")
@pytest.mark.parametrize(
    ("change", "reason"),
    [(dlr.pause_sending, NOT_PAUSABLE), (dlr.cancel_sending, NOT_CANCELLABLE)],
)
def test_a_complete_campaign_is_left_alone(
    api: Api, change: Change, reason: RefusalReason
) -> None:
    placed = place_campaign(api, make_sms(recipients=THREE))
    api.clock.advance(seconds=12)

    with pytest.raises(Refusal) as refused:
        change_campaign(api, placed, change)

    assert refused.value.reason == reason
    assert stand(api, placed) == ("inserted", 100)


@pytest.mark.manual("DLR-13", "GEN-10", "SMS-36")
@pytest.mark.parametrize(
    ("night", "held_for", "sent_date"),
    [
        ("2026-03-08", timedelta(hours=2), "2026-03-08 04:30:00"),  # no 2 o'clock
        ("2026-11-01", timedelta(hours=2), "2026-11-01 02:30:00"),  # 1 o'clock twice
    ],
)
def test_a_pause_across_a_change_of_clocks_is_as_long_as_it_was(
    make_api: MakeApi, night: str, held_for: timedelta, sent_date: str
) -> None:
    account = {
        "user": "a@example.org",
        "name": "A",
        "surname": "B",
        "time_zone": "America/New_York",
        "credit": 10,
    }
    api = make_api(account=account)
    order = make_sms(
        recipients=make_recipients(SENT, RETRIED), scheduled_date=f"{night} 01:30:00"
    )
    placed = place_campaign(api, order)
    starts_at = api.world.get_campaign(placed["campaign"]).line.starts_at
    api.world.clock.advance(starts_at - api.clock.now)
    change_campaign(api, placed, dlr.pause_sending)
    api.world.clock.advance(held_for)

    change_campaign(api, placed, dlr.resume_sending)
    api.clock.advance(milliseconds=10)

    assert read_column(api, placed, "status") == ["sent", "retried"]
    assert read_column(api, placed, "sent_date") == [f"{night} 01:30:00", sent_date]


# --- Always ------------------------------------------------------------------

# What is done to a campaign, and how many milliseconds after the step before.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                dlr.pause_sending,
                dlr.resume_sending,
                dlr.cancel_sending,
                dlr.set_unknown_status,
            ]
        ),
        st.integers(0, 9_000),
    ),
    max_size=6,
)
CELLPHONES = st.lists(
    st.integers(0, 9).map(lambda outcome: 9990000000 + outcome * 1000),
    min_size=1,
    max_size=40,
)
# Most while messages are sent, some a minute or a day later.
MOMENTS = st.lists(
    st.one_of(st.integers(0, 40_000), st.integers(0, 200_000), st.just(10**8)),
    min_size=1,
    max_size=8,
).map(sorted)
FINAL = {"sent", "failed", "cancelled"}
ALWAYS = set_examples(60)


@cache
def account() -> Account:
    """Return an account whose campaigns take their time: three messages a second."""
    with closing(make_emulator(pace={"sms_every": 0.3})) as api:
        return api.account


def lived(cellphones: list[int], steps: list[tuple[Change, int]]) -> SmsCampaign:
    """Return a campaign to *cellphones*, with those of *steps* that it allows."""
    order, ids = make_sms(recipients=make_recipients(*cellphones)), sms.SmsIds(1, 1)
    campaign = sms.make_sms_campaign(
        order, account(), ids=ids, now=START, world="properties"
    )
    now = START
    for change, milliseconds in steps:
        now += timedelta(milliseconds=milliseconds)
        try:
            campaign = change(campaign, now)
        except Refusal:
            continue
    return campaign


def known(campaign: SmsCampaign, moments: list[int]) -> list[datetime]:
    """Return the instants at which something can be got of *campaign*."""
    instants = [START + timedelta(milliseconds=each) for each in moments]
    return [
        now for now in instants if dlr.compute_sms_status(campaign, now) != "unknown"
    ]


@pytest.mark.manual("DLR-08", "DLR-11")
@ALWAYS
@given(CELLPHONES, STEPS, MOMENTS)
def test_what_is_final_is_counted(
    cellphones: list[int], steps: list[tuple[Change, int]], moments: list[int]
) -> None:
    campaign = lived(cellphones, steps)

    for now in known(campaign, moments):
        rows = [
            row
            for each in dlr.render_dlr_rows(campaign, now=now, zone=UTC)
            for row in each
        ]
        final = sum(row["status"] in FINAL for row in rows)

        assert dlr.count_final(campaign, now) == final
        assert dlr.compute_progress(campaign, now) == compute_percentage(
            final, len(cellphones)
        )


@pytest.mark.manual("DLR-01", "DLR-14")
@ALWAYS
@given(CELLPHONES, STEPS, MOMENTS)
def test_a_row_and_its_message_say_the_same(
    cellphones: list[int], steps: list[tuple[Change, int]], moments: list[int]
) -> None:
    campaign = lived(cellphones, steps)

    for now in known(campaign, moments):
        rows = [
            row
            for each in dlr.render_dlr_rows(campaign, now=now, zone=UTC)
            for row in each
        ]
        for index, row in enumerate(rows):
            message = dlr.get_sms_message(campaign, index, now)
            sent_at = message.sent_at
            assert row == {
                "id": message.id,
                "cellphone": f"{message.number:010d}",
                "status": message.status,
                "sent_date": dates.format_platform_time(sent_at, UTC)
                if sent_at
                else None,
                "text": message.text,
            }
            assert sent_at is None or sent_at <= now


@pytest.mark.manual("DLR-09", "DLR-11")
@ALWAYS
@given(CELLPHONES, STEPS, MOMENTS)
def test_a_message_never_goes_back(
    cellphones: list[int], steps: list[tuple[Change, int]], moments: list[int]
) -> None:
    campaign = lived(cellphones, steps)
    instants = known(campaign, moments)

    for index in range(len(cellphones)):
        seen = [dlr.get_sms_message(campaign, index, now) for now in instants]
        for before, after in pairwise(seen):
            if before.sent_at:
                assert after.sent_at == before.sent_at
            if before.status in FINAL:
                assert after.status == before.status
            if before.status == "retried":
                assert after.status in {"retried", "sent", "failed"}


@pytest.mark.manual("DLR-08")
@ALWAYS
@given(CELLPHONES, STEPS, MOMENTS)
def test_a_percentage_never_goes_back(
    cellphones: list[int], steps: list[tuple[Change, int]], moments: list[int]
) -> None:
    campaign = lived(cellphones, steps)

    shown = [dlr.compute_progress(campaign, now) for now in known(campaign, moments)]

    assert shown == sorted(shown)


@pytest.mark.manual("DLR-18", "DLR-01")
@ALWAYS
@given(CELLPHONES, STEPS, MOMENTS, STEPS)
def test_what_is_done_later_does_not_change_what_was(
    cellphones: list[int],
    steps: list[tuple[Change, int]],
    moments: list[int],
    more: list[tuple[Change, int]],
) -> None:
    campaign = lived(cellphones, steps)
    done_at = START + timedelta(milliseconds=sum(each for _, each in steps))
    later = lived(cellphones, [*steps, *more])

    for now in known(campaign, moments):
        if now < done_at:
            for index in range(len(cellphones)):
                assert dlr.get_sms_message(campaign, index, now) == (
                    dlr.get_sms_message(later, index, now)
                )
            assert dlr.compute_sms_status(campaign, now) == dlr.compute_sms_status(
                later, now
            )
