"""Rows of coverage in SQLite, beside the violations (``sinks/sqlite.py``) and in the same transactions."""

import sqlite3
from collections.abc import Iterable, Sequence

from schemas.coverage import About, Coverage

_FIELDS = tuple(Coverage.model_fields)
_TABLE = """
CREATE TABLE IF NOT EXISTS coverage (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL, about TEXT NOT NULL, name TEXT NOT NULL, feed TEXT NOT NULL,
    reason TEXT NOT NULL, part INTEGER NOT NULL, parts INTEGER NOT NULL, hour INTEGER NOT NULL, minutes INTEGER NOT NULL
) WITHOUT ROWID
"""
_SELECT = f"SELECT {', '.join(_FIELDS)} FROM coverage"  # noqa: S608 - names of our own model


def install(connection: sqlite3.Connection) -> None:
    """Create the table if it is missing."""
    connection.execute(_TABLE)
    connection.execute("CREATE INDEX IF NOT EXISTS coverage_hour ON coverage (hour)")


def apply(connection: sqlite3.Connection, rows: Iterable[Coverage]) -> None:
    """Store ``rows`` within the caller's transaction, unless the same row is there with as many minutes or more."""
    places = ", ".join(f":{name}" for name in ("id", "number", *_FIELDS))
    connection.executemany(
        f"INSERT INTO coverage (id, number, {', '.join(_FIELDS)}) VALUES ({places}) ON CONFLICT (id)"  # noqa: S608 - as above
        " DO UPDATE SET number = excluded.number, minutes = excluded.minutes, feed = excluded.feed"
        " WHERE excluded.number > number",
        [{"id": row.id, "number": row.number, **row.model_dump()} for row in rows],
    )


def within(connection: sqlite3.Connection, since: int, until: int) -> Sequence[Coverage]:
    """See ``CoverageStore.coverage``."""
    condition = " WHERE hour >= ? AND hour < ? AND about != ? ORDER BY hour, id"
    return [_row(found) for found in connection.execute(_SELECT + condition, (since, until, About.JUDGED))]


def newest(connection: sqlite3.Connection) -> Sequence[Coverage]:
    """See ``CoverageStore.judged``."""
    latest = " WHERE about = ?1 AND hour = (SELECT max(hour) FROM coverage AS c WHERE c.about = ?1 AND c.part = coverage.part)"
    return [_row(found) for found in connection.execute(f"{_SELECT}{latest} ORDER BY part", (About.JUDGED,))]


def _row(values: Sequence[object]) -> Coverage:
    return Coverage.model_validate(dict(zip(_FIELDS, values, strict=True)))
