"""HLR look-ups: a GET that costs money."""

from emulator.domain import dates, hlr
from emulator.domain.money import shown
from emulator.domain.recipients import cellphone
from emulator.operations.call import Call, Reply
from emulator.operations.platform.sms import DONE
from emulator.world import World


def lookup_number(world: World, call: Call) -> Reply:
    """Source: assumption LOST-01."""
    account = world.account
    world.admit(1)
    found = hlr.look_up(
        int(call.params["cellphone"]),
        account,
        lookup=world.upcoming("hlr"),
        now=call.now,
    )
    world.keep(found)
    balance = world.charge(found.cost, reason="hlr", reference=found.id, now=call.now)
    return Reply(
        {
            "message": DONE,
            "hlr": found.id,
            "cellphone": cellphone(found.number),
            "status": found.status,
            "network": found.network,
            "original_network": found.original_network,
            "ported": found.ported,
            "mcc": hlr.MCC if found.network else None,
            "mnc": found.mnc,
            "country": hlr.COUNTRY,
            "price": shown(found.cost),
            "balance": shown(balance),
            "token_expires": dates.shown(call.token.expires_at, account.zone),
        }
    )
