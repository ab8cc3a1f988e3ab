"""Responses (MO), by poll."""

from emulator.domain import dates, responses
from emulator.operations.call import Call, Reply
from emulator.operations.platform.sms import DONE
from emulator.world import World


def query_responses(world: World, call: Call) -> Reply:
    """Source: manual MO-09 to MO-17."""
    account, query = world.account, call.body
    window = responses.window(query, now=call.now, zone=account.zone)
    call.weigh(responses.doubts(window), account.assumptions)
    found = responses.find(query, window, world.responses)
    return Reply(
        {
            "message": DONE,
            "type": query["type"],
            "from": dates.shown(window.start, account.zone),
            "to": dates.shown(window.end, account.zone),
            "results": [_row(each, world) for each in found],
        }
    )


def _row(response: responses.Response, world: World) -> dict[str, object]:
    zone = world.account.zone
    sent_at = response.sent_at
    return {
        "received_id": response.id,
        "campaign_id": response.campaign,
        "campaign_name": response.campaign_name,
        "message_id": response.message,
        "message": response.text,
        "response": response.response,
        "sent_at": dates.shown(sent_at, zone) if sent_at else None,
        "received_at": dates.shown(response.received_at, zone),
    }
