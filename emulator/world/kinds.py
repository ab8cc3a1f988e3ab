"""Kinds of things that are kept in a manner of their own."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

from emulator.worldfile import account_writer
from emulator.worldfile import fixture
from emulator.domain.account import Account, Token
from emulator.domain.delivery import Delivery
from emulator.faults.rule_json import read_kept_rule, rule_to_json
from emulator.worldfile.fixture import FixtureError
from emulator.world import codec
from emulator.world.changes import (
    Answered,
    AnsweredEarly,
    Forgotten,
    Leaving,
    Mailed,
    Revoked,
    Rules,
)
from emulator.world.codec import SnapshotError, converted
from emulator.world.containers import (
    ByCampaign,
    ById,
    Kind,
    Parts,
    Pending,
    Row,
    encode,
)


class Deliveries(ById):
    """Deliveries; in a snapshot without what is the wall's, or another machine's."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Delivery, **options)
        self.takes = (Delivery, Mailed, Forgotten)

    def apply(self, state: Any, change: Any) -> None:
        table = getattr(state, self.name)
        if type(change) is Delivery:
            table[change.id] = change
        elif type(change) is Mailed:
            table[change.delivery.id] = change.delivery
        else:
            for number in change.deliveries:
                del table[number]

    def rows_of(self, change: Any, value: Any, pending: Pending) -> Iterable[Row]:
        if isinstance(change, Forgotten):
            return [(self.name, number, None) for number in change.deliveries]
        made = change.delivery if isinstance(change, Mailed) else change
        return super().rows_of(made, value, pending)

    def written(self, value: Any) -> Any:
        return [codec.plain(_without_the_wall(each)) for each in value.values()]


def _without_the_wall(delivery: Delivery) -> Delivery:
    attempts = tuple(
        each._replace(headers=(), duration=0.0) for each in delivery.attempts
    )
    return delivery._replace(attempts=attempts)


class AnsweredKind(ByCampaign):
    """How many have answered."""

    def __init__(self) -> None:
        super().__init__(Answered, int, 0)

    def following(self, table: Mapping[Any, Any], change: Any) -> int:
        count: int = table.get(change.campaign, 0) + 1
        return count


class EarlyKind(ByCampaign):
    """Which have answered before their time."""

    def __init__(self) -> None:
        super().__init__(AnsweredEarly, tuple[int, ...], ())

    def following(self, table: Mapping[Any, Any], change: Any) -> tuple[int, ...]:
        return (*table.get(change.campaign, ()), change.place)


class AccountKind(Kind):
    """The account, as a world's file writes it."""

    takes = (Account,)

    def copied(self, value: Any) -> Any:
        return value

    def apply(self, state: Any, change: Any) -> None:
        state.account = change

    def rows(self, value: Any) -> Iterator[Row]:
        yield self.name, 0, encode(account_writer.written(value))

    def rows_of(self, change: Any, value: Any, pending: Pending) -> Iterable[Row]:
        del value, pending
        return self.rows(change)

    def written(self, value: Any) -> Any:
        return account_writer.written(value)

    def gathered(self, parts: Parts) -> Any:
        return parts[self.name][0]

    def read(self, piece: Any, now: datetime) -> Account:
        try:
            return fixture.account_of(piece, now)
        except FixtureError as error:
            message = str(error).replace("at ", "at account.", 1)
            raise SnapshotError(message) from error


class FaultsKind(Kind):
    """The fault rules, with what they have counted."""

    takes = (Rules,)

    def empty(self) -> tuple[Any, ...]:
        return ()

    def copied(self, value: Any) -> Any:
        return value

    def apply(self, state: Any, change: Any) -> None:
        state.faults = change.rules

    def rows(self, value: Any) -> Iterator[Row]:
        yield self.name, 0, encode(self.written(value))

    def rows_of(self, change: Any, value: Any, pending: Pending) -> Iterable[Row]:
        del value, pending
        return self.rows(change.rules)

    def written(self, value: Any) -> Any:
        return [rule_to_json(each) for each in value]

    def gathered(self, parts: Parts) -> Any:
        return parts[self.name][0]

    def read(self, piece: Any, now: datetime) -> Any:
        del now
        return tuple(read_kept_rule(each) for each in piece)


class LeavingKind(Kind):
    """Deliveries that may be under way; a process that dies does not know."""

    takes = (Leaving, Delivery)
    is_in_snapshot = False

    def empty(self) -> dict[int, None]:
        return {}

    def copied(self, value: Any) -> Any:
        del value
        return {}

    def apply(self, state: Any, change: Any) -> None:
        if type(change) is Leaving:
            state.leaving[change.delivery] = None
        elif state.leaving:
            state.leaving.pop(change.id, None)

    def rows(self, value: Any) -> Iterator[Row]:
        for each in value:
            yield self.name, each, b"1"

    def rows_of(self, change: Any, value: Any, pending: Pending) -> Iterable[Row]:
        del pending
        if type(change) is Leaving:
            return ((self.name, change.delivery, b"1"),)
        return ((self.name, change.id, None),) if change.id in value else ()

    def gathered(self, parts: Parts) -> Any:
        return list(parts[self.name])

    def read(self, piece: Any, now: datetime) -> dict[int, None]:
        del now
        return dict.fromkeys(piece)


class TokensKind(Kind):
    """Tokens by their literal, in the order in which they were made."""

    takes = (Token, Revoked)
    is_in_snapshot = False  # which tells those of the world from those of the account
    goes_along = False

    def empty(self) -> dict[str, Token]:
        return {}

    def apply(self, state: Any, change: Any) -> None:
        if isinstance(change, Token):
            state.tokens[change.literal] = change
        else:
            del state.tokens[change.literal]

    def rows(self, value: Any) -> Iterator[Row]:
        for place, token in enumerate(value.values()):
            yield self._row(place, token)

    def rows_of(self, change: Any, value: Any, pending: Pending) -> Iterable[Row]:
        if isinstance(change, Revoked):
            return ((self.name, change.literal, None),)
        if change.literal in value:
            return (self._row([*value].index(change.literal), change),)
        place = pending.get(self.name, len(value))
        pending[self.name] = place + 1
        return (self._row(place, change),)

    def gathered(self, parts: Parts) -> Any:
        in_place = sorted(parts[self.name].values(), key=itemgetter(0))
        return [token for _, token in in_place]

    def read(self, piece: Any, now: datetime) -> dict[str, Token]:
        del now
        tokens = converted(piece, tuple[Token, ...], self.name)
        return {each.literal: each for each in tokens}

    def _row(self, place: int, token: Token) -> Row:
        return self.name, token.literal, encode([place, codec.written(token)])
