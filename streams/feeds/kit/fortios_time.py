"""When a FortiOS log line says it happened: date, time and tz, eventtime in four units, the header, or nothing."""

import re
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from schemas import instant
from streams.feeds.kit import syslog
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.kit.values import arrival

Fields = dict[str, str]

_ZONE = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d\d)?")
_LONGEST = 40  # characters of a stamp: what is remembered must not grow with what a sender writes


@lru_cache(maxsize=64)
def _offset(text: str) -> tzinfo | None:
    """Zone of a ``tz`` field such as +0800 or "UTC-5:00", None if it says nothing readable."""
    match = _ZONE.fullmatch(text)
    if match is None or int(match[2]) > 14:
        return None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))


@lru_cache(maxsize=4096)
def _stamp(date: str, clock: str, zone: tzinfo) -> int | None:
    try:
        return instant.from_datetime(datetime.fromisoformat(f"{date}T{clock}"), zone)
    except (ValueError, OverflowError):
        return None


def time(record: RawRecord, fields: Fields) -> tuple[int, int]:
    """Time in microseconds and the nanoseconds below it; raises Unreadable (bad_time) if what stands there is none.

    ``eventtime`` (seconds to nanoseconds since 1970) is the finer form of date, time and tz. Where the two contradict
    each other by more than a day the date decides: it is what the administrator set and sees.
    """
    date, clock = fields.get("date", ""), fields.get("time", "")
    told = fields.get("tz", "")
    zone = _offset(told) if len(told) <= _LONGEST else None
    stamp = _stamp(date, clock, zone or record.zone) if date and clock and len(date) + len(clock) <= _LONGEST else None
    digits = fields.get("eventtime") or fields.get("timestamp") or ""
    if digits.isascii() and digits.isdigit() and 9 <= len(digits) <= 19:
        micro, rest = int(digits), 0
        if len(digits) > 17:
            micro, rest = divmod(micro, 1000)
        elif len(digits) <= 14:
            micro *= 1_000_000 if len(digits) <= 11 else 1000
        if stamp is None or abs(micro - stamp) <= instant.DAY:
            return micro, rest
    if stamp is not None:
        return stamp, 0
    header = syslog.split(record.text).time
    if header:
        return syslog.when(header, record), 0
    if fields.get("date") == "" and not (clock or digits):
        return arrival(record), 0  # the device says that it knows no date
    raise Unreadable("bad_time", f"expected date= and time= or eventtime=, got {date[:32]!r} {clock[:32]!r} {digits[:32]!r}")
