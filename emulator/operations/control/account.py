"""The account behind a world: what it may use, what that costs, what is left.

A change holds for what is asked from then on; what was placed stays as it is.
"""

from collections.abc import Mapping
from typing import Any

from emulator.worldfile import account_writer
from emulator.worldfile import fixture
from emulator.domain import dates, money
from emulator.domain.account import Account, Link
from emulator.domain.refusals import (
    NO_SUCH_ITEM,
    NOT_CHANGEABLE,
    TOO_FINE,
    WRONG_FORMAT,
    Refusal,
)
from emulator.operations.call import Call, Reply, Row
from emulator.world import World

Document = dict[str, Any]

# What names an item of a collection.
NAMES: Mapping[str, str] = {
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
FIXED: Mapping[tuple[str, ...], str] = {
    ("account", "credit"): "it is what the account was opened with; "
    "POST /_emulator/movements moves money",
    ("balance",): "POST /_emulator/movements moves money",
    ("clock",): "PUT /_emulator/clock sets it",
    ("name",): "a world keeps its name; POST /_emulator/world/fork makes a copy",
    ("seed",): "a world keeps its seed; POST /_emulator/worlds opens one with another",
    ("tokens",): "POST and DELETE /_emulator/tokens change them",
}


def get_account(world: World, _call: Call) -> Reply:
    return Reply(_shown(world.account, world))


def change_account(world: World, call: Call) -> Reply:
    """Apply a merge patch to what ``get_account`` shows."""
    shown = _shown(world.account, world)
    changed = merged(shown, call.body)
    for path, instead in FIXED.items():
        if _at(changed, path) != _at(shown, path):
            raise Refusal(NOT_CHANGEABLE, instead, field=".".join(path))
    return _become(world, changed, call)


def add_item(world: World, call: Call) -> Reply:
    """Add an item to a collection, or put it in the place of its namesake."""
    document = _shown(world.account, world)
    collection = call.params["collection"]
    items, name = document[collection], NAMES[collection]
    index = _index(items, name, str(call.body.get(name)))
    items[index : index + 1] = [call.body]
    return _become(world, document, call)


def remove_item(world: World, call: Call) -> Reply:
    document = _shown(world.account, world)
    collection, named = call.params["collection"], call.params["item"]
    items = document[collection]
    index = _index(items, NAMES[collection], named)
    if index == len(items):
        raise Refusal(NO_SUCH_ITEM, f"the account has no such item in {collection}")
    del items[index]
    return _become(world, document, call)


def list_links(world: World, _call: Call) -> Reply:
    """List the links and their clicks, those of a removed link included."""
    links: dict[int, Link] = dict(world.account.links)
    clicks: dict[int, list[Document]] = {}
    for click in world.clicks:
        campaign = world.campaign_of(click.message)
        if campaign is not None and campaign.link is not None:
            links.setdefault(campaign.link.id, campaign.link)
            clicks.setdefault(campaign.link.id, []).append(
                {
                    "at": dates.stamp(click.at),
                    "message": click.message,
                    "campaign": campaign.id,
                }
            )
    return Reply(
        [
            {
                "id": each.id,
                "title": each.title,
                "url": each.url,
                "created": dates.stamp(each.created_at),
                "clicks": clicks.get(each.id, []),
            }
            for each in links.values()
        ]
    )


def list_movements(world: World, call: Call) -> Reply:
    """List the history of the balance: opening credit + all amounts = balance."""
    movements = world.history.movements()
    last, points = call.params.get("last", 0), call.params.get("points")
    reply: Row = {
        "opening": money.shown(world.opening),
        "balance": money.shown(world.balance),
        "count": len(movements),
        "movements": [
            {
                "at": dates.stamp(each.at),
                "amount": money.shown(each.amount),
                "reason": each.reason,
                "reference": each.reference,
            }
            for each in movements[-last:]
        ],
    }
    if points:
        reply["curve"] = [
            {"at": dates.stamp(at), "balance": money.shown(balance)}
            for at, balance in world.history.curve(points)
        ]
    return Reply(reply)


def top_up(world: World, call: Call) -> Reply:
    """Buy credit; a negative amount takes some away."""
    try:
        amount = money.parse(call.body["amount"])
    except ValueError as error:
        raise Refusal(TOO_FINE, str(error)) from error
    balance = world.charge(-amount, reason="topup", reference=0, now=call.now)
    return Reply({"balance": money.shown(balance)})


def merged(target: Any, patch: Any) -> Any:
    """Return *target* under a JSON merge patch.  Source: RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    document = dict(target) if isinstance(target, dict) else {}
    for name, change in patch.items():
        if change is None:
            document.pop(name, None)
        else:
            document[name] = merged(document.get(name), change)
    return document


def _become(world: World, document: Document, call: Call) -> Reply:
    """Keep the account that *document* describes.  Refuses a mistake in it."""
    document.pop("balance", None)
    try:
        account = fixture.account_of(document, call.now)
    except fixture.FixtureError as error:
        field = error.where or "account"
        raise Refusal(WRONG_FORMAT, str(error), field=field) from error
    world.keep(account)
    return Reply(_shown(account, world))


def _shown(account: Account, world: World) -> Document:
    return {"balance": money.shown(world.balance), **account_writer.written(account)}


def _at(document: Any, path: tuple[str, ...]) -> Any:
    """Return what stands at *path*; None where nothing does."""
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _index(items: list[Document], name: str, named: str) -> int:
    """Return where the item called so is; the end where there is none."""
    for index, each in enumerate(items):
        if str(each[name]).casefold() == named.casefold():
            return index
    return len(items)
