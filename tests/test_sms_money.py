"""What SMS campaigns cost."""

from typing import Any

import pytest

from emulator.domain import money
from tests.support.emulator import Api, MakeApi
from tests.support.orders import (
    SMS,
    assert_nothing_happened,
    assert_refused,
    make_crowd,
    make_sms,
    place_campaign,
)


@pytest.mark.manual("SMS-43", "USR-04")
@pytest.mark.parametrize(
    ("route", "count", "balance"),
    [
        (87, 1, 468061.11),
        (170, 1, 468062.01),
        (85, 2, 468061.51),
        (129, 3, 468061.42),
        (170, 50_000, 463062.11),
    ],
)
def test_price_times_recipients_is_charged_on_acceptance(
    api: Api, route: int, count: int, balance: float
) -> None:
    placed = place_campaign(api, make_sms(route=route, recipients=make_crowd(count)))

    assert placed["balance"] == balance
    assert api.balance() == balance


@pytest.mark.manual("SMS-43")
def test_every_charge_is_in_the_accounts_ledger(api: Api) -> None:
    first, second = (
        place_campaign(api, make_sms(recipients=make_crowd(3))),
        place_campaign(api, make_sms(route=170)),
    )

    world = api.world
    assert [(each.amount, each.reason, each.reference) for each in world.movements] == [
        (-3_000_000, "sms", first["campaign"]),
        (-100_000, "sms", second["campaign"]),
    ]
    assert world.balance == world.account.credit + sum(
        each.amount for each in world.movements
    )


@pytest.mark.manual("SMS-43", "SMS-49")
def test_the_same_request_again_is_a_second_campaign(api: Api) -> None:
    order = make_sms(recipients=make_crowd(3))

    first, second = place_campaign(api, order), place_campaign(api, order)

    assert second["campaign"] == first["campaign"] + 1
    assert second["balance"] == 468056.11


@pytest.mark.manual("SMS-44")
@pytest.mark.parametrize(
    ("flags", "characters", "parts"),
    [
        ({}, 160, 1),
        ({"long_message": True}, 160, 1),
        ({"long_message": True}, 161, 2),
        ({"long_message": True}, 306, 2),
        ({"encode": True}, 70, 1),
        ({"encode_2": True}, 70, 1),
        ({"encode_2": True}, 71, 2),
        ({"encode_2": True}, 128, 2),
        ({"encode_3": True}, 70, 1),
        ({"encode_3": True}, 71, 2),
        ({"encode_3": True}, 128, 2),
        ({"encode_3": True}, 129, 3),
        ({"encode_3": True}, 192, 3),
    ],
)
def test_each_part_of_a_text_is_charged(
    make_api: MakeApi, flags: dict[str, Any], characters: int, parts: int
) -> None:
    order = make_sms(text="x" * characters, recipients=make_crowd(2), **flags)
    once = make_api(assumptions={"charge": "per_recipient"})
    each = make_api()

    assert each.post(SMS, json=order).body["balance"] == round(468062.11 - 2 * parts, 2)
    assert once.post(SMS, json=order).body["balance"] == 468060.11


def with_credit(credit: float) -> dict[str, Any]:
    """Return the account of a world file, with *credit*."""
    return {
        "user": "a@example.org",
        "name": "A",
        "surname": "B",
        "time_zone": "America/Mexico_City",
        "credit": credit,
    }


@pytest.mark.manual("SMS-45", "ERR-12")
def test_a_campaign_that_costs_too_much_is_refused_whole(make_api: MakeApi) -> None:
    api = make_api(account=with_credit(2.999))

    answer = api.post(SMS, json=make_sms(recipients=make_crowd(3)))

    assert_refused(answer, "Saldo insuficiente")
    assert_nothing_happened(api)
    assert api.get(f"{SMS}/8528238/messages").status == 404


@pytest.mark.manual("SMS-45")
def test_a_campaign_may_cost_all_there_is(make_api: MakeApi) -> None:
    api = make_api(account=with_credit(3))

    assert place_campaign(api, make_sms(recipients=make_crowd(3)))["balance"] == 0
    assert_refused(api.post(SMS, json=make_sms()), "Saldo insuficiente")


@pytest.mark.manual("SMS-45", "SMS-49")
def test_a_refused_campaign_takes_no_id(make_api: MakeApi) -> None:
    api = make_api(account=with_credit(3))

    refused = api.post(SMS, json=make_sms(recipients=make_crowd(4)))
    placed = place_campaign(api, make_sms(recipients=make_crowd(2)))

    assert refused.status == 422
    assert placed["campaign"] == 8528238
    assert (placed["recipients_count"], placed["balance"]) == (2, 1)


@pytest.mark.manual("SMS-45")
def test_an_overdraft_may_be_allowed(make_api: MakeApi) -> None:
    api = make_api(account=with_credit(1), assumptions={"credit": "overdraft"})

    assert place_campaign(api, make_sms(recipients=make_crowd(3)))["balance"] == -2
    assert api.balance() == -2


@pytest.mark.manual("SMS-46")
@pytest.mark.parametrize(
    ("credit", "price", "balance"),
    [
        (470542.043, 1, 470539.043),  # the manual's example
        (1, 0.0001, 1),  # to three decimals
        (1, 0.0005, 0.998),
        (0.3, 0.1, 0),  # exact, as no float is
        (1, 0.001, 0.997),
        (1, 0, 1),
    ],
)
def test_a_balance_is_exact_and_shown_to_three_decimals(
    make_api: MakeApi, credit: float, price: float, balance: float
) -> None:
    route = {"route": 1, "name": "R", "country": 1, "price": price, "description": ""}
    api = make_api(account=with_credit(credit), routes=[route])

    placed = place_campaign(api, make_sms(route=1, recipients=make_crowd(3)))

    assert placed["balance"] == balance
    assert api.world.balance == money.parse_amount(credit) - 3 * money.parse_amount(
        price
    )
