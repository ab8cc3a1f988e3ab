"""Tokens of an account: what the account's page "Api Settings" does.

Source: manual AUT-01, AUT-02, WEB-01.
"""

from dataclasses import replace

from emulator.domain import dates
from emulator.domain.account import MAX_ITEMS, Token
from emulator.domain.emulator_refusals import NO_SUCH_TOKEN
from emulator.domain.platform_refusals import TOO_MANY
from emulator.domain.refusals import Refusal
from emulator.operations.call import OperationCall, OperationResult
from emulator.world import TokenNumberTaken, TokenRevoked, World
from emulator.worlds import signed_tokens


def list_tokens(world: World, _call: OperationCall) -> OperationResult:
    return OperationResult(
        [_describe_token(token, world) for token in world.tokens.values()]
    )


def create_token(world: World, call: OperationCall) -> OperationResult:
    if len(world.tokens) >= MAX_ITEMS:
        why = "DELETE /_emulator/tokens/<token> makes room"
        raise Refusal(TOO_MANY, why, field="tokens", limit=MAX_ITEMS)
    token = signed_tokens.create_signed_token(world, call.body["name"], call.now)
    world.keep_change(token)
    world.keep_change(TokenNumberTaken())
    return OperationResult(_describe_token(token, world))


def delete_token(world: World, call: OperationCall) -> OperationResult:
    token = _require_token(world, call)
    world.keep_change(TokenRevoked(token.literal))
    return OperationResult(_describe_token(token, world))


def expire_token(world: World, call: OperationCall) -> OperationResult:
    """Expire a token now; one that has expired before stays as it is."""
    token = _require_token(world, call)
    expired = replace(token, expires_at=min(token.expires_at, call.now))
    world.keep_change(expired)
    return OperationResult(_describe_token(expired, world))


def _require_token(world: World, call: OperationCall) -> Token:
    literal = call.params["token"]
    if literal not in world.tokens:
        raise Refusal(NO_SUCH_TOKEN, f"world {world.name} has no such token")
    return world.tokens[literal]


def _describe_token(token: Token, world: World) -> dict[str, str]:
    zone = world.account.zone
    return {
        "name": token.name,
        "token": token.literal,
        "creation": dates.format_platform_time(token.created_at, zone),
        "expires": dates.format_platform_time(token.expires_at, zone),
    }
