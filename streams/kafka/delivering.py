"""The deliver stage: topics ``violations`` and ``coverage`` -> store, then alerts. Offsets are committed after it has stored.

Writes are idempotent, so a batch that is delivered again after a crash or rebalance changes nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError

from schemas.coverage import Coverage
from schemas.violation import Violation
from sinks import deadletter
from sinks.contract import Busy, Refused, Store
from sinks.deadletter import DeadLetter
from streams import letters
from streams.failpoints import reach
from streams.kafka import watchdog
from streams.kafka.bounds import Unread, within
from streams.kafka.watchdog import Pace
from streams.layout import Layout
from streams.threads import apart

T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_RECORDS = 2000
MOVED = (CommitFailedError, IllegalStateError)
"""The partition has moved: the group says so, or the client, which knows of its new assignment already."""
LAST_SECONDS = 2.0
STORE_PATIENCE = 120.0
"""Seconds beyond the watchdog's limit that one call of the store may take: a slow store's answers come within its own limits."""


class Delivery:
    """Delivers until stopped.

    ``told``: called with what has been stored, for alerts and metrics; must not block. ``prepare``: makes the store ready,
    before the first write; a store that is away (Busy) is waited for here, while the other stages are at work.
    """

    def __init__(
        self, *, sink: Store, layout: Layout, bootstrap: str, worker: str, told: Callable[[Sequence[Violation]], None],
        prepare: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._sink = sink
        self._prepare = prepare
        self._layout = layout
        self._told = told
        self.group = f"{layout.prefix}deliver"
        self._consumer = AIOKafkaConsumer(
            layout.name("violations"), layout.name("coverage"), bootstrap_servers=bootstrap, group_id=self.group,
            client_id=f"{worker}-deliver", group_instance_id=f"{worker}-deliver", enable_auto_commit=False,
            isolation_level="read_committed", auto_offset_reset="none", session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000, max_poll_interval_ms=600_000,
        )  # fmt: skip
        self.pace = Pace()
        self.oldest: int | None = None
        """Observed time (µs) of the oldest transition in hand; None: nothing waits to be stored."""
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all")

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until ``stopping``.

        Raises:
            Beyond: a partition ends before what has been delivered of it.
        """
        await self._producer.start()
        await self._consumer.start()
        looking = asyncio.create_task(self._look(), name="look-deliver")
        try:
            await self._patiently(self._prepare, stopping)
            while not stopping.is_set():
                try:
                    found = await self._consumer.getmany(timeout_ms=100, max_records=MAX_RECORDS)
                except OffsetOutOfRangeError as error:
                    for tp, offset in error.args[0].items():
                        await self._begin(tp, offset)
                    continue
                except NoOffsetForPartitionError as error:
                    await self._begin(error.args[0], 0)
                    continue
                if not found:
                    self.pace.idle()
                    continue
                violations, coverage = self._layout.name("violations"), self._layout.name("coverage")
                records = [record for batch in found.values() for record in batch]
                batch = [Violation.model_validate_json(record.value) for record in records if record.topic == violations]
                self.oldest = min((violation.transition.time for violation in batch), default=None)
                rows = await self._rows([record for record in records if record.topic == coverage])
                reach("deliver", "before-write")
                if not await self._store(batch, rows, stopping):
                    return
                reach("deliver", "after-write")
                try:
                    await self._consumer.commit({tp: taken[-1].offset + 1 for tp, taken in found.items()})
                except MOVED:
                    log.info("partitions moved while %d violations were written; they are delivered again", len(batch))
                self.pace.step()
                reach("deliver", "after-commit")
                if batch:
                    self._told(batch)
                self.oldest = None
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await self._consumer.stop()
            await self._producer.stop()
            self._sink.close()

    async def _begin(self, tp: TopicPartition, offset: int) -> None:
        """Go on where the partition begins, if retention has taken what stood at ``offset``: a gap is recorded."""
        await within(self._consumer, tp, offset, "deliver")
        begin: int = (await self._consumer.beginning_offsets([tp]))[tp]
        if begin > offset:
            log.error(
                "%d records of %s-%d, offsets %d to %d, were deleted before they were delivered; a gap is recorded in topic gaps:"
                " lengthen the topic's retention.ms, or shorten outages of the store; their violations are missing in it",
                begin - offset, tp.topic, tp.partition, offset, begin,
            )  # fmt: skip
            gap = msgspec.json.encode(Unread("deliver", tp.topic, tp.partition, offset, begin, begin - offset))
            await self._producer.send_and_wait(self._layout.name("gaps"), gap, key=tp.topic.encode())
        with suppress(*MOVED):  # who has it now finds the same
            self._consumer.seek(tp, max(begin, offset))
            await self._consumer.commit({tp: max(begin, offset)})

    async def _rows(self, records: Sequence[ConsumerRecord]) -> list[Coverage]:
        """The rows in ``records``; what is none goes to the dead letters."""
        rows: list[Coverage] = []
        for record in records:
            try:
                rows.append(Coverage.model_validate_json(record.value))
            except ValueError as error:
                place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
                await self._bury(letters.no_coverage(record.value or b"", error, **place))
        return rows

    async def _store(self, batch: Sequence[Violation], rows: Sequence[Coverage], stopping: asyncio.Event) -> bool:
        """Write until stored; the consumer keeps its partitions while the store is away. False: stopped before that."""

        def store() -> Sequence[Refused]:
            refused = self._sink.write(batch) if batch else ()
            if rows:
                self._sink.cover(rows)
            return refused

        refused = await self._patiently(store, stopping)
        for item in refused or ():
            await self._bury(letters.unstored(item))
        return refused is not None

    async def _patiently(self, call: Callable[[], T], stopping: asyncio.Event) -> T | None:
        """The result of ``call`` to the store, made again while it is busy. None: stopped before that."""
        while not stopping.is_set():
            self.pace.patience = STORE_PATIENCE
            try:
                return await self._unless_stopped(call, stopping)
            except Busy as busy:
                log.warning("%s", busy)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), busy.retry_after)
            finally:
                self.pace.step()
                self.pace.patience = 0.0
        return None

    async def _unless_stopped(self, call: Callable[[], T], stopping: asyncio.Event) -> T | None:
        """The result of ``call``; None: stopped before that, and it is left to itself: what it writes may be written again."""
        working = asyncio.create_task(apart(call))
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({working, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not working.done():
            await asyncio.wait({working}, timeout=LAST_SECONDS)
            self._sink.close()  # ends what waits between two tries
            await asyncio.wait({working}, timeout=LAST_SECONDS)
        if not working.done():
            log.warning("the store does not answer while this worker ends; what was on its way to it is delivered again")
            working.cancel()
            return None
        return working.result()

    async def _look(self) -> None:
        """Tell now and then whether there is something to read; while Kafka does not answer, delivery waits for it."""
        while True:
            tps = self._consumer.assignment()
            ends = await watchdog.ends(self._consumer, tps)
            if ends is None:
                self.pace.step()
            else:
                self.pace.unread = not all([await watchdog.reached(self._consumer, tp, end) for tp, end in ends.items()])
            await asyncio.sleep(watchdog.LOOK_EVERY)

    async def _bury(self, letter: DeadLetter) -> None:
        topic = self._layout.name("deadletter")
        await self._producer.send_and_wait(topic, deadletter.encode(letter), key=letter.id.encode())
