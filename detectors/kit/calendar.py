"""Expected hours of a source: when at the latest a record had to come. Local time of the source's own zone."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from schemas import instant
from schemas.context import EVERY_DAY, Expected

Span = tuple[int, int]  # from, to (µs); to is not in it

_AHEAD = 15  # days looked ahead beyond `every`; who expects nothing in two weeks is asked again then


@cache
def zone(name: str) -> tzinfo:
    """Time zone by its IANA name.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: there is no such zone.
    """
    return UTC if name == "UTC" else ZoneInfo(name)


def windows(expected: Expected, local: tzinfo, start: int, end: int) -> Iterator[Span]:
    """Expected hours that end after ``start`` and begin before ``end``, in order, adjoining ones as one."""
    if _always(expected):
        yield start - 2 * instant.DAY, end + _AHEAD * instant.DAY
        return
    opens, closes = (_minutes(part) for part in expected.hours.split("-"))
    length = closes - opens if closes > opens else closes - opens + 24 * 60
    day = instant.to_datetime(start, local).date() - timedelta(days=2)
    held: Span | None = None
    while True:
        begin = _at(day, opens, local)
        if begin >= end and (held is None or begin > held[1]):
            break
        if begin >= end + _AHEAD * instant.DAY:  # round the clock: no need to know where it ends
            break
        if EVERY_DAY[day.weekday()] in expected.days:
            finish = _at(day, opens + length, local)
            if held is not None and begin <= held[1]:
                held = (held[0], max(held[1], finish))
            else:
                if held is not None and held[1] > start:
                    yield held
                held = (begin, finish)
        day += timedelta(days=1)
    if held is not None and held[1] > start:
        yield held


def _always(expected: Expected) -> bool:
    days = expected.days
    return expected.hours == "00:00-24:00" and (days == EVERY_DAY or len(set(days)) == len(EVERY_DAY))


def due(expected: Expected, local: tzinfo, start: int, excused: Iterable[Span]) -> int | None:
    """When silence since ``start`` has lasted too long (µs); None: not within two weeks.

    That is the first instant of expected hours, outside the ``excused`` spans, at which nothing has come for ``every``.
    After a closed time or an excuse the source has ``every`` (or its whole window, if shorter) to speak again.
    """
    spans = sorted(excused)
    if not spans and _always(expected):
        return start + expected.every
    for begin, end in windows(expected, local, start, start + expected.every + _AHEAD * instant.DAY):
        wait = min(expected.every, end - begin)
        for free_begin, free_end in _without(begin, end, spans):
            at = max(start + expected.every, free_begin + wait)
            if start < free_end and at <= free_end:
                return at
    return None


def expects(expected: Iterable[Expected], local: tzinfo, t: int, excused: Iterable[Span]) -> bool:
    """Whether anything is expected at ``t``."""
    if any(begin <= t < end for begin, end in excused):
        return False
    return any(begin <= t <= end for item in expected for begin, end in windows(item, local, t - 1, t + 1))


def _without(begin: int, end: int, spans: list[Span]) -> Iterator[Span]:
    for span_begin, span_end in spans:
        if span_end <= begin or span_begin >= end:
            continue
        if span_begin > begin:
            yield begin, span_begin
        begin = max(begin, span_end)
    if begin < end:
        yield begin, end


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


@lru_cache(maxsize=4096)
def _at(day: date, minutes: int, local: tzinfo) -> int:
    """``minutes`` after midnight of ``day`` on the local clock."""
    whole, rest = divmod(minutes, 24 * 60)
    day += timedelta(days=whole)
    return instant.from_datetime(datetime(day.year, day.month, day.day, rest // 60, rest % 60, tzinfo=local))
