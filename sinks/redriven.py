"""What became of dead letters that were sent again: the letter stays as it is, its mark is kept beside it.

On Kafka a mark is one record of topic ``redriven`` (key: the letter's id), in the embedded runner one row of its SQLite file.
There a row without a result is a request, which the running job takes up.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import Field

from schemas.context import Record, Time
from sinks import deadletter
from sinks.deadletter import DeadLetter
from sinks.sqlite_file import Readers, open_writer

SENT = "sent again"
READ = "read"
JUDGED = "judged"
STORED = "stored"
FAILED = "failed again"
"""A letter whose result begins so is as it was, and may be sent again; every other one is done with."""


class Redriven(Record):
    """The mark of one letter."""

    id: str
    at: Time
    result: str
    upto: int = Field(default=0, description="Kafka: offset of the letter; one that is buried again after it is open again")


def encode(mark: Redriven) -> bytes:
    """JSON of ``mark`` for topic ``redriven``."""
    return mark.model_dump_json().encode()


def decode(value: bytes) -> Redriven:
    """The mark of a record of topic ``redriven``. Raises pydantic.ValidationError if it is none."""
    return Redriven.model_validate_json(value)


_TABLE = "CREATE TABLE IF NOT EXISTS redriven (id TEXT PRIMARY KEY, at INTEGER NOT NULL, result TEXT NOT NULL) WITHOUT ROWID"


def install(connection: sqlite3.Connection) -> None:
    """Create the table if it is missing."""
    connection.execute(_TABLE)


def ask(path: Path, ids: Iterable[str], at: int) -> None:
    """Ask the job of the data file at ``path`` to send these letters again; those that are waiting or done stay so."""
    connection = open_writer(path)
    try:
        install(connection)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO redriven VALUES (?, ?, '') ON CONFLICT (id) DO UPDATE SET at = excluded.at, result = ''"
            " WHERE instr(result, ?) = 1",
            ((id_, at, FAILED) for id_ in ids),
        )
        connection.execute("COMMIT")
    finally:
        connection.close()


def asked(connection: sqlite3.Connection, limit: int) -> list[DeadLetter]:
    """At most ``limit`` letters that wait to be sent again, the oldest first."""
    rows = connection.execute(
        "SELECT letter FROM redriven JOIN deadletter USING (id) WHERE result = '' ORDER BY seq LIMIT ?", (limit,)
    ).fetchall()
    return [deadletter.decode(row[0]) for row in rows]


def mark(connection: sqlite3.Connection, marks: Iterable[Redriven]) -> None:
    """Note what became of them, in the transaction open on ``connection``."""
    rows = ((item.id, item.at, item.result) for item in marks)
    connection.executemany("INSERT OR REPLACE INTO redriven VALUES (?, ?, ?)", rows)


def marks(path: Path) -> Mapping[str, Redriven]:
    """Letter id -> its mark, of the data file at ``path``; an empty result: it waits."""
    reader = Readers(path)
    try:
        with reader() as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'redriven'").fetchall():
                return {}
            rows = connection.execute("SELECT id, at, result FROM redriven").fetchall()
    finally:
        reader.close()
    return {id_: Redriven(id=id_, at=at, result=result) for id_, at, result in rows}
