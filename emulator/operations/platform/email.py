"""E-mail campaigns."""

from emulator.domain import email
from emulator.operations.call import Call, Reply
from emulator.world import World


def create_email_campaign(world: World, call: Call) -> Reply:
    """Source: manual EML-20."""
    account = world.account
    world.admit(len(call.body["recipients"]))
    number = world.upcoming("email")
    campaign = email.place(call.body, account, number=number, now=call.now)
    call.weigh(email.doubts(campaign, account), account.assumptions)
    world.keep(campaign)
    world.charge(campaign.cost, reason="email", reference=campaign.id, now=call.now)
    return Reply(
        {
            "message": "New Email Campaign created successfully",
            "email_campaign_id": campaign.id,
        }
    )
