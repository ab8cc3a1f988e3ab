"""The account: who it is and what it may use."""

from emulator.domain import dates
from emulator.domain.money import to_rounded_amount
from emulator.operations.call import OperationCall, OperationResult
from emulator.world import World


def get_user(world: World, _call: OperationCall) -> OperationResult:
    """Source: manual USR-01 to USR-04."""
    account = world.account
    tokens = [
        {
            "name": token.name,
            "creation": dates.format_platform_time(token.created_at, account.zone),
            "expires": dates.format_platform_time(token.expires_at, account.zone),
        }
        for token in world.tokens.values()
    ]
    user = {
        "information": "User Found",
        "user": account.user,
        "name": account.name,
        "surname": account.surname,
        "credit": to_rounded_amount(world.balance),
        "API_settings": tokens,
    }
    return OperationResult({"data": user})


def list_routes(world: World, _call: OperationCall) -> OperationResult:
    """Source: manual CAT-01, CAT-02."""
    account = world.account
    return OperationResult(
        [
            {
                "route": route.id,
                "name": route.name,
                "country": account.countries[route.country].name,
                "price": to_rounded_amount(route.price),
                "description": route.description,
            }
            for route in account.routes.values()
        ]
    )


def list_countries(world: World, _call: OperationCall) -> OperationResult:
    """Source: manual CAT-01, CAT-03."""
    countries = world.account.countries.values()
    return OperationResult(
        [{"country": each.id, "name": each.name} for each in countries]
    )
