"""The options of the command line: flag > environment > TOML file > default."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from emulator import files
from emulator.domain.bounds import MAX_INTEGER, MAX_SEED, MIN_SEED
from emulator.serving.settings import Settings, make_reachable_url, split_list

DEFAULT_SETTINGS = Settings()
PORT_RANGE = range(65_536)
CommandCallback = Callable[..., Any]
SECRET_PATTERN = re.compile(r"[!#-+\--:<-\[\]-~]+")  # source: RFC 6265, cookie-octet

# What Kubernetes and Docker write into variables; no setting has such a value
SERVICE_ADDRESS = re.compile(r"(?:tcp|udp|sctp)://")


class OperatorError(click.ClickException):
    """What the operator can mend: one sentence, exit code 2."""

    exit_code = 2


class SettingOption(click.Option):
    """An option whose variable may be one that Kubernetes has set for something else.

    A service called ``emulator`` gives every container of its namespace
    ``EMULATOR_PORT=tcp://10.0.0.7:7672``, one called ``emulator-smpp`` an
    ``EMULATOR_SMPP_PORT``; so did links of Docker.
    """

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        value = super().resolve_envvar_value(ctx)
        if value is None or not SERVICE_ADDRESS.match(value):
            return value
        click.echo(
            f"{self.envvar}={value} is passed over: Kubernetes or Docker sets it for a "
            f"service; the setting is {self.opts[0]}",
            err=True,
        )
        return None


def setting_option(
    flag: str, says: str, **options: Any
) -> Callable[[CommandCallback], CommandCallback]:
    """Return an option with its environment variable, ``EMULATOR_PORT`` for --port."""
    name = flag.split("/", maxsplit=1)[0].strip("-").replace("-", "_")
    return click.option(
        flag,
        cls=SettingOption,
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
        table = tomllib.loads(files.read_text(path))
    except (OSError, ValueError) as error:
        message = f"the configuration {path} cannot be read: {error}"
        raise OperatorError(message) from error
    options = _find_serve_options(context)
    chosen = {name.replace("-", "_"): value for name, value in table.items()}
    for name, value in chosen.items():
        if name not in options:
            message = f"the configuration {path} sets what there is not: {name}"
            raise OperatorError(message)
        try:
            read = options[name].type_cast_value(
                context, _to_words(options[name], value)
            )
            chosen[name] = str(value) if read is None else read  # none is a word too
        except click.BadParameter as error:
            message = f"the configuration {path} is wrong at {name}: {error.message}"
            raise OperatorError(message) from error
    context.default_map = chosen


def _to_words(option: click.Parameter, value: Any) -> str | list[str]:
    """Return what a file says, as the words of a command line."""
    if not option.multiple:
        return str(value)
    return [*map(str, value)] if isinstance(value, list) else [str(value)]


def _find_serve_options(context: click.Context) -> dict[str, click.Parameter]:
    """Return the options that a file may set, whichever command reads it."""
    group = context.find_root().command
    serve = group.commands["serve"] if isinstance(group, click.Group) else group
    return {each.name or "": each for each in serve.params if each.expose_value}


def parse_clock_option(text: str) -> str:
    """Admit ``real``, ``frozen``, ``x60`` and an instant."""
    from emulator.worldfile import fixture  # noqa: PLC0415 - healthcheck does not need it

    try:
        fixture.parse_clock_setting(text)
    except ValueError:
        message = (
            f"{text!r} is not real, frozen, xN (x60: a minute a second) or an instant "
            "(2026-01-31T12:00:00Z)."
        )
        raise click.BadParameter(message) from None
    return text


def parse_secret_option(text: str) -> str:
    """Admit what a header and a cookie can carry; never repeat it."""
    if not SECRET_PATTERN.fullmatch(text):
        message = "takes printable ASCII without blanks, quotes, commas, ; and \\."
        raise click.BadParameter(message)
    return text


def parse_port_option(text: str | int) -> int | None:
    """Admit a port, and ``none`` for no port at all."""
    if text == "none":
        return None
    digits = str(text)
    if not digits.isascii() or not digits.isdigit() or int(digits) not in PORT_RANGE:
        message = f"{text!r} is no port from 0 to 65535, and not none."
        raise click.BadParameter(message)
    return int(digits)


def parse_url_option(text: str) -> str:
    """Admit an address of http or https, with a host and a port that there can be."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:  # [::1 without its end, a port that is no number
        fits = False
    if not fits or not parts.hostname or set(text) & set(" \t\r\n"):
        message = f"{text!r} is no address, such as http://localhost:3000/mo."
        raise click.BadParameter(message)
    return text


def parse_hosts_option(text: str) -> str:
    """Admit a list of host names, of domains (``.example.com``), and ``*``."""
    from emulator.web import admission  # noqa: PLC0415 - only serve has the setting

    with report_value_errors():
        return ",".join(admission.parse_host_names(text))


def parse_proxies_option(text: str) -> str:
    """Admit a list of addresses and networks."""
    from emulator.web import proxies  # noqa: PLC0415 - only serve has the setting

    with report_value_errors():
        return ",".join(map(str, proxies.parse_proxy_networks(text)))


def parse_public_url_option(text: str) -> str:
    """Admit an address of http or https, with the path below which it is served."""
    from emulator.web import proxies  # noqa: PLC0415 - only serve has the setting

    with report_value_errors():
        return "".join(proxies.parse_public_url(text))


def parse_origins_option(text: str) -> str:
    """Admit a list of origins, and ``*``."""
    from emulator.web import cors  # noqa: PLC0415 - only serve has the setting

    with report_value_errors():
        return ",".join(cors.parse_cors_origins(text))


@contextmanager
def report_value_errors() -> Iterator[None]:
    """Have click say why a value means nothing."""
    try:
        yield
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def join_option_values(
    _context: click.Context, _parameter: click.Parameter, lists: tuple[str, ...]
) -> str | None:
    """Return lists as one."""
    return ",".join(filter(None, lists)) or None


def parse_targets_option(text: str) -> str:
    """Admit hosts and networks with commas between them, and ``*``."""
    from emulator.domain.targets import find_target_mistake  # noqa: PLC0415 - few commands push

    for each in split_list(text):
        if wrong := find_target_mistake(each):
            raise click.BadParameter(wrong)
    return text


def parse_names_option(text: str) -> str:
    """Admit what a certificate can name: hosts, addresses, ``.example.com``."""
    names = parse_hosts_option(text)
    if "*" in split_list(names):
        message = "a certificate names hosts; * is none."
        raise click.BadParameter(message)
    return names


class FiniteRange(click.FloatRange):
    """A number in a range; click lets pass what is no number."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        if isnan(float(super().convert(value, param, ctx))):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return super().convert(value, param, ctx)


SEED_RANGE = click.IntRange(MIN_SEED, MAX_SEED)
ANY_COUNT = click.IntRange(0, MAX_INTEGER)
COUNT_RANGE = click.IntRange(1, MAX_INTEGER)
ANY_PATH = click.Path(path_type=Path)
READABLE_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
SECONDS_RANGE = FiniteRange(0, 86_400, min_open=True)
LOG_LEVELS = click.Choice(["debug", "info", "warning", "error"])

CONFIG_OPTION = click.option(
    "--config",
    envvar="EMULATOR_CONFIG",
    show_envvar=True,
    type=ANY_PATH,
    is_eager=True,
    callback=read_config,
    expose_value=False,
    help="A TOML file with any of the settings of serve.",
)
HOST_OPTION = setting_option(
    "--host", "Address the emulator listens on.", default=DEFAULT_SETTINGS.host
)
PORT_OPTION = setting_option(
    "--port",
    "Port it listens on; for serve, 0 is a free one.",
    default=DEFAULT_SETTINGS.port,
    type=click.IntRange(0, 65535),
)
SMPP_PORT_OPTION = setting_option(
    "--smpp-port",
    "Port of the SMPP server; 0 is a free one, none is no SMPP.",
    default=str(DEFAULT_SETTINGS.smpp_port),
    type=parse_port_option,
    metavar="PORT",
)
CONTROL_SECRET_OPTION = setting_option(
    "--control-secret",
    "Secret that the control API asks for; better set by the variable.",
    type=parse_secret_option,
    metavar="TEXT",
)
PUSH_ALLOW_OPTION = setting_option(
    "--push-allow",
    "Hosts and networks that pushes may go to beside private ones: a,b,*.",
    default=DEFAULT_SETTINGS.push_allow,
    type=parse_targets_option,
    metavar="HOSTS",
)
URL_OPTION = setting_option("--url", "Where it is, instead of --host and --port.")
TOKEN_OPTION = click.option("--token", help="A token that opens the world.")
WORLD_OPTION = click.option(
    "--world", "named", help="Name of a world; without, the first."
)


class ControlTarget:
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

        with report_client_errors():
            return client.ask_emulator(
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
def report_client_errors() -> Iterator[None]:
    """Say in one sentence why an emulator does not do what it is asked to."""
    from emulator.client import ClientError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        raise OperatorError(str(error)) from error


def with_emulator(command: CommandCallback) -> CommandCallback:
    """Add the options that name the emulator; *command* gets a ``ControlTarget``."""

    @wraps(command)
    def asking(
        *,
        host: str,
        port: int,
        url: str | None,
        control_secret: str | None,
        **rest: Any,
    ) -> None:
        command(
            ControlTarget(url or make_reachable_url(host, port), control_secret), **rest
        )

    return CONFIG_OPTION(
        HOST_OPTION(PORT_OPTION(URL_OPTION(CONTROL_SECRET_OPTION(asking))))
    )


def with_world(command: CommandCallback) -> CommandCallback:
    """Add the options that say which world of which emulator is meant."""

    @wraps(command)
    def asking(
        ask: ControlTarget, *, named: str | None, token: str | None, **rest: Any
    ) -> None:
        command(ControlTarget(ask.url, ask.secret, named, token), **rest)

    return with_emulator(WORLD_OPTION(TOKEN_OPTION(asking)))
