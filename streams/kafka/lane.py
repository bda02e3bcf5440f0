"""A lane: one owned source partition, its transactional producer, its state. One transaction per batch.

Taking a partition: new producer (fences the old owner) -> changelog to its end -> seek to the offset stored there ->
resume. Any error ends the lane; its state is thrown away.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import RecordMetadata

from streams import clock
from streams.failpoints import reach
from streams.kafka import catching_up
from streams.kafka.bounds import Unread, within
from streams.kafka.local import LINEAGE, POSITION, LocalState
from streams.kafka.processor import Account, Processor, Record, Result, Stage
from streams.kafka.watchdog import Pace
from streams.layout import RECORD_LIMIT
from streams.stored import Damaged
from streams.threads import apart

log = logging.getLogger(__name__)

START_LIMIT = 30.0  # seconds until the agent takes a batch: other partitions' batches may be before it
AGENT_LIMIT = 10.0  # seconds for the fold itself
RETRY_MS = 20  # the broker refuses a record for the few milliseconds in which it still ends the transaction before
COMMIT_LIMIT = 40.0  # seconds for a transaction, more than its time-out at the broker
RESTORE_LIMIT = 600.0  # seconds in which a partition's state is read and taken up
MOST_CANCELLATIONS = 100
MAX_RECORDS = 4000
IDLE_MS = 20


_encode = msgspec.json.Encoder().encode


class Stuck(RuntimeError):
    """A transaction stands still."""


@dataclass(eq=False, slots=True)
class Batch:
    """One micro-batch on its way through the agent, which sets ``begun`` when it takes it and ``done`` after the fold."""

    processor: Processor
    records: list[Record]
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


Submit = Callable[[Batch], Awaitable[None]]


class Lane:
    """Reads, folds (through ``submit``), produces and commits for one partition until stopped.

    ``most``: records in one batch; the pump lowers it where a batch proved too much work for the agent's limit.
    """

    def __init__(
        self, *, stage: Stage, partition: int, consumer: AIOKafkaConsumer, bootstrap: str, prefix: str,
        group: str, submit: Submit, live: bool, pace: Pace, local: LocalState, most: int = MAX_RECORDS,
    ) -> None:  # fmt: skip
        self._local = local
        self.pace = pace
        self.reading = False
        self.tp = TopicPartition(stage.source, partition)
        self.committed = -1
        self.account = Account()
        self.idle = asyncio.Event()
        self._stage = stage
        self._consumer = consumer
        self._bootstrap = bootstrap
        self._group = group
        self._submit = submit
        self._live = live
        self._most = most
        self._stopping = False
        self._prefix = prefix
        self._gaps: list[Unread] = []
        self._id = f"{prefix}{stage.name}-{stage.source}-{partition}"
        self._producer: AIOKafkaProducer | None = None
        self._committing: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """End after the batch in hand."""
        self._stopping = True

    async def run(self) -> None:
        """Own the partition until stopped or failed; raises what failed."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, transactional_id=self._id, transaction_timeout_ms=30_000,
            enable_idempotence=True, acks="all", linger_ms=0, max_batch_size=256 << 10, max_request_size=RECORD_LIMIT,
            compression_type=None, request_timeout_ms=20_000, retry_backoff_ms=RETRY_MS,
        )  # fmt: skip
        try:
            await producer.start()
            self._producer = producer
            processor = self._stage.open(self.tp.partition)
            offset = await self._restore(processor)
            self.account = processor.account()
            offset = await self._begun(offset, processor)
            self._consumer.seek(self.tp, offset)
            self._consumer.resume(self.tp)
            self.reading = True
            await self._pump(producer, processor, offset)
            await self._landed()
            self._local.flush()
        except (Damaged, sqlite3.DatabaseError) as error:
            log.warning("%s; the copy is thrown away, and read anew from the changelog", error)
            self._local.discard()
            raise
        finally:
            self._local.abort()
            if self._committing is not None:
                self._committing.cancel()
                await asyncio.wait({self._committing}, timeout=AGENT_LIMIT)
            await _stop(producer)

    async def _restore(self, processor: Processor) -> int:
        """Take up the state with which the changelog ends; return the next source offset (without a changelog the group's)."""
        if not self._stage.changelog:
            self.committed = (await self._consumer.committed(self.tp) or 0) - 1
            return self.committed + 1
        local = self._local
        self.pace.patience = RESTORE_LIMIT
        try:
            await catching_up.catch_up(
                local, TopicPartition(self._stage.changelog, self.tp.partition), self._bootstrap, self.pace
            )
            await apart(partial(processor.restore, local.records))
        finally:
            self.pace.patience = 0.0
        self.committed = max(local.copy.position, 0) - 1
        return self.committed + 1

    async def _begun(self, offset: int, processor: Processor) -> int:
        """``offset``, or where the partition begins, if retention has taken what was to be read there: a gap is recorded.

        Raises:
            Beyond: the partition ends before ``offset``.
        """
        await within(self._consumer, self.tp, offset, self._stage.name)
        begin: int = (await self._consumer.beginning_offsets([self.tp]))[self.tp]
        if begin <= offset:
            return offset
        processor.missed()
        if self._stage.changelog or self.committed >= 0:
            log.error(
                "%d records of %s-%d, offsets %d to %d, were deleted before stage %s had read them; a gap is recorded in topic"
                " gaps: lengthen the topic's retention.ms, or shorten outages",
                begin - offset, self.tp.topic, self.tp.partition, offset, begin, self._stage.name,
            )  # fmt: skip
            self._gaps.append(Unread(self._stage.name, self.tp.topic, self.tp.partition, offset, begin, begin - offset))
        return begin

    async def _pump(self, producer: AIOKafkaProducer, processor: Processor, offset: int) -> None:
        next_tick = clock.monotonic()
        while not self._stopping:
            found = await self._consumer.getmany(self.tp, timeout_ms=IDLE_MS, max_records=self._most)
            records = [
                Record(record.offset, record.timestamp, record.value)
                for record in found.get(self.tp, ())
                if record.offset >= offset
            ]
            if records:
                self.idle.clear()
                reach(self._stage.name, "after-poll")
                await self._fold(processor, records)
                reach(self._stage.name, "after-fold")
                offset = records[-1].offset + 1
            elif self._committing is None:
                self.idle.set()
                self.pace.idle()
            if self._live and clock.monotonic() >= next_tick:
                processor.tick(clock.now())
                next_tick = clock.monotonic() + 1.0
            result = processor.result()
            result.outputs += [(f"{self._prefix}gaps", 0, gap.topic.encode(), _encode(gap)) for gap in self._gaps]
            self._gaps.clear()
            if records or result.outputs or result.state:
                # One batch is folded while the one before is still being committed. A commit that fails ends the lane, and
                # with it the state that had run ahead of it: nothing of the later batch has left this process.
                account = processor.account()
                await self._landed()
                self._committing = asyncio.create_task(self._commit(producer, result, offset, account))
            elif self._committing is not None and self._committing.done():
                await self._landed()

    async def _landed(self) -> None:
        """Wait until the batch under way, if any, is committed; raises what failed."""
        task, self._committing = self._committing, None
        if task is not None:
            await task

    async def _fold(self, processor: Processor, records: list[Record]) -> None:
        batch = Batch(processor, records)
        await asyncio.wait_for(self._submit(batch), START_LIMIT)
        await asyncio.wait_for(batch.begun.wait(), START_LIMIT)
        await asyncio.wait_for(asyncio.shield(batch.done), AGENT_LIMIT)

    async def _commit(self, producer: AIOKafkaProducer, result: Result, offset: int, account: Account) -> None:
        partition = self.tp.partition
        state = result.state
        if self._stage.changelog:
            state += [(POSITION, str(offset).encode()), (LINEAGE, self._local.named().encode())]
        async with _limited(), producer.transaction():
            sent: list[asyncio.Future[RecordMetadata]] = []
            kept: list[asyncio.Future[RecordMetadata]] = []
            grouped: dict[tuple[str, int], list[tuple[bytes | None, bytes | None]]] = {}
            for topic, place, key, value in result.outputs:
                grouped.setdefault((topic, place), []).append((key, value))
            if state:
                grouped[(self._stage.changelog, partition)] = [(name.encode(), value) for name, value in state]
            for (topic, place), rows in grouped.items():
                reach(self._stage.name, "mid-write")
                sent += (kept := await send(producer, topic, place, rows))
            reach(self._stage.name, "after-enqueue")
            await producer.send_offsets_to_transaction({self.tp: offset}, self._group)
            await asyncio.gather(*sent)
            reach(self._stage.name, "before-commit")
        reach(self._stage.name, "after-commit")
        if state:  # which was sent last
            self._local.put(state, max(self._local.copy.offset, min(future.result().offset for future in kept)))
        self.pace.step()
        self.committed = offset - 1
        self.account = account


@asynccontextmanager
async def _limited() -> AsyncIterator[None]:
    """Raises Stuck if the body takes longer than any transaction may."""
    try:
        async with asyncio.timeout(COMMIT_LIMIT):
            yield
    except TimeoutError:
        raise Stuck(f"a transaction did not come to its end within {COMMIT_LIMIT:.0f} s") from None


async def _stop(producer: AIOKafkaProducer) -> None:
    """End ``producer``, also one that waits for records which a lost transaction will never let it send."""
    try:
        await asyncio.wait_for(producer.stop(), AGENT_LIMIT)
    except TimeoutError:
        log.warning("a producer did not stop within %.0f s; its connections are closed", AGENT_LIMIT)
        await producer.client.close()
        # Its task meets the first cancellation by waiting for requests that are repeated for ever; the next one ends those.
        task = producer._sender.sender_task  # noqa: SLF001 - stop() has no limit and no other way to give records up
        for _ in range(MOST_CANCELLATIONS):
            task.cancel()
            await asyncio.wait({task}, timeout=0.1)
            if task.done():
                break


async def send(
    producer: AIOKafkaProducer, topic: str, partition: int, rows: list[tuple[bytes | None, bytes | None]]
) -> list["asyncio.Future[RecordMetadata]"]:
    """Pack rows into as few record batches as fit and hand them over; returns their delivery futures."""
    sent: list[asyncio.Future[RecordMetadata]] = []
    builder = producer.create_batch()
    for key, value in rows:
        if builder.append(key=key, value=value, timestamp=None) is not None:
            continue
        if builder.record_count():
            builder.close()
            sent.append(await producer.send_batch(builder, topic, partition=partition))
            builder = producer.create_batch()
            if builder.append(key=key, value=value, timestamp=None) is not None:
                continue
        # Larger than a batch: goes alone, bounded by the topic's message limit.
        sent.append(await producer.send(topic, value, key=key, partition=partition))
        builder = producer.create_batch()
    if builder.record_count():
        builder.close()
        sent.append(await producer.send_batch(builder, topic, partition=partition))
    return sent


