"""Voice campaigns: placing, status, cancelling."""

from datetime import datetime

from emulator.domain import dates, voice
from emulator.domain.assumptions import accept_doubts
from emulator.domain.money import to_rounded_amount
from emulator.operations.call import OperationCall, OperationResult, SlicedArray
from emulator.operations.platform.sms import SUCCESS_MESSAGE
from emulator.world import World


def create_voice_campaign(world: World, call: OperationCall) -> OperationResult:
    """Source: manual VOI-13 to VOI-15."""
    account = call.account or world.account
    world.require_capacity(len(call.body["recipients"]))
    ids = voice.VoiceIds(world.next["voice"], world.next["call"])
    campaign = voice.make_voice_campaign(call.body, account, ids=ids, now=call.now)
    doubts = voice.list_voice_doubts(campaign, account)
    call.notes.extend(accept_doubts(doubts, account.assumptions))
    world.keep_change(campaign)
    balance = world.charge_credit(
        campaign.cost, reason="voice", reference=campaign.id, now=call.now
    )
    call.numbers = campaign.recipients.numbers
    return OperationResult(
        {
            "message": SUCCESS_MESSAGE,
            "voice_campaign": campaign.id,
            "name": campaign.name,
            "type": campaign.type,
            "country": voice.VOICE_COUNTRY,
            "scheduled_date": _format_scheduled_date(campaign, world),
            "recipients_count": len(campaign.recipients),
            "status": voice.compute_voice_status(campaign, call.now),
            "balance": to_rounded_amount(balance),
        }
    )


def get_voice_campaign(world: World, call: OperationCall) -> OperationResult:
    """Source: manual VOI-22; a saved audio is assumption LOST-07."""
    campaign = world.get_voice_campaign(call.params["voiceId"])
    head = {
        "message": SUCCESS_MESSAGE,
        "voice_campaign": campaign.id,
        "name": campaign.name,
        "type": campaign.type,
        "country": voice.VOICE_COUNTRY,
        "text": campaign.template.text if campaign.template else None,
        "audio": campaign.audio,
        "scheduled_date": _format_scheduled_date(campaign, world),
        "recipients_count": len(campaign.recipients),
        "recipients_processed": voice.count_finished_calls(campaign, call.now),
        "remittent": campaign.remittent,
        "transfer_num": campaign.transfer_num,
        "transfer_key": campaign.transfer_key,
        "status": voice.compute_voice_status(campaign, call.now),
    }
    rows = voice.render_call_rows(campaign, now=call.now, zone=world.account.zone)
    whole = campaign.line.messages <= voice.CALL_ROWS_PER_SLICE
    return OperationResult(head, SlicedArray("voice_messages", rows, whole))


def cancel_voice_campaign(world: World, call: OperationCall) -> OperationResult:
    """Source: manual VOI-31 to VOI-33; the refund is assumption VOI-35."""
    campaign = cancel_and_refund(world, call.params["voiceId"], call.now)
    return OperationResult(
        {
            "message": SUCCESS_MESSAGE,
            "voice_campaign": campaign.id,
            "name": campaign.name,
            "status": voice.compute_voice_status(campaign, call.now),
            "scheduled_date": _format_scheduled_date(campaign, world),
        }
    )


def cancel_and_refund(world: World, number: int, now: datetime) -> voice.VoiceCampaign:
    """Cancel a voice campaign, pay back what it cost, and return it."""
    campaign = voice.cancel_queued_calls(world.get_voice_campaign(number), now)
    world.keep_change(campaign)
    refund = voice.compute_refund(campaign, world.account)
    world.charge_credit(-refund, reason="refund", reference=campaign.id, now=now)
    return campaign


def _format_scheduled_date(campaign: voice.VoiceCampaign, world: World) -> str:
    instant = campaign.scheduled_at or campaign.created_at
    return dates.format_platform_time(instant, world.account.zone)
