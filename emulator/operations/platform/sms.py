"""SMS campaigns: sending and delivery status."""

from emulator.domain import dates, dlr, sms
from emulator.domain.account import Link
from emulator.domain.money import shown
from emulator.domain.refusals import NO_SUCH_CAMPAIGN, Refusal
from emulator.operations.call import Call, Listing, Reply
from emulator.world import World

DONE = "Completado Correctamente"  # source: manual GEN-07


def create_campaign(world: World, call: Call) -> Reply:
    """Source: manual SMS-40 to SMS-43."""
    campaign, balance = place(world, call, reason="sms")
    zone = world.account.zone
    scheduled_at = campaign.scheduled_at
    return Reply(
        {
            "message": DONE,
            "campaign": campaign.id,
            "campaign_name": campaign.name,
            "route": campaign.route.name,
            "country": campaign.country,
            "scheduled_date": dates.shown(scheduled_at, zone) if scheduled_at else None,
            "recipients_count": campaign.line.messages,
            "encode": campaign.flags.encode,
            "long_message": campaign.flags.long_message,
            "balance": shown(balance),
            "token_expires": dates.shown(call.token.expires_at, zone),
        }
    )


def get_campaign_messages(world: World, call: Call) -> Reply:
    """Source: manual DLR-01 to DLR-23; assumption DLR-06 where there are no rows."""
    campaign = world.campaign(call.params["campaignId"])
    account, now = world.account, call.now
    status = dlr.status(campaign, now)
    informed = status not in dlr.UNINFORMED
    if not informed and account.assumptions["no_information"] == "not_found":
        raise Refusal(NO_SUCH_CAMPAIGN, "the campaign gives no information yet")
    rows = dlr.rows(campaign, now=now, zone=account.zone) if informed else iter(())
    started_at = campaign.scheduled_at or campaign.created_at
    head = {
        "message": DONE,
        "campaign": campaign.id,
        "name": campaign.name,
        "campaign_status": status,
        "scheduled_date": dates.shown(started_at, account.zone),
        "recipients_count": campaign.line.messages,
        "percentage": dlr.progress(campaign, now),
        "balance": shown(world.balance),
    }
    whole = campaign.line.messages <= dlr.SLICE
    return Reply(head, Listing("data", rows, whole))


def place(
    world: World, call: Call, *, reason: str, link: Link | None = None
) -> tuple[sms.Campaign, int]:
    """Place and charge what *call* orders; return the campaign and the new balance."""
    account, body = call.account or world.account, call.body
    world.admit(len(body["recipients"]))
    ids = sms.Ids(world.upcoming("campaign"), world.upcoming("message"))
    campaign = sms.place(
        body, account, ids=ids, now=call.now, world=world.name, link=link
    )
    call.weigh(sms.doubts(body, campaign, account), account.assumptions)
    world.keep(campaign)
    balance = world.charge(
        campaign.cost, reason=reason, reference=campaign.id, now=call.now
    )
    call.numbers, call.placed = campaign.recipients.numbers, campaign.id
    return campaign, balance
