"""Personal access tokens that look like the platform's own.

A JWT signed with one published test key: a client may decode one, and accepting one is
a look-up.

Source: manual GEN-18 for the layout, AUT-03 for the year.
"""

from datetime import datetime
from hashlib import blake2b
from importlib import import_module

from emulator import files
from emulator.domain.account import Token, make_token
from emulator.world import World


def create_signed_token(world: World, name: str, now: datetime) -> Token:
    """Return a new token of *world*, not kept yet."""
    unsigned = make_token(name, "", now=now, lifetime=world.account.token_lifetime)
    number = world.tokens_made + 1
    literal = _sign_token(world, number, unsigned)
    return make_token(name, literal, now=now, lifetime=world.account.token_lifetime)


def _sign_token(world: World, number: int, unsigned: Token) -> str:
    jwt = import_module("jwt")  # with cryptography 60 ms, so only when one is made
    identity = f"{world.account.seed}:{world.name}:{number}".encode()
    jti = blake2b(identity, digest_size=40).hexdigest()
    payload = {
        "aud": "1",
        "jti": jti,
        "iat": int(unsigned.created_at.timestamp()),
        "nbf": int(unsigned.created_at.timestamp()),
        "exp": int(unsigned.expires_at.timestamp()),
        "sub": str(number),
        "scopes": [],
    }
    key = files.SIGNING_KEY.read_text("ascii")
    signed: str = jwt.encode(payload, key, algorithm="RS256", headers={"jti": jti})
    return signed
