"""The command line: flag > environment > TOML file > default."""

import gc
import json
import logging
import re
import shlex
import sys
from collections.abc import Callable
from functools import partial, wraps
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from emulator import files
from emulator.settings import Settings, reachable

DEFAULTS = Settings()
Command = Callable[..., Any]
SECRET = re.compile(r"[!#-+\--:<-\[\]-~]+")  # source: RFC 6265, cookie-octet


class Trouble(click.ClickException):
    """What the operator can mend: one sentence, exit code 2."""

    exit_code = 2


def setting(flag: str, says: str, **options: Any) -> Callable[[Command], Command]:
    """Return an option with its environment variable, ``EMULATOR_PORT`` for --port."""
    name = flag.split("/", maxsplit=1)[0].strip("-").replace("-", "_")
    return click.option(
        flag,
        envvar=f"EMULATOR_{name.upper()}",
        show_envvar=True,
        show_default=True,
        help=says,
        **options,
    )


def read_config(
    context: click.Context, _parameter: click.Parameter, path: Path | None
) -> None:
    """Take what a TOML file says as the defaults of the other flags."""
    if path is None:
        return
    tomllib = import_module("tomllib")  # only who has such a file needs it
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        message = f"the configuration {path} cannot be read: {error}"
        raise Trouble(message) from error
    options = {each.name: each for each in serve.params if each.expose_value}
    chosen = {name.replace("-", "_"): value for name, value in table.items()}
    for name, value in chosen.items():
        if name not in options:
            message = f"the configuration {path} sets what there is not: {name}"
            raise Trouble(message)
        try:
            chosen[name] = options[name].type_cast_value(context, str(value))
        except click.BadParameter as error:
            message = f"the configuration {path} is wrong at {name}: {error.message}"
            raise Trouble(message) from error
    context.default_map = chosen


def clock(text: str) -> str:
    """Admit ``real``, ``frozen``, ``x60`` and an instant."""
    from emulator import fixture  # noqa: PLC0415 - healthcheck does not need it

    try:
        fixture.clock(text)
    except ValueError:
        message = (
            f"{text!r} is not real, frozen, xN (x60: a minute a second) or an instant "
            "(2026-01-31T12:00:00Z)."
        )
        raise click.BadParameter(message) from None
    return text


def secret(text: str) -> str:
    """Admit what a header and a cookie can carry; never repeat it."""
    if not SECRET.fullmatch(text):
        message = "takes printable ASCII without blanks, quotes, commas, ; and \\."
        raise click.BadParameter(message)
    return text


PATH = click.Path(path_type=Path)
READABLE = click.Path(path_type=Path, exists=True, dir_okay=False)
LEVELS = click.Choice(["debug", "info", "warning", "error"])

CONFIG = click.option(
    "--config",
    envvar="EMULATOR_CONFIG",
    show_envvar=True,
    type=PATH,
    is_eager=True,
    callback=read_config,
    expose_value=False,
    help="A TOML file with any of the settings of serve.",
)
HOST = setting("--host", "Address the emulator listens on.", default=DEFAULTS.host)
PORT = setting(
    "--port",
    "Port it listens on; for serve, 0 is a free one.",
    default=DEFAULTS.port,
    type=click.IntRange(0, 65535),
)
CONTROL_SECRET = setting(
    "--control-secret",
    "Secret that the control API asks for; better set by the variable.",
    type=secret,
    metavar="TEXT",
)
URL = setting("--url", "Where it is, instead of --host and --port.")
WORLD = click.option("--world", "named", help="Name of a world; without, the first.")


def aimed(command: Command) -> Command:
    """Add the options that say which emulator is meant; *command* gets where it is.

    That is a function as ``ask``, but for the URL and the secret.
    """

    @wraps(command)
    def asking(
        *,
        host: str,
        port: int,
        url: str | None,
        control_secret: str | None,
        **rest: Any,
    ) -> None:
        url = url or reachable(host, port)
        command(partial(ask, url=url, secret=control_secret), **rest)

    return CONFIG(HOST(PORT(URL(CONTROL_SECRET(asking)))))


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
@setting("--ready-file", "Written, as JSON, once requests are answered.", type=PATH)
@setting(
    "--tls-port",
    "Serve the same over TLS here.",
    type=click.IntRange(0, 65535),
)
@setting("--tls-cert", "Your certificate (PEM); without, one is made.", type=READABLE)
@setting("--tls-key", "The key of --tls-cert, unless in it.", type=READABLE)
@setting("--tls-ca-file", "Where to write the CA of a certificate made.", type=PATH)
@CONTROL_SECRET
@setting("--log-level", "How much to log.", default=DEFAULTS.log_level, type=LEVELS)
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
    from emulator import app, server  # noqa: PLC0415 - only this command needs them
    from emulator.contract import ContractError  # noqa: PLC0415
    from emulator.fixture import FixtureError  # noqa: PLC0415

    gc.disable()  # a start makes much and drops little; the server enables it again
    settings = Settings(**flags)
    logging.basicConfig(level=settings.log_level.upper(), stream=sys.stderr)
    try:
        program = app.build(settings)
        world = program.state.worlds.default
        server.run(program, settings, lambda ready: welcome(ready, world))
    except (ContractError, FixtureError, server.ServeError) as error:
        raise Trouble(" ".join(str(error).split())) from error


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
    click.echo(
        f"Smsclouds V3, emulated, is ready on {ready.http}{also}\n"
        f"token: {token} (world {world.name}, seed {world.account.seed}), "
        "or world-<any name> for a new world\n"
        f"{shlex.join(try_this)}"
    )


@main.command()
def openapi() -> None:
    """Print the contract."""
    click.echo(files.CONTRACT.read_text("utf-8"), nl=False)


@main.command()
@aimed
def healthcheck(ask: Command) -> None:
    """Exit with 0 where an emulator answers, with 2 where none does."""
    ask("GET", path="/_emulator/healthz")


@main.group()
def token() -> None:
    """Create, list and delete tokens of a running emulator."""


@token.command("create")
@click.argument("name")
@aimed
@WORLD
def create_token(ask: Command, name: str, named: str | None) -> None:
    """Create a token called NAME and print it."""
    body = {"name": name}
    made = ask("POST", path="/_emulator/tokens", world=named, body=body)
    click.echo(made["token"])


@token.command("list")
@aimed
@WORLD
def list_tokens(ask: Command, named: str | None) -> None:
    """List the tokens of an account."""
    for each in ask("GET", path="/_emulator/tokens", world=named):
        columns = (each["creation"], each["expires"], each["name"], each["token"])
        click.echo("  ".join(columns))


@token.command("delete")
@click.argument("literal", metavar="TOKEN")
@aimed
@WORLD
def delete_token(ask: Command, literal: str, named: str | None) -> None:
    """Delete TOKEN; from then on it is refused."""
    path = f"/_emulator/tokens/{quote(literal, safe='')}"
    gone = ask("DELETE", path=path, world=named)
    click.echo(f"deleted {gone['name']}")


def ask(method: str, *, url: str, path: str, **options: Any) -> Any:
    """Return what a running emulator's control API answers."""
    from emulator import client  # noqa: PLC0415 - serve does without http.client

    try:
        return client.ask(method, url, path, **options)
    except client.ClientError as error:
        raise Trouble(str(error)) from error
