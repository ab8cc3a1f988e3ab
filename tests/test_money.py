"""Money is exact, charged on acceptance, refused whole, and every movement is kept."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain import money
from emulator.domain.platform_refusals import SERVICE_INACTIVE
from emulator.domain.refusals import Refusal
from emulator.operations import PLATFORM_OPERATIONS
from emulator.operations.call import OperationCall, OperationFunction, OperationResult
from emulator.world import FIRST_IDS, World
from tests.support.emulator import Answer, Api, MakeApi, read_demo_world

NUMBER = "4498987282"
PEOPLE = [{"cellphone": NUMBER}] * 3

SMS = ("POST", "/api/v3/campaign")
CLIC = ("POST", "/api/v3/smsclic/campaign")
VOICE = ("POST", "/api/v3/voice")
EMAIL = ("POST", "/api/v1/email")
HLR = ("GET", f"/api/v3/hlr/{NUMBER}")

# What each chargeable operation is sent here, and what that costs at PRICES.
PRICES = {"voice": 0.7, "email": 0.05, "hlr": 2}
BODIES: Mapping[tuple[str, str], Any] = {
    SMS: {"text": "hola", "recipients": PEOPLE, "route": 85},
    CLIC: {
        "text": "ver <+DYNAMICSHORTURL_IVX4+>",
        "recipients": PEOPLE,
        "route": 85,
        "url": 4,
    },
    VOICE: {
        "type": 1,
        "audio": 31,
        "campaign_name": "hola",
        "recipients": PEOPLE,
        "remittent": "5570055780",
    },
    EMAIL: {
        "subject": "hola",
        "body": "hola",
        "recipients": [{"email": "jack@example.org"}] * 3,
    },
    HLR: None,
}
COSTS = {SMS: 0.9, CLIC: 0.9, VOICE: 2.1, EMAIL: 0.15, HLR: 2}
KINDS = {SMS: "campaign", CLIC: "campaign", VOICE: "voice", EMAIL: "email", HLR: "hlr"}
CHARGEABLE = pytest.mark.parametrize("request_line", list(COSTS), ids=" ".join)


def charged(api: Api, request_line: tuple[str, str]) -> Answer:
    method, path = request_line
    return api.send(method, path, json=BODIES[request_line])


def with_credit(make_api: MakeApi, credit: float, **changes: Any) -> Api:
    """Return a world whose account has *credit* and knows PRICES."""
    account = {**read_demo_world()["account"], "credit": credit}
    return make_api(**{"account": account, "prices": PRICES, **changes})


def state(world: World) -> dict[str, Any]:
    """Return everything that an order could change."""
    return {
        "balance": world.balance,
        "movements": list(world.movements),
        "campaigns": dict(world.campaigns),
        "voice": dict(world.voice_campaigns),
        "emails": dict(world.email_campaigns),
        "lookups": list(world.lookups),
        "responses": list(world.responses),
        "ids": {kind: world.next[kind] for kind in FIRST_IDS},
    }


# --- Charged on acceptance ---------------------------------------------------


@CHARGEABLE
@pytest.mark.manual("SMS-43", "CLC-14", "VOI-15", "EML-22", "HLR-05", "USR-04")
def test_what_is_accepted_is_charged_at_once(
    make_api: MakeApi, request_line: tuple[str, str]
) -> None:
    api = with_credit(make_api, 10)

    answer = charged(api, request_line)

    assert answer.status == 200
    assert answer.body.get("balance", api.balance()) == api.balance()
    assert api.balance() == 10 - COSTS[request_line]


@CHARGEABLE
@pytest.mark.manual("SMS-43")
def test_a_charge_is_one_movement(
    make_api: MakeApi, request_line: tuple[str, str]
) -> None:
    api = with_credit(make_api, 10)
    reference = api.world.next[KINDS[request_line]]

    charged(api, request_line)

    (movement,) = api.world.movements
    assert movement.amount == -money.parse_amount(COSTS[request_line])
    assert movement.reference == reference
    assert movement.at == api.clock.now
    assert (
        movement.reason
        == {
            SMS: "sms",
            CLIC: "smsclic",
            VOICE: "voice",
            EMAIL: "email",
            HLR: "hlr",
        }[request_line]
    )


@CHARGEABLE
@pytest.mark.manual("SMS-12", "SMS-43", "SMS-49")
def test_an_unchanged_request_makes_a_second_one(
    make_api: MakeApi, request_line: tuple[str, str]
) -> None:
    api = with_credit(make_api, 10)

    first, second = (charged(api, request_line) for _ in range(2))

    ids = [
        next(
            answer.body[name]
            for name in ("campaign", "voice_campaign", "email_campaign_id", "hlr")
            if name in answer.body
        )
        for answer in (first, second)
    ]
    assert ids[1] == ids[0] + 1
    assert api.balance() == pytest.approx(10 - 2 * COSTS[request_line])
    assert len(api.world.movements) == 2


@pytest.mark.manual("SMS-44")
@pytest.mark.parametrize(
    ("flag", "characters", "parts"),
    [
        ({}, 160, 1),
        ({"long_message": True}, 160, 1),
        ({"long_message": True}, 161, 2),
        ({"long_message": True}, 306, 2),
        ({"encode": True}, 70, 1),
        ({"encode_2": True}, 70, 1),
        ({"encode_2": True}, 71, 2),
        ({"encode_3": True}, 128, 2),
        ({"encode_3": True}, 129, 3),
    ],
)
def test_each_part_of_a_text_costs_what_a_message_costs(
    make_api: MakeApi, flag: dict[str, bool], characters: int, parts: int
) -> None:
    per_part = with_credit(make_api, 10)
    per_recipient = with_credit(make_api, 10, assumptions={"charge": "per_recipient"})
    order = {**BODIES[SMS], **flag, "text": "x" * characters}

    for api in (per_part, per_recipient):
        assert api.post(SMS[1], json=order).status == 200

    assert per_part.balance() == pytest.approx(10 - 0.9 * parts)
    assert per_recipient.balance() == 9.1


@pytest.mark.manual("DLR-20")
def test_a_message_that_failed_is_not_paid_back(api: Api) -> None:
    order = {**BODIES[SMS], "recipients": [{"cellphone": "9990001000"}] * 2}
    placed = api.post(SMS[1], json=order).body
    api.clock.advance(minutes=1)

    shown = api.get(f"{SMS[1]}/{placed['campaign']}/messages").body

    assert {row["status"] for row in shown["data"]} == {"failed"}
    assert shown["balance"] == api.balance() == 468061.51


@pytest.mark.manual("DLR-22", "USR-04")
def test_a_campaign_shows_the_balance_of_now(api: Api) -> None:
    placed = charged(api, SMS).body
    charged(api, HLR)
    api.clock.advance(seconds=1)

    shown = api.get(f"{SMS[1]}/{placed['campaign']}/messages").body

    assert placed["balance"] == 468061.21
    assert shown["balance"] == api.balance() == 468060.21


# --- Exact -------------------------------------------------------------------


@pytest.mark.manual("SMS-43", "SMS-46")
def test_a_credit_can_be_spent_to_the_last_thousandth(make_api: MakeApi) -> None:
    # Binary fractions would find 0.3 - 0.2 too small for 0.1.
    api = with_credit(make_api, 0.3)
    one = [{"cellphone": NUMBER}]

    balances = [
        api.post(SMS[1], json={"text": "hola", "recipients": one, "route": route}).body[
            "balance"
        ]
        for route in (178, 170)
    ]

    assert balances == [0.1, 0]
    assert api.world.balance == 0


@pytest.mark.manual("SMS-43", "SMS-46")
def test_many_small_charges_add_up_exactly(make_api: MakeApi) -> None:
    api = with_credit(make_api, 100)
    order = {"text": "hola", "recipients": [{"cellphone": NUMBER}], "route": 170}

    for _ in range(333):
        api.post(SMS[1], json=order)

    assert api.balance() == 66.7
    assert api.world.balance == 66_700_000


@pytest.mark.manual("SMS-46", "CAT-04")
def test_a_price_may_be_finer_than_what_is_shown(make_api: MakeApi) -> None:
    route = {"route": 7, "name": "Fina", "country": 1, "price": 0.000001}
    api = with_credit(make_api, 1, routes=[{**route, "description": "74342"}])
    order = {"text": "hola", "recipients": PEOPLE, "route": 7}

    shown = [api.post(SMS[1], json=order).body["balance"] for _ in range(334)]

    assert shown[0] == 1
    assert shown[-1] == 0.999
    assert api.world.balance == 1_000_000 - 3 * 334


@pytest.mark.manual("SMS-46")
@pytest.mark.parametrize(
    ("millionths", "shown"),
    [
        (0, "0"),
        (1_000_000, "1"),
        (468_062_110_000, "468062.11"),
        (470_533_043_000, "470533.043"),
        (100_000, "0.1"),
        (-1_500_000, "-1.5"),
        (999_999_999_999_999_000, "999999999999.999"),
    ],
)
def test_an_amount_is_shown_with_up_to_three_decimals(
    millionths: int, shown: str
) -> None:
    assert str(money.to_rounded_amount(millionths)) == shown


@pytest.mark.manual("SMS-46")
@given(st.integers(-(10**15), 10**15))
def test_what_is_shown_is_the_nearest_thousandth(thousandths: int) -> None:
    shown = money.to_rounded_amount(thousandths * money.ROUNDING_UNIT)

    assert Decimal(str(shown)) * 1000 == thousandths


@pytest.mark.manual("SMS-46")
@given(st.decimals(-(10**9), 10**9, places=6))
def test_an_amount_of_a_world_file_is_read_exactly(amount: Decimal) -> None:
    assert Decimal(money.parse_amount(str(amount))) == amount * money.MILLIONTHS


@pytest.mark.manual("SMS-46")
def test_an_amount_finer_than_a_millionth_is_refused() -> None:
    with pytest.raises(ValueError, match="more than six decimals"):
        money.parse_amount("0.0000001")


# --- Never below zero, refused whole -----------------------------------------


@CHARGEABLE
@pytest.mark.manual("SMS-45", "ERR-12")
@pytest.mark.parametrize("strict", [False, True])
def test_what_the_balance_cannot_pay_is_refused_whole(
    make_api: MakeApi, request_line: tuple[str, str], *, strict: bool
) -> None:
    short = COSTS[request_line] - 0.001
    api = with_credit(make_api, short, strict=strict)
    before = state(api.world)

    answer = charged(api, request_line)

    assert answer.status == 422
    assert answer.information == "Saldo insuficiente"
    assert state(api.world) == before
    assert api.balance() == pytest.approx(short)


@CHARGEABLE
@pytest.mark.manual("SMS-45")
def test_a_balance_that_just_suffices_is_spent(
    make_api: MakeApi, request_line: tuple[str, str]
) -> None:
    api = with_credit(make_api, COSTS[request_line])

    answers = [charged(api, request_line) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 422]
    assert api.balance() == 0


@CHARGEABLE
@pytest.mark.manual("SMS-45")
def test_an_overdraft_lets_the_balance_go_below_zero(
    make_api: MakeApi, request_line: tuple[str, str]
) -> None:
    api = with_credit(make_api, 0, assumptions={"credit": "overdraft"})

    answer = charged(api, request_line)

    assert answer.status == 200
    assert api.balance() == -COSTS[request_line]


@pytest.mark.manual("SMS-45")
def test_a_refused_campaign_leaves_no_gap_and_no_trace(make_api: MakeApi) -> None:
    api = with_credit(make_api, 1)
    dear = {**BODIES[SMS], "recipients": PEOPLE * 2}

    refused = api.post(SMS[1], json=dear)
    placed = charged(api, SMS)

    assert refused.status == 422
    assert placed.body["campaign"] == FIRST_IDS["campaign"]
    assert api.get(f"{SMS[1]}/{FIRST_IDS['campaign'] + 1}/messages").status == 404
    assert api.balance() == 0.1


@pytest.mark.manual("SMS-45", "EML-22")
def test_what_costs_nothing_can_be_had_with_nothing(make_api: MakeApi) -> None:
    api = with_credit(make_api, -5)
    free = with_credit(make_api, -5, prices={"email": 0})

    assert charged(api, HLR).status == 422
    assert charged(free, EMAIL).status == 200
    assert free.balance() == -5


@pytest.mark.manual("SMS-45", "VOI-35")
def test_a_refund_can_be_spent_again(make_api: MakeApi) -> None:
    api = with_credit(make_api, 2.1)
    placed = charged(api, VOICE).body
    broke = charged(api, HLR)
    api.post(f"{VOICE[1]}/{placed['voice_campaign']}/cancel")

    answer = charged(api, HLR)

    assert broke.status == 422
    assert answer.body["balance"] == 0.1


@pytest.mark.manual("SMS-45", "ERR-12")
def test_a_world_may_choose_another_code_for_too_little_credit(
    make_api: MakeApi,
) -> None:
    refusals = {"INSUFFICIENT_BALANCE": {"status": 400, "es": "Sin saldo"}}
    api = with_credit(make_api, 0, refusals=refusals)
    before = state(api.world)

    answer = charged(api, SMS)

    assert answer.status == 400
    assert answer.body == {"error": {"information": "Sin saldo", "status_code": 400}}
    assert state(api.world) == before


# --- Every movement is kept --------------------------------------------------


@pytest.mark.manual("SMS-43", "USR-04", "VOI-35")
def test_the_balance_is_the_opening_credit_and_all_movements(
    make_api: MakeApi,
) -> None:
    api = with_credit(make_api, 12.345)
    for request_line in COSTS:
        charged(api, request_line)
        api.clock.advance(seconds=1)
    api.post(f"{VOICE[1]}/{FIRST_IDS['voice']}/cancel")

    movements = api.world.movements

    assert [each.amount for each in movements] == [
        -900_000,
        -900_000,
        -2_100_000,
        -150_000,
        -2_000_000,
        2_100_000,
    ]
    assert [each.at for each in movements] == sorted(each.at for each in movements)
    assert api.world.balance == 12_345_000 + sum(each.amount for each in movements)
    assert api.balance() == 8.395


@pytest.mark.manual("AUT-08", "USR-04")
def test_every_account_has_a_purse_of_its_own(api: Api) -> None:
    api.send(*SMS, json=BODIES[SMS], token="world-another")

    assert api.balance() == 468062.11
    other = api.get("/api/v1/user", token="world-another")
    assert other.body["data"]["credit"] == 468061.21


# --- Whole or not at all -----------------------------------------------------


Breaking = Callable[[OperationFunction], OperationFunction]

OPERATION_IDS = {
    SMS: "createCampaign",
    CLIC: "createSmsClicCampaign",
    VOICE: "createVoiceCampaign",
    EMAIL: "createEmailCampaign",
    HLR: "lookupNumber",
}


def stumbling(function: OperationFunction) -> OperationFunction:
    """Return *function*, failing when all is kept and nothing is answered yet."""

    def stumbled(world: World, call: OperationCall) -> OperationResult:
        function(world, call)
        message = "on purpose"
        raise ZeroDivisionError(message)

    return stumbled


def mumbling(function: OperationFunction) -> OperationFunction:
    """Return *function* with an answer that the contract does not describe."""

    def mumbled(world: World, call: OperationCall) -> OperationResult:
        return OperationResult({**function(world, call).body, "message": 7})

    return mumbled


def refusing(function: OperationFunction) -> OperationFunction:
    """Return *function*, declining when all is kept."""

    def refused(world: World, call: OperationCall) -> OperationResult:
        function(world, call)
        raise Refusal(SERVICE_INACTIVE, "on purpose", service="x")

    return refused


@CHARGEABLE
@pytest.mark.manual("SMS-45")
@pytest.mark.parametrize(
    ("breaking", "status"), [(stumbling, 500), (mumbling, 500), (refusing, 422)]
)
def test_an_operation_that_fails_in_the_middle_has_done_nothing(
    make_api: MakeApi,
    monkeypatch: pytest.MonkeyPatch,
    request_line: tuple[str, str],
    breaking: Breaking,
    status: int,
) -> None:
    operation = OPERATION_IDS[request_line]
    with monkeypatch.context() as patched:
        patched.setitem(
            PLATFORM_OPERATIONS, operation, breaking(PLATFORM_OPERATIONS[operation])
        )
        api = with_credit(make_api, 10)
        before = state(api.world)

        answer = charged(api, request_line)

        assert answer.status == status
        assert state(api.world) == before
        assert api.balance() == 10


@pytest.mark.manual("SMS-45", "SMS-49")
def test_after_a_failure_the_next_order_is_charged_alone(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        PLATFORM_OPERATIONS,
        "createCampaign",
        stumbling(PLATFORM_OPERATIONS["createCampaign"]),
    )
    api = with_credit(make_api, 10)
    failed = charged(api, SMS)

    placed = charged(api, CLIC)

    assert failed.status == 500
    assert placed.body["campaign"] == FIRST_IDS["campaign"]
    assert placed.body["balance"] == 9.1
    assert list(api.world.campaigns) == [FIRST_IDS["campaign"]]
    assert len(api.world.movements) == 1


@pytest.mark.manual("VOI-31", "VOI-35")
@pytest.mark.parametrize("breaking", [stumbling, mumbling, refusing])
def test_a_cancellation_that_fails_in_the_middle_pays_nothing_back(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch, breaking: Breaking
) -> None:
    cancel = PLATFORM_OPERATIONS["cancelVoiceCampaign"]
    monkeypatch.setitem(PLATFORM_OPERATIONS, "cancelVoiceCampaign", breaking(cancel))
    api = with_credit(make_api, 10)
    path = f"{VOICE[1]}/{charged(api, VOICE).body['voice_campaign']}"
    before, shown = state(api.world), api.get(path).octets

    answer = api.post(f"{path}/cancel")

    assert answer.status in {422, 500}
    assert state(api.world) == before
    assert api.get(path).octets == shown


@pytest.mark.manual("ERR-06", "ERR-10", "LOST-08")
def test_a_failure_of_ours_is_a_500_that_tells_nothing_of_it(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        PLATFORM_OPERATIONS, "getUser", stumbling(PLATFORM_OPERATIONS["getUser"])
    )
    api = make_api()

    answer = api.get("/api/v1/user")

    assert answer.status == 500
    assert answer.body["error"]["status_code"] == 500
    assert b"ZeroDivision" not in answer.octets
    assert b"on purpose" not in answer.octets
