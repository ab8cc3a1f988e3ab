"""SMS campaigns: sending and delivery status."""

from emulator.domain import dates, dlr, sms
from emulator.domain.account import Link, MovementReason
from emulator.domain.assumptions import accept_doubts
from emulator.domain.money import to_rounded_amount
from emulator.domain.platform_refusals import NO_SUCH_CAMPAIGN
from emulator.domain.refusals import Refusal
from emulator.operations.call import OperationCall, OperationResult, SlicedArray
from emulator.world import World

SUCCESS_MESSAGE = "Completado Correctamente"  # source: manual GEN-07


def create_campaign(world: World, call: OperationCall) -> OperationResult:
    """Source: manual SMS-40 to SMS-43."""
    campaign, balance = place_sms_campaign(world, call, reason="sms")
    zone = world.account.zone
    scheduled_at = campaign.scheduled_at
    return OperationResult(
        {
            "message": SUCCESS_MESSAGE,
            "campaign": campaign.id,
            "campaign_name": campaign.name,
            "route": campaign.route.name,
            "country": campaign.country,
            "scheduled_date": dates.format_platform_time(scheduled_at, zone)
            if scheduled_at
            else None,
            "recipients_count": campaign.line.messages,
            "encode": campaign.flags.encode,
            "long_message": campaign.flags.long_message,
            "balance": to_rounded_amount(balance),
            "token_expires": dates.format_platform_time(call.token.expires_at, zone),
        }
    )


def get_campaign_messages(world: World, call: OperationCall) -> OperationResult:
    """Source: manual DLR-01 to DLR-23; assumption DLR-06 where there are no rows."""
    campaign = world.get_campaign(call.params["campaignId"])
    account, now = world.account, call.now
    status = dlr.compute_sms_status(campaign, now)
    informed = status not in dlr.STATUSES_WITHOUT_ROWS
    if not informed and account.assumptions.chosen["no_information"] == "not_found":
        raise Refusal(NO_SUCH_CAMPAIGN, "the campaign gives no information yet")
    rows = (
        dlr.render_dlr_rows(campaign, now=now, zone=account.zone)
        if informed
        else iter(())
    )
    started_at = campaign.scheduled_at or campaign.created_at
    head = {
        "message": SUCCESS_MESSAGE,
        "campaign": campaign.id,
        "name": campaign.name,
        "campaign_status": status,
        "scheduled_date": dates.format_platform_time(started_at, account.zone),
        "recipients_count": campaign.line.messages,
        "percentage": dlr.compute_progress(campaign, now),
        "balance": to_rounded_amount(world.balance),
    }
    whole = campaign.line.messages <= dlr.DLR_ROWS_PER_SLICE
    return OperationResult(head, SlicedArray("data", rows, whole))


def place_sms_campaign(
    world: World,
    call: OperationCall,
    *,
    reason: MovementReason,
    link: Link | None = None,
) -> tuple[sms.SmsCampaign, int]:
    """Place and charge the campaign of *call*; return it and the new balance."""
    account, body = call.account or world.account, call.body
    world.require_capacity(len(body["recipients"]))
    ids = sms.SmsIds(world.next["campaign"], world.next["message"])
    campaign = sms.make_sms_campaign(
        body, account, ids=ids, now=call.now, world=world.name, link=link
    )
    doubts = sms.list_sms_doubts(body, campaign, account)
    call.notes.extend(accept_doubts(doubts, account.assumptions))
    world.keep_change(campaign)
    balance = world.charge_credit(
        campaign.cost, reason=reason, reference=campaign.id, now=call.now
    )
    call.numbers, call.campaign_id = campaign.recipients.numbers, campaign.id
    return campaign, balance
