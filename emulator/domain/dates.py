"""Dates as the platform writes them, in the account's time zone.

Source: manual GEN-09 for the form, GEN-10 for the zone.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from math import floor

from emulator.domain.bounds import LAST_INSTANT, WORLD_START
from emulator.domain.platform_refusals import WRONG_FORMAT
from emulator.domain.refusals import Refusal

SECOND = timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_platform_time(instant: datetime, zone: tzinfo) -> str:
    """Return ``2020-05-25 13:22:38``."""
    if instant.tzinfo is zone:  # the last hours of the year 9999 are nowhere else
        return instant.isoformat(" ")[:19]
    return _format_second(to_epoch_second(instant), zone)


@lru_cache(maxsize=4096)
def _format_second(second: int, zone: tzinfo) -> str:
    return from_epoch_second(second).astimezone(zone).isoformat(" ")[:19]


def to_epoch_second(instant: datetime) -> int:
    """Return the second since 1970 that *instant* is in; many instants share one."""
    return floor(instant.timestamp())


def from_epoch_second(second: int) -> datetime:
    """Return the instant at which a second since 1970 begins."""
    return EPOCH + timedelta(seconds=second)


def format_platform_day(instant: datetime, zone: tzinfo) -> str:
    """Return ``2020-05-25``.  Source: manual CLC-12."""
    return instant.astimezone(zone).date().isoformat()


def parse_platform_time(text: str, zone: tzinfo) -> datetime:
    """Return the instant that *text*, which the contract has accepted, names.

    A date alone is its first second (source: assumption SMS-37).
    """
    local = datetime.fromisoformat(text).replace(tzinfo=zone)
    try:
        return local.astimezone(UTC)  # whose hours are all alike, so one can add to it
    except OverflowError:  # the last hours of the year 9999
        return local


def month_start(instant: datetime, zone: tzinfo) -> datetime:
    """Return the first second of the month of *instant*.  Source: manual MO-11."""
    local = instant.astimezone(zone)
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def add_year(instant: datetime) -> datetime:
    """Return the same moment a year later; 28 February for a leap day."""
    try:
        return instant.replace(year=instant.year + 1)
    except ValueError:
        return instant.replace(year=instant.year + 1, day=28)


@lru_cache(maxsize=4096)
def format_timestamp(instant: datetime) -> str:
    """Return ``2020-05-25T18:22:38.000000Z``, for what is ours, not the platform's."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str, field: str) -> datetime:
    """Return the instant that *text*, written as by ``stamp``, names.

    Refuses a day that there is not, and one of no world's time, as *field*.
    """
    try:
        instant = datetime.fromisoformat(text)
        if not WORLD_START <= instant <= LAST_INSTANT:
            message = f"{text} is not of the years 2000 to 8999"
            raise ValueError(message)  # noqa: TRY301 - as a day that there is not
        return instant.astimezone(UTC)
    except ValueError as error:
        raise Refusal(WRONG_FORMAT, str(error), field=field) from None
