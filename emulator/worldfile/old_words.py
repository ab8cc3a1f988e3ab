"""What world files, snapshots and rows spelled otherwise once, and how it is read now.

The one table of such words.  Only the new ones are written.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

EVERY = "*"  # of a path: each item of a list


class OldKey(NamedTuple):
    """A key of the parts at a path, by its former name."""

    path: str  # dotted
    old: str
    new: str

    def read(self, part: Any) -> Any:
        """Return *part* with the new key; as it is where it has both, or neither."""
        if not isinstance(part, Mapping) or self.old not in part or self.new in part:
            return part
        return {self.new if key == self.old else key: it for key, it in part.items()}


class OldValue(NamedTuple):
    """A value at a path, by its former name."""

    path: str
    old: str
    new: str

    def read(self, part: Any) -> Any:
        """Return the new value for the old one."""
        return self.new if part == self.old else part


OldWord = OldKey | OldValue

WORLD_FILE_WORDS: tuple[OldWord, ...] = (
    OldKey("pace", "patience", "retry_scale"),
    OldKey("binds.*", "binds", "max_binds"),
    OldKey("smpp", "no_credit", "no_credit_status"),
    OldKey("smpp", "over_window", "window_full_status"),
    OldKey("smpp", "over_held", "queue_full_status"),
    OldKey("smpp", "held", "max_queued_receipts"),
    OldKey("smpp", "held_for", "receipt_lifetime"),
    OldKey("smpp", "throttled_after", "throttle_after"),
    OldKey("smpp", "retry_after", "receipt_retry_delay"),
    OldValue("assumptions.smpp_mo_case", "capitalised", "capitalized"),
)
# Beside the account, which is written as a world file writes it.
STATE_WORDS: tuple[OldWord, ...] = (
    OldKey("campaigns.*.pace", "patience", "retry_scale"),
    OldKey("voice_campaigns.*.pace", "patience", "retry_scale"),
    OldKey("deliveries.*", "made_at", "created_at"),
    OldKey("deliveries.*", "facts", "parameters"),
    OldKey("deliveries.*.attempts.*", "says", "explanation"),
    OldValue("deliveries.*.trick", "twice", "duplicated"),
    OldValue("deliveries.*.trick", "twice_at_once", "duplicated_at_once"),
    OldValue("deliveries.*.trick", "capitalised", "capitalized"),
    OldValue("deliveries.*.trick", "misspelt", "misspelled"),
    OldKey("faults.*", "met", "matched"),
    OldKey("faults.*", "struck", "applied"),
    OldKey("faults.*", "off", "disabled"),
    OldValue("faults.*.effect.push", "twice", "duplicated"),
    OldValue("faults.*.effect.push", "twice_at_once", "duplicated_at_once"),
    OldValue("faults.*.effect.push", "capitalised", "capitalized"),
    OldValue("faults.*.effect.push", "misspelt", "misspelled"),
    OldValue("faults.*.effect.pdu", "doubled", "duplicated"),
)


def translate_old_words(document: Any, words: Iterable[OldWord]) -> Any:
    """Return *document* in new words; itself is left as it is."""
    for word in words:
        document = _change_at(document, word.path.split("."), word.read)
    return document


def _change_at(part: Any, path: list[str], change: Callable[[Any], Any]) -> Any:
    """Return *part* with what *change* makes of each thing at *path*."""
    if not path:
        return change(part)
    step, rest = path[0], path[1:]
    if step == EVERY and isinstance(part, list):
        return [_change_at(each, rest, change) for each in part]
    if step != EVERY and isinstance(part, Mapping) and step in part:
        return {**part, step: _change_at(part[step], rest, change)}
    return part
