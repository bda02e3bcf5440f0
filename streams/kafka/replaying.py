"""Replay through real Kafka: the same stages and lanes as in production, on topics of its own; time comes with the records."""

import asyncio
from collections.abc import Mapping
from itertools import accumulate

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from detectors.kit.registry import Ruleset
from schemas import identity
from schemas.log import Stated
from schemas.violation import Violation, final
from streams import clock, topics
from streams.kafka.detecting import Detecting
from streams.kafka.host import Host, control_topic
from streams.kafka.lane import send
from streams.kafka.normalizing import Normalizing, encode_raw
from streams.layout import RECORD_LIMIT, Layout
from streams.recording import Recording
from streams.replay import STEP, Order, Verdict, ordered
from streams.stage import EVERYTHING, Heartbeat, Raw, Said

WORKER = "replay"


async def judge_on_kafka(
    recording: Recording, ruleset: Ruleset, *, bootstrap: str, layout: Layout, to: int | None = None, since: int | None = None
) -> Verdict:
    """As :func:`streams.replay.judge`, on the broker at ``bootstrap`` under ``layout.prefix``; its topics stay there."""
    verdict = Verdict()
    order = ordered(recording, ruleset, verdict, to=to, since=since)
    await asyncio.to_thread(topics.create, bootstrap, layout, (control_topic(WORKER),))
    await produce(order, verdict.truth_time, bootstrap=bootstrap, layout=layout)
    host = Host(
        worker=WORKER, bootstrap=bootstrap, prefix=layout.prefix, live=False,
        stages=[Normalizing(ruleset, recording.sources, layout), Detecting(ruleset, layout)],
    )  # fmt: skip
    running = asyncio.create_task(host.run())
    try:
        await drained(bootstrap, layout, running)
    finally:
        host.stop()
        await running
    verdict.history = await violations(bootstrap, layout)
    verdict.final = final(verdict.history)
    return verdict


async def produce(order: Order, truth_time: int, *, bootstrap: str, layout: Layout) -> None:
    """Write raw records and context to topic ``raw``, each stamped with its observed time, and the passing of time."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, acks="all", linger_ms=5, max_batch_size=256 << 10,
        max_request_size=RECORD_LIMIT,
    )  # fmt: skip
    await producer.start()
    topic = layout.name("raw")
    pending: dict[int, list[tuple[bytes | None, bytes | None]]] = {part: [] for part in range(layout.raw)}
    step = 0

    def say(record: Raw | Heartbeat | Said, part: int) -> None:
        pending[part].append((None, encode_raw(record)))

    try:
        for item in order.items:
            if item.raw is None and isinstance(item.record, Stated):
                say(Said(item.record.record), 0)
        # Heartbeats promise that nothing earlier comes: so they follow the smallest time still to come, whatever the order.
        coming = list(accumulate((raw.o or 0 for raw in reversed(order.raws)), min))
        for raw in order.raws:
            o = coming.pop()
            if o >= step + STEP:
                step = o - o % STEP
                for part in range(layout.raw):
                    say(Heartbeat(EVERYTHING, min(step, truth_time)), part)
            say(raw, identity.partition("source", (raw.source,), layout.raw))
        for part in range(layout.raw):
            say(Heartbeat(EVERYTHING, truth_time), part)
        for part, rows in pending.items():
            await asyncio.gather(*await send(producer, topic, part, rows))
    finally:
        await producer.stop()


async def drained(bootstrap: str, layout: Layout, running: "asyncio.Task[None]", limit: float = 600.0) -> None:
    """Wait until nothing is left to read in any stage. Raises TimeoutError, or what ended ``running``."""
    until = clock.monotonic() + limit
    while clock.monotonic() < until:
        if running.done():
            await running
        left = await unread(bootstrap, {layout.name("raw"): f"{layout.prefix}normalize"}, layout.raw)
        left += await unread(bootstrap, {layout.name("events"): f"{layout.prefix}detect"}, layout.keyed)
        if not left:
            return
        await asyncio.sleep(0.3)
    raise TimeoutError(f"the stages under {layout.prefix!r} have not read everything within {limit:.0f} s")


async def unread(bootstrap: str, groups: Mapping[str, str], partitions: int) -> int:
    """How many partitions hold committed records that the topic's consumer group has not committed yet."""
    left = 0
    for topic, group in groups.items():
        reader = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False, isolation_level="read_committed",
            auto_offset_reset="earliest",
        )  # fmt: skip
        await reader.start()
        try:
            tps = [TopicPartition(topic, part) for part in range(partitions)]
            reader.assign(tps)
            ends = await reader.end_offsets(tps)
            for tp in tps:
                committed = await reader.committed(tp) or 0
                if committed >= ends[tp]:
                    continue
                reader.seek(tp, committed)
                while await reader.position(tp) < ends[tp]:
                    if await reader.getmany(tp, timeout_ms=200, max_records=1):
                        left += 1
                        break
        finally:
            await reader.stop()
    return left


async def violations(bootstrap: str, layout: Layout) -> list[Violation]:
    """Every committed transition of topic ``violations``, in order of each violation's numbers."""
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed")
    await reader.start()
    found: list[Violation] = []
    try:
        tps = [TopicPartition(layout.name("violations"), part) for part in range(layout.keyed)]
        reader.assign(tps)
        await reader.seek_to_beginning(*tps)
        ends = await reader.end_offsets(tps)
        for tp in tps:
            while await reader.position(tp) < ends[tp]:
                for records in (await reader.getmany(tp, timeout_ms=200)).values():
                    found += [Violation.model_validate_json(record.value) for record in records]
    finally:
        await reader.stop()
    return found


