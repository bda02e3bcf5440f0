"""What the topics hold for ``rejudge``, and corrections on their way: all in one transaction, then awaited.

Everything is read committed and nothing is owned: the lanes go on meanwhile.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from detectors.kit import restoring
from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset
from schemas import identity, log
from schemas.event import SecurityEvent
from schemas.log import Correction, Keyed, LogRecord, Progress
from schemas.violation import Violation
from streams import clock
from streams.kafka.detecting import MISSED
from streams.kafka.local import POSITION
from streams.layout import RECORD_LIMIT, Layout

ROOM = 64 << 10  # of a record's limit, for what Kafka adds
BATCH = 2_000
_event = msgspec.json.Decoder(SecurityEvent).decode


class TooLarge(ValueError):
    """A correction is larger than a record may be; the text says what to do."""


class Kept:
    """What the topics on ``bootstrap`` hold; see :class:`streams.rejudge.Held`. Within ``with``."""

    def __init__(self, bootstrap: str, layout: Layout, ruleset: Ruleset) -> None:
        self.partitions = layout.keyed
        self._bootstrap = bootstrap
        self._layout = layout
        self._ruleset = ruleset
        self._runner = asyncio.Runner()
        self._reader: AIOKafkaConsumer | None = None
        self._since: dict[int, int] = {}
        self._read: dict[int, int] = {}  # how far topic violations has been read
        self._newest: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._reader is not None:
            self._runner.run(self._reader.stop())
        self._runner.close()

    def engine(self, part: int) -> Engine:
        """The owner's state, as its changelog ends now."""
        found: dict[str, bytes] = {}
        for record in self._records("state.detect", part):
            name = record.key.decode()
            if record.value is None:
                found.pop(name, None)
            else:
                found[name] = record.value
        engine = Engine(self._ruleset, raw_partitions=self._layout.raw, partitions=self._layout.keyed)
        restoring.restore(engine, [(name, value) for name, value in found.items() if name not in {POSITION, MISSED}])
        return engine

    def log(self, part: int) -> Iterator[LogRecord]:
        """The keyed log, as far back as retention left it."""
        self._since[part] = 0
        for number, record in enumerate(self._records("events", part)):
            item = log.decode(record.value or b"")
            # Retention takes whole segments: what is there begins with a record of which the time is told, or soon has one.
            if (number == 0 and record.offset > 0) or self._since[part] < 0:
                told = item.event.o if isinstance(item, Keyed) else item.observed if isinstance(item, Progress) else -1
                self._since[part] = told
            yield item
        if self._since[part] < 0:
            self._since[part] = clock.now()

    def since(self, part: int) -> int:
        """From when the log read last is complete."""
        return self._since[part]

    def late(self, part: int) -> Iterator[tuple[str, SecurityEvent]]:
        """Topic ``late``."""
        for record in self._records("late", part):
            yield record.key.decode(), _event(record.value)

    def newest(self, ids: Iterable[str]) -> Mapping[str, Violation]:
        """Topic ``violations``; what has come since the last call is read on."""
        wanted = set(ids)
        if wanted:
            for part in {identity.partition("violation", (id_,), self.partitions) for id_ in wanted}:
                for record in self._records("violations", part, self._read.get(part, 0)):
                    self._newest[record.key.decode()] = record.value
                    self._read[part] = record.offset + 1
        return {id_: Violation.model_validate_json(self._newest[id_]) for id_ in wanted if id_ in self._newest}

    def send(self, corrections: Sequence[tuple[int, Correction]]) -> dict[int, int]:
        """Write ``corrections``, all or none; partition -> offset of its last one.

        Raises:
            TooLarge: one is larger than a record may be; nothing was written.
        """
        rows = [(part, log.encode(record)) for part, record in corrections]
        largest = max((len(value) for _, value in rows), default=0)
        if largest > RECORD_LIMIT - ROOM:
            raise TooLarge(f"a correction has {largest} bytes, a record at most {RECORD_LIMIT - ROOM}; take a shorter span")
        return self._runner.run(self._send(rows))

    def taken(self, offsets: Mapping[int, int], seconds: float) -> bool:
        """Wait until the owners have judged up to ``offsets``, at most so long; whether they have."""
        until = clock.monotonic() + seconds
        while not self._runner.run(self._judged(offsets)):
            if clock.monotonic() > until:
                return False
            self._runner.run(asyncio.sleep(0.3))
        return True

    async def _send(self, rows: Sequence[tuple[int, bytes]]) -> dict[int, int]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, transactional_id=f"{self._layout.prefix}rejudge", enable_idempotence=True,
            acks="all", max_request_size=RECORD_LIMIT,
        )  # fmt: skip
        await producer.start()
        try:
            async with producer.transaction():
                sent = [await producer.send(self._layout.name("events"), value, partition=part) for part, value in rows]
                told = await asyncio.gather(*sent)
        finally:
            await producer.stop()
        return {metadata.partition: metadata.offset for metadata in told}

    async def _judged(self, offsets: Mapping[int, int]) -> bool:
        group = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, group_id=f"{self._layout.prefix}detect", enable_auto_commit=False
        )
        await group.start()
        try:
            tps = {TopicPartition(self._layout.name("events"), part): offset for part, offset in offsets.items()}
            return all([(await group.committed(tp) or 0) > offset for tp, offset in tps.items()])
        finally:
            await group.stop()

    def _records(self, topic: str, part: int, since: int = 0) -> Iterator[Any]:
        """Committed records of one partition from ``since``, or where it begins, to its end."""
        tp = TopicPartition(self._layout.name(topic), part)
        position, end = self._runner.run(self._seek(tp, since))
        while position < end:
            batch, position = self._runner.run(self._next(tp))
            yield from batch

    async def _seek(self, tp: TopicPartition, since: int) -> tuple[int, int]:
        if self._reader is None:
            self._reader = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap, enable_auto_commit=False, isolation_level="read_committed",
                max_partition_fetch_bytes=4 << 20,
            )  # fmt: skip
            await self._reader.start()
        self._reader.assign([tp])
        position = max(since, (await self._reader.beginning_offsets([tp]))[tp])
        self._reader.seek(tp, position)
        return position, (await self._reader.end_offsets([tp]))[tp]

    async def _next(self, tp: TopicPartition) -> tuple[Sequence[Any], int]:
        assert self._reader is not None  # noqa: S101 - _seek has made it
        batch = (await self._reader.getmany(tp, timeout_ms=200, max_records=BATCH)).get(tp, [])
        return batch, await self._reader.position(tp)
