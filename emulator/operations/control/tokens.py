"""Tokens of an account: what the account's page "Api Settings" does.

Source: manual AUT-01, AUT-02, WEB-01.
"""

from dataclasses import replace

from emulator.worlds import signed_tokens
from emulator.domain import dates
from emulator.domain.account import ITEMS, Token
from emulator.domain.refusals import NO_SUCH_TOKEN, TOO_MANY, Refusal
from emulator.operations.call import Call, Reply
from emulator.world import Revoked, TokenMade, World


def list_tokens(world: World, _call: Call) -> Reply:
    return Reply([_shown(token, world) for token in world.tokens.values()])


def create_token(world: World, call: Call) -> Reply:
    if len(world.tokens) >= ITEMS:
        why = "DELETE /_emulator/tokens/<token> makes room"
        raise Refusal(TOO_MANY, why, field="tokens", limit=ITEMS)
    token = signed_tokens.create(world, call.body["name"], call.now)
    world.keep(token)
    world.keep(TokenMade())
    return Reply(_shown(token, world))


def delete_token(world: World, call: Call) -> Reply:
    token = _found(world, call)
    world.keep(Revoked(token.literal))
    return Reply(_shown(token, world))


def expire_token(world: World, call: Call) -> Reply:
    """Let a token's year be over; one that has expired before stays as it is."""
    token = _found(world, call)
    expired = replace(token, expires_at=min(token.expires_at, call.now))
    world.keep(expired)
    return Reply(_shown(expired, world))


def _found(world: World, call: Call) -> Token:
    literal = call.params["token"]
    if literal not in world.tokens:
        raise Refusal(NO_SUCH_TOKEN, f"world {world.name} has no such token")
    return world.tokens[literal]


def _shown(token: Token, world: World) -> dict[str, str]:
    zone = world.account.zone
    return {
        "name": token.name,
        "token": token.literal,
        "creation": dates.shown(token.created_at, zone),
        "expires": dates.shown(token.expires_at, zone),
    }
