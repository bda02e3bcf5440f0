"""The deliver stage: topic ``violations`` -> sink, then alerts. Offsets are committed only after the sink has stored.

Writes are idempotent, so a batch that is delivered again after a crash or rebalance changes nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import CommitFailedError

from schemas.violation import Violation
from sinks import deadletter
from sinks.contract import Busy, Sink
from streams import letters
from streams.failpoints import reach
from streams.layout import Layout

log = logging.getLogger(__name__)

MAX_RECORDS = 2000


class Delivery:
    """Delivers until stopped. ``told``: called with what has been stored, for alerts and metrics; must not block."""

    def __init__(
        self, *, sink: Sink, layout: Layout, bootstrap: str, worker: str, told: Callable[[Sequence[Violation]], None]
    ) -> None:
        self._sink = sink
        self._layout = layout
        self._told = told
        self.group = f"{layout.prefix}deliver"
        self._consumer = AIOKafkaConsumer(
            layout.name("violations"), bootstrap_servers=bootstrap, group_id=self.group, client_id=f"{worker}-deliver",
            group_instance_id=f"{worker}-deliver", enable_auto_commit=False, isolation_level="read_committed",
            auto_offset_reset="earliest", session_timeout_ms=10_000, heartbeat_interval_ms=2_000,
            max_poll_interval_ms=600_000,
        )  # fmt: skip
        self.oldest: int | None = None
        """Observed time (µs) of the oldest transition in hand; None: nothing waits to be stored."""
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all")

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until ``stopping``."""
        await self._producer.start()
        await self._consumer.start()
        try:
            while not stopping.is_set():
                found = await self._consumer.getmany(timeout_ms=100, max_records=MAX_RECORDS)
                batch = [Violation.model_validate_json(record.value) for records in found.values() for record in records]
                if not batch:
                    continue
                self.oldest = min(violation.transition.time for violation in batch)
                reach("deliver", "before-write")
                if not await self._store(batch, stopping):
                    return
                reach("deliver", "after-write")
                try:
                    await self._consumer.commit({tp: records[-1].offset + 1 for tp, records in found.items()})
                except CommitFailedError:
                    log.info("partitions moved while %d violations were written; they are delivered again", len(batch))
                reach("deliver", "after-commit")
                self._told(batch)
                self.oldest = None
        finally:
            await self._consumer.stop()
            await self._producer.stop()
            self._sink.close()

    async def _store(self, batch: Sequence[Violation], stopping: asyncio.Event) -> bool:
        """Write until stored; the consumer keeps its partitions while the store is away. False: stopped before that."""
        while not stopping.is_set():
            try:
                refused = await asyncio.to_thread(self._sink.write, batch)
            except Busy as busy:
                log.warning("%s", busy)
                await asyncio.wait({asyncio.create_task(stopping.wait())}, timeout=busy.retry_after)
                continue
            for item in refused:
                letter = letters.unstored(item)
                await self._producer.send_and_wait(
                    self._layout.name("deadletter"), deadletter.encode(letter), key=letter.id.encode()
                )
            return True
        return False
