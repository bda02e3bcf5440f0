"""Coverage: for every source and hour, how much of the hour it was heard. Green means watched.

A clause is *monitored* in a month if, in every hour that has passed, some source of its detectors' feeds was heard and all
required feeds were; *degraded* if that held only for part; *blind* if never. A clause without a detector is not listed:
nothing watched it.
"""

import sqlite3
from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from detectors.kit.registry import Loaded
from schemas import instant
from schemas.context import Source
from schemas.log import Progress
from streams.feeds.kit import registry

_TABLE = """
CREATE TABLE IF NOT EXISTS heard (hour INTEGER NOT NULL, source TEXT NOT NULL, until INTEGER NOT NULL, silent INTEGER NOT NULL,
    PRIMARY KEY (hour, source)) WITHOUT ROWID
"""
# A source is heard in an hour if no more than this of it passed without a record or heartbeat.
TOLERATED = 5 * instant.MINUTE


class Heard:
    """Writes, in the owner's transaction, how long each source was unheard in each hour."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.execute(_TABLE)
        self._connection = connection
        self._last = 0

    def pass_by(self, clocks: Mapping[str, int], progress: Progress) -> None:
        """Time passed to ``progress.observed``; ``clocks`` tells how far each source has been heard."""
        now = progress.observed
        if now - self._last < instant.MINUTE:
            return
        before, self._last = self._last or now, now
        hour = now - now % instant.HOUR
        rows = [(hour, name, now, now - before if name in progress.blind else 0) for name in clocks]
        self._connection.executemany(
            "INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT (hour, source) DO UPDATE"
            " SET until = excluded.until, silent = silent + excluded.silent",
            rows,
        )


def rows(connection: sqlite3.Connection, since: int, until: int) -> list[tuple[int, str, int, int]]:
    """(hour, source, until, silent) of the hours within the span, µs."""
    query = "SELECT hour, source, until, silent FROM heard WHERE hour >= ? AND hour < ?"
    return connection.execute(query, (since, until)).fetchall()


def month(text: str, zone: str = "Asia/Taipei") -> tuple[int, int]:
    """First instant of month ``YYYY-MM`` in ``zone`` and of the next. Raises ValueError if it is no month."""
    first = datetime.strptime(text, "%Y-%m").replace(tzinfo=ZoneInfo(zone))
    days = monthrange(first.year, first.month)[1]
    return instant.from_datetime(first), instant.from_datetime(first) + days * instant.DAY


def assessed(
    heard: Iterable[tuple[int, str, int, int]], detectors: Iterable[Loaded], sources: Mapping[str, Source],
    since: int, until: int,
) -> dict[str, str]:  # fmt: skip
    """Clause -> monitored, degraded or blind over [since, until), from the hours in ``heard``."""
    feeds = registry.load()
    kinds = {name: frozenset(feeds[source.feed].kinds) for name, source in sources.items() if source.feed in feeds}
    hours: dict[int, set[str]] = {}
    for hour, source, _, silent in heard:
        if silent <= TOLERATED:
            hours.setdefault(hour, set()).update(kinds.get(source, ()))
    total = max(1, -(-(until - since) // instant.HOUR))
    result: dict[str, str] = {}
    for loaded in detectors:
        detector = loaded.detector
        good = sum(1 for live in hours.values() if live & set(detector.feeds) and live >= set(detector.requires))
        state = "blind" if not good else "monitored" if good >= total else "degraded"
        for clause in detector.clauses:
            result[clause] = _better(result.get(clause), state)
    return result


def _better(first: str | None, second: str) -> str:
    order = ("monitored", "degraded", "blind")
    return second if first is None else min(first, second, key=order.index)
