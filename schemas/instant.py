"""Instants and durations: every time inside the system is an integer of microseconds since 1970 UTC.

Integers compare, sort and serialise without rounding or zone; text (RFC 3339, UTC, ``Z``) exists at the edges only.
"""

from datetime import UTC, datetime, timedelta, tzinfo

MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(microseconds=1)


def from_datetime(value: datetime, zone: tzinfo | None = None) -> int:
    """Microseconds since 1970 UTC of ``value``; a naive value is read in ``zone``.

    Raises:
        ValueError: ``value`` is naive and no zone is given.
    """
    if value.tzinfo is None:
        if zone is None:
            raise ValueError(f"time {value.isoformat()} has no zone and the source declares none; set its zone")
        value = value.replace(tzinfo=zone)
    return (value - _EPOCH) // _STEP


def to_datetime(instant: int, zone: tzinfo = UTC) -> datetime:
    """``instant`` (microseconds since 1970 UTC) as an aware datetime in ``zone``."""
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone)


def parse(text: str, zone: tzinfo | None = None) -> int:
    """Microseconds since 1970 UTC of an RFC 3339 / ISO 8601 text.

    A leap second (``:60``) counts as the first instant of the next minute. Raises ValueError for anything else.
    """
    leap = text[17:19] == "60"
    value = datetime.fromisoformat(text[:17] + "59" + text[19:] if leap else text)
    return from_datetime(value, zone) + (SECOND if leap else 0)


def text(instant: int) -> str:
    """RFC 3339 UTC text of ``instant``, with as many of six fraction digits as are needed (none, 3 or 6)."""
    value = to_datetime(instant)
    if instant % SECOND == 0:
        precision = "seconds"
    elif instant % MILLISECOND == 0:
        precision = "milliseconds"
    else:
        precision = "microseconds"
    return value.replace(tzinfo=None).isoformat(timespec=precision) + "Z"
