"""Whether a generation of topics is at rest: as configured, owned by nobody, and everything in it read. Changes nothing."""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from streams import clock, topics
from streams.kafka.replaying import unread
from streams.layout import TOPICS, Layout, partitions
from streams.topics import BOOTSTRAP_MS

GHOSTS = 12.0
"""Seconds: a worker that has ended is a member of its groups until its session ends (10 s)."""
READ = (("raw", "normalize"), ("events", "detect"))
"""What was not delivered is delivered by the new generation."""


class Unready(RuntimeError):
    """Something stands in the way; the text says what, and what to do."""


async def check(bootstrap: str, layout: Layout) -> None:
    """Return if the topics of ``layout`` are at rest. Raises Unready; kafka.errors.KafkaError: Kafka does not answer."""
    wrong = await asyncio.to_thread(topics.differences, bootstrap, layout)
    if wrong:
        raise Unready("; ".join(wrong))
    await left(bootstrap, layout)
    behind = [
        f"{count} of {parts} partitions of {layout.name(topic)} hold records that stage {stage} has not taken"
        for topic, stage in READ
        for parts in (_partitions(topic, layout),)
        if (count := await unread(bootstrap, {layout.name(topic): f"{layout.prefix}{stage}"}, parts))
    ]
    if behind:
        raise Unready(
            f"{'; '.join(behind)}. Let them be worked off: with collectors stopped run 'controlwatch run --stage normalize"
            " --stage detect' for a while and stop it, then 'controlwatch run --stage detect' (normalize goes on telling the"
            " time), and run this command again"
        )


async def left(bootstrap: str, layout: Layout) -> None:
    """Return when nobody owns anything of ``layout``. Raises Unready if somebody still does after 12 s."""
    until = clock.monotonic() + GHOSTS
    while found := await asyncio.to_thread(owned, bootstrap, layout):
        if clock.monotonic() > until:
            raise Unready(f"workers are running: {', '.join(found)}; stop them (controlwatch run) and run this command again")
        await asyncio.sleep(1.0)


def owned(bootstrap: str, layout: Layout) -> list[str]:
    """Groups of ``layout`` that have members: of stages, of intakes, and of each worker (named after it)."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=BOOTSTRAP_MS)
    try:
        return sorted(
            f"group {group['group_id']}"
            for group in admin.list_groups()
            if _of(group["group_id"], layout) and group["group_state"] not in {"Empty", "Dead"}
        )
    finally:
        admin.close()


def intakes(admin: KafkaAdminClient, layout: Layout) -> list[str]:
    """Names of the groups of ``layout`` that carry foreign topics."""
    return [group["group_id"] for group in admin.list_groups() if group["group_id"].startswith(f"{layout.prefix}intake.")]


async def ends(bootstrap: str, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """(topic, partition) -> where it ends for readers of what is committed."""
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed")
    await reader.start()
    try:
        found = await reader.end_offsets([TopicPartition(*place) for place in places])
    finally:
        await reader.stop()
    return {(tp.topic, tp.partition): end for tp, end in found.items()}


def _partitions(topic: str, layout: Layout) -> int:
    return next(partitions(item, layout) for item in TOPICS if item.name == topic)


def _of(group: str, layout: Layout) -> bool:
    name = group.removeprefix(layout.prefix)
    return group.startswith(layout.prefix) and (
        name in {"normalize", "detect", "deliver"} or name.startswith(("intake.", "controlwatch-"))
    )
