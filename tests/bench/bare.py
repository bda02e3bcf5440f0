"""Contender (c): a bare aiokafka loop. Batches, dict state, results packed into batches; nothing is durable."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas import log
from streams import topics
from streams.kafka import replaying
from streams.kafka.lane import send
from streams.layout import RECORD_LIMIT, Layout
from tests.bench.inorder import InOrder
from tests.bench.material import TOPICS, digest_of_log, read_topic, ruleset
from tests.bench.records import Reader
from tests.bench.run import Run

MAX_RECORDS = 4000


def run(run: Run) -> None:
    """Consume, judge, produce."""
    layout = Layout(raw=1, keyed=1, prefix=run.prefix)
    topics.create(run.bootstrap, layout)
    asyncio.run(_loop(run, layout))
    if run.part == "normalize":
        run.log = digest_of_log(iter(asyncio.run(read_topic(run.bootstrap, layout.name("events")))))
    else:
        run.violations = asyncio.run(replaying.violations(run.bootstrap, layout))


async def _loop(run: Run, layout: Layout) -> None:
    rules, facts = ruleset(), run.material.facts
    reader = Reader(rules, run.material.recording().sources)
    driver = InOrder(rules)
    source = TopicPartition(TOPICS.name("events" if run.part == "detect" else "raw"), 0)
    total = facts.log_records if run.part == "detect" else facts.raw_records
    consumer = AIOKafkaConsumer(
        bootstrap_servers=run.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 << 20,
    )  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=run.bootstrap, max_batch_size=256 << 10, max_request_size=RECORD_LIMIT)
    await consumer.start()
    await producer.start()
    try:
        consumer.assign([source])
        await consumer.seek_to_beginning(source)
        seen = 0
        sent: list[asyncio.Future[object]] = []
        while seen < total:
            for records in (await consumer.getmany(timeout_ms=100, max_records=MAX_RECORDS)).values():
                run.window.open()
                seen += len(records)
                if run.part == "normalize":
                    rows = [log.encode(made) for record in records for made in reader.read(record.value)]
                    sent += await send(producer, layout.name("events"), 0, [(None, row) for row in rows])
                    continue
                for record in records:
                    made = [log.decode(record.value)] if run.part == "detect" else reader.read(record.value)
                    for item in made:
                        driver.apply(item)
                if seen == total:
                    driver.end(facts.truth_time)
                out = [(item.id.encode(), item.model_dump_json().encode()) for item in driver.violations]
                driver.violations.clear()
                sent += await send(producer, layout.name("violations"), 0, out)
        await asyncio.gather(*sent)
        run.window.close()
    finally:
        await consumer.stop()
        await producer.stop()
