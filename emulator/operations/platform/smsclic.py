"""SMS CLIC: SMS campaigns with one short link per recipient."""

from emulator.domain import dates, sms
from emulator.domain.money import to_rounded_amount
from emulator.operations.call import OperationCall, OperationResult
from emulator.operations.platform.sms import SUCCESS_MESSAGE, place_sms_campaign
from emulator.world import Click, World


def create_sms_clic_campaign(world: World, call: OperationCall) -> OperationResult:
    """Source: manual CLC-10 to CLC-14; its dates are assumption CLC-12."""
    link = sms.require_link(call.body, world.account)
    campaign, balance = place_sms_campaign(world, call, reason="smsclic", link=link)
    zone = world.account.zone
    full = world.account.assumptions.chosen["clic_dates"] == "full"
    date = dates.format_platform_time if full else dates.format_platform_day
    return OperationResult(
        {
            "message": SUCCESS_MESSAGE,
            "campaign": campaign.id,
            "campaign_name": campaign.name,
            "route": campaign.route.clic_name or campaign.route.name,
            "country": campaign.country,
            "scheduled_date": date(campaign.scheduled_at or call.now, zone),
            "recipients_count": campaign.line.messages,
            "encode": campaign.flags.encode,
            "long_message": campaign.flags.long_message,
            "balance": to_rounded_amount(balance),
            "token_expires": date(call.token.expires_at, zone),
        }
    )


def find_link_target(world: World, message: int) -> str | None:
    """Return the target of *message*'s short link, if it has one."""
    campaign = world.find_campaign_of(message)
    return campaign.link.url if campaign and campaign.link else None


def keep_click(world: World, message: int) -> None:
    """Record a click on *message*'s link, where there is room for another.

    Source: assumption CLC-16.
    """
    if not world.has_record_room():
        world.shared.counters.unrecorded["click"] += 1
        return
    world.keep_change(Click(world.clock.now(), message))
