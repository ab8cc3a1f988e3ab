"""Keywords: a text that begins with one is answered by the customer, or by the account.

Source: manual KEY-01 to KEY-18.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from emulator.domain.account import Account, Keyword, Route
from emulator.domain.bounds import Cellphone, Instant

KEYWORD_COUNTRY = "Mexico"  # the only one in which keywords work (KEY-09)
MAX_KEYWORD_ANSWER = 160  # characters of an answer (KEY-07)
# Source: manual KEY-06, read as assumption: a tag, PHP, or a JSON object or array.
CODE_PATTERN = re.compile(r"<\s*[/!?a-zA-Z]|^\s*[\[{].*[\]}]\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReceivedText:
    """A text that began with a keyword.  Source: manual KEY-15."""

    at: Instant
    number: Cellphone
    keyword: str
    text: str


def find_keyword(
    text: str, keywords: Iterable[Keyword], now: datetime
) -> Keyword | None:
    """Return the keyword that *text* begins with, unless it has expired.

    Source: manual KEY-12; assumptions KEY-04 and KEY-18 for the first word and case.
    """
    words = text.split(maxsplit=1)
    if not words:
        return None
    first = words[0].casefold()
    for each in keywords:
        if each.word.casefold() == first and now < each.expires_at:
            return each
    return None


def find_keyword_route(account: Account) -> Route | None:
    """Return the first route to the country of those who can write.

    Source: manual KEY-09; assumption KEY-17.
    """
    for each in account.routes.values():
        if account.countries[each.country].name == KEYWORD_COUNTRY:
            return each
    return None


def find_answer_flaw(answer: str) -> str:
    """Return why *answer* cannot be sent back, or nothing.

    Source: manual KEY-06.
    """
    if not answer.strip():
        return "the answer is empty"
    if CODE_PATTERN.search(answer):
        return "the answer holds code: a tag, PHP or JSON"
    return ""
