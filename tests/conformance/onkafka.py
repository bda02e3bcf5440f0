"""Records as a test writes them, through the real stages on a real broker, and everything that the topics then hold."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from detectors.kit import restoring
from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset
from schemas import identity, log
from schemas.context import Source
from schemas.event import SecurityEvent
from schemas.log import Keyed, LogRecord
from schemas.violation import Violation
from sinks import deadletter
from sinks.contract import Sink
from sinks.deadletter import DeadLetter
from streams import topics
from streams.kafka import replaying
from streams.kafka.delivering import Delivery
from streams.kafka.detecting import Detecting
from streams.kafka.host import Host, control_topic
from streams.kafka.local import POSITION
from streams.kafka.normalizing import META, Normalizing, encode_raw
from streams.kafka.processor import Stage
from streams.layout import RECORD_LIMIT, Layout
from streams.stage import EVERYTHING, Heartbeat, Kept, Raw, Said
from streams.stored import MOST

Written = Raw | Heartbeat | Said | bytes | None  # bytes, None: an envelope that no collector writes


@dataclass
class Run:
    """What stands in the topics at the end. ``placed``: (raw partition, offset) -> what was written there."""

    placed: dict[tuple[int, int], Written]
    log: list[LogRecord]
    letters: list[DeadLetter]
    violations: list[Violation]
    normalized: dict[int, Kept]
    engines: dict[int, Engine]

    def events(self) -> list[SecurityEvent]:
        """Every event of the log; one that is routed to several partitions stands there several times."""
        return [record.event for record in self.log if isinstance(record, Keyed)]

    def conserved(self) -> None:
        """Both conservation laws, per partition."""
        for part, kept in self.normalized.items():
            counters = kept.counters
            assert counters.get("read", 0) == sum(counters.get(fate, 0) for fate in ("parsed", "filtered", "dead")), part
            assert counters.get("dead", 0) == sum(kept.dead.values())
        for part, engine in self.engines.items():
            fates = ("judged", "late", "duplicate", "parked")
            assert engine.counters["routed"] == sum(engine.counters[fate] for fate in fates), part


def place(record: Written, layout: Layout) -> int:
    """The raw partition of ``record``: its source's; broken envelopes stand in partition 0."""
    return identity.partition("source", (record.source,), layout.raw) if isinstance(record, Raw | Heartbeat) else 0


async def write(records: Sequence[Written], *, bootstrap: str, layout: Layout) -> dict[tuple[int, int], Written]:
    """Write to topic ``raw``; a heartbeat for all sources goes to every partition. Returns what stands where."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, max_request_size=RECORD_LIMIT, max_batch_size=256 << 10)
    await producer.start()
    sent: list[tuple[Written, asyncio.Future]] = []
    try:
        for record in records:
            value = record if isinstance(record, bytes) or record is None else encode_raw(record)
            everywhere = isinstance(record, Heartbeat) and record.source == EVERYTHING
            for part in range(layout.raw) if everywhere else (place(record, layout),):
                key = b"tombstone" if value is None else None
                sent.append((record, await producer.send(layout.name("raw"), value, key=key, partition=part)))
        await producer.flush()
        told = [(record, await future) for record, future in sent]
    finally:
        await producer.stop()
    return {(metadata.partition, metadata.offset): record for record, metadata in told}


async def run(
    records: Sequence[Written], ruleset: Ruleset, sources: Mapping[str, Source], *,
    bootstrap: str, layout: Layout, sink: Sink | None = None, limit: float = 120.0,
) -> Run:  # fmt: skip
    """Write ``records``, let the stages read everything, read all topics."""
    await asyncio.to_thread(topics.create, bootstrap, layout, (control_topic(replaying.WORKER),))
    placed = await write(records, bootstrap=bootstrap, layout=layout)
    await served(ruleset, sources, bootstrap=bootstrap, layout=layout, sink=sink, limit=limit)
    return await read(placed, ruleset, bootstrap=bootstrap, layout=layout)


async def ended(*stages: Stage, bootstrap: str, layout: Layout, limit: float = 90.0) -> None:
    """A worker of ``stages`` until something ends it; raises what did, or TimeoutError after ``limit`` seconds."""
    host = Host(worker=replaying.WORKER, bootstrap=bootstrap, prefix=layout.prefix, live=False, stages=stages)
    await asyncio.wait_for(host.run(), limit)


async def served(
    ruleset: Ruleset, sources: Mapping[str, Source], *,
    bootstrap: str, layout: Layout, sink: Sink | None = None, limit: float = 120.0, folder: Path | None = None,
    most: int = MOST,
) -> None:  # fmt: skip
    """Run the stages in this process until they have read everything; raises TimeoutError after ``limit`` seconds."""
    host = Host(
        worker=replaying.WORKER, bootstrap=bootstrap, prefix=layout.prefix, live=False, folder=folder,
        stages=[Normalizing(ruleset, sources, layout), Detecting(ruleset, layout, most)],
    )  # fmt: skip
    stopping = asyncio.Event()
    running = asyncio.create_task(host.run())
    delivering = None
    if sink is not None:
        delivery = Delivery(sink=sink, layout=layout, bootstrap=bootstrap, worker=replaying.WORKER, told=lambda _: None)
        delivering = asyncio.create_task(delivery.run(stopping))
    try:
        async with asyncio.timeout(limit):
            await replaying.drained(bootstrap, layout, running)
            while delivering is not None and await replaying.unread(
                bootstrap, {layout.name("violations"): delivery.group}, layout.keyed
            ):
                if delivering.done():
                    delivering.result()
                await asyncio.sleep(0.2)
    finally:
        host.stop()
        stopping.set()
        await running
        if delivering is not None:
            await delivering


async def read(placed: dict[tuple[int, int], Written], ruleset: Ruleset, *, bootstrap: str, layout: Layout) -> Run:
    """Everything committed in the topics."""
    logged = await committed(bootstrap, layout.name("events"), layout.keyed)
    dead = await committed(bootstrap, layout.name("deadletter"), 1)
    normalized = {
        part: msgspec.msgpack.decode(rows[META], type=Kept)
        for part, rows in (await state(bootstrap, layout.name("state.normalize"), layout.raw)).items()
        if META in rows
    }
    engines = {}
    for part, rows in (await state(bootstrap, layout.name("state.detect"), layout.keyed)).items():
        engines[part] = Engine(ruleset, raw_partitions=layout.raw, partitions=layout.keyed)
        restoring.restore(engines[part], [(name, value) for name, value in rows.items() if name != POSITION])
    return Run(
        placed=placed,
        log=[log.decode(record.value) for record in logged],
        letters=[deadletter.decode(record.value) for record in dead],
        violations=await replaying.violations(bootstrap, layout),
        normalized=normalized,
        engines=engines,
    )


async def state(bootstrap: str, topic: str, partitions: int) -> dict[int, dict[str, bytes]]:
    """Partition -> the records that a changelog topic holds."""
    found: dict[int, dict[str, bytes]] = {part: {} for part in range(partitions)}
    for record in await committed(bootstrap, topic, partitions):
        if record.value is None:
            found[record.partition].pop(record.key.decode(), None)
        else:
            found[record.partition][record.key.decode()] = record.value
    return found


async def committed(bootstrap: str, topic: str, partitions: int) -> list:
    """Every committed record of a topic, in order within its partition."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed", max_partition_fetch_bytes=4 << 20
    )
    await reader.start()
    found: list = []
    try:
        tps = [TopicPartition(topic, part) for part in range(partitions)]
        reader.assign(tps)
        await reader.seek_to_beginning(*tps)
        ends = await reader.end_offsets(tps)
        for tp in tps:
            while await reader.position(tp) < ends[tp]:
                for records in (await reader.getmany(tp, timeout_ms=200)).values():
                    found += records
    finally:
        await reader.stop()
    return found
