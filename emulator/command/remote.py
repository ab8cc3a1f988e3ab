"""Commands to a running emulator, by its control API."""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from emulator.command.options import (
    ANY_PATH,
    DEFAULT_SETTINGS,
    PUSH_ALLOW_OPTION,
    SMPP_PORT_OPTION,
    WORLD_OPTION,
    ControlTarget,
    OperatorError,
    parse_url_option,
    report_client_errors,
    setting_option,
    with_emulator,
    with_world,
)
from emulator.serving.settings import split_list

DURATION_PATTERN = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)")
SECONDS_PER_UNIT = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}  # seconds
INSTANT_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.+")
# Seconds of the wall, as a push that falls due may wait for a connection
WALK_TIMEOUT = 600.0
RULE_ID = re.compile(r"f[0-9]+")
TEXT_FIELDS = frozenset({"number", "token", "operation"})


@click.command()
@with_emulator
def healthcheck_command(ask: ControlTarget) -> None:
    """Exit with 0 if an emulator answers, with 2 if none does."""
    ask("GET", path="/_emulator/healthz")


@click.group()
def token_group() -> None:
    """Create, list and delete tokens of a running emulator."""


@token_group.command("create")
@click.argument("name")
@with_emulator
@WORLD_OPTION
def create_token_command(ask: ControlTarget, name: str, named: str | None) -> None:
    """Create a token called NAME and print it."""
    body = {"name": name}
    made = ask("POST", path="/_emulator/tokens", world=named, body=body)
    click.echo(made["token"])


@token_group.command("list")
@with_emulator
@WORLD_OPTION
def list_tokens_command(ask: ControlTarget, named: str | None) -> None:
    """List the tokens of an account."""
    for each in ask("GET", path="/_emulator/tokens", world=named):
        columns = (each["creation"], each["expires"], each["name"], each["token"])
        click.echo("  ".join(columns))


@token_group.command("delete")
@click.argument("literal", metavar="TOKEN")
@with_emulator
@WORLD_OPTION
def delete_token_command(ask: ControlTarget, literal: str, named: str | None) -> None:
    """Delete TOKEN; from then on it is refused."""
    path = f"/_emulator/tokens/{quote(literal, safe='')}"
    gone = ask("DELETE", path=path, world=named)
    click.echo(f"deleted {gone['name']}")


@click.command()
@click.argument("number")
@click.argument("text")
@click.option("--message", type=int, help="Id of the message that is answered.")
@with_world
def reply_command(
    ask: ControlTarget, number: str, text: str, message: int | None
) -> None:
    """Send TEXT from the handset NUMBER, to its newest message or to another."""
    from emulator.client.shown import format_inbound  # noqa: PLC0415

    body: dict[str, Any] = {"number": number, "text": text}
    if message is not None:
        body["message"] = message
    click.echo(format_inbound(ask("POST", path="/_emulator/inbound", body=body)))


@click.command()
@click.argument("time", default="next")
@with_world
def advance_command(ask: ControlTarget, time: str) -> None:
    """Move the clock by TIME (90, 90s, 5m, 2h, 3d), to an instant or what is next."""
    _move_clock(ask, "advance", parse_clock_move(time))


@click.command()
@with_world
def settle_command(ask: ControlTarget) -> None:
    """Carry out all that is left to happen by itself."""
    _move_clock(ask, "settle", {})


@click.command()
@click.argument("rule", nargs=-1)
@click.option("--clear", is_flag=True, help="Remove all rules first.")
@with_world
def fault_command(ask: ControlTarget, rule: tuple[str, ...], *, clear: bool) -> None:
    """Add a fault rule, or list the rules.

    A RULE is made of words: preset=paid-but-500, or operation=createCampaign status=500
    phase=after first=1, or operation=submit_sm command_status=ESME_RTHROTTLED.  The
    guide has them all; a wrong word is answered with those that there are.  The id of a
    rule and disabled=true (or disabled=false) switch it off (or on): f1 disabled=true.
    """
    if clear:
        ask("DELETE", path="/_emulator/faults")
    if rule and RULE_ID.fullmatch(rule[0]):
        path = f"/_emulator/faults/{rule[0]}"
        ask("PATCH", path=path, body=parse_rule_words(rule[1:]))
    elif rule:
        ask("POST", path="/_emulator/faults", body=parse_rule_words(rule))
    from emulator.client import shown  # noqa: PLC0415

    for each in ask("GET", path="/_emulator/faults"):
        click.echo(shown.format_fault(each))


@click.command()
@click.option(
    "--forward-to",
    "target",
    required=True,
    type=parse_url_option,
    metavar="URL",
    help="Your server.",
)
@PUSH_ALLOW_OPTION
@with_world
def listen_command(ask: ControlTarget, target: str, push_allow: str | None) -> None:
    """Perform a world's pushes from here, until interrupted.

    For an emulator that has no way to your server, in a container or elsewhere.  The
    URL of a keyword is asked as well, if it leads to your server, to this machine, to
    a private network or to what --push-allow names.
    """
    from emulator.client import Emulator  # noqa: PLC0415
    from emulator.client.forwarder import make_forwarder  # noqa: PLC0415
    from emulator.client.listener import PushListener  # noqa: PLC0415

    def report(line: str) -> None:
        click.echo(line)

    emulator = Emulator(ask.url, world=ask.world, token=ask.token, secret=ask.secret)
    perform = make_forwarder(target, report, allowed=split_list(push_allow))
    with report_client_errors(), emulator, PushListener(emulator, perform) as listener:
        click.echo(f"pushes of {ask.url} go to {target}; Ctrl-C ends it")
        listener.wait()
    message = f"the emulator at {ask.url} has gone"
    raise OperatorError(message)


@click.command()
@click.option(
    "--campaigns",
    default=50,
    show_default=True,
    type=click.IntRange(1, 1_000),
    help="Campaigns, the last of which begins now.",
)
@click.option(
    "--recipients",
    default=1_000,
    show_default=True,
    type=click.IntRange(1, 50_000),
    help="Recipients of each.",
)
@with_world
def populate_command(ask: ControlTarget, campaigns: int, recipients: int) -> None:
    """Fill a world with weeks of campaigns, replies and clicks."""
    wanted = {"campaigns": campaigns, "recipients": recipients}
    path = "/_emulator/world/populate"
    total: Counter[str] = Counter()
    silent = not sys.stderr.isatty()
    with click.progressbar(
        range(campaigns), label="campaigns", file=sys.stderr, hidden=silent
    ) as parts:
        for part in parts:
            total += Counter(ask("POST", path=path, body={**wanted, "part": part}))
    click.echo(", ".join(f"{count} {name}" for name, count in total.items()))


@click.command()
@click.argument("path", metavar="FILE", type=ANY_PATH)
@setting_option(
    "--processes",
    "Processes that serve, each of which has a file; FILE is their directory then.",
    default=DEFAULT_SETTINGS.processes,
    type=click.IntRange(1, 256),
)
@with_emulator
def backup_command(ask: ControlTarget, path: Path, processes: int) -> None:
    """Copy the worlds of a running emulator to FILE, as they are at one moment.

    It goes on serving.  FILE serves in an empty directory as worlds.sqlite.
    """
    from emulator.command import backup  # noqa: PLC0415 - few need it

    for part, file in backup.list_backup_parts(ask, path, processes):
        count = backup.write_backup(part, file)
        click.echo(f"{file}: {count} {'world' if count == 1 else 'worlds'}")


@click.command()
@SMPP_PORT_OPTION
@with_world
@click.pass_context
def doctor_command(
    context: click.Context, ask: ControlTarget, smpp_port: int | None
) -> None:
    """Find what comes between you and the emulator.

    Ports that are taken, a clock that stands, a token of another world, pushes that
    cannot arrive, proxies.  Ends with 1 where something was found.
    """
    from emulator.command.doctor import DiagnosisTarget, find_problems  # noqa: PLC0415

    patient = DiagnosisTarget(ask.url, ask.secret, ask.world, ask.token, smpp_port)
    with report_client_errors():
        found = list(find_problems(patient))
    for each in found or (f"nothing is wrong at {ask.url}",):
        click.echo(each)
    context.exit(1 if found else 0)


REMOTE_COMMANDS = (
    healthcheck_command,
    token_group,
    reply_command,
    advance_command,
    settle_command,
    fault_command,
    listen_command,
    populate_command,
    backup_command,
    doctor_command,
)


def parse_clock_move(time: str) -> dict[str, Any]:
    """Return the body of ``advance``: from ``next``, ``90``, ``5m`` or an instant.

    Raises ``click.BadParameter``.
    """
    if time == "next":
        return {"next": True}
    if match := DURATION_PATTERN.fullmatch(time):
        return {"seconds": float(match[1]) * SECONDS_PER_UNIT[match[2]]}
    if INSTANT_PATTERN.fullmatch(time):
        return {"to": time}
    message = f"{time!r} is not next, 90, 90s, 5m, 2h, 3d or 2026-01-31T12:00:00Z."
    raise click.BadParameter(message)


def parse_rule_words(words: tuple[str, ...]) -> dict[str, Any]:
    """Return the fault rule in words such as ``status=500 phase=after first=1``.

    A word that rules and effects both have, such as ``body``, is the effect's where its
    kind takes it; ``body_has`` is the rule's in any case.

    Raises ``click.BadParameter``.
    """
    from emulator.client.fault_commands import RULE_SPELLINGS  # noqa: PLC0415
    from emulator.faults import rule_json, vocabulary  # noqa: PLC0415

    rule: dict[str, Any] = {}
    effect: dict[str, Any] = {}
    said = dict(_split_word(word) for word in words)
    effects = {
        word.name
        for kind, each in vocabulary.EFFECTS_BY_NAME.items()
        if kind in said
        for word in each.FIELDS
    }
    rules = rule_json.RULE_KEYS | {"preset"}
    for name, value in said.items():
        if name in effects or (name in vocabulary.FIELDS_BY_NAME and name not in rules):
            effect[name] = _parse_value(name, value)
        elif name in rules or name in RULE_SPELLINGS:
            rule[RULE_SPELLINGS.get(name, name)] = _parse_value(name, value)
        else:
            known = ", ".join(
                sorted({*vocabulary.FIELDS_BY_NAME, *rules, *RULE_SPELLINGS})
            )
            message = f"{name!r} is none of {known}."
            raise click.BadParameter(message)
    return {**rule, "effect": effect} if effect else rule


def _split_word(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        message = f"{word!r} is not of the form status=500."
        raise click.BadParameter(message)
    return name, value


def _parse_value(name: str, text: str) -> Any:
    """Return *text* as a number, as JSON, or as it is; a cellphone is text."""
    if name in TEXT_FIELDS:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _move_clock(ask: ControlTarget, command: str, body: dict[str, Any]) -> None:
    """Move the clock, and print what happened."""
    from emulator.client.shown import ClockAdvance  # noqa: PLC0415

    path = f"/_emulator/clock/{command}"
    click.echo(repr(ClockAdvance(ask("POST", path=path, body=body, wait=WALK_TIMEOUT))))
