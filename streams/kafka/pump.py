"""The pump of one stage: owns the consumer group membership and one lane per assigned partition."""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from schemas.log import Incompatible
from streams.kafka import watchdog
from streams.kafka.bounds import Beyond
from streams.kafka.lane import MAX_RECORDS, Lane, Stuck, Submit
from streams.kafka.local import LocalState
from streams.kafka.processor import Stage
from streams.kafka.watchdog import Pace

log = logging.getLogger(__name__)

BACKOFF = 1.0


class Pump(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """Starts and stops lanes as partitions come and go. The rebalance callbacks only note and pause.

    ``folder``: of the copies of the stage's changelog.
    """

    def __init__(
        self, *, stage: Stage, bootstrap: str, prefix: str, worker: str, submit: Submit, folder: Path, live: bool = True
    ) -> None:
        self.stage = stage
        self._folder = folder
        self._locals: dict[int, LocalState] = {}
        self.group = f"{prefix}{stage.name}"
        self.lanes: dict[int, Lane] = {}
        self.paces: dict[int, Pace] = {}
        """Of each partition that is ours, whichever lane has it."""
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._submit = submit
        self._live = live
        self._owned: set[int] = set()
        self._most: dict[int, int] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._fatal: Beyond | Incompatible | None = None
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, group_id=self.group, client_id=f"{worker}-{stage.name}",
            group_instance_id=f"{worker}-{stage.name}", enable_auto_commit=False, isolation_level="read_committed",
            # Lanes seek; an offset that retention has taken ends the lane, which then records the gap.
            auto_offset_reset="none", session_timeout_ms=10_000, heartbeat_interval_ms=2_000,
            rebalance_timeout_ms=30_000, max_poll_interval_ms=60_000, max_partition_fetch_bytes=4 << 20,
        )  # fmt: skip

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until ``stopping``; then end the lanes after their batch in hand.

        Raises:
            Beyond: a partition ends before what has been read of it.
            Incompatible: a later version has written its state or records; one that can read them should have the partition.
        """
        await self._consumer.start()
        self._consumer.subscribe([self.stage.source], listener=self)
        stop = asyncio.create_task(stopping.wait())
        looking = asyncio.create_task(self._look(), name=f"look-{self.stage.name}")
        try:
            while not stopping.is_set():
                changed = asyncio.create_task(self._changed.wait())
                await asyncio.wait({changed, stop}, timeout=BACKOFF, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                self._changed.clear()
                await self._adjust()
                await self._hear()
                if self._fatal is not None:
                    raise self._fatal
        finally:
            stop.cancel()
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            self._owned = set()
            await self._adjust()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self._consumer.stop()
            for local in self._locals.values():
                local.close()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Note what is ours now; no record is read before its lane has taken it."""
        tps = list(assigned)
        self._consumer.pause(*tps)
        self._owned = {tp.partition for tp in tps}
        self._changed.set()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing is ours until the next assignment; running batches are fenced or finish."""
        del revoked
        self._owned = set()
        for lane in self.lanes.values():
            lane.stop()
        self._changed.set()

    async def _hear(self) -> None:
        """Take the group's errors while no lane polls.

        aiokafka hands an error of the group to whoever polls next and joins again only then: without lanes nobody would, and
        the worker would stand still for ever. Records that come so are read again: a lane seeks before it reads.
        """
        if self._tasks:
            return
        try:
            await self._consumer.getmany(timeout_ms=0)
        except KafkaError as error:
            log.warning("group %s: %r; it is joined again", self.group, error)

    async def _look(self) -> None:
        """Tell now and then which lanes have something to read; while Kafka does not answer, none stands still by itself."""
        while True:
            parts = self._consumer.partitions_for_topic(self.stage.source) or ()
            ends = await watchdog.ends(self._consumer, [TopicPartition(self.stage.source, part) for part in parts])
            for partition, pace in list(self.paces.items()):
                lane = self.lanes.get(partition)
                if ends is None:
                    pace.step()
                elif lane is not None and lane.reading and lane.tp in ends:
                    pace.unread = not await watchdog.reached(self._consumer, lane.tp, ends[lane.tp])
                else:
                    pace.unread = True
            await asyncio.sleep(watchdog.LOOK_EVERY)

    async def _adjust(self) -> None:
        for partition, task in list(self._tasks.items()):
            if task.done():
                self._ended(partition, task)
        for partition, lane in self.lanes.items():
            if partition not in self._owned:
                lane.stop()
        for partition in set(self.paces) - self._owned:
            del self.paces[partition]
        for partition in sorted(self._owned - set(self._tasks)):
            lane = Lane(
                stage=self.stage, partition=partition, consumer=self._consumer, group=self.group,
                bootstrap=self._bootstrap, prefix=self._prefix, submit=self._submit, live=self._live,
                pace=self.paces.setdefault(partition, Pace()),
                local=self._local(partition), most=self._most.get(partition, MAX_RECORDS),
            )  # fmt: skip
            self.lanes[partition] = lane
            self._tasks[partition] = asyncio.create_task(lane.run(), name=f"{self.stage.name}-{partition}")
            self._tasks[partition].add_done_callback(lambda _: self._changed.set())

    def _local(self, partition: int) -> LocalState:
        """The copy of a partition's changelog: it stays open, so that a partition that comes back is up to date soon."""
        known = self._locals.get(partition)
        if known is None:
            known = self._locals[partition] = LocalState(self._folder / f"{self.stage.changelog}-{partition}.sqlite")
        return known

    def _ended(self, partition: int, task: "asyncio.Task[None]") -> None:
        error = task.exception() if not task.cancelled() else None
        if isinstance(error, Beyond | Incompatible):
            self._fatal = error
        if isinstance(error, TimeoutError):
            self._most[partition] = max(1, self._most.get(partition, MAX_RECORDS) // 4)
        if isinstance(error, KafkaError | Stuck) and partition in self.paces:
            self.paces[partition].step()  # it waits for Kafka
        if error is not None:
            log.warning("lane %s-%d ended and will be taken again if still ours: %r", self.stage.name, partition, error)
            tp = TopicPartition(self.stage.source, partition)
            if tp in self._consumer.assignment():
                self._consumer.pause(tp)
        del self._tasks[partition]
        del self.lanes[partition]
