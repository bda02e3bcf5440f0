"""The embedded job under test: a process, the file it follows, and its SQLite file compared with what is expected."""

import os
import sqlite3
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from schemas.violation import SETTLED
from sinks.encoding import decode
from streams.collect import files
from streams.embedded import STAGE, file_of
from streams.replay import STEP, Order
from streams.stage import EVERYTHING, Heartbeat, Kept, Said
from tests.chaos import recorded
from tests.chaos.compare import Difference
from tests.chaos.worker import ROOT
from tests.chaos.workload import Workload
from tests.chaos.world import LOOK, PROGRESS_LIMIT, Stalled
from tests.services.server import Server

_state = msgspec.msgpack.Decoder().decode


class Single(Server):
    """``controlwatch`` as one process on one folder. Start with ``with``; :meth:`write` gives it a portion of the stream."""

    stop_timeout = 60.0
    name = "embedded job"

    def __init__(self, directory: Path, load: Workload) -> None:
        super().__init__(directory)
        self.sent = 0
        self.stream = directory / recorded.STREAM
        self._step = 0
        (directory / recorded.SOURCES).write_text(load.sources, encoding="utf-8")
        (directory / recorded.CONTEXT).write_bytes(b"".join(recorded.line(Said(record)) for record in load.context))
        self.stream.touch()

    @property
    def file(self) -> Path:
        """Its SQLite file."""
        return file_of(self.directory / "data")

    def command(self) -> list[str | Path]:
        return [sys.executable, "-m", "tests.chaos.recorded", self.directory]

    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("CONTROLWATCH_")}
        settings = {"PORT": "0", "METRICS_PORT": "0", "DATA": str(self.directory / "data")}
        return {**own, "PYTHONPATH": str(ROOT), **{f"CONTROLWATCH_{name}": value for name, value in settings.items()}}

    def ready(self) -> bool:
        return self.running

    def write(self, order: Order, until: int) -> None:
        """Append one portion, with the passing of time up to ``until``."""
        lines: list[bytes] = []
        for raw in order.raws:
            if (raw.o or 0) >= self._step + STEP:
                self._step = (raw.o or 0) - (raw.o or 0) % STEP
                lines.append(recorded.line(Heartbeat(EVERYTHING, min(self._step, until))))
            lines.append(recorded.line(raw))
        lines.append(recorded.line(Heartbeat(EVERYTHING, until)))
        with self.stream.open("ab") as file:
            file.write(b"".join(lines))
        self.sent += len(order.raws)

    def rotate(self) -> None:
        """Rename the file and begin another, as logrotate does; what it held must have been read."""
        self.stream.rename(self.stream.with_suffix(".log.1"))
        self.stream.touch()

    def position(self) -> files.Position:
        """How far it has stored what it read."""
        rows = self._rows("SELECT value FROM position") if self.file.exists() else []
        return files.decode(rows[0][0]) if rows else files.Position()

    def read(self) -> bool:
        """Whether its stored position is the end of the file."""
        position = self.position()
        status = self.stream.stat()
        return (position.inode, position.offset) == (status.st_ino, status.st_size)

    def drained(self, limit: float = PROGRESS_LIMIT) -> float:
        """Wait until everything written is read and stored; seconds that took.

        Raises:
            Stalled: it took longer than ``limit`` seconds (T44).
        """
        began = time.monotonic()
        while not self.read():
            if time.monotonic() - began > limit:
                raise Stalled(f"the file is not read to its end after {limit:.0f} s\n{self.log_text()[-3000:]}")
            time.sleep(LOOK)
        return time.monotonic() - began

    def compared(self, expected: Mapping[str, dict[str, Any]]) -> Difference:
        """The stopped job's SQLite file against ``expected``, and both conservation laws (T38)."""
        difference = Difference()
        current = [decode(row[0]) for row in self._rows("SELECT h.document FROM violation v JOIN violation_history h ON h.seq = v.seq")]
        difference.documents({v.id: v.canonical() for v in current if v.state in SETTLED}, expected)
        numbers: dict[str, list[int]] = {}
        for id_, number in self._rows("SELECT id, number FROM violation_history ORDER BY id, number"):
            numbers.setdefault(id_, []).append(number)
        difference.duplicate |= {id_ for id_, found in numbers.items() if found != list(range(1, len(found) + 1))}
        difference.changed |= {v.id for v in current if v.transition.number != len(numbers[v.id])}
        stored = dict(self._rows("SELECT name, value FROM state"))
        read = msgspec.msgpack.decode(stored[STAGE], type=Kept).counters
        fates = sum(read.get(name, 0) for name in ("parsed", "filtered", "dead"))
        if not self.sent == read.get("read", 0) == fates:
            difference.laws.append(f"{self.sent} records written, {read.get('read', 0)} read, {fates} with a fate")
        judged = _state(stored['["m"]'])["counters"]
        fates = sum(judged.get(name, 0) for name in ("judged", "late", "duplicate", "parked"))
        if judged.get("routed", 0) != fates:
            difference.laws.append(f"{judged.get('routed', 0)} judgements routed, {fates} with a fate")
        ((letters,),) = self._rows("SELECT count(*) FROM deadletter")
        told = read.get("dead", 0) + sum(judged.get(name, 0) for name in ("parked", "parked_anew", "parked_deadlines"))
        if letters != told:
            difference.laws.append(f"{letters} dead letters are stored, {told} were counted")
        return difference

    def _rows(self, select: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"{self.file.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            try:
                return connection.execute(select).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []  # it has only just begun
                raise
