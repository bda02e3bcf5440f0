"""The built-in violation store: one SQLite file, written in the transaction of whoever owns the file.

Table ``violation`` holds what is current and is searched, ``violation_history`` every document ever written, by
(id, number), in the order of writing; ``violation_rollup`` counts per minute, for charts. All times are microseconds.
"""

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from schemas import instant
from schemas.coverage import Coverage
from schemas.violation import Transition, Violation
from sinks import sqlite_coverage
from sinks.contract import Busy, Misconfigured, Query, Refused, check_step
from sinks.encoding import Encoded, Unencodable, decode, encode, mismatch
from sinks.sqlite_file import Readers, open_writer, passing_errors
from sinks.sqlite_query import pieces, where

SCHEMA = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS violation_schema (version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS violation_history (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, number INTEGER NOT NULL, digest TEXT NOT NULL, document BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS violation_history_number ON violation_history (id, number);
CREATE TABLE IF NOT EXISTS violation (
    id TEXT PRIMARY KEY, seq INTEGER NOT NULL, number INTEGER NOT NULL, last_time INTEGER NOT NULL,
    severity TEXT NOT NULL, state TEXT NOT NULL, detector TEXT NOT NULL, controls TEXT NOT NULL) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS violation_seq ON violation (seq);
CREATE INDEX IF NOT EXISTS violation_time ON violation (last_time, id, severity, state, detector, controls);
CREATE TABLE IF NOT EXISTS violation_rollup (
    minute INTEGER NOT NULL, severity TEXT NOT NULL, state TEXT NOT NULL, detector TEXT NOT NULL,
    controls TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (minute, severity, state, detector, controls)) WITHOUT ROWID;
"""
_Cell = tuple[int, str, str, str, str]


def install(connection: sqlite3.Connection) -> None:
    """Create the tables if they are missing.

    Raises:
        Misconfigured: they were made by another version.
    """
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    sqlite_coverage.install(connection)
    found = connection.execute("SELECT version FROM violation_schema").fetchone()
    if found is None:
        connection.execute("INSERT INTO violation_schema VALUES (?)", (SCHEMA,))
    elif found[0] != SCHEMA:
        raise Misconfigured(
            f"violation tables have schema {found[0]}, this program writes {SCHEMA};"
            " use the version that wrote them or another data folder"
        )


def apply(connection: sqlite3.Connection, batch: Sequence[Violation]) -> Sequence[Refused]:
    """Store ``batch`` within the transaction that is open on ``connection``; its owner commits it with its positions.

    Raises:
        sqlite3.ProgrammingError: no transaction is open.
    """
    if not connection.in_transaction:
        raise sqlite3.ProgrammingError("violations are stored within a transaction, none is open; execute BEGIN first")
    refused: list[Refused] = []
    encoded: list[Encoded] = []
    for violation in batch:
        try:
            encoded.append(encode(violation))
        except Unencodable as error:
            refused.append(Refused(violation, error.reason, str(error)))
    ids = {item.violation.id for item in encoded}
    stored: dict[tuple[str, int], str] = {
        (row[0], row[1]): row[2]
        for row in _by_id(connection, "SELECT id, number, digest FROM violation_history", ids)
    }
    before: dict[str, tuple[int, _Cell]] = {
        row[0]: (row[1], _cell(*row[2:]))
        for row in _by_id(
            connection, "SELECT id, number, last_time, severity, state, detector, controls FROM violation", ids
        )
    }
    history: list[tuple[int, str, int, str, bytes]] = []
    current: dict[str, tuple[Any, ...]] = {}
    seq = _newest(connection)
    for item in encoded:
        violation = item.violation
        known = stored.get((violation.id, item.number))
        if known is not None:
            if known != item.digest:
                refused.append(Refused(violation, "version_mismatch", mismatch(item, known)))
            continue
        stored[violation.id, item.number] = item.digest
        seq += 1
        history.append((seq, violation.id, item.number, item.digest, item.content))
        newest = current[violation.id][2] if violation.id in current else before.get(violation.id, (0,))[0]
        if item.number > newest:
            controls = json.dumps(violation.controls)
            found = (violation.last_time, violation.severity.value, violation.state.value, violation.detector, controls)
            current[violation.id] = (violation.id, seq, item.number, *found)
    connection.executemany("INSERT INTO violation_history VALUES (?, ?, ?, ?, ?)", history)
    connection.executemany("INSERT OR REPLACE INTO violation VALUES (?, ?, ?, ?, ?, ?, ?, ?)", current.values())
    _roll_up(connection, (before[id_][1] for id_ in current if id_ in before), (_cell(*row[3:]) for row in current.values()))
    return refused


def _by_id(connection: sqlite3.Connection, select: str, ids: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    rest = iter(ids)
    while some := tuple(islice(rest, 500)):
        yield from connection.execute(f"{select} WHERE id IN ({','.join('?' * len(some))})", some)


def _cell(last_time: int, severity: str, state: str, detector: str, controls: str) -> _Cell:
    return (last_time - last_time % instant.MINUTE, severity, state, detector, controls)


def _roll_up(connection: sqlite3.Connection, gone: Iterable[_Cell], come: Iterable[_Cell]) -> None:
    change = Counter(come)
    change.subtract(gone)
    cells = [(*cell, count) for cell, count in change.items() if count]
    connection.executemany(
        "INSERT INTO violation_rollup VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
        cells,
    )
    connection.executemany(
        "DELETE FROM violation_rollup WHERE minute = ? AND severity = ? AND state = ? AND detector = ? AND controls = ?"
        " AND count = 0",
        (cell[:5] for cell in cells if cell[5] < 0),
    )


def _newest(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM violation_history").fetchone()[0])


class SqliteStore:
    """A ``Store`` on one file. Any thread may call it; writes queue, each read has a connection to itself.

    With ``writable=False`` nothing is created and writing is refused: for a page or report beside the writer.
    """

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._reader = Readers(path)
        self._writer: sqlite3.Connection | None = None
        if writable:
            self._writer = open_writer(path)
            install(self._writer)

    def write(self, batch: Sequence[Violation]) -> Sequence[Refused]:
        """See ``sinks/contract.py``; one transaction for the batch."""
        with self._transaction() as connection:
            return apply(connection, batch)

    def cover(self, rows: Sequence[Coverage]) -> None:
        """See ``sinks/contract.py``; one transaction for all."""
        with self._transaction() as connection:
            sqlite_coverage.apply(connection, rows)

    def coverage(self, since: int, until: int) -> Sequence[Coverage]:
        """See ``sinks/contract.py``."""
        with self._reader() as connection:
            return sqlite_coverage.within(connection, since, until)

    def judged(self) -> Sequence[Coverage]:
        """See ``sinks/contract.py``."""
        with self._reader() as connection:
            return sqlite_coverage.newest(connection)

    def search(self, query: Query) -> Sequence[Violation]:
        """See ``sinks/contract.py``."""
        condition, values = where(query, "last_time", query.since, query.until)
        rows = self._rows(
            f"SELECT h.document FROM (SELECT last_time, id FROM violation{condition} ORDER BY last_time DESC, id DESC LIMIT ?)"  # noqa: S608 - clauses of where(), values bound
            " AS found JOIN violation AS v ON v.id = found.id JOIN violation_history AS h ON h.seq = v.seq"
            " ORDER BY found.last_time DESC, found.id DESC",
            (*values, query.limit),
        )
        return [decode(row[0]) for row in rows]

    def get(self, violation_id: str) -> Violation | None:
        """See ``sinks/contract.py``."""
        rows = self._rows(
            "SELECT h.document FROM violation AS v JOIN violation_history AS h ON h.seq = v.seq WHERE v.id = ?",
            (violation_id.encode("utf-8", "replace").decode(),),
        )
        return decode(rows[0][0]) if rows else None

    def history(self, violation_id: str) -> Sequence[Transition]:
        """See ``sinks/contract.py``."""
        rows = self._rows(
            "SELECT document FROM violation_history WHERE id = ? ORDER BY number",
            (violation_id.encode("utf-8", "replace").decode(),),
        )
        return [decode(row[0]).transition for row in rows]

    def changes(self, after: int, limit: int) -> tuple[Sequence[Violation], int]:
        """See ``sinks/contract.py``; the cursor is the row number of the write."""
        rows = self._rows(
            "SELECT h.document, h.seq FROM violation AS v JOIN violation_history AS h ON h.seq = v.seq"
            " WHERE v.seq > ? ORDER BY v.seq LIMIT ?",
            (after, limit),
        )
        return [decode(row[0]) for row in rows], rows[-1][1] if rows else after

    def newest(self) -> int:
        """See ``sinks/contract.py``."""
        with self._reader() as connection:
            return _newest(connection)

    def counts(self, query: Query) -> Sequence[dict[str, Any]]:
        """See ``sinks/contract.py``: whole minutes from the rollup, what is left at both ends from the documents."""
        total: Counter[tuple[str, str, str, str]] = Counter()
        with self._reader() as connection:
            for table, count, column, since, until in pieces(query):
                condition, values = where(query, column, since, until)
                rows = connection.execute(
                    f"SELECT controls, detector, severity, state, {count} FROM {table}{condition} GROUP BY 1, 2, 3, 4",  # noqa: S608 - as above
                    values,
                )
                for controls, detector, severity, state, number in rows:
                    for control in json.loads(controls) or [""]:
                        total[control, detector, severity, state] += number
        names = ("control", "detector", "severity", "state")
        return [{**dict(zip(names, key, strict=True)), "count": count} for key, count in sorted(total.items())]

    def timeline(self, query: Query, step: int) -> Sequence[dict[str, Any]]:
        """See ``sinks/contract.py``."""
        check_step(step)
        whole = query.whole_minutes()
        condition, values = where(query, "minute", whole.since, whole.until)
        rows = self._rows(
            f"SELECT minute - minute % ?, severity, state, sum(count) FROM violation_rollup{condition}"  # noqa: S608 - as above
            " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            (step, *values),
        )
        return [dict(zip(("time", "severity", "state", "count"), row, strict=True)) for row in rows]

    def ready(self) -> bool:
        """See ``sinks/contract.py``."""
        try:
            self.newest()
        except (Busy, sqlite3.Error):
            return False
        return True

    def close(self) -> None:
        """Close every connection; nothing may use the store afterwards."""
        with self._lock:
            self._reader.close()
            if self._writer is not None:
                self._writer.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._writer is None:
            raise Misconfigured(f"{self._path} was opened to read only; write through the process that owns it")
        with self._lock, passing_errors(self._path):
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def _rows(self, select: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._reader() as connection:
            return connection.execute(select, values).fetchall()
