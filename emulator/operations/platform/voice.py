"""Voice campaigns: placing, status, cancelling."""

from datetime import datetime

from emulator.domain import dates, voice
from emulator.domain.money import shown
from emulator.operations.call import Call, Listing, Reply
from emulator.operations.platform.sms import DONE
from emulator.world import World


def create_voice_campaign(world: World, call: Call) -> Reply:
    """Source: manual VOI-13 to VOI-15."""
    account = call.account or world.account
    world.admit(len(call.body["recipients"]))
    ids = voice.Ids(world.upcoming("voice"), world.upcoming("call"))
    campaign = voice.place(call.body, account, ids=ids, now=call.now)
    call.weigh(voice.doubts(campaign, account), account.assumptions)
    world.keep(campaign)
    balance = world.charge(
        campaign.cost, reason="voice", reference=campaign.id, now=call.now
    )
    call.numbers = campaign.recipients.numbers
    return Reply(
        {
            "message": DONE,
            "voice_campaign": campaign.id,
            "name": campaign.name,
            "type": campaign.type,
            "country": voice.COUNTRY,
            "scheduled_date": _scheduled(campaign, world),
            "recipients_count": len(campaign.recipients),
            "status": voice.status(campaign, call.now),
            "balance": shown(balance),
        }
    )


def get_voice_campaign(world: World, call: Call) -> Reply:
    """Source: manual VOI-22; a saved audio is assumption LOST-07."""
    campaign = world.voice_campaign(call.params["voiceId"])
    head = {
        "message": DONE,
        "voice_campaign": campaign.id,
        "name": campaign.name,
        "type": campaign.type,
        "country": voice.COUNTRY,
        "text": campaign.template.text if campaign.template else None,
        "audio": campaign.audio,
        "scheduled_date": _scheduled(campaign, world),
        "recipients_count": len(campaign.recipients),
        "recipients_processed": voice.processed(campaign, call.now),
        "remittent": campaign.remittent,
        "transfer_num": campaign.transfer_num,
        "transfer_key": campaign.transfer_key,
        "status": voice.status(campaign, call.now),
    }
    rows = voice.rows(campaign, now=call.now, zone=world.account.zone)
    whole = campaign.line.messages <= voice.SLICE
    return Reply(head, Listing("voice_messages", rows, whole))


def cancel_voice_campaign(world: World, call: Call) -> Reply:
    """Source: manual VOI-31 to VOI-33; the refund is assumption VOI-35."""
    campaign = cancelled(world, call.params["voiceId"], call.now)
    return Reply(
        {
            "message": DONE,
            "voice_campaign": campaign.id,
            "name": campaign.name,
            "status": voice.status(campaign, call.now),
            "scheduled_date": _scheduled(campaign, world),
        }
    )


def cancelled(world: World, number: int, now: datetime) -> voice.VoiceCampaign:
    """Cancel a voice campaign, pay back what it cost, and return it."""
    campaign = voice.cancel(world.voice_campaign(number), now)
    world.keep(campaign)
    refund = voice.refund(campaign, world.account)
    world.charge(-refund, reason="refund", reference=campaign.id, now=now)
    return campaign


def _scheduled(campaign: voice.VoiceCampaign, world: World) -> str:
    instant = campaign.scheduled_at or campaign.created_at
    return dates.shown(instant, world.account.zone)
