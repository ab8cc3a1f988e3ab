"""The command line: serving, and the commands to what is served."""

import atexit
import gc
import logging
import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from emulator import files
from emulator.command import remote
from emulator.command.announcement import (
    drop_unprinted,
    print_processes,
    print_welcome,
)
from emulator.command.options import (
    ANY_COUNT,
    ANY_PATH,
    CONFIG_OPTION,
    CONTROL_SECRET_OPTION,
    COUNT_RANGE,
    DEFAULT_SETTINGS,
    HOST_OPTION,
    LOG_LEVELS,
    PORT_OPTION,
    PUSH_ALLOW_OPTION,
    READABLE_FILE,
    SECONDS_RANGE,
    SEED_RANGE,
    SMPP_PORT_OPTION,
    FiniteRange,
    OperatorError,
    join_option_values,
    parse_clock_option,
    parse_hosts_option,
    parse_names_option,
    parse_origins_option,
    parse_proxies_option,
    parse_public_url_option,
    parse_url_option,
    setting_option,
)
from emulator.domain.bounds import MAX_INTEGER
from emulator.serving.settings import ServeError, Settings

log = logging.getLogger("emulator")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="smsclouds-emulator")
def main() -> None:
    """Emulate the Smsclouds V3 platform on your own machine."""


@main.command()
@CONFIG_OPTION
@HOST_OPTION
@PORT_OPTION
@setting_option(
    "--world",
    "demo, contract, a world file, or a directory of them.",
    default=DEFAULT_SETTINGS.world,
)
@setting_option(
    "--clock",
    "real, frozen, xN or an instant.",
    type=parse_clock_option,
    metavar="CLOCK",
)
@setting_option(
    "--pace",
    "manual takes the time the platform takes; instant none.",
    type=click.Choice(["manual", "instant"]),
)
@setting_option(
    "--strict/--lenient",
    "Refuse what the manual shows somewhere and contradicts elsewhere.",
    default=None,
)
@setting_option("--seed", "Seed of every draw.", type=SEED_RANGE)
@setting_option(
    "--data",
    "Directory in which worlds outlive the process.",
    type=click.Path(path_type=Path, file_okay=False),
)
@setting_option(
    "--durability",
    "What an answer outlives there: the end of the process, or a power cut as well.",
    default=DEFAULT_SETTINGS.durability,
    type=click.Choice(["process", "power"]),
)
@setting_option(
    "--accept-loss",
    "Go on without a file of the directory that is lost.",
    is_flag=True,
    default=DEFAULT_SETTINGS.accept_loss,
)
@setting_option(
    "--ready-file", "Written, as JSON, once requests are answered.", type=ANY_PATH
)
@setting_option(
    "--tls-port",
    "Serve the same over TLS here.",
    type=click.IntRange(0, 65535),
)
@SMPP_PORT_OPTION
@setting_option(
    "--smpp-tls-port",
    "Serve SMPP over TLS here.",
    type=click.IntRange(0, 65535),
)
@setting_option(
    "--tls-cert", "Your certificate (PEM); without, one is made.", type=READABLE_FILE
)
@setting_option("--tls-key", "The key of --tls-cert, unless in it.", type=READABLE_FILE)
@setting_option(
    "--tls-ca-file", "Where to write the CA of a certificate made.", type=ANY_PATH
)
@setting_option(
    "--tls-name",
    "Names in a certificate made, beside its own: a,b.",
    type=parse_names_option,
    multiple=True,
    callback=join_option_values,
    metavar="NAMES",
)
@setting_option(
    "--auto-create-worlds",
    "Who opens new worlds by their names: any protocol, or http alone.",
    default=DEFAULT_SETTINGS.auto_create_worlds,
    type=click.Choice(["any", "http"]),
)
@setting_option(
    "--processes",
    "Processes to serve with, each with ports and worlds of its own.",
    default=DEFAULT_SETTINGS.processes,
    type=click.IntRange(1, 256),
)
@setting_option(
    "--allowed-host",
    "Host names that it answers to beside its own: a,b or .example.com or *.",
    type=parse_hosts_option,
    multiple=True,
    callback=join_option_values,
    metavar="NAMES",
)
@setting_option(
    "--trusted-proxy",
    "Proxies whose X-Forwarded headers are believed: addresses and networks, a,b.",
    type=parse_proxies_option,
    multiple=True,
    callback=join_option_values,
    metavar="NETWORKS",
)
@setting_option(
    "--public-url",
    "Where browsers find it behind a proxy, with the path if it has one.",
    type=parse_public_url_option,
    metavar="URL",
)
@setting_option(
    "--cors-origin",
    "Origins whose pages may use the platform's API: a,b or *.",
    type=parse_origins_option,
    multiple=True,
    callback=join_option_values,
    metavar="ORIGINS",
)
@CONTROL_SECRET_OPTION
@setting_option(
    "--log-level",
    "How much to log.",
    default=DEFAULT_SETTINGS.log_level,
    type=LOG_LEVELS,
)
@setting_option(
    "--mo-url",
    "Where replies of handsets are pushed, in every world.",
    type=parse_url_option,
    metavar="URL",
)
@PUSH_ALLOW_OPTION
@setting_option(
    "--push-timeout",
    "Seconds that an answer to a push may take.",
    default=DEFAULT_SETTINGS.push_timeout,
    type=FiniteRange(0, 600, min_open=True),
)
@setting_option(
    "--push-response-limit",
    "Bytes of such an answer that are read.",
    default=DEFAULT_SETTINGS.push_response_limit,
    type=COUNT_RANGE,
)
@setting_option(
    "--max-deliveries",
    "Deliveries that are over and that each world remembers.",
    default=DEFAULT_SETTINGS.max_deliveries,
    type=ANY_COUNT,
)
@setting_option(
    "--request-line-limit",
    "Bytes the first line of a request may have.",
    default=DEFAULT_SETTINGS.request_line_limit,
    type=click.IntRange(64, MAX_INTEGER),
)
@setting_option(
    "--header-limit",
    "Bytes the header lines of a request may have together.",
    default=DEFAULT_SETTINGS.header_limit,
    type=click.IntRange(256, MAX_INTEGER),
)
@setting_option(
    "--max-headers",
    "Header lines a request may have.",
    default=DEFAULT_SETTINGS.max_headers,
    type=COUNT_RANGE,
)
@setting_option(
    "--body-limit",
    "Bytes a request's body may have.",
    default=DEFAULT_SETTINGS.body_limit,
    type=COUNT_RANGE,
)
@setting_option(
    "--json-node-limit",
    "Values and names that the JSON of a body may have.",
    default=DEFAULT_SETTINGS.json_node_limit,
    type=COUNT_RANGE,
)
@setting_option(
    "--body-total-limit",
    "Bytes of the bodies of all requests that are worked on at once.",
    default=DEFAULT_SETTINGS.body_total_limit,
    type=COUNT_RANGE,
)
@setting_option(
    "--max-connections",
    "Connections that may be open at once, over all ports.",
    default=DEFAULT_SETTINGS.max_connections,
    type=COUNT_RANGE,
)
@setting_option(
    "--idle-timeout",
    "Seconds that a connection is kept between two requests.",
    default=DEFAULT_SETTINGS.idle_timeout,
    type=SECONDS_RANGE,
)
@setting_option(
    "--header-timeout",
    "Seconds in which the head of a request has to come.",
    default=DEFAULT_SETTINGS.header_timeout,
    type=SECONDS_RANGE,
)
@setting_option(
    "--transfer-timeout",
    "Seconds in which a body has to come, and a client to go on reading.",
    default=DEFAULT_SETTINGS.transfer_timeout,
    type=SECONDS_RANGE,
)
@setting_option(
    "--snapshot-limit",
    "Bytes that a snapshot, or another command's body, may have.",
    default=DEFAULT_SETTINGS.snapshot_limit,
    type=COUNT_RANGE,
)
@setting_option(
    "--max-messages",
    "Messages that a world may hold.",
    default=DEFAULT_SETTINGS.max_messages,
    type=COUNT_RANGE,
)
@setting_option(
    "--max-worlds",
    "Worlds that tokens may open.",
    default=DEFAULT_SETTINGS.max_worlds,
    type=COUNT_RANGE,
)
@setting_option(
    "--max-checkpoints",
    "Checkpoints that a world may keep.",
    default=DEFAULT_SETTINGS.max_checkpoints,
    type=ANY_COUNT,
)
@setting_option(
    "--journal-limit",
    "Bytes of requests and answers that each world remembers.",
    default=DEFAULT_SETTINGS.journal_limit,
    type=COUNT_RANGE,
)
@setting_option(
    "--journal-total-limit",
    "Bytes of them that all worlds together remember.",
    default=DEFAULT_SETTINGS.journal_total_limit,
    type=COUNT_RANGE,
)
def serve_command(**flags: Any) -> None:
    """Serve the platform's API."""
    _occupy_standard_files()
    atexit.register(drop_unprinted)
    gc.disable()  # a start makes much and drops little; the server enables it again
    settings = Settings(**flags)
    logging.basicConfig(level=settings.log_level.upper(), stream=sys.stderr)
    try:
        if settings.processes == 1:
            serve_emulator(settings, print_welcome)
        else:
            from emulator.serving import processes  # noqa: PLC0415 - few need it

            processes.run_processes(settings, serve_emulator, print_processes)
    except ServeError as error:
        raise OperatorError(" ".join(str(error).split())) from error


def _occupy_standard_files() -> None:
    """Open those of the standard files that were closed, as a socket must be none."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free


def serve_emulator(settings: Settings, announce: Callable[..., None]) -> None:
    """Serve until told to stop; *announce* where, and the default world.

    Raises ``ServeError`` where the operator is mistaken.
    """
    from emulator.contract.contract import ContractError  # noqa: PLC0415
    from emulator.serving import composition, server  # noqa: PLC0415
    from emulator.store import StoreError  # noqa: PLC0415
    from emulator.worldfile.fixture import FixtureError  # noqa: PLC0415

    try:
        program = composition.build_program(settings)
        world = program.state.worlds.default
        with closing(program.state):
            server.run_server(program, settings, lambda ready: announce(ready, world))
    except (ContractError, FixtureError, StoreError) as error:
        raise ServeError(str(error)) from error


@main.command()
def openapi_command() -> None:
    """Print the contract."""
    click.echo(files.CONTRACT.read_text("utf-8"), nl=False)


for command in remote.REMOTE_COMMANDS:
    main.add_command(command)
