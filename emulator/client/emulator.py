"""An emulator in the hand of a test: its world, its clock, what it saw, what it breaks.

``Emulator`` speaks to a running one; ``Emulator.in_process()`` runs one in a thread of
this process.  The standard library is enough for either side of the wire.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit

from emulator.client import shown
from emulator.client.line import Line, given, quoted, written
from emulator.client.listener import Handler, Listener, handled
from emulator.client.shown import Fact, Listing, Run

LINES = 20  # of each kind in a report
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - where a server listens, not where it is
WALK = 600.0  # seconds of the wall, as what falls due may find nobody at home
RENAMED = {"body_has": "body", "headers_have": "headers", "since": "from"}
# What a rule says of which calls and when; every other word is of its effect, which the
# emulator knows.
RULE_WORDS = frozenset(
    {"token", "number", "first", "nth", "every", "until", "probability", "phase"}
    | {"off", "from", *RENAMED}
)


class Phone:
    """A handset in somebody's hand."""

    def __init__(self, line: Line, number: str) -> None:
        self._line = line
        self.number = number

    def reply(self, text: str, *, to: int | None = None) -> Fact:
        """Answer the newest message on the handset, or the one with the id *to*.

        What answers says what came of it: received_id, keyword, deliveries.
        """
        body = {"number": self.number, "text": text, **given(message=to)}
        return self._line.ask("POST", "inbound", body)

    def __repr__(self) -> str:
        return f"<Phone {self.number} at {self._line.url}>"


class Emulator(Line):
    """One world of an emulator; without *world* and *token* it is the default one.

    >>> with Emulator.in_process() as emulator:
    ...     emulator.timekeeping.clock.freeze()
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
        from emulator.serving import composition  # noqa: PLC0415 - only who asks for it pays
        from emulator.client.inprocess import InProcess  # noqa: PLC0415
        from emulator.serving.settings import Settings  # noqa: PLC0415

        chosen = Settings(world=world, **settings)
        transport = InProcess(composition.build(chosen))
        return cls(transport=transport, secret=chosen.control_secret)

    @property
    def facts(self) -> Fact:
        """All that was chosen for the world."""
        return self.ask("GET", "world")

    # --- Time --------------------------------------------------------------------

    def advance(
        self,
        *,
        to: datetime | str | None = None,
        next: bool = False,  # noqa: A002 - as the control API calls it
        **duration: float,
    ) -> Run:
        """Jump ahead and carry out all that falls due on the way.

        ``advance(hours=1)``, ``advance(to=instant)``, or to the ``next`` event.
        """
        body: dict[str, Any] = {"next": True} if next else {}
        if to is not None:
            body["to"] = written(to)
        if duration or not body:
            body["seconds"] = timedelta(**duration).total_seconds()
        return Run(self.ask("POST", "clock/advance", body, wait=WALK))

    def settle(self, *, events: int | None = None, **duration: float) -> Run:
        """Run all due work until nothing is left, or so many events or so long."""
        seconds = timedelta(**duration).total_seconds() if duration else None
        bounds = given(events=events, seconds=seconds)
        return Run(self.ask("POST", "clock/settle", bounds, wait=WALK))

    def events(self, *, timeout: float | None = None) -> Iterator[Fact]:
        """Return what happens from now on, as it does: ``event``, ``id`` and ``data``.

        Raises ``TimeoutError`` after so many seconds of silence.
        """
        return self.stream("/_emulator/events", timeout)

    # --- What was sent, and what was asked ----------------------------------------

    def messages(
        self,
        *,
        to: str | None = None,
        campaign: int | None = None,
        text: str | None = None,
        status: str | None = None,
    ) -> Listing:
        """Return the SMS of the account as they stand, the oldest first."""
        query = given(number=to, campaign=campaign, text=text, status=status)
        answer = self.ask("GET", "messages", **query)
        return Listing(answer.messages, shown.message, count=answer.count)

    @property
    def requests(self) -> Listing:
        """What the platform was asked and answered, the oldest first."""
        return self.find_requests()

    def find_requests(self, operation: str | None = None, **match: Any) -> Listing:
        """Return the requests of an operation that match.

        By status, number, text, since and until (instants of the world), after (a
        request's number), and only the last so many; ``mask="numbers"`` hides numbers.
        """
        answer = self.ask("GET", "journal", **_match(operation, match))
        return Listing(answer.exchanges, shown.exchange)

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
        body = {**_match(operation, match), "count": count, "timeout": timeout}
        answer = self.ask("POST", "journal/wait", body, wait=timeout)
        if not answer.matched:
            raise AssertionError(answer.seen)
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
        body = _match(operation, expected)
        verdict = self.ask("POST", "journal/verify", body, wait=wait)
        if not verdict.verified:
            raise AssertionError(verdict.says)
        return int(verdict.count)

    def clear_requests(self) -> None:
        """Forget what was asked; what it did stands."""
        self.ask("DELETE", "journal")

    def report(self, lines: int = LINES) -> str:
        """Return what the world saw, in so many lines of each kind."""
        facts = self.facts
        rules = Listing(self.faults, shown.fault)
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
        """Where the world is reached by SMPP: host, port, system_id and password."""
        self._transport.open_smpp()
        where: Fact = self.ask("GET", "smpp")
        if where.host in EVERYWHERE:
            where["host"] = urlsplit(self.url).hostname
        return where

    @property
    def sessions(self) -> list[Fact]:
        """Who is bound to the world by SMPP, the oldest first."""
        return self.listed("smpp/sessions")

    def outbind(self, host: str, port: int) -> Fact:
        """Have the world call a client of SMPP that listens there, so that it binds."""
        return self.ask("POST", "smpp/outbind", {"host": host, "port": port})

    def cut(self, session: int) -> Fact:
        """Close the connection of a session."""
        return self.ask("DELETE", f"smpp/sessions/{session}")

    @property
    def long_messages(self) -> list[Fact]:
        """What came by SMPP in parts, joined as far as it has come."""
        return self.listed("smpp/long-messages")

    # --- What goes wrong ----------------------------------------------------------

    def fail_next(
        self,
        operation: str = "*",
        *,
        phase: str | None = None,
        times: int = 1,
        **effect: Any,
    ) -> Fact:
        """Let the next calls fail, with a 500 or as ``fault`` says; return the rule.

        In phase ``before`` nothing is done; in phase ``after`` the call has done its
        work, though its client does not learn of it.
        """
        if effect.keys() <= RULE_WORDS:
            effect["refusal"] = "SERVER_ERROR"
        return self.fault(operation, phase=phase, first=times, **effect)

    def fault(self, operation: str = "*", **rule: Any) -> Fact:
        """Add a fault rule and return it.

        Which calls: token, number, body_has, headers_have.  When: first, nth, every,
        since, until, probability.  How: phase, off.  Every other word is of the effect,
        as the guide has them (faults.md, replies.md for pushes, smpp.md).
        """
        said = given(**rule)
        effect = {name: said.pop(name) for name in said.keys() - RULE_WORDS}
        order = {"operation": operation, **_rule(said), "effect": effect}
        return self.ask("POST", "faults", order)

    @property
    def presets(self) -> list[Fact]:
        """The faults that have a name, and what each is for."""
        return self.listed("fault-presets")

    def preset(self, name: str, **rule: Any) -> Fact:
        """Add a fault that has a name, for the calls that *rule* means."""
        return self.ask("POST", "faults", {"preset": name, **_rule(rule)})

    @property
    def faults(self) -> list[Fact]:
        """The rules, in the order in which they are tried, with their strikes."""
        return self.listed("faults")

    def clear_faults(self) -> None:
        self.ask("DELETE", "faults")

    # --- What handsets write, and what leaves because of it ----------------------

    def phone(self, number: str) -> Phone:
        """Return a handset, to write from."""
        return Phone(self, number)

    @property
    def received(self) -> list[Fact]:
        """The texts that began with a keyword."""
        return self.listed("inbound")

    @property
    def deliveries(self) -> Listing:
        """What has left or will leave, attempt by attempt, the oldest first."""
        return self.find_deliveries()

    def find_deliveries(self, **match: Any) -> Listing:
        """Return the deliveries that match.

        By kind (moPush, smppMoPush, keywordPush, receipt), state (due, delivered,
        given_up, lost, dropped), number, text, after (an id), and only the last so
        many.
        """
        answer = self.ask("GET", "deliveries", **given(**match))
        return Listing(answer.deliveries, shown.delivery)

    def wait_for_delivery(
        self, *, timeout: float = 5, count: int = 1, **match: Any
    ) -> Fact:
        """Return the delivery that made the number of matches *count*.

        Raises ``AssertionError`` with what was seen after *timeout* seconds of wall.
        """
        __tracebackhide__ = True
        body = {**given(**match), "count": count, "timeout": timeout}
        answer = self.ask("POST", "deliveries/wait", body, wait=timeout)
        if not answer.matched:
            raise AssertionError(answer.seen)
        found: Fact = answer.deliveries[count - 1]
        return found

    def replay(self, delivery: int) -> Fact:
        """Let a delivery leave once more, whatever has come of it."""
        return self.ask("POST", f"deliveries/{delivery}/replay")

    def send_now(self, delivery: int) -> Fact:
        """Let a delivery leave now that would be due later."""
        return self.ask("POST", f"deliveries/{delivery}/send")

    def drop(self, delivery: int) -> Fact:
        """Let a delivery leave no more."""
        return self.ask("POST", f"deliveries/{delivery}/drop")

    def receive(self, handler: Handler) -> Listener:
        """Perform the world's pushes by calling *handler*, until it is closed.

        It is called in another thread with the parameters of a push, and returns
        nothing for ``ok``, a text, a status, or both.
        """
        return Listener(self, handled(handler))

    # --- Handsets and campaigns ---------------------------------------------------

    def handset(self, number: str) -> Fact:
        """Return the truth about a number."""
        return self.ask("GET", f"handsets/{quoted(number)}")

    def set_handset(self, number: str, outcome: str) -> Fact:
        """Give a number its outcome, for what is sent from now on."""
        return self.ask("PUT", f"handsets/{quoted(number)}", {"outcome": outcome})

    def population(self, **weights: float) -> Fact:
        """Return how everybody else fares, or let them fare by these weights."""
        if not weights:
            return self.ask("GET", "population")
        return self.ask("PUT", "population", {"weights": weights})

    @property
    def campaigns(self) -> list[Fact]:
        """The campaigns of all channels, as they stand."""
        return self.listed("campaigns")

    def pause(self, campaign: int) -> Fact:
        return self.ask("POST", f"campaigns/sms/{campaign}/pause")

    def resume(self, campaign: int) -> Fact:
        return self.ask("POST", f"campaigns/sms/{campaign}/resume")

    def cancel(self, campaign: int) -> Fact:
        return self.ask("POST", f"campaigns/sms/{campaign}/cancel")

    def lose(self, campaign: int) -> Fact:
        """Let the platform know nothing of a campaign any more."""
        return self.ask("POST", f"campaigns/sms/{campaign}/lose")

    def letters(self, campaign: int) -> list[Fact]:
        """Return the e-mails of a campaign, merged."""
        letters: list[Fact] = self.ask(
            "GET", f"campaigns/email/{campaign}/letters"
        ).letters
        return letters

    # --- The account --------------------------------------------------------------

    @property
    def balance(self) -> float:
        balance: float = self.movements.balance
        return balance

    @property
    def movements(self) -> Fact:
        """Where the money went: the opening credit and every movement."""
        return self.ask("GET", "movements")

    def top_up(self, amount: float) -> float:
        """Buy credit and return the balance; a negative amount takes some away."""
        balance: float = self.ask("POST", "movements", {"amount": amount}).balance
        return balance

    @property
    def account(self) -> Fact:
        """The account, as a world file writes it."""
        return self.ask("GET", "account")

    def change(self, **patch: Any) -> Fact:
        """Change the account by a merge patch of it; ``None`` removes."""
        return self.ask("PATCH", "account", patch)

    def add(self, collection: str, **item: Any) -> Fact:
        """Add to a list of the account: keywords, links, routes, ..."""
        return self.ask("POST", f"account/{collection}", item)

    def remove(self, collection: str, item: str | int) -> Fact:
        """Remove the item with this id, word or number."""
        return self.ask("DELETE", f"account/{collection}/{quoted(item)}")

    @property
    def links(self) -> list[Fact]:
        """The links and who followed them."""
        return self.listed("links")

    # --- Worlds -------------------------------------------------------------------

    @property
    def worlds(self) -> list[Fact]:
        """All worlds of the emulator."""
        return self.listed("worlds")

    def create(self, name: str, **order: Any) -> Self:
        """Open a new world and return it.

        With fixture (a name, or what would stand in a world file) or snapshot, clock,
        pace, strict, seed, assumptions; what is not said is as in the fixture.
        """
        chosen = {key: written(value) for key, value in given(**order).items()}
        return self._of(self.opening(name, chosen))

    def fork(self, name: str | None = None) -> Self:
        """Open a copy of the world and return it."""
        name = name or f"{self.world}-{len(self.opened) + 1}"
        return self._of(self.ask("POST", "world/fork", {"name": name}))

    def snapshot(self) -> Fact:
        """Return the whole state as a JSON document."""
        return self.ask("GET", "world/snapshot")

    def restore(self, snapshot: Mapping[str, Any]) -> Fact:
        """Go to the state of a snapshot, which may come from another machine."""
        return self.ask("POST", "world/restore", snapshot)

    @property
    def checkpoints(self) -> list[Fact]:
        return self.listed("world/checkpoints")

    def checkpoint(self, name: str) -> Fact:
        """Keep the state in the emulator's memory, under a name."""
        return self.ask("POST", "world/checkpoints", {"name": name})

    def back_to(self, name: str) -> Fact:
        """Go back to a checkpoint."""
        return self.ask("POST", f"world/checkpoints/{quoted(name)}/restore")

    def open_checkpoint(self, name: str, world: str) -> Self:
        """Open a checkpoint as a new world and return that."""
        path = f"world/checkpoints/{quoted(name)}/open"
        return self._of(self.ask("POST", path, {"name": world}))

    def drop_checkpoint(self, name: str) -> Fact:
        return self.ask("DELETE", f"world/checkpoints/{quoted(name)}")

    def reset(self) -> Fact:
        """Make the world what it was before its first request."""
        return self.ask("POST", "world/reset")

    def delete(self) -> Fact:
        """Delete the world and its tokens."""
        return self.ask("DELETE", "world")

    def _of(self, world: Fact) -> Self:
        emulator = type(self)(
            world=world.name,
            token=world.token,
            secret=self._secret,
            timeout=self._timeout,
            transport=self._transport,
        )
        self.opened.append(emulator)
        return emulator


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {RENAMED.get(name, name): written(each) for name, each in rule.items()}


def _match(operation: str | None, match: Mapping[str, Any]) -> dict[str, Any]:
    wanted = given(operation=operation, **match)
    return {name: written(each) for name, each in wanted.items()}
