"""Kinds of things that are kept in a special way."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

from emulator.domain.account import Account, Token
from emulator.domain.bounds import Count
from emulator.domain.delivery import Delivery
from emulator.faults.rule_json import read_kept_rule, rule_to_json
from emulator.world import codec
from emulator.world.changes import (
    DeliveriesForgotten,
    DeliveryStarted,
    FaultRulesChanged,
    HandsetAnswered,
    HandsetAnsweredEarly,
    ReceiptQueued,
    TokenRevoked,
)
from emulator.world.codec import SnapshotError, convert_json
from emulator.world.containers import (
    ByCampaignField,
    ByIdField,
    DecodedRows,
    PendingRows,
    Place,
    StateField,
    StateRow,
    encode_row_value,
)
from emulator.worldfile import account_codec, fixture
from emulator.worldfile.fixture import FixtureError


class DeliveriesField(ByIdField):
    """Deliveries; in a snapshot without what is the wall's, or another machine's."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Delivery, **options)
        self.change_types = (Delivery, ReceiptQueued, DeliveriesForgotten)

    def find_place(self, kind: type) -> Place:
        if kind is ReceiptQueued:
            return self._put_receipt
        return self._forget if kind is DeliveriesForgotten else self.apply_change

    def _put_receipt(self, state: Any, queued: ReceiptQueued) -> Any:
        return self.apply_change(state, queued.delivery)

    def _forget(self, state: Any, forgotten: DeliveriesForgotten) -> None:
        for number in forgotten.deliveries:
            del state.deliveries[number]

    def list_changed_rows(
        self, change: Any, value: Any, pending: PendingRows
    ) -> Iterable[StateRow]:
        if isinstance(change, DeliveriesForgotten):
            return [(self.name, number, None) for number in change.deliveries]
        made = change.delivery if isinstance(change, ReceiptQueued) else change
        return super().list_changed_rows(made, value, pending)

    def strip_thing(self, thing: Any) -> Any:
        attempts = tuple(
            each._replace(headers=(), duration=0.0) for each in thing.attempts
        )
        return thing._replace(attempts=attempts)


class AnsweredField(ByCampaignField):
    """How many have answered."""

    def __init__(self) -> None:
        super().__init__(HandsetAnswered, Count, 0)

    def next_value(self, table: Mapping[Any, Any], change: Any) -> int:
        count: int = table.get(change.campaign, 0) + 1
        return count


class EarlyField(ByCampaignField):
    """Which have answered before their time."""

    def __init__(self) -> None:
        super().__init__(HandsetAnsweredEarly, tuple[Count, ...], ())

    def next_value(self, table: Mapping[Any, Any], change: Any) -> tuple[int, ...]:
        return (*table.get(change.campaign, ()), change.place)


class AccountField(StateField):
    """The account, as a world's file writes it."""

    change_types = (Account,)

    def copy_value(self, value: Any) -> Any:
        return value

    def apply_change(self, state: Any, change: Any) -> None:
        state.account = change

    def list_rows(self, value: Any) -> Iterator[StateRow]:
        yield self.name, 0, encode_row_value(account_codec.account_to_json(value))

    def list_changed_rows(
        self, change: Any, value: Any, pending: PendingRows
    ) -> Iterable[StateRow]:
        del value, pending
        return self.list_rows(change)

    def to_json(self, value: Any) -> Any:
        return account_codec.account_to_json(value)

    def json_from_rows(self, parts: DecodedRows) -> Any:
        return parts[self.name][0]

    def from_json(self, piece: Any, now: datetime) -> Account:
        try:
            return fixture.parse_account(piece, now)
        except FixtureError as error:
            message = str(error).replace("at ", "at account.", 1)
            raise SnapshotError(message) from error


class FaultsField(StateField):
    """The fault rules, with what they have counted."""

    change_types = (FaultRulesChanged,)

    def make_empty(self) -> tuple[Any, ...]:
        return ()

    def copy_value(self, value: Any) -> Any:
        return value

    def apply_change(self, state: Any, change: Any) -> None:
        state.faults = change.rules

    def list_rows(self, value: Any) -> Iterator[StateRow]:
        yield self.name, 0, encode_row_value(self.to_json(value))

    def list_changed_rows(
        self, change: Any, value: Any, pending: PendingRows
    ) -> Iterable[StateRow]:
        del value, pending
        return self.list_rows(change.rules)

    def to_json(self, value: Any) -> Any:
        return [rule_to_json(each) for each in value]

    def json_from_rows(self, parts: DecodedRows) -> Any:
        return parts[self.name][0]

    def from_json(self, piece: Any, now: datetime) -> Any:
        del now
        return tuple(read_kept_rule(each) for each in piece)


class LeavingField(StateField):
    """Deliveries that may be under way; a process that dies does not know."""

    change_types = (DeliveryStarted, Delivery)
    is_in_snapshot = False

    def make_empty(self) -> dict[int, None]:
        return {}

    def copy_value(self, value: Any) -> Any:
        del value
        return {}

    def apply_change(self, state: Any, change: Any) -> None:
        if type(change) is DeliveryStarted:
            state.leaving[change.delivery] = None
        elif state.leaving:
            state.leaving.pop(change.id, None)

    def list_rows(self, value: Any) -> Iterator[StateRow]:
        for each in value:
            yield self.name, each, b"1"

    def list_changed_rows(
        self, change: Any, value: Any, pending: PendingRows
    ) -> Iterable[StateRow]:
        del pending
        if type(change) is DeliveryStarted:
            return ((self.name, change.delivery, b"1"),)
        return ((self.name, change.id, None),) if change.id in value else ()

    def json_from_rows(self, parts: DecodedRows) -> Any:
        return list(parts[self.name])

    def from_json(self, piece: Any, now: datetime) -> dict[int, None]:
        del now
        return dict.fromkeys(piece)


class TokensField(StateField):
    """Tokens by their literal, in the order in which they were made."""

    change_types = (Token, TokenRevoked)
    is_in_snapshot = False  # which tells those of the world from those of the account
    is_copied = False

    def make_empty(self) -> dict[str, Token]:
        return {}

    def apply_change(self, state: Any, change: Any) -> None:
        if isinstance(change, Token):
            state.tokens[change.literal] = change
        else:
            del state.tokens[change.literal]

    def list_rows(self, value: Any) -> Iterator[StateRow]:
        for place, token in enumerate(value.values()):
            yield self._token_row(place, token)

    def list_changed_rows(
        self, change: Any, value: Any, pending: PendingRows
    ) -> Iterable[StateRow]:
        if isinstance(change, TokenRevoked):
            return ((self.name, change.literal, None),)
        if change.literal in value:
            return (self._token_row([*value].index(change.literal), change),)
        place = pending.get(self.name, len(value))
        pending[self.name] = place + 1
        return (self._token_row(place, change),)

    def json_from_rows(self, parts: DecodedRows) -> Any:
        in_place = sorted(parts[self.name].values(), key=itemgetter(0))
        return [token for _, token in in_place]

    def from_json(self, piece: Any, now: datetime) -> dict[str, Token]:
        del now
        tokens = convert_json(piece, tuple[Token, ...], self.name)
        return {each.literal: each for each in tokens}

    def _token_row(self, place: int, token: Token) -> StateRow:
        return (
            self.name,
            token.literal,
            encode_row_value([place, codec.thing_to_fields(token)]),
        )
