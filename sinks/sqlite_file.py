"""How the program's SQLite files are opened: one writer at a time, readers beside it in any thread or process."""

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT_SECONDS = 5.0  # for the file's lock


def open_writer(path: Path) -> sqlite3.Connection:
    """A connection that may write (one at a time): WAL, ``synchronous=NORMAL``, explicit transactions, any thread.

    A commit survives the end of the process; the last ones may be lost, whole, when the machine loses power.
    """
    connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


class Readers:
    """Connections that cannot write: called, lends one that sees one state of the file until the block ends.

    Raises sqlite3.OperationalError if the file does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._uri = f"{path.absolute().as_uri()}?mode=rw"
        self._idle: deque[sqlite3.Connection] = deque()

    @contextmanager
    def __call__(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection within a read transaction."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = sqlite3.connect(
                self._uri, uri=True, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA query_only=ON")
        try:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()
