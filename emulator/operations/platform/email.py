"""E-mail campaigns."""

from emulator.domain import email
from emulator.domain.assumptions import accept_doubts
from emulator.operations.call import OperationCall, OperationResult
from emulator.world import World


def create_email_campaign(world: World, call: OperationCall) -> OperationResult:
    """Source: manual EML-20."""
    account = world.account
    world.require_capacity(len(call.body["recipients"]))
    number = world.next["email"]
    campaign = email.make_email_campaign(
        call.body, account, number=number, now=call.now
    )
    doubts = email.list_email_doubts(campaign, account)
    call.notes.extend(accept_doubts(doubts, account.assumptions))
    world.keep_change(campaign)
    world.charge_credit(
        campaign.cost, reason="email", reference=campaign.id, now=call.now
    )
    return OperationResult(
        {
            "message": "New Email Campaign created successfully",
            "email_campaign_id": campaign.id,
        }
    )
