"""What a server prints once it is ready: where, with which token, what to try first."""

import json
import logging
import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

import click

log = logging.getLogger("emulator")


def print_welcome(ready: Any, world: Any) -> None:
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
    announce_lines(
        f"Smsclouds V3, emulated, is ready on {ready.http}{also}\n"
        f"token: {token} (world {world.name}, seed {world.account.seed}), "
        "or world-<any name> for a new world\n"
        f"{''.join(smpp)}{shlex.join(try_this)}"
    )


def print_processes(processes: list[Mapping[str, Any]]) -> None:
    """Say where each process is."""
    first = processes[0]["http"]
    count = len(processes)
    lines = [
        f"Smsclouds V3, emulated, is ready in {count} processes, the first on {first}"
    ]
    for facts in processes:
        names = (name for name in facts if name != "pid")
        places = ", ".join(f"{name} {facts[name]}" for name in names)
        lines.append(f"process {facts['pid']}: {places}")
    announce_lines("\n".join(lines))


def announce_lines(text: str) -> None:
    """Print *text*; an output that is closed or full ends nothing.

    What is left in its buffer would end the process with an error in the end.
    """
    try:
        click.echo(text)
    except OSError as error:
        log.warning("nothing can be printed (%s); the emulator serves", error.strerror)
        _lead_nowhere(sys.stdout)


def drop_unprinted() -> None:
    """Drop what cannot be printed; Python ends with an error where some is left."""
    for output in (sys.stdout, sys.stderr):
        try:
            output.flush()
        except (OSError, ValueError):
            _lead_nowhere(output)


def _lead_nowhere(output: TextIO) -> None:
    with suppress(OSError, ValueError):  # as it is no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output.fileno())
        os.close(nowhere)
