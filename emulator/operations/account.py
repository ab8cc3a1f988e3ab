"""The money of an account: what is left, where it went, and more of it."""

from emulator.domain import dates, money
from emulator.domain.refusals import TOO_FINE, Refusal
from emulator.operations.call import Call, Reply
from emulator.world import World


def list_movements(world: World, _call: Call) -> Reply:
    """List the history of the balance: opening credit + all amounts = balance."""
    movements = [
        {
            "at": dates.stamp(each.at),
            "amount": money.shown(each.amount),
            "reason": each.reason,
            "reference": each.reference,
        }
        for each in world.movements
    ]
    return Reply(
        {
            "opening": money.shown(world.opening),
            "balance": money.shown(world.balance),
            "movements": movements,
        }
    )


def top_up(world: World, call: Call) -> Reply:
    """Buy credit; a negative amount takes some away."""
    try:
        amount = money.parse(call.body["amount"])
    except ValueError as error:
        raise Refusal(TOO_FINE, str(error)) from error
    balance = world.charge(-amount, reason="topup", reference=0, now=call.now)
    return Reply({"balance": money.shown(balance)})
