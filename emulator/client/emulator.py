"""The client for tests: the world, its clock, its journal, its faults and its handsets.

``Emulator`` speaks to a running one; ``Emulator.in_process()`` runs one in a thread of
this process.  The standard library is enough for either side of the wire.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit

from emulator.client import shown
from emulator.client.account_commands import AccountCommands
from emulator.client.fault_commands import FaultCommands
from emulator.client.line import WorldConnection, drop_none, quote_segment, to_api_value
from emulator.client.listener import Handler, PushListener, wrap_handler
from emulator.client.shown import ClockAdvance, Fact, FactList

REPORT_LINES = 20  # of each kind in a report
WILDCARD_HOSTS = ("0.0.0.0", "::")  # noqa: S104 - where a server listens, not where it is
CLOCK_TIMEOUT = 600.0  # seconds of the wall, as what falls due may find nobody at home


class Phone:
    """One handset: it writes, and lists what it got."""

    def __init__(self, connection: WorldConnection, number: str) -> None:
        self._connection = connection
        self.number = number

    def reply(self, text: str, *, to: int | None = None) -> Fact:
        """Answer the newest message on the handset, or the one with the id *to*.

        The result has received_id, keyword and deliveries.
        """
        body = {"number": self.number, "text": text, **drop_none(message=to)}
        return self._connection.ask_fact("POST", "inbound", body)

    def __repr__(self) -> str:
        return f"<Phone {self.number} at {self._connection.url}>"


class Emulator(FaultCommands, AccountCommands):
    """One world of an emulator; without *world* and *token* it is the default one.

    >>> with Emulator.in_process() as emulator:
    ...     emulator.clock.freeze()
    ...     emulator.request("POST", "/api/v3/campaign", json=order)
    ...     emulator.settle()
    ...     assert emulator.messages(to="4498987282").count == 1
    """

    @classmethod
    def in_process(cls, world: str = "demo", **settings: Any) -> Self:
        """Return a new emulator in a thread of this process; ``close()`` ends it.

        *world* is a bundled name, a world file or a folder of them; *settings* are the
        fields of ``emulator.serving.settings.Settings``.
        """
        from emulator.client.inprocess import InProcessTransport  # noqa: PLC0415
        from emulator.serving import composition  # noqa: PLC0415 - only who asks for it pays
        from emulator.serving.settings import Settings  # noqa: PLC0415

        chosen = Settings(world=world, **settings)
        transport = InProcessTransport(composition.build_program(chosen))
        return cls(transport=transport, secret=chosen.control_secret)

    @property
    def info(self) -> Fact:
        """The name, the tokens and the settings of the world."""
        return self.ask_fact("GET", "world")

    # --- Time --------------------------------------------------------------------

    def advance(
        self,
        *,
        to: datetime | str | None = None,
        next: bool = False,  # noqa: A002 - as the control API calls it
        **duration: float,
    ) -> ClockAdvance:
        """Jump ahead and carry out all that falls due on the way.

        ``advance(hours=1)``, ``advance(to=instant)``, or to the ``next`` event.
        """
        body: dict[str, Any] = {"next": True} if next else {}
        if to is not None:
            body["to"] = to_api_value(to)
        if duration or not body:
            body["seconds"] = timedelta(**duration).total_seconds()
        return ClockAdvance(
            self.ask_fact("POST", "clock/advance", body, wait=CLOCK_TIMEOUT)
        )

    def settle(self, *, events: int | None = None, **duration: float) -> ClockAdvance:
        """Run all due work until nothing is left, or so many events or so long."""
        seconds = timedelta(**duration).total_seconds() if duration else None
        bounds = drop_none(events=events, seconds=seconds)
        return ClockAdvance(
            self.ask_fact("POST", "clock/settle", bounds, wait=CLOCK_TIMEOUT)
        )

    def events(self, *, timeout: float | None = None) -> Iterator[Fact]:
        """Return what happens from now on, as it does: ``event``, ``id`` and ``data``.

        Raises ``TimeoutError`` after so many seconds of silence.
        """
        return self.stream_events("/_emulator/events", timeout)

    # --- What was sent, and what was asked ----------------------------------------

    def messages(
        self,
        *,
        to: str | None = None,
        campaign: int | None = None,
        text: str | None = None,
        status: str | None = None,
    ) -> FactList:
        """Return the SMS of the account with their states, the oldest first."""
        query = drop_none(number=to, campaign=campaign, text=text, status=status)
        answer = self.ask_fact("GET", "messages", **query)
        return FactList(answer.messages, shown.format_message, count=answer.count)

    @property
    def requests(self) -> FactList:
        """The requests to the platform with their answers, the oldest first."""
        return self.find_requests()

    def find_requests(self, operation: str | None = None, **match: Any) -> FactList:
        """Return the requests of an operation that match.

        By status, number, text, since and until (instants of the world), after (a
        request's number), and only the last so many; ``mask="numbers"`` hides numbers.
        """
        answer = self.ask_fact("GET", "journal", **_to_match_query(operation, match))
        return FactList(answer.exchanges, shown.format_exchange)

    def wait_for_request(
        self,
        operation: str | None = None,
        *,
        timeout: float = 5,
        count: int = 1,
        **match: Any,
    ) -> Fact:
        """Return the request that made the number of matches *count*, once it is there.

        Raises ``AssertionError`` with what was seen after *timeout* seconds of wall.
        """
        __tracebackhide__ = True
        body = {**_to_match_query(operation, match), "count": count, "timeout": timeout}
        answer = self.ask_fact("POST", "journal/wait", body, wait=timeout)
        if not answer.matched:
            raise AssertionError(answer.explanation)
        found: Fact = answer.exchanges[count - 1]
        return found

    def verify(self, operation: str | None = None, **expected: Any) -> int:
        """Return how many requests match.

        Raises ``AssertionError`` with what was seen, unless they are ``exactly``,
        ``at_least`` or ``at_most`` so many, or ``never_within`` so many seconds of the
        world; the rest is as for ``find_requests``.
        """
        __tracebackhide__ = True
        wait = expected.get("timeout", 5) if "never_within" in expected else 0
        body = _to_match_query(operation, expected)
        verdict = self.ask_fact("POST", "journal/verify", body, wait=wait)
        if not verdict.verified:
            raise AssertionError(verdict.explanation)
        return int(verdict.count)

    def clear_requests(self) -> None:
        """Clear the journal; nothing else changes."""
        self.ask_fact("DELETE", "journal")

    def report(self, lines: int = REPORT_LINES) -> str:
        """Return what the world saw, in so many lines of each kind."""
        facts = self.info
        rules = FactList(self.faults, shown.format_fault)
        return (
            f"world {facts.name}, {facts.now}, clock at rate {facts.rate:g}, "
            f"balance {facts.balance}\n"
            f"requests: {self.requests.lines(lines)}\n"
            f"messages: {self.messages().lines(lines)}\n"
            f"deliveries: {self.deliveries.lines(lines)}\n"
            f"faults: {rules.lines(lines)}"
        )

    # --- SMPP ---------------------------------------------------------------------

    @property
    def smpp(self) -> Fact:
        """The SMPP access of the world: host, port, system_id and password."""
        self._transport.open_smpp()
        where: Fact = self.ask_fact("GET", "smpp")
        if where.host in WILDCARD_HOSTS:
            where["host"] = urlsplit(self.url).hostname
        return where

    @property
    def sessions(self) -> list[Fact]:
        """The SMPP sessions that are bound to the world, the oldest first."""
        return self.ask_facts("smpp/sessions")

    def outbind(self, host: str, port: int) -> Fact:
        """Have the world connect to an SMPP client that listens, so that it binds."""
        return self.ask_fact("POST", "smpp/outbind", {"host": host, "port": port})

    def disconnect(self, session: int) -> Fact:
        """Close the connection of a session."""
        return self.ask_fact("DELETE", f"smpp/sessions/{session}")

    @property
    def long_messages(self) -> list[Fact]:
        """The messages in parts that came by SMPP, joined as far as possible."""
        return self.ask_facts("smpp/long-messages")

    # --- What handsets write, and what leaves because of it ----------------------

    def phone(self, number: str) -> Phone:
        """Return a handset, to write from."""
        return Phone(self, number)

    @property
    def keyword_texts(self) -> list[Fact]:
        """The texts that began with a keyword."""
        return self.ask_facts("inbound")

    @property
    def deliveries(self) -> FactList:
        """The deliveries with their attempts, the oldest first."""
        return self.find_deliveries()

    def find_deliveries(self, **match: Any) -> FactList:
        """Return the deliveries that match.

        By kind (moPush, smppMoPush, keywordPush, receipt), state (due, delivered,
        given_up, lost, dropped), number, text, after (an id), and only the last so
        many.
        """
        answer = self.ask_fact("GET", "deliveries", **drop_none(**match))
        return FactList(answer.deliveries, shown.format_delivery)

    def wait_for_delivery(
        self, *, timeout: float = 5, count: int = 1, **match: Any
    ) -> Fact:
        """Return the delivery that made the number of matches *count*.

        Raises ``AssertionError`` with what was seen after *timeout* seconds of wall.
        """
        __tracebackhide__ = True
        body = {**drop_none(**match), "count": count, "timeout": timeout}
        answer = self.ask_fact("POST", "deliveries/wait", body, wait=timeout)
        if not answer.matched:
            raise AssertionError(answer.explanation)
        found: Fact = answer.deliveries[count - 1]
        return found

    def replay(self, delivery: int) -> Fact:
        """Send a delivery once more, whatever its state is."""
        return self.ask_fact("POST", f"deliveries/{delivery}/replay")

    def send_now(self, delivery: int) -> Fact:
        """Send a delivery now that would be due later."""
        return self.ask_fact("POST", f"deliveries/{delivery}/send")

    def drop(self, delivery: int) -> Fact:
        """Drop a delivery."""
        return self.ask_fact("POST", f"deliveries/{delivery}/drop")

    def receive(self, handler: Handler) -> PushListener:
        """Perform the world's pushes by calling *handler*, until it is closed.

        It is called in another thread with the parameters of a push, and returns
        nothing for ``ok``, a text, a status, or both.
        """
        return PushListener(self, wrap_handler(handler))

    # --- Worlds -------------------------------------------------------------------

    @property
    def worlds(self) -> list[Fact]:
        """All worlds of the emulator."""
        return self.ask_facts("worlds")

    def create(self, name: str, **order: Any) -> Self:
        """Open a new world and return it.

        With fixture (a name, or what would stand in a world file) or snapshot, clock,
        pace, strict, seed, assumptions; what is not said is as in the fixture.
        """
        chosen = {key: to_api_value(value) for key, value in drop_none(**order).items()}
        return self._open_emulator(self.open_world(name, chosen))

    def fork(self, name: str | None = None) -> Self:
        """Open a copy of the world and return it."""
        name = name or f"{self.world}-{len(self.opened) + 1}"
        return self._open_emulator(self.ask_fact("POST", "world/fork", {"name": name}))

    def snapshot(self) -> Fact:
        """Return the whole state as a JSON document."""
        return self.ask_fact("GET", "world/snapshot")

    def restore(self, snapshot: Mapping[str, Any]) -> Fact:
        """Restore a snapshot, which may come from another machine."""
        return self.ask_fact("POST", "world/restore", snapshot)

    @property
    def checkpoints(self) -> list[Fact]:
        return self.ask_facts("world/checkpoints")

    def checkpoint(self, name: str) -> Fact:
        """Save the state in the emulator's memory, under a name."""
        return self.ask_fact("POST", "world/checkpoints", {"name": name})

    def restore_checkpoint(self, name: str) -> Fact:
        """Restore a checkpoint."""
        return self.ask_fact("POST", f"world/checkpoints/{quote_segment(name)}/restore")

    def open_checkpoint(self, name: str, world: str) -> Self:
        """Open a checkpoint as a new world and return that."""
        path = f"world/checkpoints/{quote_segment(name)}/open"
        return self._open_emulator(self.ask_fact("POST", path, {"name": world}))

    def drop_checkpoint(self, name: str) -> Fact:
        return self.ask_fact("DELETE", f"world/checkpoints/{quote_segment(name)}")

    def reset(self) -> Fact:
        """Reset the world to its state before its first request."""
        return self.ask_fact("POST", "world/reset")

    def delete(self) -> Fact:
        """Delete the world and its tokens."""
        return self.ask_fact("DELETE", "world")

    def _open_emulator(self, world: Fact) -> Self:
        emulator = type(self)(
            world=world.name,
            token=world.token,
            secret=self._secret,
            timeout=self._timeout,
            transport=self._transport,
        )
        self.opened.append(emulator)
        return emulator


def _to_match_query(operation: str | None, match: Mapping[str, Any]) -> dict[str, Any]:
    wanted = drop_none(operation=operation, **match)
    return {name: to_api_value(each) for name, each in wanted.items()}
