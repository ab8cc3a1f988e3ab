"""The statements of the manual that explain an exchange: its refusal, its notes."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from emulator import files
from emulator.domain.emulator_refusals import NO_SUCH_EXCHANGE
from emulator.domain.refusals import Refusal
from emulator.operations.call import OperationCall, OperationResult, Row
from emulator.operations.control.exchanges import describe_exchange
from emulator.world import World
from emulator.world.journal import Exchange

# Behind a refusal, by its reason; several where the manual splits them.
STATEMENTS_BY_REASON: Mapping[str, tuple[str, ...]] = {
    "UNREADABLE": ("ERR-03",),
    "UNAUTHENTICATED": ("AUT-04",),
    "NO_SUCH_PATH": ("ERR-07",),
    "NO_SUCH_CAMPAIGN": ("DLR-15",),
    "METHOD_NOT_ALLOWED": ("ERR-09",),
    "SERVER_ERROR": ("ERR-13",),
    "REQUIRED_WITHOUT": ("SMS-30", "SMS-31"),
    "NOT_AN_OBJECT": ("ERR-05",),
    "UNKNOWN_ROUTE": ("SMS-32",),
    "UNKNOWN_COUNTRY": ("SMS-32",),
    "NO_ROUTE_TO_COUNTRY": ("SMS-33",),
    "ROUTE_ELSEWHERE": ("SMS-34",),
    "UNKNOWN_LINK": ("CLC-04",),
    "UNKNOWN_AUDIO": ("VOI-03",),
    "UNKNOWN_MEDIUM": ("EML-07",),
    "UNKNOWN_REMITTENT": ("VOI-09",),
    "UNEVEN_FIELDS": ("SMS-07",),
    "VALUE_MISSING": ("SMS-08",),
    "TOO_LONG_MERGED": ("SMS-26",),
    "SPECIAL_CHARACTERS": ("SMS-25",),
    "URL_NOT_LISTED": ("SMS-47",),
    "DATE_PAST": ("SMS-36",),
    "DATES_REVERSED": ("MO-14",),
    "INSUFFICIENT_BALANCE": ("SMS-45",),
    "SERVICE_INACTIVE": ("ERR-12",),
    "NOT_CANCELLABLE": ("VOI-32",),
}

COLUMNS = ("field1", "field2", "field3", "field4")  # of a recipient, beside its name
SMS_STATEMENTS: Mapping[str, tuple[str, ...]] = {
    "text": ("SMS-02", "SMS-20", "SMS-23"),
    "recipients": ("SMS-04", "SMS-09"),
    "cellphone": ("SMS-05",),
    **dict.fromkeys(("name", *COLUMNS), ("SMS-06",)),
    "route": ("SMS-30",),
    "country": ("SMS-31",),
    "campaign_name": ("SMS-35",),
    "scheduled_date": ("SMS-36",),
    "encode": ("SMS-20", "SMS-28"),
    "encode_2": ("SMS-21", "SMS-28"),
    "encode_3": ("SMS-22", "SMS-28"),
    "long_message": ("SMS-23", "SMS-28"),
}
# Behind a refused field, by operation.
STATEMENTS_BY_FIELD: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "createCampaign": SMS_STATEMENTS,
    "createSmsClicCampaign": {
        **SMS_STATEMENTS,
        "url": ("CLC-04",),
        "route": ("CLC-05",),
    },
    "createVoiceCampaign": {
        "type": ("VOI-02",),
        "audio": ("VOI-03",),
        "text": ("VOI-04",),
        "campaign_name": ("VOI-05",),
        "recipients": ("VOI-06",),
        "cellphone": ("VOI-06",),
        **dict.fromkeys(("name", *COLUMNS), ("VOI-07",)),
        "remittent": ("VOI-08",),
        "scheduledDate": ("VOI-10",),
        "transfer_num": ("VOI-11",),
        "transfer_key": ("VOI-12",),
    },
    "createEmailCampaign": {
        "body": ("EML-02",),
        "subject": ("EML-03",),
        "recipients": ("EML-04",),
        "email": ("EML-04",),
        **dict.fromkeys(("name", *COLUMNS), ("EML-05",)),
        "attachment": ("EML-07",),
        "scheduledDate": ("EML-08",),
        "template": ("EML-09",),
        "header": ("EML-10",),
        "image": ("EML-11",),
        "sender": ("EML-12",),
    },
    "queryResponses": {
        "type": ("MO-02",),
        "from": ("MO-03",),
        "to": ("MO-04",),
        "messages": ("MO-05",),
        "cellphone": ("MO-06",),
        "campaigns": ("MO-07",),
    },
    "lookupNumber": {"cellphone": ("HLR-02",)},
}
# Behind any other refusal, by its status.
STATEMENTS_BY_STATUS: Mapping[int, tuple[str, ...]] = {
    400: ("ERR-03",),
    422: ("ERR-02",),
}


def get_exchange(world: World, call: OperationCall) -> OperationResult:
    """Show one exchange with what the manual says about it.

    Refuses a number that has been dropped, or was never there.
    """
    number = call.params["number"]
    newer = world.journal.list_after(number - 1)
    if not newer or newer[0].number != number:
        why = f"the journal of world {world.name} has no exchange {number}"
        raise Refusal(NO_SUCH_EXCHANGE, why)
    exchange = newer[0]
    return OperationResult(
        {**describe_exchange(exchange), "statements": list(_list_statements(exchange))}
    )


def _list_statements(exchange: Exchange) -> Iterator[Row]:
    """Yield the statements of the refusal, then those of the notes."""
    for ledger in _find_ledger_ids(exchange):
        yield {"about": "refusal", **_describe_statement(ledger)}
    for ledger in exchange.notes:
        yield {"about": "note", **_describe_statement(ledger)}


def _find_ledger_ids(exchange: Exchange) -> tuple[str, ...]:
    """Return the ledger ids that explain a refusal, as exactly as they are known."""
    if not exchange.refusal:
        return ()
    reason, field, ledger = exchange.refusal
    if ledger:
        return (ledger,)
    name = next((it for it in reversed(field.split(".")) if not it.isdecimal()), "")
    named = STATEMENTS_BY_FIELD.get(exchange.operation, {}).get(name, ())
    return (
        STATEMENTS_BY_REASON.get(reason)
        or named
        or STATEMENTS_BY_STATUS.get(exchange.status, ())
    )


def _describe_statement(ledger: str) -> Row:
    item = read_ledger()[ledger]
    return {
        "id": item["id"],
        "certainty": item["mark"],
        "manual": item["says"],
        "emulator": item["does"],
    }


@cache
def read_ledger() -> Mapping[str, Any]:
    """Return the items of the ledger by id."""
    return {each["id"]: each for each in files.read_cached_yaml(files.LEDGER)}
