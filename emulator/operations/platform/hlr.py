"""HLR look-ups: a GET that costs money."""

from emulator.domain import dates, hlr
from emulator.domain.money import to_rounded_amount
from emulator.domain.recipients import format_cellphone
from emulator.operations.call import OperationCall, OperationResult
from emulator.operations.platform.sms import SUCCESS_MESSAGE
from emulator.world import World


def lookup_number(world: World, call: OperationCall) -> OperationResult:
    """Source: assumption LOST-01."""
    account = world.account
    world.require_capacity(1)
    found = hlr.look_up_hlr(
        int(call.params["cellphone"]),
        account,
        lookup=world.next["hlr"],
        now=call.now,
    )
    world.keep_change(found)
    balance = world.charge_credit(
        found.cost, reason="hlr", reference=found.id, now=call.now
    )
    return OperationResult(
        {
            "message": SUCCESS_MESSAGE,
            "hlr": found.id,
            "cellphone": format_cellphone(found.number),
            "status": found.status,
            "network": found.network,
            "original_network": found.original_network,
            "ported": found.is_ported,
            "mcc": hlr.MCC if found.network else None,
            "mnc": found.mnc,
            "country": hlr.HLR_COUNTRY,
            "price": to_rounded_amount(found.cost),
            "balance": to_rounded_amount(balance),
            "token_expires": dates.format_platform_time(
                call.token.expires_at, account.zone
            ),
        }
    )
