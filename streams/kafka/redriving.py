"""Dead letters of topic ``deadletter``: listed, found, and sent again, each with its mark in one transaction.

The transactional id is one for all: whoever begins later ends what another one had begun, and sees what it had done.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic import ValidationError

from schemas import identity, log
from schemas.context import Source
from schemas.coverage import Coverage
from schemas.violation import Violation
from sinks import deadletter, redriven
from sinks.contract import Store
from sinks.deadletter import DeadLetter
from sinks.redriven import FAILED, SENT, STORED, Redriven
from streams import clock, redrive
from streams.kafka.normalizing import decode_raw, encode_raw
from streams.layout import RECORD_LIMIT, Layout
from streams.redrive import Final
from streams.stage import Raw

MOST = 500
"""Letters in one transaction."""
BAD_ENVELOPE = "bad_envelope"

Wanted = Callable[[DeadLetter], bool]
Row = tuple[str, int, bytes | None, bytes]


class Letters:
    """The letters on the cluster at ``bootstrap``; asks it anew each time."""

    def __init__(self, bootstrap: str, layout: Layout) -> None:
        self._bootstrap = bootstrap
        self._layout = layout

    def list(self, *, reason: str = "", source: str = "", limit: int = 100) -> Sequence[DeadLetter]:
        """As :meth:`sinks.deadletter.DeadLetters.list`."""
        found = self._all(lambda letter: reason in {"", letter.reason} and source in {"", letter.source}, limit)
        return list(found.values())[::-1]

    def get(self, letter_id: str) -> DeadLetter | None:
        """As :meth:`sinks.deadletter.DeadLetters.get`."""
        found = self._all(lambda letter: letter.id.startswith(letter_id), 2)
        return next(iter(found.values())) if len(found) == 1 else None

    def by_reason(self) -> Mapping[str, int]:
        """As :meth:`sinks.deadletter.DeadLetters.by_reason`."""

        async def count() -> dict[str, int]:
            reasons: dict[str, str] = {}
            async for _, letter in self.every():
                reasons[letter.id] = letter.reason
            return dict(sorted(Counter(reasons.values()).items(), key=lambda item: (-item[1], item[0])))

        return asyncio.run(count())

    def marks(self) -> Mapping[str, Redriven]:
        """Letter id -> its newest mark."""
        return asyncio.run(self.marked())

    def close(self) -> None:
        """Nothing stays open."""

    async def every(self) -> AsyncIterator[tuple[int, DeadLetter]]:
        """Offset and letter, the oldest first; what is none is passed over."""
        async for record in self._records("deadletter"):
            try:
                yield record.offset, deadletter.decode(record.value or b"")
            except ValidationError:
                continue

    async def marked(self) -> dict[str, Redriven]:
        """As :meth:`marks`."""
        found: dict[str, Redriven] = {}
        async for record in self._records("redriven"):
            item = redriven.decode(record.value or b"")
            found[item.id] = item
        return found

    async def _records(self, topic: str) -> AsyncIterator[Any]:
        async for record in records(self._bootstrap, TopicPartition(self._layout.name(topic), 0)):
            yield record

    def _all(self, wanted: Wanted, limit: int) -> dict[str, DeadLetter]:
        """The newest ``limit`` letters that are wanted, the oldest first."""

        async def find() -> dict[str, DeadLetter]:
            found: dict[str, DeadLetter] = {}
            async for _, letter in self.every():
                if wanted(letter):
                    found.pop(letter.id, None)
                    found[letter.id] = letter
                    if len(found) > limit:
                        del found[next(iter(found))]
            return found

        return asyncio.run(find())


class Redriving:
    """Sends letters again.

    ``sources``: configuration by name, for the feed; ``store``: where what was refused is written, None: nowhere;
    ``told``: called with each letter, whether that was done, and its result.
    """

    def __init__(
        self, bootstrap: str, layout: Layout, *, sources: Mapping[str, Source], store: Store | None,
        told: Callable[[DeadLetter, bool, str], None],
    ) -> None:  # fmt: skip
        self._bootstrap = bootstrap
        self._layout = layout
        self._sources = sources
        self._store = store
        self._told = told

    async def run(self, wanted: Wanted) -> None:
        """Send again what is ``wanted`` and has not been sent since it was buried last.

        Raises:
            Busy: the store does not take what was refused now; what was told is done.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, transactional_id=f"{self._layout.prefix}redrive", enable_idempotence=True,
            acks="all", max_request_size=RECORD_LIMIT,
        )  # fmt: skip
        await producer.start()  # ends what another one had begun, before the marks are read
        try:
            letters = Letters(self._bootstrap, self._layout)
            marks = await letters.marked()
            newest: dict[str, int] = {}
            async for offset, letter in letters.every():
                if wanted(letter):
                    newest[letter.id] = offset
            batch: list[tuple[int, DeadLetter]] = []
            async for offset, letter in letters.every():
                if newest.get(letter.id) != offset:
                    continue
                mark = marks.get(letter.id)
                if mark is not None and mark.upto >= offset and not mark.result.startswith(FAILED):
                    self._told(letter, True, f"{mark.result} already")  # noqa: FBT003 - whether it is done
                    continue
                batch.append((offset, letter))
                if len(batch) >= MOST:
                    await self._send(producer, batch)
                    batch = []
            if batch:
                await self._send(producer, batch)
        finally:
            await producer.stop()

    async def _send(self, producer: AIOKafkaProducer, batch: Sequence[tuple[int, DeadLetter]]) -> None:
        results: list[tuple[DeadLetter, bool, str]] = []
        rows: list[Row] = []
        for offset, letter in batch:
            try:
                result = SENT if letter.stage != "deliver" else await asyncio.to_thread(self._write, redrive.stored(letter))
                rows += [await self._record(letter)] if result == SENT else []
            except Final as error:
                results.append((letter, False, str(error)))
                continue
            results.append((letter, not result.startswith(FAILED), result))
            mark = Redriven(id=letter.id, at=clock.now(), result=result, upto=offset)
            rows.append((self._layout.name("redriven"), 0, letter.id.encode(), redriven.encode(mark)))
        async with producer.transaction():
            sent = [await producer.send(topic, value, key=key, partition=place) for topic, place, key, value in rows]
            await asyncio.gather(*sent)
        for letter, done, result in results:
            self._told(letter, done, result)

    async def _record(self, letter: DeadLetter) -> Row:
        if letter.stage == "detect":
            return self._layout.name("events"), letter.partition, None, log.encode(redrive.unparked(letter))
        topic = self._layout.name("raw")
        if letter.reason == BAD_ENVELOPE:
            return topic, letter.partition % self._layout.raw, None, await self._value(letter)  # it may be of more partitions
        data = letter.raw if letter.length == len(letter.raw) else self._data(letter, await self._value(letter))
        raw = redrive.raw(letter, self._sources, data)
        return topic, identity.partition("source", (raw.source,), self._layout.raw), raw.source.encode() or None, encode_raw(raw)

    def _write(self, item: Violation | Coverage) -> str:
        if self._store is None:
            raise Final("no Elasticsearch is configured; set CONTROLWATCH_ELASTICSEARCH to its URL")
        if isinstance(item, Coverage):
            self._store.cover([item])
            return STORED
        refused = self._store.write([item])
        return f"{FAILED}: {refused[0].detail}" if refused else STORED

    async def _value(self, letter: DeadLetter) -> bytes:
        """The bytes of the whole record, of topic ``raw`` if the letter has only their beginning."""
        if letter.length == len(letter.raw):
            return letter.raw
        tp = TopicPartition(letter.topic, letter.partition)
        async with aclosing(records(self._bootstrap, tp, since=letter.offset)) as found:
            record = await anext(found, None)
        if record is not None and record.offset == letter.offset:
            return bytes(record.value or b"")
        return redrive.whole(letter)  # retention has taken it: tells what to do

    @staticmethod
    def _data(letter: DeadLetter, value: bytes) -> bytes:
        raw = decode_raw(value)
        return redrive.whole(letter) if not isinstance(raw, Raw) or raw.length else raw.data  # cut by the collector


async def records(bootstrap: str, tp: TopicPartition, since: int = 0) -> AsyncGenerator[Any, None]:
    """Committed records of one partition from ``since``, or where it begins, to its end."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed", max_partition_fetch_bytes=4 << 20
    )
    await reader.start()
    try:
        reader.assign([tp])
        reader.seek(tp, max(since, (await reader.beginning_offsets([tp]))[tp]))
        end = (await reader.end_offsets([tp]))[tp]
        while await reader.position(tp) < end:
            for record in (await reader.getmany(tp, timeout_ms=200, max_records=2_000)).get(tp, ()):
                yield record
    finally:
        await reader.stop()
