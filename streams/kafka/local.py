"""A worker's own copy of one partition's changelog: what rests lies there, and who comes back reads only what came since.

The truth is the changelog. The file is a copy as of one of its offsets; whatever is wrong with the file, or whenever it cannot be
told that it belongs to this changelog, it is thrown away and read anew. So it is not flushed to the disk: what a loss of power
damages is found by checksums.
"""

import logging
import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from detectors.kit.restoring import head_of
from schemas import instant
from streams import clock
from streams.stored import Damaged, Stored, opened, seal

log = logging.getLogger(__name__)

POSITION = '["offset"]'
MIGRATING = '["migrating"]'
"""Stands in each partition's state as long as ``topics migrate`` has not come to its end."""
LINEAGE = '["lineage"]'
"""A name that the first owner gave the changelog, written with every batch: a topic made anew has another one."""
OWN = frozenset({POSITION, MIGRATING, LINEAGE})
"""Records of lanes, which stages do not see."""
OUTDATED = 12 * instant.HOUR
"""A copy older than that may have missed deletions, which Kafka forgets after a day (``delete.retention.ms``)."""
SCHEMA = 1
"""Of the file."""
_ROWS = 2_000  # committed together, or what comes within a second
_PAUSE = 1.0


class Copy(msgspec.Struct):
    """How far the copy goes, and what in the changelog is the lanes' own.

    ``offset``: of the changelog, from where on it is to be read to bring the copy up to date; ``position``: of the source, from
    where on it is to be worked off (-1: never told); ``migrating``: whether ``topics migrate`` has not come to its end;
    ``lineage``: see :data:`LINEAGE`; ``at``: when that was written (µs).
    """

    offset: int = 0
    position: int = -1
    migrating: bool = False
    lineage: str = ""
    at: int = 0
    schema: int = SCHEMA


_copy = msgspec.json.Decoder(Copy).decode


class LocalState:
    """The copy at ``path``, for the lanes that own the partition one after the other. One thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._waiting = 0
        self._flushed = 0.0
        self.records: Stored
        self.copy = Copy()

    def open(self) -> None:
        """Open the file and look whether it holds what was written; else begin with an empty one. Nothing if it is open."""
        if self._connection is not None:
            return
        try:
            self._connect()
            self._verify()
        except (Damaged, sqlite3.DatabaseError) as error:
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY:
                log.warning("%s is in use by another process; give each worker a name of its own", self.path)
                self._close()
                self.path = self.path.with_name(f"{self.path.stem}-{secrets.token_hex(4)}.sqlite")
            else:
                log.warning("%s: %s; it is read anew from the changelog", self.path, error)
                self.discard()
            self._connect()

    def put(self, rows: Sequence[tuple[str, bytes | None]], offset: int) -> None:
        """Take up what was committed; ``offset``: of the first record of that batch in the changelog."""
        self.records.put([row for row in rows if row[0] not in OWN])
        for name, value in rows:
            if name == POSITION:
                self.copy.position = int(value or -1)
            elif name == MIGRATING:
                self.copy.migrating = value is not None
            elif name == LINEAGE:
                self.copy.lineage = (value or b"").decode()
        self.copy.offset = offset
        self._waiting += len(rows)
        if self._waiting >= _ROWS or clock.monotonic() >= self._flushed + _PAUSE:
            self.flush()

    def catch_up(self, rows: Sequence[tuple[str, bytes | None]], offset: int) -> None:
        """Take up what others committed: keys that it concerns do not rest any more."""
        if self.records.resting():
            for name in {head_of(name) for name, _ in rows if name[:5] in _OF_KEYS}:
                self.records.wake(name)
        self.put(rows, offset)

    def flush(self) -> None:
        """Make everything so far outlast this process."""
        assert self._connection is not None  # noqa: S101 - opened before anything else
        self.records.begin()
        self.copy.at = clock.now()
        told = seal("copy", msgspec.json.encode(self.copy))
        self._connection.execute("INSERT OR REPLACE INTO copy VALUES (1, ?)", (told,))
        self._connection.execute("COMMIT")
        self._waiting = 0
        self._flushed = clock.monotonic()

    def abort(self) -> None:
        """Go back to the last flush: what came after it may not fit together."""
        if self._connection is not None:
            with suppress(sqlite3.DatabaseError, Damaged):
                self._connection.rollback()
                self._take_up()
                return
        self.discard()

    def begin_anew(self) -> None:
        """Empty the copy: it is not one of this changelog."""
        self.discard()
        self._connect()

    def named(self) -> str:
        """The changelog's lineage; a new one if it has none."""
        self.copy.lineage = self.copy.lineage or secrets.token_hex(8)
        return self.copy.lineage

    def close(self) -> None:
        """Flush and close."""
        if self._connection is not None:
            self.flush()
            self._connection.close()
            self._connection = None

    def discard(self) -> None:
        """Close and delete the file."""
        self._close()
        for path in (self.path, *(self.path.with_name(f"{self.path.name}{end}") for end in ("-wal", "-shm", "-journal"))):
            path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.DatabaseError):
                self._connection.close()
            self._connection = None

    def _connect(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=0.0, isolation_level=None, check_same_thread=False)
        self._connection = connection
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # before anything reads the file
        connection.execute("PRAGMA page_size=16384")  # a record has a kilobyte or so
        connection.execute("PRAGMA cache_size=-16000")  # kB
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("CREATE TABLE IF NOT EXISTS copy (id INTEGER PRIMARY KEY, value BLOB NOT NULL)")
        self.records = Stored(connection, sealed=True)
        self._take_up()

    def _take_up(self) -> None:
        assert self._connection is not None  # noqa: S101 - opened before anything else
        row = self._connection.execute("SELECT value FROM copy").fetchone()
        copy = _copy(opened("copy", row[0])) if row is not None else Copy(at=clock.now())
        if copy.schema != SCHEMA:
            raise Damaged(f"it is of schema {copy.schema}, this version reads {SCHEMA}")
        if clock.now() - copy.at > OUTDATED:
            raise Damaged("it was written more than 12 hours ago")
        self.copy = copy
        self._waiting = 0

    def _verify(self) -> None:
        """Raises Damaged if the copy is not what was written."""
        assert self._connection is not None  # noqa: S101 - opened before anything else
        (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise Damaged(found)
        for _ in self.records.items():
            pass


_OF_KEYS = frozenset({'["h",', '["b",', '["v",'})


def forget_outdated(folder: Path) -> None:
    """Delete copies in ``folder`` that nobody can use any more: of partitions that went elsewhere."""
    for path in folder.glob("*.sqlite*"):
        with suppress(FileNotFoundError):
            if clock.now() - path.stat().st_mtime_ns // 1_000 > OUTDATED:
                path.unlink()
