"""The options of the command line: flag > environment > TOML file > default."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from emulator.serving.settings import Settings, parts, reachable

DEFAULTS = Settings()
PORTS = range(65_536)
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
    options = _of_serve(context)
    chosen = {name.replace("-", "_"): value for name, value in table.items()}
    for name, value in chosen.items():
        if name not in options:
            message = f"the configuration {path} sets what there is not: {name}"
            raise Trouble(message)
        try:
            read = options[name].type_cast_value(context, _said(options[name], value))
            chosen[name] = str(value) if read is None else read  # none is a word too
        except click.BadParameter as error:
            message = f"the configuration {path} is wrong at {name}: {error.message}"
            raise Trouble(message) from error
    context.default_map = chosen


def _said(option: click.Parameter, value: Any) -> str | list[str]:
    """Return what a file says, as the words of a command line."""
    if not option.multiple:
        return str(value)
    return [*map(str, value)] if isinstance(value, list) else [str(value)]


def _of_serve(context: click.Context) -> dict[str, click.Parameter]:
    """Return the options that a file may set, whichever command reads it."""
    group = context.find_root().command
    serve = group.commands["serve"] if isinstance(group, click.Group) else group
    return {each.name or "": each for each in serve.params if each.expose_value}


def clock(text: str) -> str:
    """Admit ``real``, ``frozen``, ``x60`` and an instant."""
    from emulator.worldfile import fixture  # noqa: PLC0415 - healthcheck does not need it

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


def port_or_none(text: str | int) -> int | None:
    """Admit a port, and ``none`` for no port at all."""
    if text == "none":
        return None
    digits = str(text)
    if not digits.isascii() or not digits.isdigit() or int(digits) not in PORTS:
        message = f"{text!r} is no port from 0 to 65535, and not none."
        raise click.BadParameter(message)
    return int(digits)


def url(text: str) -> str:
    """Admit an address of http or https."""
    if not re.match(r"https?://[^/\s]+", text):
        message = f"{text!r} is no address, such as http://localhost:3000/mo."
        raise click.BadParameter(message)
    return text


def host_names(text: str) -> str:
    """Admit a list of host names, of domains (``.example.com``), and ``*``."""
    from emulator.web import hosts  # noqa: PLC0415 - only serve has the setting

    try:
        return ",".join(hosts.read_names(text))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def joined(
    _context: click.Context, _parameter: click.Parameter, lists: tuple[str, ...]
) -> str | None:
    """Return lists as one."""
    return ",".join(filter(None, lists)) or None


def targets(text: str) -> str:
    """Admit hosts and networks with commas between them, and ``*``."""
    from emulator.domain.targets import wrong_target  # noqa: PLC0415 - few commands push

    for each in parts(text):
        if wrong := wrong_target(each):
            raise click.BadParameter(wrong)
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
SMPP_PORT = setting(
    "--smpp-port",
    "Port of the SMPP door; 0 is a free one, none is no door.",
    default=str(DEFAULTS.smpp_port),
    type=port_or_none,
    metavar="PORT",
)
CONTROL_SECRET = setting(
    "--control-secret",
    "Secret that the control API asks for; better set by the variable.",
    type=secret,
    metavar="TEXT",
)
PUSH_ALLOW = setting(
    "--push-allow",
    "Hosts and networks that pushes may go to beside private ones: a,b,*.",
    default=DEFAULTS.push_allow,
    type=targets,
    metavar="HOSTS",
)
URL = setting("--url", "Where it is, instead of --host and --port.")
TOKEN = click.option("--token", help="A token that opens the world.")
WORLD = click.option("--world", "named", help="Name of a world; without, the first.")


class Aim:
    """Which emulator a command means, and which of its worlds."""

    def __init__(
        self,
        url: str,
        secret: str | None,
        world: str | None = None,
        token: str | None = None,
    ) -> None:
        self.url = url
        self.secret = secret
        self.world = world
        self.token = token

    def __call__(
        self,
        method: str,
        *,
        path: str,
        body: Any = None,
        world: str | None = None,
        wait: float = 0,
    ) -> Any:
        """Return what the control API answers; fail in one sentence."""
        from emulator import client  # noqa: PLC0415 - serve does without http.client

        with told():
            return client.ask(
                method,
                self.url,
                path,
                body=body,
                world=world or self.world,
                token=self.token,
                secret=self.secret,
                wait=wait,
            )


@contextmanager
def told() -> Iterator[None]:
    """Say in one sentence why an emulator does not do what it is asked to."""
    from emulator.client import ClientError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        raise Trouble(str(error)) from error


def aimed(command: Command) -> Command:
    """Add the options that say which emulator is meant; *command* gets the ``Aim``."""

    @wraps(command)
    def asking(
        *,
        host: str,
        port: int,
        url: str | None,
        control_secret: str | None,
        **rest: Any,
    ) -> None:
        command(Aim(url or reachable(host, port), control_secret), **rest)

    return CONFIG(HOST(PORT(URL(CONTROL_SECRET(asking)))))


def in_world(command: Command) -> Command:
    """Add the options that say which world of which emulator is meant."""

    @wraps(command)
    def asking(ask: Aim, *, named: str | None, token: str | None, **rest: Any) -> None:
        command(Aim(ask.url, ask.secret, named, token), **rest)

    return aimed(WORLD(TOKEN(asking)))
