"""Normalise one raw record: decode, parse, judge its time. Pure; the collector and the runners call it.

Every record has exactly one fate: parsed, filtered or dead-lettered (:class:`Unreadable`).
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from schemas import instant
from schemas.context import ContextRecord
from schemas.event import SecurityEvent
from streams.feeds.kit.contract import Feed, RawRecord, Unreadable

SKEW = 120 * instant.SECOND
OLDEST = 400 * instant.DAY
MAX_BYTES = 1 << 20
LONG = 32 << 10  # characters kept of each text of an event whose record is longer; the raw record keeps all


def normalize(feed: Feed, record: RawRecord) -> list[SecurityEvent | ContextRecord]:
    """Events and context of ``record``; an empty list means that it was filtered (blank).

    Raises:
        Unreadable: why the record goes to the dead letters.
    """
    data = record.data.rstrip(b"\x00")  # FortiOS and others end a record with NUL (RFC 6587, section 3.4.2)
    if len(data) > MAX_BYTES:
        raise Unreadable("too_large", f"record of {len(data)} bytes, the limit is {MAX_BYTES}")
    if b"\x00" in data:
        raise Unreadable("nul", f"NUL byte at position {data.index(0)}")
    try:
        record.text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("invalid_utf8", f"byte {data[error.start]:#04x} at position {error.start} is not UTF-8") from error
    if not record.text or record.text.isspace():
        return []
    try:
        parsed = list(feed.parse(record))
    except Unreadable:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # A parser that trips over a hostile value is a defect, but never one that stops the stream.
        raise Unreadable("parser_error", f"{type(error).__name__}: {str(error)[:200]}") from error
    for item in parsed:
        if not -SKEW <= item.o - item.t <= OLDEST:
            implausible(item.t, item.o)
    return [_cut(item, len(data)) for item in parsed] if len(data) > LONG else parsed


def _cut(item: SecurityEvent | ContextRecord, length: int) -> SecurityEvent | ContextRecord:
    """``item`` with long texts cut: it is copied into folds, evidence and records whose size is limited."""
    if not isinstance(item, SecurityEvent):
        return item
    texts = ((name, value) for name in item.__struct_fields__ if isinstance(value := getattr(item, name), str))
    shorter: dict[str, Any] = {name: value[:LONG] for name, value in texts if len(value) > LONG}
    left = LONG
    extra: dict[str, Any] = {}
    for name, value in item.extra.items():
        left -= len(msgspec.json.encode((name, value)))
        if left < 0:
            break
        extra[name] = value
    objects = item.objects if sum(map(len, item.objects)) <= LONG else tuple(name[:LONG] for name in item.objects[:1])
    return msgspec.structs.replace(item, **shorter, objects=objects, extra=extra | {"controlwatch.length": length})


def implausible(t: int, o: int) -> None:
    """Raise Unreadable if ``t`` is later than observed plus tolerance, or older than context is kept."""
    if t > o + SKEW:
        raise Unreadable("implausible_time", f"event time {_text(t)} is after observed time {_text(o)}")
    if t < o - OLDEST:
        raise Unreadable("implausible_time", f"event time {_text(t)} is more than 400 days before {_text(o)}")


def untimely(items: Iterable[SecurityEvent | ContextRecord], read_by: int) -> None:
    """Raise Unreadable if one of ``items`` is implausible beside ``read_by`` (µs), by which its record had been read."""
    for item in items:
        if max(item.t, item.o) > read_by + SKEW:
            raise Unreadable("implausible_time", f"event time {_text(item.t)} is after {_text(read_by)}, when it was read")
        if item.t < read_by - OLDEST:
            when = f"{_text(read_by)}, when it was read"
            raise Unreadable("implausible_time", f"event time {_text(item.t)} is more than 400 days before {when}")


def _text(t: int) -> str:
    try:
        return instant.text(t)
    except OverflowError:
        return f"{t} µs"
