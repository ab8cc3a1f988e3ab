"""The control secret, where one is set: who has it, who may stay, and who guesses.

What is kept of it is a hash, and of those who have entered nothing: their cookie is a
date with a signature, which says nothing of the secret. The key of the signatures is
made from the hash, so that every process with the same secret knows them.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import scrypt, sha256
from hmac import compare_digest
from hmac import digest as make_hmac
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import NamedTuple

from msgspec import Struct
from starlette.types import Scope

from emulator.timekeeping.clock import stopwatch, wall_now
from emulator.web.addresses import get_client_address
from emulator.web.http_request import RequestHeaders

SECRET_HEADER, SESSION_COOKIE = (
    "X-Emulator-Control",
    "emulator_control",
)  # that carry the secret, and who has said it
# Browsers take such a name only with Secure, __Host- only for one host and all of it.
HOST_PREFIX, SECURE_PREFIX = "__Host-", "__Secure-"
SESSION_COOKIES = frozenset(
    f"{prefix}{SESSION_COOKIE}" for prefix in ("", HOST_PREFIX, SECURE_PREFIX)
)
SESSION_TIME = timedelta(hours=12)
SIGNING_SALT = b"smsclouds-emulator session"
SCRYPT_COST = {"n": 2**12, "r": 8, "p": 1}  # once, 10 ms, as all others wait for it

FREE_GUESSES = 5  # wrong ones from one address, before it has to wait
MAX_WAIT = 60.0  # seconds until its next one
REPEATED_WAIT = 1.0  # seconds, for who repeats the same: a wrong setting, no guessing
FORGET_AFTER = 900.0  # seconds without a wrong guess
MAX_ADDRESSES = 4_096  # that are remembered
IPV6_NETWORK_BITS = 64  # of one client; the rest it can choose


class SecretCheck(NamedTuple):
    """Whether a request may command, and how many seconds it has to wait if not."""

    is_right: bool
    wait: int = 0


RIGHT, WRONG = SecretCheck(is_right=True), SecretCheck(is_right=False)


class SecretGuard:
    """The control secret, if there is one."""

    def __init__(self, secret: str | None) -> None:
        self._hash = sha256(secret.encode()).digest() if secret else b""
        self._guesses = GuessThrottle()

    def check_request(
        self,
        scope: Scope,
        headers: RequestHeaders,
        *,
        now: datetime | None = None,
        moment: float | None = None,
    ) -> SecretCheck:
        """Return whether a request may command: by a session, or by the secret.

        *now* is the time of the wall, *moment* that of the stopwatch.
        """
        if not self._hash:
            return RIGHT
        sessions = _iter_sessions(headers)
        if any(self.is_session(each, now or wall_now()) for each in sessions):
            return RIGHT
        guess = headers.get(SECRET_HEADER.lower().encode())
        return self.check_guess(scope, guess, moment) if guess else WRONG

    def check_guess(
        self, scope: Scope, guess: bytes, moment: float | None = None
    ) -> SecretCheck:
        """Return whether *guess* is the secret; too many wrong ones have to wait."""
        if not self._hash:
            return RIGHT
        moment = stopwatch() if moment is None else moment
        client = get_client_address(scope)
        if wait := self._guesses.find_wait(client, moment):
            return SecretCheck(is_right=False, wait=ceil(wait))
        guessed = sha256(guess).digest()
        if compare_digest(guessed, self._hash):
            return RIGHT
        self._guesses.record_wrong_guess(client, guessed, moment)
        return WRONG

    def make_session(self, now: datetime | None = None) -> str:
        """Return the value of a cookie for who has said the secret."""
        expiry = b"%d" % ((now or wall_now()) + SESSION_TIME).timestamp()
        return f"{expiry.decode()}.{self._sign(expiry)}"

    def is_session(self, value: bytes, now: datetime) -> bool:
        """Return whether *value* is of such a cookie, and still good."""
        expiry, _, signature = value.partition(b".")
        return (
            expiry.isdigit()
            and len(expiry) < len(b"99999999999")
            and compare_digest(signature, self._sign(expiry).encode())
            and now.timestamp() < int(expiry)
        )

    @cached_property
    def _signing_key(self) -> bytes:
        """The key of sessions; to try secrets against a stolen cookie takes long."""
        return scrypt(self._hash, salt=SIGNING_SALT, **SCRYPT_COST)

    def _sign(self, octets: bytes) -> str:
        return make_hmac(self._signing_key, octets, "sha256").hex()


class _WrongGuesses(Struct):
    """The wrong guesses from one address."""

    last: bytes  # the hash of the last one
    at: float  # when that was
    count: int = 0
    different: int = 0  # those that were another than the one before
    free_at: float = 0.0  # when it may guess again


class GuessThrottle:
    """How long an address has to wait for its next guess; no other one waits for it."""

    def __init__(self) -> None:
        self._found: dict[str, _WrongGuesses] = {}  # the latest last

    def find_wait(self, client: str, moment: float) -> float:
        """Return for how many seconds more no guess of *client* is looked at."""
        found = self._found.get(_to_network(client))
        return max(0.0, found.free_at - moment) if found else 0.0

    def record_wrong_guess(self, client: str, guessed: bytes, moment: float) -> None:
        """Have *client* wait longer for each guess, beyond the first few."""
        address = _to_network(client)
        found = self._found.pop(address, None)
        if found is None or moment - found.at > FORGET_AFTER:
            found = _WrongGuesses(b"", moment)
        is_repeated = guessed == found.last
        found.count += 1
        found.different += not is_repeated
        found.last, found.at = guessed, moment
        if found.count >= FREE_GUESSES:
            beyond = max(0, found.different - FREE_GUESSES)
            wait = REPEATED_WAIT if is_repeated else min(MAX_WAIT, 2.0**beyond)
            found.free_at = moment + wait
        if len(self._found) == MAX_ADDRESSES:
            del self._found[next(iter(self._found))]
        self._found[address] = found


def choose_cookie_name(*, is_secure: bool, path: str) -> str:
    """Return the name under which a browser binds the cookie as far as it can."""
    if not is_secure:
        return SESSION_COOKIE
    return f"{HOST_PREFIX if path == '/' else SECURE_PREFIX}{SESSION_COOKIE}"


def _iter_sessions(headers: RequestHeaders) -> Iterator[bytes]:
    """Yield what may be a session, of each name that its cookie can have."""
    for pair in headers.get(b"cookie", b"").split(b";"):
        name, _, value = pair.strip().partition(b"=")
        if name.decode("latin-1") in SESSION_COOKIES:
            yield value


def _to_network(client: str) -> str:
    """Return the network of an address that belongs to one client."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        octets = address.packed[: IPV6_NETWORK_BITS // 8]
        return octets.hex()
    return str(getattr(address, "ipv4_mapped", None) or address)
