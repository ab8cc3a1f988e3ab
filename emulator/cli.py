"""The command line: flag > environment > TOML file > default."""

import json
import logging
import sys
import tomllib
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import click

from emulator import files
from emulator.settings import Settings

DEFAULTS = Settings()
URL = f"http://{DEFAULTS.host}:{DEFAULTS.port}"
Command = Callable[..., Any]


class Trouble(click.ClickException):
    """What the operator can mend: one sentence, exit code 2."""

    exit_code = 2


def setting(flag: str, says: str, **options: Any) -> Callable[[Command], Command]:
    """Return a click option with its environment variable: ``--port`` is
    ``EMULATOR_PORT``."""
    name = flag.split("/")[0].strip("-").replace("-", "_")
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
) -> Path | None:
    """Take what a TOML file says as the defaults of the other flags."""
    if path is None:
        return None
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        message = f"the configuration {path} cannot be read: {error}"
        raise Trouble(message) from error
    known = {parameter.name for parameter in context.command.params}
    table = {name.replace("-", "_"): value for name, value in table.items()}
    if unknown := ", ".join(sorted(table.keys() - known)):
        message = f"the configuration {path} sets what there is not: {unknown}"
        raise Trouble(message)
    context.default_map = {**(context.default_map or {}), **table}
    return path


def is_clock(_context: click.Context, _parameter: Any, text: str | None) -> str | None:
    """Admit ``real``, ``frozen``, ``x60`` and an instant."""
    from emulator.fixture import clock  # noqa: PLC0415 - healthcheck does not need it

    try:
        if text is not None:
            clock(text)
    except ValueError:
        message = "is real, frozen, xN (x60: a minute a second) or an instant"
        raise click.BadParameter(message) from None
    return text


PATH = click.Path(path_type=Path)
READABLE = click.Path(path_type=Path, exists=True, dir_okay=False)
LEVELS = click.Choice(["debug", "info", "warning", "error"])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="smsclouds-emulator")
def main() -> None:
    """An SMS platform on your own machine: Smsclouds V3, emulated."""


@main.command()
@click.option(
    "--config",
    envvar="EMULATOR_CONFIG",
    type=PATH,
    is_eager=True,
    callback=read_config,
    expose_value=False,
    help="A TOML file with any of these settings, by flag name.",
)
@setting("--host", "Address to listen on.", default=DEFAULTS.host)
@setting(
    "--port",
    "Port to listen on; 0 takes a free one.",
    default=DEFAULTS.port,
    type=click.IntRange(0, 65535),
)
@setting(
    "--world",
    "demo, contract, a world file, or a directory of them.",
    default=DEFAULTS.world,
)
@setting("--clock", "real, frozen, xN or an instant.", callback=is_clock)
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
@setting("--log-level", "How much to log.", default=DEFAULTS.log_level, type=LEVELS)
@setting(
    "--body-limit",
    "Octets a request's body may have.",
    default=DEFAULTS.body_limit,
    type=click.IntRange(1),
)
@setting(
    "--max-worlds",
    "Worlds that tokens may mint.",
    default=DEFAULTS.max_worlds,
    type=click.IntRange(1),
)
@setting(
    "--journal-entries",
    "Requests that each world remembers.",
    default=DEFAULTS.journal_entries,
    type=click.IntRange(1),
)
def serve(**flags: Any) -> None:
    """Serve the platform's API."""
    from emulator import app, server  # noqa: PLC0415 - only this command needs them
    from emulator.contract import ContractError  # noqa: PLC0415
    from emulator.fixture import FixtureError  # noqa: PLC0415

    settings = Settings(**flags)
    logging.basicConfig(level=settings.log_level.upper(), stream=sys.stderr)
    try:
        program = app.build(settings)
        world = program.state.worlds.default
        token = next(iter(world.tokens), None)
        server.run(program, settings, lambda ready: welcome(ready, world.name, token))
    except (ContractError, FixtureError, server.ServeError) as error:
        raise Trouble(str(error)) from error


def welcome(ready: Any, world: str, token: str | None) -> None:
    """Say where, with which token, and what to try first."""
    also = f" and {ready.https}" if ready.https else ""
    token = token or "world-one"
    order = {
        "text": "hola",
        "recipients": [{"cellphone": "4498987282"}],
        "country": 1,
    }
    click.echo(f"Smsclouds V3, emulated, is ready on {ready.http}{also}")
    click.echo(f"token: {token} (world {world}), or world-<any name> for a new world")
    click.echo(
        f"curl {ready.http}/api/v3/campaign -H 'Authorization: Bearer {token}'"
        f" -H 'Content-Type: application/json' -d '{json.dumps(order)}'"
    )


@main.command()
def openapi() -> None:
    """Print the contract."""
    click.echo(files.CONTRACT.read_text("utf-8"), nl=False)


@main.command()
@setting("--url", "The emulator to ask.", default=URL)
def healthcheck(url: str) -> None:
    """Exit with 0 where an emulator answers, with 2 where none does."""
    ask("GET", url, "/_emulator/healthz")


@main.group()
def token() -> None:
    """Create, list and delete tokens of a running emulator."""


def aimed(command: Command) -> Command:
    """Add the options that say which world of which emulator is meant."""
    world = click.option("--world", help="Name of the world; the default one without.")
    return setting("--url", "The emulator to ask.", default=URL)(world(command))


@token.command("create")
@click.argument("name")
@aimed
def create_token(name: str, url: str, world: str | None) -> None:
    """Create a token called NAME and print it."""
    made = ask("POST", url, "/_emulator/tokens", world=world, body={"name": name})
    click.echo(made["token"])


@token.command("list")
@aimed
def list_tokens(url: str, world: str | None) -> None:
    """List the tokens of an account."""
    for each in ask("GET", url, "/_emulator/tokens", world=world):
        columns = (each["creation"], each["expires"], each["name"], each["token"])
        click.echo("  ".join(columns))


@token.command("delete")
@click.argument("literal", metavar="TOKEN")
@aimed
def delete_token(literal: str, url: str, world: str | None) -> None:
    """Delete TOKEN; from then on it is refused."""
    path = f"/_emulator/tokens/{quote(literal, safe='')}"
    gone = ask("DELETE", url, path, world=world)
    click.echo(f"deleted {gone['name']}")


def ask(
    method: str,
    url: str,
    path: str,
    *,
    world: str | None = None,
    body: Mapping[str, Any] | None = None,
) -> Any:
    """Return what a running emulator's control API answers."""
    target = urlsplit(url)
    connect = HTTPSConnection if target.scheme == "https" else HTTPConnection
    query = f"?world={quote(world, safe='')}" if world else ""
    content = json.dumps(body) if body is not None else None
    connection = connect(target.hostname or "", target.port, timeout=5)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request(method, path + query, content, headers)
        response = connection.getresponse()
        answer = json.load(response)
    except (OSError, HTTPException, ValueError) as error:
        message = (
            f"no emulator answers at {url}: {error}; start one, or name it with --url"
        )
        raise Trouble(message) from error
    finally:
        connection.close()
    if response.status >= 400:  # noqa: PLR2004 - where HTTP's refusals begin
        message = f"{answer.get('title')}: {answer.get('detail')}"
        raise Trouble(message)
    return answer
