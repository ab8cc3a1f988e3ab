"""Responses (MO), by poll."""

from emulator.domain import dates, responses
from emulator.domain.assumptions import accept_doubts
from emulator.operations.call import OperationCall, OperationResult
from emulator.operations.platform.sms import SUCCESS_MESSAGE
from emulator.world import World


def query_responses(world: World, call: OperationCall) -> OperationResult:
    """Source: manual MO-09 to MO-17."""
    account, query = world.account, call.body
    window = responses.parse_date_window(query, now=call.now, zone=account.zone)
    doubts = responses.list_window_doubts(window)
    call.notes.extend(accept_doubts(doubts, account.assumptions))
    found = responses.find_responses(query, window, world.responses)
    return OperationResult(
        {
            "message": SUCCESS_MESSAGE,
            "type": query["type"],
            "from": dates.format_platform_time(window.start, account.zone),
            "to": dates.format_platform_time(window.end, account.zone),
            "results": [_describe_response(each, world) for each in found],
        }
    )


def _describe_response(
    response: responses.MoResponse, world: World
) -> dict[str, object]:
    zone = world.account.zone
    sent_at = response.sent_at
    return {
        "received_id": response.id,
        "campaign_id": response.campaign,
        "campaign_name": response.campaign_name,
        "message_id": response.message,
        "message": response.text,
        "response": response.response,
        "sent_at": dates.format_platform_time(sent_at, zone) if sent_at else None,
        "received_at": dates.format_platform_time(response.received_at, zone),
    }
