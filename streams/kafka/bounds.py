"""Where a partition begins and ends against what has been read of it: records lost unread, offsets that are no longer there."""

import asyncio

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

BEYOND_TRIES = 10  # a second apart


class Unread(msgspec.Struct, frozen=True, tag="unread", rename={"since": "from", "until": "to"}):
    """Records of ``topic`` that ``stage`` can never read: offsets ``since`` up to but without ``until``. For topic ``gaps``."""

    stage: str
    topic: str
    partition: int
    since: int
    until: int
    count: int


class Beyond(RuntimeError):
    """A partition ends before what has been read of it: a person must decide, so the worker stops."""


async def within(consumer: AIOKafkaConsumer, tp: TopicPartition, offset: int, stage: str) -> None:
    """Return if ``tp`` has ``offset``, or ends there. Raises Beyond if not, also not a while later.

    A broker that has just become the leader may for a moment name an end that it has already passed (KIP-207).
    """
    for again in range(BEYOND_TRIES):
        end: int = (await consumer.end_offsets([tp]))[tp]
        if offset <= end:
            return
        if again < BEYOND_TRIES - 1:
            await asyncio.sleep(1.0)
    raise Beyond(
        f"stage {stage} has read {tp.topic}-{tp.partition} up to offset {offset}, but the partition ends at {end}: {offset - end}"
        " records were lost (an unclean leader election, a restored disk), or the topic was deleted and made anew. Nothing was"
        " changed. Bring the topic back; or, if it was made anew on purpose, delete all other topics of this installation too, or"
        " set another CONTROLWATCH_PREFIX, so that everything begins anew ('controlwatch topics create')"
    )
