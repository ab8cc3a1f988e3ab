"""Times as SMPP writes them: ``YYMMDDhhmmsstnnp``, absolute or relative.

Source: SMPP 3.4, 7.1.1.
"""

import re
from datetime import UTC, datetime, timedelta

SMPP_TIME_PATTERN = re.compile(rb"([0-9]{2}){6}[0-9]([0-9]{2})[+\-R]")
CENTURY = 2000
QUARTER_HOUR = timedelta(minutes=15)
MAX_QUARTERS = 48  # quarters of an hour from UTC
RELATIVE_SIGN = b"R"
RELATIVE_YEAR, RELATIVE_MONTH = (
    timedelta(days=365),
    timedelta(days=30),
)  # of relative times
MAX_RELATIVE = timedelta(days=365 * 100)


def parse_smpp_time(text: bytes, now: datetime) -> datetime | None:
    """Return the instant that *text* names; None where it is empty.

    Raises ``ValueError`` for what is no time.

    >>> instant(b"260302120000024-", datetime(2026, 3, 2, tzinfo=UTC))
    datetime.datetime(2026, 3, 2, 18, 0, tzinfo=datetime.timezone.utc)
    """
    if not text:
        return None
    if not SMPP_TIME_PATTERN.fullmatch(text):
        message = f"{text.decode('latin-1')!r} is not YYMMDDhhmmsstnnp"
        raise ValueError(message)
    year, month, day, *clock = (int(text[at : at + 2]) for at in range(0, 12, 2))
    hours, minutes, seconds = clock
    if text.endswith(RELATIVE_SIGN):
        return now + min(
            year * RELATIVE_YEAR
            + month * RELATIVE_MONTH
            + timedelta(days=day, hours=hours, minutes=minutes, seconds=seconds),
            MAX_RELATIVE,
        )
    quarters = int(text[13:15])
    if quarters > MAX_QUARTERS:
        message = f"{quarters} quarters of an hour are more than {MAX_QUARTERS}"
        raise ValueError(message)
    tenths = int(text[12:13]) * 100_000
    local = datetime(  # noqa: DTZ001 - what follows says how far from UTC
        CENTURY + year, month, day, hours, minutes, seconds, tenths
    )
    ahead = QUARTER_HOUR * quarters
    return (local - ahead if text.endswith(b"+") else local + ahead).replace(tzinfo=UTC)


def format_smpp_time(instant: datetime) -> bytes:
    """Return *instant* as an absolute time in UTC: ``260302180000000+``."""
    return instant.astimezone(UTC).strftime("%y%m%d%H%M%S000+").encode()
