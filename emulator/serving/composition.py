"""The composition root: the one place where the parts meet."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from emulator import files
from emulator.contract import contract
from emulator.contract.contract import Contract
from emulator.courier.courier import Courier
from emulator.courier.http_caller import HttpCaller
from emulator.domain.targets import AllowedTargets
from emulator.faults import places, vocabulary
from emulator.network.connections import ConnectionTable
from emulator.operations import CONTROL_OPERATIONS, PLATFORM_OPERATIONS
from emulator.operations.control.worlds import (
    make_world_operations as worlds_by_command,
)
from emulator.serving.settings import Settings, split_list
from emulator.smsc.smpp_server import SmppServer
from emulator.timekeeping.clock import wall_now
from emulator.web import pages
from emulator.web.addresses import OutsideAddress, split_authority
from emulator.web.admission import (
    Admission,
    AllowedHosts,
    RefusalRenderers,
    parse_host_names,
    read_machine_names,
)
from emulator.web.body_bounds import BodyBounds
from emulator.web.control_api import ControlApi
from emulator.web.control_client import ControlClient
from emulator.web.control_secret import SecretGuard
from emulator.web.cors import CorsPolicy, parse_cors_origins
from emulator.web.endpoint import make_endpoints
from emulator.web.pages import PublicPages
from emulator.web.panel.faults import FaultChoices
from emulator.web.panel.panel import Panel
from emulator.web.platform_api import PlatformApi
from emulator.web.proxies import (
    ProxyRules,
    parse_proxy_networks,
    parse_public_url,
)
from emulator.web.routing import ContractPaths, EmulatorApp
from emulator.worldfile.fixture import (
    Fixture,
    FixtureError,
    FixtureOverrides,
    load_fixture,
)
from emulator.worlds import Limits, WorldDirectory


class Contracts(NamedTuple):
    """The two contracts."""

    platform: Contract
    control: Contract


def build_program(settings: Settings) -> EmulatorApp:
    """Return the whole emulator as an ASGI application.

    Raises ``ContractError`` or ``FixtureError`` where it cannot start.
    """
    limits = Limits(
        worlds=settings.max_worlds,
        checkpoints=settings.max_checkpoints,
        messages=settings.max_messages,
        journal=settings.journal_limit,
        journals=settings.journal_total_limit,
        snapshot=settings.snapshot_limit,
        deliveries=settings.max_deliveries,
        smpp_mints=settings.auto_create_worlds == "any",
    )
    worlds = WorldDirectory(load_fixtures(settings), limits)
    platform = Contract(contract.load_contract(files.CONTRACT))
    worlds.targets = AllowedTargets(split_list(settings.push_allow))
    caller = HttpCaller(
        worlds.targets,
        body_limit=settings.push_response_limit,
        in_container=files.is_in_container(),
    )
    program = assemble_program(
        worlds,
        Contracts(platform, Contract(contract.load_contract(files.CONTROL_CONTRACT))),
        courier=Courier(platform.webhooks, caller, seconds=settings.push_timeout),
        body_limit=settings.body_limit,
        secret=settings.control_secret,
        bounds=BodyBounds(settings.json_node_limit, settings.body_total_limit),
        hosts=AllowedHosts(list_host_names(settings)),
    )
    program.proxies = make_proxy_rules(settings)
    if settings.cors_origin:
        program.cors = CorsPolicy(parse_cors_origins(settings.cors_origin))
    program.state.close = open_world_store(worlds, settings)
    program.state.warming = chain(platform.compile_validators(), worlds.load_pending())
    return program


def list_host_names(settings: Settings) -> list[str]:
    """Return the names that it answers to, beside those that it knows by itself."""
    public = find_public_address(settings)
    host = split_authority(public.origin.partition("://")[2]) if public else None
    return [
        *read_machine_names(),
        settings.host,
        *parse_host_names(settings.allowed_host or ""),
        *parse_host_names(settings.tls_name or ""),
        *(host[:1] if host else ()),
    ]


def make_proxy_rules(settings: Settings) -> ProxyRules | None:
    """Return which proxies are believed; None where nothing of one is set."""
    if not (settings.trusted_proxy or settings.public_url):
        return None
    networks = parse_proxy_networks(settings.trusted_proxy or "")
    return ProxyRules(networks, find_public_address(settings))


def find_public_address(settings: Settings) -> OutsideAddress | None:
    """Return where browsers find it, if that is set."""
    return parse_public_url(settings.public_url) if settings.public_url else None


def open_world_store(worlds: WorldDirectory, settings: Settings) -> Callable[[], None]:
    """Store *worlds*, if they are to be; return a function that ends that.

    Raises ``StoreError`` where the directory cannot be used.
    """
    if settings.data is None:
        return lambda: None
    from emulator.store import process_folders  # noqa: PLC0415
    from emulator.store.sqlite_store import SqliteStore  # noqa: PLC0415 - SQLite takes 5 ms

    process_folders.require_same_processes(settings.data, settings.processes)
    return SqliteStore(
        settings.data,
        worlds,
        now=wall_now(),
        durability=settings.durability,
        accept_loss=settings.accept_loss,
    ).close


def assemble_program(  # noqa: PLR0913 - all but two by name
    worlds: WorldDirectory,
    contracts: Contracts,
    *,
    courier: Courier,
    body_limit: int,
    secret: str | None = None,
    hosts: AllowedHosts | None = None,
    bounds: BodyBounds | None = None,
) -> EmulatorApp:
    """Return an application over *worlds*, which are its ``state.worlds``.

    It answers to *hosts*; without, to those that are private by themselves.
    """
    platform, steering = contracts
    worlds.set_courier(courier.schedule_dispatch)
    bounds = bounds or BodyBounds()
    guard = SecretGuard(secret)
    api = PlatformApi(worlds, body_limit=body_limit, bounds=bounds)
    control = ControlApi(
        worlds, guard, body_limit=worlds.limits.snapshot, bounds=bounds
    )
    manners = RefusalRenderers(
        platform=lambda refusal, _scope: api.render_refusal(refusal, None),
        control=lambda refusal, _scope: control.render_refusal(refusal, None),
        pages=pages.render_refusal_page,
    )
    commands = {**CONTROL_OPERATIONS, **worlds_by_command(worlds)}
    panel = Panel(
        ControlClient(steering, commands, worlds, bounds),
        guard,
        upload_limit=control.body_limit,
        choices=FaultChoices(
            [*vocabulary.list_effect_examples()],
            [*chain(*places.OPERATIONS_BY_PLACE.values())],
        ),
    )
    program = EmulatorApp(
        routes=[*PublicPages(api, platform, worlds).make_routes(), *panel.make_routes()]
    )
    program.paths = ContractPaths(
        make_endpoints(api, platform, PLATFORM_OPERATIONS)
        | make_endpoints(control, steering, commands)
    )
    program.admission = Admission(hosts or AllowedHosts(), manners)
    program.router.redirect_slashes = False
    program.router.default = api.refuse_unknown_path
    program.state.worlds = worlds
    program.state.connections = ConnectionTable(worlds.counters.connections)
    program.state.smpp = SmppServer(worlds, program.state.connections)
    return program


def load_fixtures(settings: Settings) -> list[Fixture]:
    """Return the worlds to begin with; the first one is the default."""
    overrides = FixtureOverrides(
        strict=settings.strict,
        pace=settings.pace,
        clock=settings.clock,
        seed=settings.seed,
        push_url=settings.mo_url,
    )
    return [
        load_fixture(path, overrides, now=wall_now())
        for path in _find_world_files(settings.world)
    ]


def _find_world_files(world: str) -> list[Path]:
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
