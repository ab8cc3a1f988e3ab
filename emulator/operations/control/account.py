"""The account of a world: what it may use, the prices and the balance.

A change holds for what is asked from then on; what was placed stays as it is.
"""

from collections.abc import Mapping
from typing import Any

from emulator.domain import dates, money
from emulator.domain.account import Account, Link
from emulator.domain.emulator_refusals import NO_SUCH_ITEM, NOT_CHANGEABLE, TOO_FINE
from emulator.domain.platform_refusals import WRONG_FORMAT
from emulator.domain.refusals import Refusal
from emulator.operations.call import OperationCall, OperationResult, Row
from emulator.world import World
from emulator.worldfile import account_codec, fixture

AccountDocument = dict[str, Any]

# What names an item of a collection.
ITEM_KEYS: Mapping[str, str] = {
    "audios": "id",
    "binds": "system_id",
    "countries": "country",
    "handsets": "cellphone",
    "keywords": "keyword",
    "links": "id",
    "media": "id",
    "routes": "route",
}
# What a change of the account may not touch, and what to do instead.
FIXED_FIELDS: Mapping[tuple[str, ...], str] = {
    ("account", "credit"): "it is what the account was opened with; "
    "POST /_emulator/movements moves money",
    ("balance",): "POST /_emulator/movements moves money",
    ("clock",): "PUT /_emulator/clock sets it",
    ("name",): "a world keeps its name; POST /_emulator/world/fork makes a copy",
    ("seed",): "a world keeps its seed; POST /_emulator/worlds opens one with another",
    ("tokens",): "POST and DELETE /_emulator/tokens change them",
}


def get_account(world: World, _call: OperationCall) -> OperationResult:
    return OperationResult(_describe_account(world.account, world))


def change_account(world: World, call: OperationCall) -> OperationResult:
    """Apply a merge patch to what ``get_account`` shows."""
    shown = _describe_account(world.account, world)
    changed = merge_patch(shown, call.body)
    for path, instead in FIXED_FIELDS.items():
        if _find_value(changed, path) != _find_value(shown, path):
            raise Refusal(NOT_CHANGEABLE, instead, field=".".join(path))
    return _keep_account(world, changed, call)


def add_item(world: World, call: OperationCall) -> OperationResult:
    """Add an item to a collection, or replace the one with its name."""
    document = _describe_account(world.account, world)
    collection = call.params["collection"]
    items, name = document[collection], ITEM_KEYS[collection]
    index = _find_index(items, name, str(call.body.get(name)))
    items[index : index + 1] = [call.body]
    return _keep_account(world, document, call)


def remove_item(world: World, call: OperationCall) -> OperationResult:
    document = _describe_account(world.account, world)
    collection, named = call.params["collection"], call.params["item"]
    items = document[collection]
    index = _find_index(items, ITEM_KEYS[collection], named)
    if index == len(items):
        raise Refusal(NO_SUCH_ITEM, f"the account has no such item in {collection}")
    del items[index]
    return _keep_account(world, document, call)


def list_links(world: World, _call: OperationCall) -> OperationResult:
    """List the links and their clicks, those of a removed link included."""
    links: dict[int, Link] = dict(world.account.links)
    clicks: dict[int, list[AccountDocument]] = {}
    for click in world.clicks:
        campaign = world.find_campaign_of(click.message)
        if campaign is not None and campaign.link is not None:
            links.setdefault(campaign.link.id, campaign.link)
            clicks.setdefault(campaign.link.id, []).append(
                {
                    "at": dates.format_timestamp(click.at),
                    "message": click.message,
                    "campaign": campaign.id,
                }
            )
    return OperationResult(
        [
            {
                "id": each.id,
                "title": each.title,
                "url": each.url,
                "created": dates.format_timestamp(each.created_at),
                "clicks": clicks.get(each.id, []),
            }
            for each in links.values()
        ]
    )


def list_movements(world: World, call: OperationCall) -> OperationResult:
    """List the history of the balance: opening credit + all amounts = balance."""
    movements = world.balance_history.list_movements()
    last, points = call.params.get("last", 0), call.params.get("points")
    reply: Row = {
        "opening": money.to_rounded_amount(world.opening),
        "balance": money.to_rounded_amount(world.balance),
        "count": len(movements),
        "movements": [
            {
                "at": dates.format_timestamp(each.at),
                "amount": money.to_rounded_amount(each.amount),
                "reason": each.reason,
                "reference": each.reference,
            }
            for each in movements[-last:]
        ],
    }
    if points:
        reply["curve"] = [
            {
                "at": dates.format_timestamp(at),
                "balance": money.to_rounded_amount(balance),
            }
            for at, balance in world.balance_history.sample_balance(points)
        ]
    return OperationResult(reply)


def top_up(world: World, call: OperationCall) -> OperationResult:
    """Add credit; a negative amount removes some."""
    world.require_record_room()
    try:
        amount = money.parse_amount(call.body["amount"])
    except ValueError as error:
        raise Refusal(TOO_FINE, str(error)) from error
    balance = world.charge_credit(-amount, reason="topup", reference=0, now=call.now)
    return OperationResult({"balance": money.to_rounded_amount(balance)})


def merge_patch(target: Any, patch: Any) -> Any:
    """Return *target* under a JSON merge patch.  Source: RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    document = dict(target) if isinstance(target, dict) else {}
    for name, change in patch.items():
        if change is None:
            document.pop(name, None)
        else:
            document[name] = merge_patch(document.get(name), change)
    return document


def _keep_account(
    world: World, document: AccountDocument, call: OperationCall
) -> OperationResult:
    """Replace the account by *document*.  Refuses a mistake in it."""
    document.pop("balance", None)
    try:
        account = fixture.parse_account(document, call.now)
    except fixture.FixtureError as error:
        field = error.where or "account"
        raise Refusal(WRONG_FORMAT, str(error), field=field) from error
    world.keep_change(account)
    return OperationResult(_describe_account(account, world))


def _describe_account(account: Account, world: World) -> AccountDocument:
    return {
        "balance": money.to_rounded_amount(world.balance),
        **account_codec.account_to_json(account),
    }


def _find_value(document: Any, path: tuple[str, ...]) -> Any:
    """Return the value at *path*; None where there is none."""
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _find_index(items: list[AccountDocument], name: str, named: str) -> int:
    """Return the index of an item by its name; the end where there is none."""
    for index, each in enumerate(items):
        if str(each[name]).casefold() == named.casefold():
            return index
    return len(items)
