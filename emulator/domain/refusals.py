"""What a refusal is: its reason, and why there was one.

A reason has a status, and a sentence in both languages.  The sentence goes on the wire;
our explanation travels beside it as *why* and is shown in the journal and the header
``X-Emulator-Why`` only.

Source: manual ERR-01 to ERR-03 for the envelope.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RefusalReason:
    name: str
    status: int  # of HTTP, and the envelope's ``status_code``
    es: str
    en: str

    def format_sentence(self, language: str, words: Mapping[str, object]) -> str:
        return (self.en if language == "en" else self.es).format_map(words)


class Refusal(Exception):  # noqa: N818 - nothing went wrong; the platform declines
    """The platform refuses a request.

    *words* fill the sentence; they are field names and limits, never what was sent but
    for a host that is none of ours.
    """

    def __init__(
        self, reason: RefusalReason, why: str, *, ledger: str = "", **words: object
    ) -> None:
        super().__init__(f"{reason.name}: {why}")
        self.reason = reason
        self.why = why
        self.ledger = ledger  # id of the strict reading that was not met
        self.words = words
