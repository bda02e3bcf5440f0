"""The stored state of one partition in SQLite: records by name, and which keys rest. Both runners use it.

Nothing is committed here, but what is changed is always part of a transaction: the caller ends it.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from zlib import crc32

MOST = 200_000
"""Keys and buffered events of one partition in memory: some 300 MB where each key has an event or two."""
_TABLES = (
    # With row ids: values are too large to be moved about in the tree of names.
    "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    # Which keys rest is found out anew by each process.
    "CREATE TEMP TABLE IF NOT EXISTS resting (name TEXT PRIMARY KEY, hour INTEGER, deadline INTEGER) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS temp.resting_hour ON resting (hour) WHERE hour IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS temp.resting_deadline ON resting (deadline) WHERE deadline IS NOT NULL",
)
_AWAKE = """
    SELECT head.name, head.value, segment.name, segment.value FROM state AS head LEFT JOIN state AS segment
    ON segment.name = '["b' || substr(head.name, 4, length(head.name) - 4) || ',"0"]'
    WHERE head.name >= '["h"' AND head.name < '["h#' AND NOT EXISTS (SELECT 1 FROM resting WHERE resting.name = head.name)
"""
_CHECK = 4  # bytes
_AT_ONCE = 1_000


class Damaged(RuntimeError):
    """The file does not hold what was written into it; the text says where."""


class Stored:
    """Implements :class:`detectors.kit.resting.Resting`. ``sealed``: each value has a checksum, which is looked at."""

    def __init__(self, connection: sqlite3.Connection, *, sealed: bool = False) -> None:
        self._connection = connection
        self._seal = seal if sealed else _as_it_is
        self._opened = opened if sealed else _as_it_is
        for statement in _TABLES:
            connection.execute(statement)

    def begin(self) -> None:
        """Begin a transaction, unless there is one."""
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def put(self, rows: Iterable[tuple[str, bytes | None]]) -> None:
        """Write records; None deletes."""
        self.begin()
        latest = sorted(dict(rows).items())  # neighbours in the tree one after the other
        seal = self._seal
        self._connection.executemany(
            "INSERT OR REPLACE INTO state VALUES (?, ?)",
            [(name, seal(name, value)) for name, value in latest if value is not None],
        )
        self._connection.executemany("DELETE FROM state WHERE name = ?", [(n,) for n, value in latest if value is None])

    def get(self, name: str) -> bytes | None:
        """See :class:`Records`. Raises Damaged."""
        row = self._connection.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return None if row is None else self._opened(name, row[0])

    def items(self) -> Iterator[tuple[str, bytes]]:
        """All records. Raises Damaged."""
        return self._rows("SELECT name, value FROM state")

    def kind(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """See :class:`Records`. Raises Damaged."""
        # The sign after the quotation mark ends the kind.
        return self._rows("SELECT name, value FROM state WHERE name >= ? AND name < ?", f'["{kind}"', f'["{kind}#')

    def awake(self) -> Iterator[tuple[str, bytes, bytes | None]]:
        """See :class:`Resting`. Raises Damaged."""
        cursor, opened = self._connection.execute(_AWAKE), self._opened
        while found := cursor.fetchmany(_AT_ONCE):
            for name, head, first, segment in found:
                yield name, opened(name, head), None if segment is None else opened(first, segment)

    def lay(self, rows: Iterable[tuple[str, int | None, int | None]]) -> None:
        """See :class:`Resting`."""
        self.begin()
        self._connection.executemany("INSERT OR REPLACE INTO resting VALUES (?, ?, ?)", rows)

    def wake(self, name: str) -> bool:
        """See :class:`Resting`."""
        if self._connection.execute("SELECT 1 FROM resting WHERE name = ?", (name,)).fetchone() is None:
            return False
        self.begin()
        self._connection.execute("DELETE FROM resting WHERE name = ?", (name,))
        return True

    def wake_all(self) -> None:
        """See :class:`Resting`."""
        self.begin()
        self._connection.execute("DELETE FROM resting")

    def passing(self, hour: int) -> list[str]:
        """See :class:`Resting`."""
        return self._names("SELECT name FROM resting WHERE hour <= ? ORDER BY hour, name", hour)

    def due(self, until: int) -> list[str]:
        """See :class:`Resting`."""
        return self._names("SELECT name FROM resting WHERE deadline <= ? ORDER BY deadline, name", until)

    def resting(self) -> int:
        """See :class:`Resting`."""
        return int(self._connection.execute("SELECT count(*) FROM resting").fetchone()[0])

    def _names(self, query: str, limit: int) -> list[str]:
        return [name for (name,) in self._connection.execute(query, (limit,))]

    def _rows(self, query: str, *values: str) -> Iterator[tuple[str, bytes]]:
        cursor, opened = self._connection.execute(query, values), self._opened
        while found := cursor.fetchmany(_AT_ONCE):
            for name, value in found:
                yield name, opened(name, value)


def seal(name: str, value: bytes) -> bytes:
    """``value`` behind a CRC-32 of both."""
    return crc32(value, crc32(name.encode())).to_bytes(_CHECK) + value


def opened(name: str, value: bytes) -> bytes:
    """The value in what :func:`seal` made. Raises Damaged."""
    plain = value[_CHECK:]
    if value[:_CHECK] != crc32(plain, crc32(name.encode())).to_bytes(_CHECK):
        raise Damaged(f"record {name[:200]} is not what was written")
    return plain


def _as_it_is(_: str, value: bytes) -> bytes:
    return value
