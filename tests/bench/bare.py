"""Contender (c): a bare aiokafka loop. Batches, dict state, results packed into batches; nothing is durable."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.kafka.lane import send
from streams.layout import RECORD_LIMIT
from tests.bench.run import Run
from tests.bench.work import Work, packed

MAX_RECORDS = 4000


def run(run: Run) -> None:
    """Consume, judge, produce."""
    work = Work(run)
    asyncio.run(_loop(run, work))
    work.read_back()


async def _loop(run: Run, work: Work) -> None:
    source = TopicPartition(work.source, 0)
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
        sent: list[asyncio.Future[object]] = []
        while work.left:
            for records in (await consumer.getmany(timeout_ms=100, max_records=MAX_RECORDS)).values():
                if work.normalizes:
                    rows = [(None, made) for record in records for made in work.normalize(record.value)]
                    sent += await send(producer, work.events, 0, rows)
                else:
                    out = [packed(made) for record in records for made in work.judge(record.value)]
                    sent += await send(producer, work.violations, 0, out)
        await asyncio.gather(*sent)
        work.done()
    finally:
        await consumer.stop()
        await producer.stop()
