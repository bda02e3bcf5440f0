"""The embedded runner's archive: its keyed log for seven days, as topic ``events`` has it, and corrections that are asked for.

One row of table ``archive`` is what one transaction appended, compressed; what is older is deleted.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from detectors.kit import restoring
from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset
from schemas import instant, log
from schemas.event import SecurityEvent
from schemas.log import Correction, Keyed, LogRecord
from schemas.violation import Violation
from sinks import encoding
from sinks.sqlite_file import open_writer

KEPT = 7 * instant.DAY
FAST = 1  # level of compression: what it costs is paid for each event
JUDGED = "judged"
REFUSED = "refused: the job has let go of old events meanwhile; run it again"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS archive (seq INTEGER PRIMARY KEY, upto INTEGER NOT NULL, records BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS archive_since (at INTEGER NOT NULL)",
    """CREATE TABLE IF NOT EXISTS correction
        (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, record BLOB NOT NULL, result TEXT NOT NULL)""",
)
_TOLD = "SELECT 1 FROM sqlite_master WHERE name = 'archive_since'"
_event = msgspec.json.Decoder(SecurityEvent).decode


def install(connection: sqlite3.Connection, observed: int) -> None:
    """Create the tables if they are missing; ``observed`` (µs): how far an older program got without them."""
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute("INSERT INTO archive_since SELECT ? WHERE NOT EXISTS (SELECT 1 FROM archive_since)", (observed,))


def append(connection: sqlite3.Connection, records: Iterable[LogRecord], observed: int) -> None:
    """Add ``records``, taken when time had passed to ``observed`` (µs), in the transaction open on ``connection``."""
    kept = list(records)
    if not kept:
        return
    upto = max([observed, *(record.event.o for record in kept if isinstance(record, Keyed))])
    packed = zlib.compress(b"\n".join(log.encode(record) for record in kept), FAST)
    connection.execute("INSERT INTO archive (upto, records) VALUES (?, ?)", (upto, packed))


def forget(connection: sqlite3.Connection, observed: int) -> None:
    """Delete what was observed more than seven days before ``observed`` (µs)."""
    before = observed - KEPT
    last = "SELECT coalesce(max(upto), 0) FROM archive WHERE upto < ?"
    connection.execute(f"UPDATE archive_since SET at = max(at, ({last}))", (before,))  # noqa: S608 - the line above
    connection.execute("DELETE FROM archive WHERE upto < ?", (before,))


def ask(path: Path, corrections: Iterable[Correction], at: int) -> None:
    """Ask the job of the data file at ``path`` to take up ``corrections``, all in one transaction of its own."""
    connection = open_writer(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO correction (at, record, result) VALUES (?, ?, '')", ((at, log.encode(record)) for record in corrections)
        )
        connection.execute("COMMIT")
    finally:
        connection.close()


def asked(connection: sqlite3.Connection) -> Sequence[tuple[int, Correction]]:
    """Corrections that wait, each with its number."""
    rows = connection.execute("SELECT seq, record FROM correction WHERE result = '' ORDER BY seq").fetchall()
    found = ((seq, log.decode(value)) for seq, value in rows)
    return [(seq, record) for seq, record in found if isinstance(record, Correction)]


def done(connection: sqlite3.Connection, results: Mapping[int, str]) -> None:
    """Note what became of corrections, in the transaction open on ``connection``."""
    connection.executemany("UPDATE correction SET result = ? WHERE seq = ?", ((text, seq) for seq, text in results.items()))


class Kept:
    """What the data file holds for ``rejudge``, as of one moment: ``connection`` is within a read transaction."""

    partitions = 1

    def __init__(self, connection: sqlite3.Connection, ruleset: Ruleset) -> None:
        self._connection = connection
        self._ruleset = ruleset

    def engine(self, _: int) -> Engine:
        """See :class:`streams.rejudge.Held`."""
        engine = Engine(self._ruleset)
        restoring.restore(engine, self._connection.execute("SELECT name, value FROM state").fetchall())
        return engine

    def log(self, _: int) -> Iterator[LogRecord]:
        """See :class:`streams.rejudge.Held`."""
        if self._told():
            for (packed,) in self._connection.execute("SELECT records FROM archive ORDER BY seq"):
                yield from map(log.decode, zlib.decompress(packed).split(b"\n"))

    def since(self, _: int) -> int:
        """See :class:`streams.rejudge.Held`."""
        rows = self._connection.execute("SELECT at FROM archive_since").fetchall() if self._told() else []
        return int(rows[0][0]) if rows else instant.DAY * 100_000

    def late(self, _: int) -> Iterator[tuple[str, SecurityEvent]]:
        """See :class:`streams.rejudge.Held`."""
        for rule, event in self._connection.execute("SELECT rule, event FROM late ORDER BY rowid"):
            yield rule, _event(event)

    def newest(self, ids: Iterable[str]) -> Mapping[str, Violation]:
        """See :class:`streams.rejudge.Held`."""
        found: dict[str, Violation] = {}
        for id_ in ids:
            row = self._connection.execute(
                "SELECT h.document FROM violation AS v JOIN violation_history AS h ON h.seq = v.seq WHERE v.id = ?", (id_,)
            ).fetchone()
            if row is not None:
                found[id_] = encoding.decode(row[0])
        return found

    def _told(self) -> bool:
        """Whether a job that keeps an archive has run on the file."""
        return bool(self._connection.execute(_TOLD).fetchall())
