"""How the program's SQLite files are opened: one writer at a time, readers beside it in any thread or process."""

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sinks.contract import Busy, Misconfigured

WAIT_SECONDS = 5.0  # for the file's lock
# What passes by waiting or by making room; anything else that is no broken file (another schema) is raised as it is.
_PASSING = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
)
_BROKEN = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})


@contextmanager
def passing_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite that pass by waiting (a lock, a full disk) into :class:`Busy`, a broken file into Misconfigured."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _PASSING:
            raise Busy(f"{path}: {error}") from error
        if code in _BROKEN:
            told = f"{path}: {error}; it is damaged, or no data file of this program"
            raise Misconfigured(f"{told}: put back a copy, or move it away and a new one is made") from error
        raise


def open_writer(path: Path) -> sqlite3.Connection:
    """A connection that may write (one at a time): WAL, ``synchronous=NORMAL``, explicit transactions, any thread.

    A commit survives the end of the process; the last ones may be lost, whole, when the machine loses power. Raises Busy, and
    Misconfigured if the file is none of SQLite's.
    """
    with passing_errors(path):
        connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
    return connection


class Readers:
    """Connections that cannot write: called, lends one that sees one state of the file until the block ends.

    Raises :class:`Busy` while the file does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._uri = f"{path.absolute().as_uri()}?mode=rw"
        self._idle: deque[sqlite3.Connection] = deque()

    @contextmanager
    def __call__(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection within a read transaction."""
        with passing_errors(self._path):
            try:
                connection = self._idle.pop()
            except IndexError:  # none, or another thread was faster
                connection = self._open()
            try:
                connection.execute("BEGIN")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._uri, uri=True, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only=ON")
        return connection

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()
