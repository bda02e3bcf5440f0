"""A stage that copies records and counts them in its state: whatever is lost or doubled stands in its output for all to see.

It has no ids to know a copy by, so nothing but the lanes keeps it right.
"""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from streams.kafka.host import Host, control_topic
from streams.kafka.lane import Lane
from streams.kafka.processor import Account, Record, Result
from tests.conformance import onkafka

PARTITIONS = 3


class Gate:
    """Where lanes of a worker stand still with a batch that is folded. ``waiting``: how many have come there."""

    def __init__(self, *, closed=False):
        self.waiting = 0
        self._opened = asyncio.Event()
        if not closed:
            self.open()

    def open(self):
        self._opened.set()

    async def passed(self):
        self.waiting += not self._opened.is_set()
        await self._opened.wait()


@dataclass
class Copying:
    """The stage of one worker under ``prefix``."""

    prefix: str
    gate: Gate = field(default_factory=Gate)
    name: str = "copy"

    @property
    def source(self):
        return f"{self.prefix}in"

    @property
    def changelog(self):
        return f"{self.prefix}state.copy"

    def open(self, partition):
        return Copier(self, partition)


class Copier:
    """Its state is how many records it has copied; each copy says the how many-th it is."""

    def __init__(self, stage, partition):
        self.stage, self.partition = stage, partition
        self.count, self.fresh = 0, []

    def restore(self, records):
        self.count = int(records.get('["count"]') or b"0")

    def missed(self):
        raise AssertionError("nothing was deleted")

    def work(self, records: list[Record]):
        for record in records:
            self.count += 1
            self.fresh.append(b"%d %s" % (self.count, record.value))
            yield

    def tick(self, now):
        """Time is nothing to it."""

    def result(self):
        fresh, self.fresh = self.fresh, []
        outputs = [(f"{self.stage.prefix}out", self.partition, None, value) for value in fresh]
        return Result(outputs, [('["count"]', b"%d" % self.count)] if fresh else [])

    def account(self):
        return Account()


async def gated(self, processor, records, fold=Lane._fold):
    """In the place of a lane's fold: the same, and then the gate of its worker."""
    await fold(self, processor, records)
    await self._stage.gate.passed()


class Copies:
    """Topics, workers in this process, and what has been copied."""

    def __init__(self, bootstrap, prefix):
        self.bootstrap, self.prefix = bootstrap, prefix
        self.written = 0
        own = [NewTopic(f"{prefix}{name}", PARTITIONS, 1) for name in ("in", "out", "state.copy")]
        own += [NewTopic(f"{prefix}{name}", 1, 1) for name in ("gaps", *map(control_topic, "abc"))]
        admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        admin.create_topics(own)
        admin.close()

    async def write(self, number):
        """Write ``number`` records to each partition."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        for n in range(self.written, self.written + number):
            for part in range(PARTITIONS):
                await producer.send(f"{self.prefix}in", b"%d" % n, partition=part)
        await producer.stop()
        self.written += number

    @asynccontextmanager
    async def worker(self, name, gate=None, rebalanced=None):
        """A worker that serves while the body runs; ``rebalanced`` is called when Faust's own group takes its partitions away."""
        stage = Copying(self.prefix, gate or Gate())
        host = Host(worker=name, bootstrap=self.bootstrap, prefix=self.prefix, stages=[stage], live=False)
        if rebalanced is not None:
            host.app.on_partitions_revoked.connect(rebalanced)
        running = asyncio.create_task(host.run())
        try:
            yield host.pumps[0]
        finally:
            host.stop()
            await asyncio.wait_for(running, 15)

    async def out(self):
        """Partition -> what is committed there."""
        found = {part: [] for part in range(PARTITIONS)}
        for record in await onkafka.committed(self.bootstrap, f"{self.prefix}out", PARTITIONS):
            found[record.partition].append(record.value)
        return found

    async def right(self, *, within=20.0):
        """Progress and correctness: in the time given everything is copied, each once, in order, and nothing comes after it."""
        due = {part: [b"%d %d" % (n + 1, n) for n in range(self.written)] for part in range(PARTITIONS)}
        await until(self._as_many, within=within)
        assert await self.out() == due

    async def _as_many(self):
        return all(len(values) >= self.written for values in (await self.out()).values())


async def until(condition, *, within=20.0):
    """Wait until ``condition`` (plain or asynchronous) holds; raises TimeoutError."""
    async with asyncio.timeout(within):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.05)


async def transactional(copies, name, **options):
    producer = AIOKafkaProducer(bootstrap_servers=copies.bootstrap, transactional_id=name, **options)
    await producer.start()
    return producer


async def committed(copies, tp):
    """The offset of a group of its own that nobody is in."""
    reader = AIOKafkaConsumer(bootstrap_servers=copies.bootstrap, group_id=f"{copies.prefix}bare", enable_auto_commit=False)
    await reader.start()
    try:
        return await reader.committed(tp)
    finally:
        await reader.stop()


async def offset_in_transaction(producer, copies, tp, offset):
    await producer.begin_transaction()
    await producer.send_offsets_to_transaction({tp: offset}, f"{copies.prefix}bare")
    await producer.commit_transaction()
