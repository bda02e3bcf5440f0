"""Faults of membership and ownership: Faust's own rebalance, a zombie with the owner's transactional id, stale offsets (M1-M7)."""

import asyncio
import time
from collections.abc import AsyncIterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from streams.kafka.host import control_topic
from streams.replay import Order
from tests.chaos.row import row
from tests.chaos.trial import Trial
from tests.chaos.world import World


@row("T41", "Faust's own group rebalances while agents hold batches", faults=20)
def faust_group(trial: Trial) -> None:
    """A second program joins each worker's Faust group and leaves again: what its channels throw away is done again."""
    with trial.world(trial.workload()) as world:

        def join(number: int) -> None:
            joined = asyncio.run(intrude(world, number % 2 + 1, trial.chance.uniform(1, 6)))
            trial.tally.demand(joined, f"the stranger was not let into the group of worker {number % 2 + 1}: nothing was tried")

        trial.under_load(world, join, wait=(0, 1))


async def intrude(world: World, worker: int, seconds: float) -> bool:
    """Be a member of a worker's Faust group for a while, which rebalances as it comes and goes; whether it was let in."""
    prefix = world.layout.prefix
    with TemporaryDirectory() as folder:
        stranger = faust.App(
            f"{prefix}controlwatch-{worker}", broker=f"kafka://{world.bootstrap}", web_enabled=False, topic_disable_leader=True,
            topic_allow_declare=False, stream_wait_empty=False, autodiscover=False, value_serializer="raw", datadir=Path(folder),
            broker_session_timeout=10.0, broker_heartbeat_interval=2.0, broker_rebalance_timeout=10.0,
        )  # fmt: skip
        control = stranger.topic(f"{prefix}{control_topic(str(worker))}", value_type=bytes, value_serializer="raw")
        stranger.agent(control)(_nothing)
        stranger.finalize()
        joined = asyncio.Event()
        stranger.on_rebalance_complete.connect(lambda *_, **__: joined.set(), weak=False)
        await stranger.start()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(joined.wait(), 30)
            await asyncio.sleep(seconds)
        finally:
            await stranger.stop()
    return joined.is_set()


async def _nothing(stream: AsyncIterable[bytes]) -> None:
    async for _ in stream:
        pass


@row("T42", "a fenced zombie takes the owner's transactional id again and commits its old offset", faults=20)
def zombie(trial: Trial) -> None:
    """The owner is fenced in turn; its position is in the changelog, so the zombie's offset moves nothing."""
    with trial.world(trial.workload()) as world:

        def haunt(number: int) -> None:
            topic, stage, count = (("raw", "normalize", world.layout.raw), ("events", "detect", world.layout.keyed))[number % 2]
            partition = trial.chance.randrange(count)
            asyncio.run(haunted(world, topic, stage, partition))
            # Lanes commit when something comes: so the group's offset, which only tells of the lag, is right again.
            world.produce(Order([], []), 1)

        trial.under_load(world, haunt, wait=(0.0, 1.5))


async def haunted(world: World, topic: str, stage: str, partition: int) -> None:
    """Take a lane's transactional id, commit an offset far behind, write what is aborted; then go."""
    layout = world.layout
    name = layout.name(topic)
    producer = AIOKafkaProducer(
        bootstrap_servers=world.bootstrap, transactional_id=f"{layout.prefix}{stage}-{name}-{partition}", acks="all"
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(layout.name("violations"), b"never to be read", partition=0)
        await producer.abort_transaction()
        await producer.begin_transaction()
        await producer.send_offsets_to_transaction({TopicPartition(name, partition): 1}, f"{layout.prefix}{stage}")
        await producer.commit_transaction()
    except (KafkaError, AssertionError):
        pass  # the owner was faster and has fenced the zombie
    finally:
        await producer.stop()


@row("T43", "groups' offsets set back before a partition is assigned", faults=20)
def stale(trial: Trial) -> None:
    """All workers are killed, every group's offsets are set to the beginning, the workers start: nothing is counted twice."""
    with trial.world(trial.workload()) as world:

        def rewind(number: int) -> None:
            for worker in world.workers:
                trial.kill(worker)
            time.sleep(11)  # their sessions end: else the group is not empty, and its offsets cannot be set
            asyncio.run(rewound(world))
            trial.more(world)
            for worker in world.workers:
                worker.launch()

        trial.under_load(world, rewind, wait=(0.2, 3.0))


async def rewound(world: World) -> None:
    """Commit offset 0 for every partition of every group."""
    for topic, (group, count) in world.groups.items():
        consumer = AIOKafkaConsumer(
            bootstrap_servers=world.bootstrap, group_id=f"{world.layout.prefix}{group}", enable_auto_commit=False
        )
        await consumer.start()
        try:
            tps = [TopicPartition(world.layout.name(topic), partition) for partition in range(count)]
            consumer.assign(tps)
            await consumer.commit(dict.fromkeys(tps, 0))
        finally:
            await consumer.stop()
