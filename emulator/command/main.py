"""The command line: serving, and the commands to what is served."""

import gc
import json
import logging
import shlex
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from emulator import files
from emulator.command import remote
from emulator.command.options import (
    CONFIG,
    CONTROL_SECRET,
    DEFAULTS,
    HOST,
    LEVELS,
    PATH,
    PORT,
    PUSH_ALLOW,
    READABLE,
    SMPP_PORT,
    Trouble,
    clock,
    host_names,
    joined,
    setting,
    url,
)
from emulator.serving.settings import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="smsclouds-emulator")
def main() -> None:
    """Emulate the Smsclouds V3 platform on your own machine."""


@main.command()
@CONFIG
@HOST
@PORT
@setting(
    "--world",
    "demo, contract, a world file, or a directory of them.",
    default=DEFAULTS.world,
)
@setting("--clock", "real, frozen, xN or an instant.", type=clock)
@setting(
    "--pace",
    "manual takes the time the platform takes; instant none.",
    type=click.Choice(["manual", "instant"]),
)
@setting(
    "--strict/--lenient",
    "Refuse what the manual shows somewhere and contradicts elsewhere.",
    default=None,
)
@setting("--seed", "Seed of every draw.", type=int)
@setting(
    "--data",
    "Directory in which worlds outlive the process.",
    type=click.Path(path_type=Path, file_okay=False),
)
@setting("--ready-file", "Written, as JSON, once requests are answered.", type=PATH)
@setting(
    "--tls-port",
    "Serve the same over TLS here.",
    type=click.IntRange(0, 65535),
)
@SMPP_PORT
@setting(
    "--smpp-tls-port",
    "Serve SMPP over TLS here.",
    type=click.IntRange(0, 65535),
)
@setting("--tls-cert", "Your certificate (PEM); without, one is made.", type=READABLE)
@setting("--tls-key", "The key of --tls-cert, unless in it.", type=READABLE)
@setting("--tls-ca-file", "Where to write the CA of a certificate made.", type=PATH)
@setting(
    "--mint",
    "Who opens new worlds by their names: any door, or http alone.",
    default=DEFAULTS.mint,
    type=click.Choice(["any", "http"]),
)
@setting(
    "--processes",
    "Processes to serve with, each with ports and worlds of its own.",
    default=DEFAULTS.processes,
    type=click.IntRange(1, 256),
)
@setting(
    "--allowed-host",
    "Host names that it answers to beside its own: a,b or .example.com or *.",
    type=host_names,
    multiple=True,
    callback=joined,
    metavar="NAMES",
)
@CONTROL_SECRET
@setting("--log-level", "How much to log.", default=DEFAULTS.log_level, type=LEVELS)
@setting(
    "--mo-url",
    "Where replies of handsets are pushed, in every world.",
    type=url,
)
@PUSH_ALLOW
@setting(
    "--push-timeout",
    "Seconds that an answer to a push may take.",
    default=DEFAULTS.push_timeout,
    type=click.FloatRange(0, 600, min_open=True),
)
@setting(
    "--push-answer-limit",
    "Octets of such an answer that are read.",
    default=DEFAULTS.push_answer_limit,
    type=click.IntRange(1),
)
@setting(
    "--max-deliveries",
    "Deliveries that are over and that each world remembers.",
    default=DEFAULTS.max_deliveries,
    type=click.IntRange(0),
)
@setting(
    "--request-line-limit",
    "Bytes the first line of a request may have.",
    default=DEFAULTS.request_line_limit,
    type=click.IntRange(64),
)
@setting(
    "--header-limit",
    "Bytes the header lines of a request may have together.",
    default=DEFAULTS.header_limit,
    type=click.IntRange(256),
)
@setting(
    "--header-lines",
    "Header lines a request may have.",
    default=DEFAULTS.header_lines,
    type=click.IntRange(1),
)
@setting(
    "--body-limit",
    "Octets a request's body may have.",
    default=DEFAULTS.body_limit,
    type=click.IntRange(1),
)
@setting(
    "--snapshot-limit",
    "Octets that a snapshot, or another command's body, may have.",
    default=DEFAULTS.snapshot_limit,
    type=click.IntRange(1),
)
@setting(
    "--max-messages",
    "Messages that a world may hold.",
    default=DEFAULTS.max_messages,
    type=click.IntRange(1),
)
@setting(
    "--max-worlds",
    "Worlds that tokens may mint.",
    default=DEFAULTS.max_worlds,
    type=click.IntRange(1),
)
@setting(
    "--max-checkpoints",
    "Checkpoints that a world may keep.",
    default=DEFAULTS.max_checkpoints,
    type=click.IntRange(0),
)
@setting(
    "--journal-octets",
    "Octets of requests and answers that each world remembers.",
    default=DEFAULTS.journal_octets,
    type=click.IntRange(1),
)
@setting(
    "--journal-total-octets",
    "Octets of them that all worlds together remember.",
    default=DEFAULTS.journal_total_octets,
    type=click.IntRange(1),
)
def serve(**flags: Any) -> None:
    """Serve the platform's API."""
    from emulator.serving import server  # noqa: PLC0415 - only this command needs it

    gc.disable()  # a start makes much and drops little; the server enables it again
    settings = Settings(**flags)
    logging.basicConfig(level=settings.log_level.upper(), stream=sys.stderr)
    try:
        if settings.processes == 1:
            served(settings, welcome)
        else:
            from emulator.serving import processes  # noqa: PLC0415 - few need it

            processes.run(settings, served, welcome_to_all)
    except server.ServeError as error:
        raise Trouble(" ".join(str(error).split())) from error


def served(settings: Settings, announce: Callable[..., None]) -> None:
    """Serve until told to stop; *announce* where, and the default world.

    Raises ``ServeError`` where the operator is mistaken.
    """
    from emulator.serving import composition  # noqa: PLC0415
    from emulator.serving import server  # noqa: PLC0415
    from emulator.contract.contract import ContractError  # noqa: PLC0415
    from emulator.worldfile.fixture import FixtureError  # noqa: PLC0415
    from emulator.store import StoreError  # noqa: PLC0415

    try:
        program = composition.build(settings)
        world = program.state.worlds.default
        with closing(program.state):
            server.run(program, settings, lambda ready: announce(ready, world))
    except (ContractError, FixtureError, StoreError) as error:
        raise server.ServeError(str(error)) from error


def welcome(ready: Any, world: Any) -> None:
    """Say where, with which token, and what to try first."""
    token = next(iter(world.tokens), "world-one")
    order = {
        "text": "hola",
        "recipients": [{"cellphone": "4498987282"}],
        "country": next(iter(world.account.countries), 1),
    }
    try_this = (
        "curl",
        f"{ready.http}/api/v3/campaign",
        *("-H", f"Authorization: Bearer {token}"),
        *("-H", "Content-Type: application/json"),
        *("-d", json.dumps(order)),
    )
    also = f" and {ready.https}" if ready.https else ""
    binds = world.account.access.binds.values()
    who = next((f", system_id {each.system_id}" for each in binds), "")
    smpp = [f"{name}: {each}{who}\n" for name, each in ready.smpp.items()]
    click.echo(
        f"Smsclouds V3, emulated, is ready on {ready.http}{also}\n"
        f"token: {token} (world {world.name}, seed {world.account.seed}), "
        "or world-<any name> for a new world\n"
        f"{''.join(smpp)}{shlex.join(try_this)}"
    )


def welcome_to_all(processes: list[Mapping[str, Any]]) -> None:
    """Say where each process is."""
    click.echo(
        f"Smsclouds V3, emulated, is ready in {len(processes)} processes, the first on "
        f"{processes[0]['http']}"
    )
    for facts in processes:
        names = (name for name in facts if name != "pid")
        places = ", ".join(f"{name} {facts[name]}" for name in names)
        click.echo(f"process {facts['pid']}: {places}")


@main.command()
def openapi() -> None:
    """Print the contract."""
    click.echo(files.CONTRACT.read_text("utf-8"), nl=False)


for command in remote.COMMANDS:
    main.add_command(command)
