"""The composition root: the one place where the parts meet."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from emulator.contract import contract
from emulator import files
from emulator.smsc.smpp_server import Door
from emulator.timekeeping.clock import wall
from emulator.contract.contract import Contract
from emulator.courier.http_caller import Caller
from emulator.courier.courier import Courier
from emulator.domain.targets import Targets
from emulator.faults import places, vocabulary
from emulator.worldfile.fixture import Fixture, FixtureError, Overrides, load
from emulator.operations import CONTROL, OPERATIONS
from emulator.operations.control.worlds import commands as worlds_by_command
from emulator.serving.settings import Settings, parts
from emulator.web import pages
from emulator.web.admission import Admission, Manners
from emulator.web.platform_api import Api
from emulator.web.control_api import Control
from emulator.web.control_client import Desk
from emulator.web.endpoint import endpoints
from emulator.web.hosts import Hosts, own_names, read_names
from emulator.web.pages import Pages
from emulator.web.panel.faults import Choices
from emulator.web.panel.panel import Panel
from emulator.web.routing import Paths, Program
from emulator.worlds import Limits, Worlds


class Contracts(NamedTuple):
    """The two documents that are answered by."""

    platform: Contract
    control: Contract


def build(settings: Settings) -> Program:
    """Return the whole program as an ASGI application.

    Raises ``ContractError`` or ``FixtureError`` where it cannot start.
    """
    limits = Limits(
        worlds=settings.max_worlds,
        checkpoints=settings.max_checkpoints,
        messages=settings.max_messages,
        journal=settings.journal_octets,
        journals=settings.journal_total_octets,
        snapshot=settings.snapshot_limit,
        deliveries=settings.max_deliveries,
        smpp_mints=settings.mint == "any",
    )
    worlds = Worlds(fixtures(settings), limits)
    platform = Contract(contract.load(files.CONTRACT))
    worlds.targets = Targets(parts(settings.push_allow))
    caller = Caller(
        worlds.targets,
        most=settings.push_answer_limit,
        in_container=files.in_container(),
    )
    program = assembled(
        worlds,
        Contracts(platform, Contract(contract.load(files.CONTROL))),
        courier=Courier(platform.webhooks, caller, seconds=settings.push_timeout),
        body_limit=settings.body_limit,
        secret=settings.control_secret,
        hosts=Hosts(
            (*own_names(), settings.host, *read_names(settings.allowed_host or ""))
        ),
    )
    program.state.close = kept(worlds, settings.data)
    program.state.warming = platform.compiling()
    return program


def kept(worlds: Worlds, folder: Path | None) -> Callable[[], None]:
    """Keep *worlds* in *folder*, if there is one; return what lets go of it.

    Raises ``StoreError`` where the directory cannot be used.
    """
    if folder is None:
        return lambda: None
    from emulator.store.sqlite_store import Keeper  # noqa: PLC0415 - SQLite takes 5 ms

    return Keeper(folder, worlds, now=wall()).close


def assembled(  # noqa: PLR0913 - all but two by name
    worlds: Worlds,
    contracts: Contracts,
    *,
    courier: Courier,
    body_limit: int,
    secret: str | None = None,
    hosts: Hosts | None = None,
) -> Program:
    """Return an application over *worlds*, which are its ``state.worlds``.

    It answers to *hosts*; without, to those that are private by themselves.
    """
    platform, steering = contracts
    worlds.wake(courier.look)
    api = Api(worlds, body_limit=body_limit)
    control = Control(worlds, body_limit=worlds.limits.snapshot, secret=secret)
    manners = Manners(
        platform=lambda refusal, _scope: api.refused(refusal, None),
        control=lambda refusal, _scope: control.refused(refusal, None),
        pages=pages.refused,
    )
    commands = {**CONTROL, **worlds_by_command(worlds)}
    panel = Panel(
        Desk(steering, commands, worlds),
        secret,
        upload_limit=control.body_limit,
        choices=Choices(
            [*vocabulary.examples()], [*chain(*places.OPERATIONS.values())]
        ),
    )
    program = Program(routes=[*Pages(api, platform, worlds).routes(), *panel.routes()])
    program.paths = Paths(
        endpoints(api, platform, OPERATIONS) | endpoints(control, steering, commands)
    )
    program.admission = Admission(hosts or Hosts(), manners)
    program.router.redirect_slashes = False
    program.router.default = api.not_found
    program.state.worlds = worlds
    program.state.smpp = Door(worlds)
    return program


def fixtures(settings: Settings) -> list[Fixture]:
    """Return the worlds to begin with; the first one is the default."""
    overrides = Overrides(
        strict=settings.strict,
        pace=settings.pace,
        clock=settings.clock,
        seed=settings.seed,
        push_url=settings.mo_url,
    )
    return [load(path, overrides, now=wall()) for path in _paths(settings.world)]


def _paths(world: str) -> list[Path]:
    """Return the world files that *world* names: a bundled one, a file, a directory."""
    bundled = files.WORLDS / f"{world}.yaml"
    path = Path(world)
    if path.is_dir():
        found = sorted(path.glob("*.yaml"))
        if not found:
            message = f"the directory {path} holds no world file (*.yaml)"
            raise FixtureError(message)
        return found
    if bundled.is_file() and not path.suffix:
        return [bundled]
    return [path]
