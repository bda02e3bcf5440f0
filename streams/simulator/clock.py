"""Simulated time: where a run starts, and how instants are written in logs. The firm lives in Taiwan, UTC+8 all year."""

from datetime import timedelta, timezone
from functools import lru_cache

from schemas import instant

S = instant.SECOND
M = instant.MINUTE
H = instant.HOUR
DAY = instant.DAY
CYCLE = 2 * DAY

ZONE = "Asia/Taipei"
TAIPEI = timezone(timedelta(hours=8))
START = instant.parse("2026-03-02T00:00:00+08:00")  # a Monday
BEFORE = instant.parse("2026-01-01T00:00:00+08:00")  # when standing facts (persons, posts, groups) began

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=4096)
def _local(second: int) -> str:
    return instant.to_datetime(second * S, TAIPEI).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=4096)
def _utc(second: int) -> str:
    return instant.to_datetime(second * S).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=4096)
def syslog(second: int) -> str:
    """RFC 3164 stamp (local, no year) of a second since 1970."""
    value = instant.to_datetime(second * S, TAIPEI)
    return f"{_MONTHS[value.month - 1]} {value.day:2d} {value.hour:02d}:{value.minute:02d}:{value.second:02d}"


def local(t: int) -> str:
    """``YYYY-MM-DDTHH:MM:SS`` in Taiwan."""
    return _local(t // S)


def utc(t: int) -> str:
    """``YYYY-MM-DDTHH:MM:SS`` in UTC, without a zone mark."""
    return _utc(t // S)


def millis(t: int) -> str:
    """The three digits below the second."""
    return f"{t // 1000 % 1000:03d}"


def micros(t: int) -> str:
    """The six digits below the second."""
    return f"{t % S:06d}"
