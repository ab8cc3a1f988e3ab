"""The stories that are kept as transcripts: each is told of a world of its own."""

from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import count
from pathlib import Path

from tests import commanded
from tests.emulated import emulated
from tests.told import (
    campaigns,
    client,
    commands,
    mistakes,
    panel,
    searches,
    shell,
    smpp,
    streams,
    tables,
)
from tests.told.scribe import Scribe

FOLDER = Path(__file__).with_name("transcripts")
STORIES: Mapping[str, Callable[[Scribe], None]] = {
    each.__name__: each
    for each in (
        campaigns.campaigns,
        campaigns.life,
        campaigns.listings,
        campaigns.switches,
        campaigns.strictness,
        campaigns.paces,
        commands.refusals,
        commands.refused_by_faults,
        commands.commands,
        commands.mistaken,
        commands.wrong_orders,
        commands.wrong_recipients,
        commands.wrong_commands,
        commands.faults,
        commands.presets_felt,
        mistakes.world_files,
        mistakes.snapshots,
        mistakes.helps,
        mistakes.kept,
        mistakes.welcome,
        panel.panel,
        panel.regions,
        panel.buttons,
        panel.doors,
        streams.events,
        smpp.session,
        smpp.fields,
        smpp.receipts,
        smpp.states,
        client.asking,
        client.showing,
        searches.found_recipients,
        searches.found_talks,
        searches.long_bodies,
        searches.many_rules,
        shell.shell,
        tables.tables,
    )
}


def told(name: str) -> str:
    """Return the transcript of a story."""
    commanded.NAMES = count(1)
    with closing(emulated()) as api:
        scribe = Scribe(api)
        STORIES[name](scribe)
        return scribe.text
