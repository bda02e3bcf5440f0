"""Reads one record as the normaliser does, for the tests of feeds."""

from datetime import UTC, tzinfo

from schemas import instant
from schemas.context import ContextRecord
from schemas.event import SecurityEvent
from streams.feeds.kit.contract import RawRecord
from streams.feeds.kit.registry import load
from streams.normalize import normalize

BASE = instant.parse("2026-07-01T00:00:00Z")


def read(name: str, text: str, *, zone: tzinfo = UTC, o: int | None = None) -> list[SecurityEvent | ContextRecord]:
    """All that the feed called ``name`` makes of ``text``; a record without a year is read as of BASE."""
    return normalize(load()[name], RawRecord(text.encode(), "src", name, o=o, base=BASE, zone=zone))


def event(name: str, text: str, *, zone: tzinfo = UTC, o: int | None = None) -> SecurityEvent:
    """The one event of ``text``."""
    events = [item for item in read(name, text, zone=zone, o=o) if isinstance(item, SecurityEvent)]
    assert len(events) == 1, events
    return events[0]


def facts(name: str, text: str, **expected: object) -> None:
    """Assert fields of the one event of ``text``; a ``t`` may be written as RFC 3339."""
    found = event(name, text)
    wanted = {key: instant.parse(value) if key == "t" else value for key, value in expected.items()}
    assert {key: getattr(found, key) for key in wanted} == wanted
