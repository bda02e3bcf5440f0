"""A changelog as it lies on a broker: written change after change, compacted by the broker, read as a lane reads it.

Used by the law of recovery. Times and sizes of compaction are those of production, scaled down with the state: a gigabyte of
state beside open segments of 64 MB is here some ten megabytes beside segments of one.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from detectors.kit.changelog import Change
from streams import clock, topics
from streams.kafka.detecting import Detecting, Judging
from streams.kafka.lane import Lane, send
from streams.kafka.local import LocalState
from streams.kafka.watchdog import Pace
from streams.layout import RECORD_LIMIT, Layout
from tests.bench.material import read_topic
from tests.services.kafka_broker import KafkaBroker

SCALED = {"segment.bytes": str(1 << 20), "max.compaction.lag.ms": "1000", "delete.retention.ms": "100"}
CLEANER = {"log.cleaner.backoff.ms": "500", "log.cleaner.dedupe.buffer.size": str(64 << 20)}
PORTION = 20_000
CALM = 3.0  # seconds in which the cleaner has taken nothing away: it is done
PATIENCE = 120.0


class Restored(NamedTuple):
    """How many records were read, the best time that took (s), and that of a restart that finds its own copy (s)."""

    records: int
    took: float
    again: float


async def restored(stage: Detecting, layout: Layout, changes: Sequence[Change], repeats: int, check: Callable[[Judging], None]) -> Restored:
    """A processor restored from ``changes`` on a broker, by a worker that has no copy, and by one that has; both are checked."""
    with (
        TemporaryDirectory(prefix="controlwatch-bench-") as folder,
        KafkaBroker(Path(folder), settings=CLEANER, heap="512m") as broker,
    ):
        await _write(broker.bootstrap, stage.changelog, layout, changes)
        records = await _compacted(broker.bootstrap, stage.changelog, len(changes))
        best = float("inf")
        for number in range(repeats):
            local = LocalState(Path(folder, f"copy-{number}.sqlite"))
            judging, took = await _timed(stage, broker.bootstrap, layout, local)
            best = min(best, took)
            check(judging)
            local.abort()
            local.close()
        judging, again = await _timed(stage, broker.bootstrap, layout, LocalState(local.path))
        check(judging)
        return Restored(records, best, again)


async def _timed(stage: Detecting, bootstrap: str, layout: Layout, local: LocalState) -> tuple[Judging, float]:
    judging, begun = stage.open(0), clock.monotonic()
    await _lane(stage, bootstrap, layout, local)._restore(judging)
    return judging, clock.monotonic() - begun


async def _write(bootstrap: str, topic: str, layout: Layout, changes: Sequence[Change]) -> None:
    await asyncio.to_thread(topics.create, bootstrap, layout)
    await asyncio.to_thread(_scale, bootstrap, topic)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=256 << 10, max_request_size=RECORD_LIMIT)
    await producer.start()
    try:
        for begin in range(0, len(changes), PORTION):
            rows = [(key.encode(), value) for key, value in changes[begin : begin + PORTION]]
            await asyncio.gather(*await send(producer, topic, 0, rows))
    finally:
        await producer.stop()


def _scale(bootstrap: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, SCALED)])
    finally:
        admin.close()


async def _compacted(bootstrap: str, topic: str, written: int) -> int:
    """How many records are left when the broker's cleaner takes no more away; off the clock."""
    deadline = clock.monotonic() + PATIENCE
    before, left = -1, written
    while left != before:
        if clock.monotonic() > deadline:
            raise TimeoutError(f"the broker still compacts {topic} after {PATIENCE:.0f} s: {left} of {written} records are left")
        await asyncio.sleep(CALM)
        before, left = left, len(await read_topic(bootstrap, topic))
    return left


def _lane(stage: Detecting, bootstrap: str, layout: Layout, local: LocalState) -> Lane:
    return Lane(
        stage=stage, partition=0, consumer=cast("AIOKafkaConsumer", None), bootstrap=bootstrap, prefix=layout.prefix,
        group="recovery", submit=cast("object", None), pace=Pace(), local=local, live=False,  # type: ignore[arg-type] # only its restore is used
    )  # fmt: skip
