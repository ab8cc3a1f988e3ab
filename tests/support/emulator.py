"""A world under test: the whole application in memory, its clock in the test's hand.

Every answer is held to ``openapi.yaml``, and by ``run_control`` to ``control.yaml``: by
jsonschema and not by the validator that the emulator uses, so that a reply which the
contract does not describe fails whichever test provoked it.

A property is tried with ``set_examples``: for a moment by `make test`, at length by
`make soak`.  Whatever `make test` is spared is spared here, and `make soak` does it.
"""

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import jsonschema
import yaml
from hypothesis import HealthCheck, settings
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from starlette.applications import Starlette

from emulator import files
from emulator.contract.contract import Contract, load_contract
from emulator.courier.courier import Courier
from emulator.courier.http_caller import HttpCaller
from emulator.domain.account import Account
from emulator.domain.responses import MoResponse
from emulator.domain.targets import AllowedTargets
from emulator.serving.composition import Contracts, assemble_program
from emulator.web.routing import EmulatorApp
from emulator.world import ClockChanged, World
from emulator.world.transaction import run_transaction_now
from emulator.worldfile.fixture import parse_fixture
from emulator.worlds import Limits, WorldDirectory

START = datetime(2026, 3, 2, 18, 0, 0, tzinfo=UTC)  # noon in Mexico City
BODY_LIMIT = 32 * 1024 * 1024
MOST_OF_AN_ANSWER = 64 * 1024
PATIENCE = 1.0  # seconds that a receiver may take where a test waits for the time-out
SOON = 60.0  # seconds of the wall; only what hangs comes near
URN, CONTROL_URN = "urn:contract", "urn:control"  # of the two contracts' schemas
Got = TypeVar("Got")


@cache
def read_contract() -> Contract:
    return Contract(load_contract(files.CONTRACT))


@cache
def read_control() -> Contract:
    return Contract(load_contract(files.CONTROL_CONTRACT))


@cache
def read_demo_world() -> Mapping[str, Any]:
    document: Mapping[str, Any] = yaml.safe_load(
        (files.WORLDS / "demo.yaml").read_text("utf-8")
    )
    return document


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    octets: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.octets)

    @property
    def information(self) -> str:
        """The sentence of a refusal."""
        sentence: str = self.body["error"]["information"]
        return sentence

    @property
    def notes(self) -> list[str]:
        """The ledger ids of what was doubtful in the request."""
        noted = self.headers.get("x-emulator-notes", "")
        return noted.split(", ") if noted else []


def run_at_once(work: Coroutine[Any, Any, Got]) -> Got:
    """Return what a coroutine returns that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as stop:
        got: Got = stop.value
        return got
    raise AssertionError(work)


def keep_changes(world: World, *changes: object) -> None:
    """Have *changes* happen in *world*, in one transaction."""

    def keep() -> None:
        for each in changes:
            world.keep_change(each)

    run_transaction_now(world.shared, keep)


@dataclass
class ManualClock:
    world: World

    def advance(self, **duration: float) -> None:
        """Turn the clock, and nothing else: what then is due waits for a visitor."""
        at = self.now + timedelta(**duration)
        keep_changes(self.world, ClockChanged(at=at))

    @property
    def now(self) -> datetime:
        return self.world.clock.now()


@dataclass
class Api:
    """A client of one world; its default token opens it."""

    app: Starlette
    token: str = "demo"
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    @property
    def worlds(self) -> WorldDirectory:
        worlds: WorldDirectory = self.app.state.worlds
        return worlds

    @property
    def world(self) -> World:
        if dormant := self.worlds.dormant.by_token.get(self.token):
            dormant.load()
        return run_at_once(self.worlds.get_or_create(self.token))

    @property
    def account(self) -> Account:
        return self.world.account

    @property
    def clock(self) -> ManualClock:
        return ManualClock(self.world)

    def get(self, path: str, **options: Any) -> Answer:
        return self.send("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        return self.send("POST", path, **options)

    def balance(self) -> float:
        credit: float = self.get("/api/v1/user").body["data"]["credit"]
        return credit

    def send(self, method: str, path: str, **options: Any) -> Answer:
        """Send one request, with the options of ``start``, and return its answer."""
        return self.finish(self.start(method, path, **options))

    def send_headers(
        self, method: str, path: str, headers: Mapping[str, str]
    ) -> Answer:
        """Send *headers* alone and return the answer, which is held to no contract.

        Raises ``TimeoutError`` for one that has no end, such as a stream.
        """
        asked = _send(self.app, method, path, headers, b"")
        return self._loop.run_until_complete(asyncio.wait_for(asked, SOON))

    def finish(self, asked: asyncio.Task[Answer]) -> Answer:
        """Return the answer of a request that was started."""
        return self._loop.run_until_complete(asked)

    def start(  # noqa: PLR0913 - an HTTP request has these parts
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> asyncio.Task[Answer]:
        """Begin a request, which goes on while others are sent.

        ``token=""`` sends none.  *path* may hold a query.
        """
        sent = {"accept": "application/json"}
        if token != "":
            sent["authorization"] = f"Bearer {token or self.token}"
        if json is not None or content is not None:
            sent["content-type"] = "application/json"
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        octets = _encode_body(json) if content is None else content
        return self._loop.create_task(
            _send_and_check(self.app, method, path, sent, octets)
        )

    def send_together(self, *requests: tuple[str, str, Any]) -> list[Answer]:
        """Send several requests at once: method, path and body; they take turns."""

        async def all_of_them() -> list[Answer]:
            return await asyncio.gather(*(self._ask(*each) for each in requests))

        return self._loop.run_until_complete(all_of_them())

    def send_and_hang_up(self, method: str, path: str, body: Any) -> None:
        """Send a request whose client goes away while it is under way."""
        self._loop.run_until_complete(self._ask(method, path, body, hang_up=True))

    async def _ask(
        self, method: str, path: str, body: Any, *, hang_up: bool = False
    ) -> Answer:
        sent = {
            "authorization": f"Bearer {self.token}",
            "content-type": "application/json",
        }
        return await _send(
            self.app, method, path, sent, _encode_body(body), hang_up=hang_up
        )

    def close(self) -> None:
        """End what still waits for an answer, as a server that stops does."""
        waiting = asyncio.all_tasks(self._loop)
        for each in waiting:
            each.cancel()
        if waiting:
            self._loop.run_until_complete(asyncio.wait(waiting))
        self._loop.close()

    def receive(self, message: int, text: str) -> MoResponse:
        """Let the handset that got *message* answer it, now."""
        world = self.world
        campaign = world.find_campaign_of(message)
        assert campaign is not None, f"there is no message {message}"
        index = message - campaign.first_message
        reached = index < campaign.line.count_due(world.clock.now())
        response = MoResponse(
            id=world.next["response"],
            number=campaign.recipients.numbers[index],
            campaign=campaign.id,
            campaign_name=campaign.name,
            message=message,
            text=campaign.render_text(index),
            response=text,
            sent_at=campaign.line.due_time(index) if reached else None,
            received_at=world.clock.now(),
        )
        keep_changes(world, response)
        return response


MakeApi = Callable[..., Api]  # the fixture ``make_api``


def make_emulator(*, strict: bool = False, **changes: Any) -> Api:
    """Return a fresh world, made from the demo world's file with *changes* at its top.

    Its clock stands at ``START``.  ``emulated(assumptions={"charge": "per_part"})``.
    """
    document = {
        **deepcopy(dict(read_demo_world())),
        "clock": START.isoformat(),
        **changes,
    }
    if strict:
        document["strict"] = True
    worlds = WorldDirectory([parse_fixture(document, "demo", now=START)], Limits())
    return Api(build_app(worlds))


def make_limited_emulator(
    worlds: int = 100,
    *,
    secret: str | None = None,
    binds: Any = None,
    **limits: Any,
) -> Api:
    """Return a demo world in a process that may hold so much."""
    own = {} if binds is None else {"binds": binds}
    document = {**read_demo_world(), "clock": START.isoformat(), **own}
    fixture = parse_fixture(document, "demo", now=START)
    opened = WorldDirectory([fixture], Limits(worlds=worlds, **limits))
    return Api(build_app(opened, secret=secret))


def build_app(
    worlds: WorldDirectory,
    platform: Contract | None = None,
    *,
    secret: str | None = None,
) -> EmulatorApp:
    """Return the whole application over *worlds*."""
    platform = platform or read_contract()
    caller = HttpCaller(AllowedTargets(), body_limit=MOST_OF_AN_ANSWER)
    courier = Courier(platform.webhooks, caller, seconds=SOON)
    return assemble_program(
        worlds,
        Contracts(platform, read_control()),
        courier=courier,
        body_limit=BODY_LIMIT,
        secret=secret,
    )


def _encode_body(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


async def _send_and_check(
    app: Starlette, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    answer = await _send(app, method, path, headers, body)
    if "x-emulator-fault" not in answer.headers:  # which was asked for
        check_answer(method, path, answer)
    return answer


async def _send(  # noqa: PLR0913 - an HTTP request has these parts
    app: Starlette,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    hang_up: bool = False,
) -> Answer:
    """Speak ASGI to *app*, as a server does; a client that hangs up has no answer."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "surrogateescape"),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()]
        + [(b"content-length", b"%d" % len(body))],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 7672),
    }
    sent: list[Any] = []

    parts = iter(({"type": "http.request", "body": body, "more_body": False},))

    async def receive() -> dict[str, Any]:
        for part in parts:
            return part
        if not hang_up:
            await asyncio.get_running_loop().create_future()  # stays on the line
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if hang_up:
        return Answer(0, {}, b"")
    start = sent[0]
    return Answer(
        status=start["status"],
        headers={name.decode(): value.decode() for name, value in start["headers"]},
        octets=b"".join(message.get("body", b"") for message in sent[1:]),
    )


# --- Answers, held to the contracts -----------------------------------------------


def check_answer(method: str, path: str, answer: Answer) -> None:
    """Fail unless the contract describes *answer*."""
    pointer = find_pointer(read_contract(), method, path)
    if pointer is None:
        return
    document = read_contract().document
    responses = document.resolve_pointer(f"{pointer}/responses")[1]
    assert str(answer.status) in responses, f"{method} {path}: {answer.status}"
    where, node = document.resolve_pointer(f"{pointer}/responses/{answer.status}")
    for name, header in node.get("headers", {}).items():
        required = (
            document.resolve_pointer(header["$ref"][1:])[1]
            if "$ref" in header
            else header
        )
        if required.get("required"):
            assert name.lower() in answer.headers, f"{method} {path}: no {name}"
    if "content" in node and method != "HEAD":
        assert answer.headers["content-type"] == "application/json"
        sample = _shorten_lists(answer.body)
        make_validator(f"{where}/content/application~1json/schema").validate(sample)


def _shorten_lists(body: Any) -> Any:
    """Return *body* with a part of each long list, unless there is time for all."""
    if not isinstance(body, dict):
        return body
    return {
        name: take_sample(each) if isinstance(each, list) else each
        for name, each in body.items()
    }


@cache
def make_registry() -> Registry[Any]:
    known: Registry[Any] = Registry()
    for urn, contract in ((URN, read_contract()), (CONTROL_URN, read_control())):
        resource = DRAFT202012.create_resource(contract.document.tree)
        known = known.with_resource(urn, resource)
    return known


@cache
def make_validator(pointer: str, urn: str = URN) -> jsonschema.Draft202012Validator:
    """Return what holds a value to the schema at *pointer* of a contract."""
    schema = {"$ref": f"{urn}#{pointer.replace('{', '%7B').replace('}', '%7D')}"}
    return jsonschema.Draft202012Validator(schema, registry=make_registry())


def find_pointer(contract: Contract, method: str, path: str) -> str | None:
    """Return the pointer of the operation that *path* means, if the method is its."""
    steps = path.partition("?")[0].split("/")
    for operation in contract.operations.values():
        for pattern in (operation.path, *operation.aliases):
            names = pattern.split("/")
            fits = len(names) == len(steps) and all(
                name == step or (step and name.startswith("{"))
                for name, step in zip(names, steps, strict=True)
            )
            if fits and operation.method == method:
                escaped = operation.path.replace("/", "~1")
                return f"/paths/{escaped}/{method.lower()}"
    return None


# --- The control API --------------------------------------------------------------


def send_control(api: Api, method: str, path: str, **options: Any) -> Answer:
    """Send a request to the control API; its answer is held to ``control.yaml``."""
    path = f"/_emulator/{path}"
    answer = api.send(method, path, **options)
    if answer.status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.body["status"] == answer.status
        where = "/components/schemas/Problem"
    else:
        assert answer.headers["content-type"] == "application/json"
        where = f"{find_pointer(read_control(), method, path)}/responses/200"
        where += "/content/application~1json/schema"
    make_validator(where, CONTROL_URN).validate(answer.body)
    return answer


def run_control(api: Api, method: str, path: str, **options: Any) -> Any:
    """Send a request to the control API and return the body of its success."""
    answer = send_control(api, method, path, **options)
    assert answer.status == 200, answer.body
    return answer.body


# --- Properties: how long they are tried ------------------------------------------

SOAKING = os.environ.get("SOAK") == "1"  # as `make soak` says
FACTOR = 25  # times as many examples; each run of `make soak` draws others
LONGER = 2  # times as many steps of a story


def set_examples(count: int = 100, *, steps: int = 50, **others: Any) -> settings:
    """Return what a property is tried with: *count* examples by `make test`.

    They are the same each time.  *steps* are those of a state machine.
    """
    if SOAKING:
        others["suppress_health_check"] = list(HealthCheck)  # it takes its time
    return settings(
        max_examples=count * FACTOR if SOAKING else count,
        stateful_step_count=steps * LONGER if SOAKING else steps,
        derandomize=not SOAKING,
        database=None,
        deadline=None,
        print_blob=True,
        **others,
    )


# A property that says nothing of its own is tried so, too: for no bound on the wall.
settings.register_profile("ours", set_examples())
settings.load_profile("ours")


def take_sample(rows: list[Any], part: int = 100) -> list[Any]:
    """Return a part of long *rows*: both their ends, and some in between."""
    if SOAKING or len(rows) <= 4 * part:
        return rows
    return [*rows[:part], *rows[part : -part : len(rows) // part], *rows[-part:]]
