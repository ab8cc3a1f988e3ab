"""SMS CLIC: SMS campaigns with one short link per recipient."""

from emulator.domain import dates, sms
from emulator.domain.money import shown
from emulator.operations.call import Call, Reply
from emulator.operations.platform.sms import DONE, place
from emulator.world import Click, World


def create_sms_clic_campaign(world: World, call: Call) -> Reply:
    """Source: manual CLC-10 to CLC-14; its dates are assumption CLC-12."""
    link = sms.link_of(call.body, world.account)
    campaign, balance = place(world, call, reason="smsclic", link=link)
    zone = world.account.zone
    full = world.account.assumptions["clic_dates"] == "full"
    date = dates.shown if full else dates.day
    return Reply(
        {
            "message": DONE,
            "campaign": campaign.id,
            "campaign_name": campaign.name,
            "route": campaign.route.clic_name or campaign.route.name,
            "country": campaign.country,
            "scheduled_date": date(campaign.scheduled_at or call.now, zone),
            "recipients_count": campaign.line.messages,
            "encode": campaign.flags.encode,
            "long_message": campaign.flags.long_message,
            "balance": shown(balance),
            "token_expires": date(call.token.expires_at, zone),
        }
    )


def target(world: World, message: int) -> str | None:
    """Return where *message*'s link leads, if it has one."""
    campaign = world.campaign_of(message)
    return campaign.link.url if campaign and campaign.link else None


def follow(world: World, message: int) -> None:
    """Record a click on *message*'s link.  Source: assumption CLC-16."""
    world.keep(Click(world.clock.now(), message))
