"""The account: who it is and what it may use."""

from emulator.domain import dates
from emulator.domain.money import shown
from emulator.operations.call import Call, Reply
from emulator.world import World


def get_user(world: World, _call: Call) -> Reply:
    """Source: manual USR-01 to USR-04."""
    account = world.account
    tokens = [
        {
            "name": token.name,
            "creation": dates.shown(token.created_at, account.zone),
            "expires": dates.shown(token.expires_at, account.zone),
        }
        for token in world.tokens.values()
    ]
    user = {
        "information": "User Found",
        "user": account.user,
        "name": account.name,
        "surname": account.surname,
        "credit": shown(world.balance),
        "API_settings": tokens,
    }
    return Reply({"data": user})


def list_routes(world: World, _call: Call) -> Reply:
    """Source: manual CAT-01, CAT-02."""
    account = world.account
    return Reply(
        [
            {
                "route": route.id,
                "name": route.name,
                "country": account.countries[route.country].name,
                "price": shown(route.price),
                "description": route.description,
            }
            for route in account.routes.values()
        ]
    )


def list_countries(world: World, _call: Call) -> Reply:
    """Source: manual CAT-01, CAT-03."""
    countries = world.account.countries.values()
    return Reply([{"country": each.id, "name": each.name} for each in countries])
