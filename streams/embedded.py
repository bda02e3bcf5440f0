"""The embedded runner: the whole pipeline in one process, with positions, state and violations in one SQLite transaction.

Same stages and engine as on Kafka, with one partition.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from detectors.kit import changelog, restoring
from detectors.kit.engine import Batch, Engine
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import ContextRecord, Source
from schemas.coverage import Coverage, judged
from schemas.log import Correction, Keyed
from schemas.violation import Violation
from sinks import deadletter, redriven, sqlite, sqlite_coverage
from sinks.deadletter import DeadLetter
from sinks.redriven import FAILED, JUDGED, READ, STORED, Redriven
from sinks.sqlite_file import open_writer
from streams import archive, heard, letters, redrive
from streams.coverage import unjudged
from streams.redrive import Final
from streams.stage import Heartbeat, Kept, NormalizeStage, Raw
from streams.stored import MOST, Stored

TRIM_EVERY = instant.HOUR
MOST_LETTERS = 500  # sent again in one transaction
STAGE = '["n"]'
_TABLES = (
    "CREATE TABLE IF NOT EXISTS position (source TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS late (rule TEXT NOT NULL, event BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS gap (record BLOB NOT NULL)",
)


class Embedded:
    """The pipeline over one SQLite file. Not thread-safe: one thread calls it. ``most``: see :class:`Engine`.

    Opening it takes up where the last transaction ended.
    """

    def __init__(self, path: Path, ruleset: Ruleset, sources: Mapping[str, Source], *, most: int = MOST) -> None:
        self._path = path
        self._most = most
        self._ruleset = ruleset
        self.sources = dict(sources)
        self._connection = open_writer(path)
        for statement in _TABLES:
            self._connection.execute(statement)
        self._stored = Stored(self._connection)
        sqlite.install(self._connection)
        deadletter.install(self._connection)
        redriven.install(self._connection)
        self._trimmed = 0
        self._now: int | None = None  # the clock when it was last told
        self._open()
        archive.install(self._connection, self.engine.observed())

    def take(
        self, items: Sequence[Raw | Heartbeat], positions: Mapping[str, bytes], *, now: int | None
    ) -> list[Violation]:
        """Carry ``items`` through to stored violations and keep ``positions``, all in one transaction.

        ``now`` (µs): the clock that time passes by; None: only heartbeats for all sources move it. After an error nothing
        of the batch is kept and the state is read back from the file; the caller may send the batch again.
        """
        self._now = self._now if now is None else now
        try:
            for item in items:
                if isinstance(item, Heartbeat):
                    self.stage.beat(item)
                else:
                    self.stage.take(item, read_by=self._now)
            marks: list[tuple[DeadLetter, str]] = []
            if now is not None:
                marks = self._redrive()
                self.stage.progress(now)
            return self._commit(positions, marks, archive.asked(self._connection) if now is not None else ())
        except BaseException:
            self._connection.rollback()
            self._open()
            raise

    def state(self, records: Iterable[ContextRecord]) -> list[Violation]:
        """Take up context that comes from files or configuration."""
        self.stage.state(records)
        return self._commit({})

    def positions(self) -> dict[str, bytes]:
        """Where each source is to be read on."""
        return dict(self._connection.execute("SELECT source, value FROM position").fetchall())

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _open(self) -> None:
        self.engine = Engine(self._ruleset, most=self._most)
        self.stage = NormalizeStage(self._ruleset, self.sources)
        kept = self._stored.get(STAGE)
        if kept is not None:
            self.stage.resume(msgspec.msgpack.decode(kept, type=Kept))
        self.stage.heard.restore(self._stored.kind(heard.KIND))
        restoring.reopen(self.engine, self._stored)
        self._connection.commit()

    def _redrive(self) -> list[tuple[DeadLetter, str]]:
        """Take raw records that are asked for again through the stage; each letter asked for, and what became of it if known."""
        asked = redriven.asked(self._connection, MOST_LETTERS)
        done: list[tuple[DeadLetter, str]] = []
        for letter in asked:
            result = ""
            if letter.stage not in {"detect", "deliver"}:
                dead = len(self.stage.output.dead)
                try:
                    self.stage.take(redrive.raw(letter, self.sources, redrive.whole(letter)), read_by=self._now)
                    result = f"{FAILED}: {self.stage.output.dead[-1].detail}" if len(self.stage.output.dead) > dead else READ
                except Final as error:
                    result = f"{FAILED}: {error}"
            done.append((letter, result))
        return done

    def _again(self, letter: DeadLetter) -> str:
        """Judge or store what ``letter`` tells of; the result, of a parked event still open."""
        try:
            if letter.stage == "detect":
                self.engine.apply(redrive.unparked(letter))
                return JUDGED
            item = redrive.stored(letter)
        except Final as error:
            return f"{FAILED}: {error}"
        if isinstance(item, Coverage):
            sqlite_coverage.apply(self._connection, [item])
            return STORED
        refused = sqlite.apply(self._connection, [item])
        return f"{FAILED}: {refused[0].detail}" if refused else STORED

    def _correct(self, corrections: Sequence[tuple[int, Correction]]) -> None:
        """Take up what ``rejudge`` asks for; a correction that is refused changes nothing and is not archived."""
        results: dict[int, str] = {}
        for seq, record in corrections:
            refused = self.engine.counters["corrections_refused"]
            self.engine.apply(record)
            results[seq] = archive.REFUSED if self.engine.counters["corrections_refused"] > refused else archive.JUDGED
        archive.done(self._connection, results)
        taken = [record for seq, record in corrections if results[seq] == archive.JUDGED]
        archive.append(self._connection, taken, self.engine.observed())

    def _commit(
        self, positions: Mapping[str, bytes], asked: Sequence[tuple[DeadLetter, str]] = (),
        corrections: Sequence[tuple[int, Correction]] = (),
    ) -> list[Violation]:  # fmt: skip
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        output = self.stage.drain()
        for _, record in output.records:
            self.engine.apply(record)
        results = {letter.id: result or self._again(letter) for letter, result in asked}
        self._correct(corrections)
        # What the batch found is taken out first: trimming forgets results along with the events they came from.
        batch = self.engine.drain()
        told = [record for _, record in output.records if isinstance(record, Keyed)]
        archive.append(connection, [*told, *batch.looped], self.engine.observed())
        if self.engine.observed() - self._trimmed > TRIM_EVERY:
            self.engine.trim()
            archive.forget(connection, self.engine.observed())
            self._trimmed = self.engine.observed()
        buried = [letters.unread(dead, topic=dead.raw.source, partition=0, offset=dead.raw.line) for dead in output.dead]
        buried += [letters.unjudged(parked, topic="events", partition=0) for parked in batch.parked]
        buried += [letters.unstored(refused) for refused in sqlite.apply(connection, batch.violations)]
        deadletter.bury(connection, buried)
        results |= {letter.id: f"{FAILED}: {letter.detail}" for letter in buried if results.get(letter.id) == JUDGED}
        redriven.mark(connection, (Redriven(id=id_, at=self._now or 0, result=text) for id_, text in results.items()))
        self._store(batch)
        rows, minutes = self.stage.heard.drain()
        reached = judged(self.engine.observed(), part=0, parts=1)
        sqlite_coverage.apply(connection, [*rows, *unjudged(batch, part=0, parts=1), *([reached] if reached else [])])
        self.engine.rest()
        self._stored.put([*minutes, *changelog.changes(self.engine), (STAGE, msgspec.msgpack.encode(self.stage.kept()))])
        connection.executemany("INSERT OR REPLACE INTO position VALUES (?, ?)", positions.items())
        connection.execute("COMMIT")
        return batch.violations

    def _store(self, batch: Batch) -> None:
        connection = self._connection
        late = [(rule, msgspec.json.encode(event)) for rule, event in batch.late]
        connection.executemany("INSERT INTO late VALUES (?, ?)", late)
        connection.executemany("INSERT INTO gap VALUES (?)", [(msgspec.json.encode(gap),) for gap in batch.gaps])


def file_of(folder: Path) -> Path:
    """The data file in a data folder."""
    return folder / "controlwatch.sqlite"


