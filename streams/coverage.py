"""Coverage: for every source and hour, how much of the hour it was heard. Green means watched.

A clause is *monitored* in a month if, in every hour that has passed, some source of its detectors' feeds was heard and all
required feeds were; *degraded* if that held only for part of the hours, or without a required feed; *blind* if sources of its
feeds were configured and never heard. A clause without a detector, or without a configured source that could show its
acts, is not listed: nothing watched it. With several detectors a clause is monitored if it is for each of them, else
degraded if one of them watched.
"""

import re
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from detectors.kit.registry import Loaded
from schemas import instant
from schemas.context import Source
from sinks.sqlite_file import Readers
from streams.feeds.kit import registry
from streams.stage import BLIND_AFTER

_TABLE = """
CREATE TABLE IF NOT EXISTS heard (hour INTEGER NOT NULL, source TEXT NOT NULL, feed TEXT NOT NULL, until INTEGER NOT NULL,
    silent INTEGER NOT NULL, PRIMARY KEY (hour, source)) WITHOUT ROWID
"""
# A source is heard in an hour if no more than this of it passed without a record or heartbeat.
TOLERATED = 5 * instant.MINUTE
ZONE = "Asia/Taipei"


class Hour(NamedTuple):
    """One source in one hour: heard until, and for how long of it unheard (µs)."""

    hour: int
    source: str
    feed: str
    until: int
    silent: int


class Heard:
    """Writes, in the owner's transaction, how long each source was unheard in each hour."""

    def __init__(self, connection: sqlite3.Connection, sources: Mapping[str, Source]) -> None:
        connection.execute(_TABLE)
        self._connection = connection
        self._sources = sources
        self._last = 0

    def pass_by(self, clocks: Mapping[str, int], now: int) -> None:
        """Time passed to ``now``; ``clocks`` tells how far each source has been heard. Configured sources count unheard."""
        if now - self._last < instant.MINUTE:
            return
        before, self._last = self._last or now, now
        hour = now - now % instant.HOUR
        rows = [
            (hour, name, source.feed, now, min(max(0, now - clocks.get(name, 0) - BLIND_AFTER), now - max(before, hour)))
            for name, source in self._sources.items()
        ]
        self._connection.executemany(
            "INSERT INTO heard VALUES (?, ?, ?, ?, ?) ON CONFLICT (hour, source) DO UPDATE"
            " SET until = excluded.until, silent = silent + excluded.silent",
            rows,
        )


def hours(path: Path, since: int, until: int) -> list[Hour]:
    """What is known of the hours within the span (µs); empty if the file or table does not exist."""
    if not path.exists():
        return []
    readers = Readers(path)
    try:
        with readers() as connection:
            query = "SELECT hour, source, feed, until, silent FROM heard WHERE hour >= ? AND hour < ?"
            return [Hour(*row) for row in connection.execute(query, (since, until)).fetchall()]
    finally:
        readers.close()


def month(text: str, zone: str = ZONE) -> tuple[int, int]:
    """First instant of month ``YYYY-MM`` in ``zone`` and of the next. Raises ValueError if it is no month."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise ValueError(f"{text!r} is no month; write it like 2026-03")
    year, number = int(text[:4]), int(text[5:])
    first = datetime(year, number, 1, tzinfo=ZoneInfo(zone))
    following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=ZoneInfo(zone))
    return instant.from_datetime(first), instant.from_datetime(following)


def assessed(heard: Iterable[Hour], detectors: Iterable[Loaded], since: int, until: int) -> dict[str, str]:
    """Clause -> monitored, degraded or blind over [since, until), ``until`` being at most the truth time; see above."""
    feeds = registry.load()
    live: dict[int, set[str]] = {}
    configured: set[str] = set()
    for item in heard:
        kinds = feeds[item.feed].kinds if item.feed in feeds else ()
        configured.update(kinds)
        if item.silent <= TOLERATED:
            live.setdefault(item.hour, set()).update(kinds)
    total = max(1, -(-(until - since) // instant.HOUR))
    states: dict[str, set[str]] = {}
    for loaded in detectors:
        detector = loaded.detector
        watched = [kinds for kinds in live.values() if not kinds.isdisjoint(detector.feeds)]
        whole = sum(1 for kinds in watched if kinds >= set(detector.requires))
        state = "none" if configured.isdisjoint(detector.feeds) else "blind" if not watched else "degraded"
        for clause in detector.clauses:
            states.setdefault(clause, set()).add("monitored" if whole >= total else state)
    return {clause: _together(found) for clause, found in states.items() if found != {"none"}}


def _together(states: set[str]) -> str:
    """One word for what several detectors have seen of a clause."""
    if states == {"monitored"}:
        return "monitored"
    return "blind" if states <= {"blind", "none"} else "degraded"
