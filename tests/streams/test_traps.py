"""The traps of Kafka clients and of Faust that were measured (docs/decisions/0007): each is sprung, naively and on our lanes.

A naive way that begins to work tells that a library has changed; our way must keep right *and* come to the end.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from streams.kafka import lane
from streams.kafka.lane import Lane
from tests.streams.copying import PARTITIONS, Copies, Gate, committed, gated, offset_in_transaction, transactional, until

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]


@pytest.fixture
def copies(kafka, topic_prefix, monkeypatch):
    monkeypatch.setattr(Lane, "_fold", gated)
    return Copies(kafka.bootstrap, topic_prefix)


def lane_id(copies, part):
    """The transactional id of a lane, as it is in production."""
    return f"{copies.prefix}copy-{copies.prefix}in-{part}"


@pytest.mark.parametrize("step", ["commit", "send", "offsets"])
def test_m1_an_older_producer_of_the_same_id_is_refused_at_every_step(copies, step):
    async def run():
        tp = TopicPartition(f"{copies.prefix}in", 0)
        async with AsyncExitStack() as stack:
            old = await transactional(copies, "same" + copies.prefix)
            stack.push_async_callback(old.stop)
            await offset_in_transaction(old, copies, tp, 10)
            await old.begin_transaction()
            if step == "commit":
                await old.send_and_wait(f"{copies.prefix}out", b"zombie", partition=0)
            new = await transactional(copies, "same" + copies.prefix)
            stack.push_async_callback(new.stop)
            await offset_in_transaction(new, copies, tp, 50)
            with pytest.raises(ProducerFenced):
                await (
                    old.commit_transaction() if step == "commit"
                    else old.send_and_wait(f"{copies.prefix}out", b"zombie", partition=0) if step == "send"
                    else old.send_offsets_to_transaction({tp: 10}, f"{copies.prefix}bare")
                )  # fmt: skip
            assert await committed(copies, tp) == 50
        assert not any((await copies.out()).values())

    asyncio.run(run())


def test_m2_producers_of_different_ids_let_a_zombie_move_offsets_back(copies):
    """So an id for each worker will not do; the id of a lane is that of its partition, whoever has it."""

    async def run():
        tp = TopicPartition(f"{copies.prefix}in", 0)
        one, two = [await transactional(copies, f"{name}{copies.prefix}") for name in "ab"]
        await offset_in_transaction(two, copies, tp, 50)
        await offset_in_transaction(one, copies, tp, 10)
        assert await committed(copies, tp) == 10
        await one.stop()
        await two.stop()

    asyncio.run(run())


@pytest.mark.parametrize("naive", [False, True], ids=["id-of-partition", "id-of-worker"])
def test_m2_a_worker_that_wakes_with_a_batch_in_hand_doubles_nothing(copies, monkeypatch, naive):
    """Its partitions have moved while it folded: the batch is refused. With an id for each worker it would stand there twice."""
    if naive:
        made = Lane.__init__

        def of_worker(self, **options):
            made(self, **options)
            self._id += f"-{id(options['submit'])}"

        monkeypatch.setattr(Lane, "__init__", of_worker)

    async def run():
        gate = Gate(closed=True)
        async with copies.worker("a", gate):
            await copies.write(50)
            await until(lambda: gate.waiting)
            async with copies.worker("b") as other:
                await until(lambda: other.lanes)
                mine = set(other.lanes)
                await until(lambda: all(found.committed == 49 for found in other.lanes.values()))
                gate.open()
                await copies.write(50)
                if not naive:
                    await copies.right()
                    return
                await until(copies._as_many)
                await asyncio.sleep(1)
                out = await copies.out()
                assert any(len(out[part]) > 100 for part in mine)

    asyncio.run(run())


def of_the_group(monkeypatch):
    """The naive way to begin: where the group's offset says."""
    restore = Lane._restore

    async def naive(self, processor):
        await restore(self, processor)
        return await self._consumer.committed(self.tp) or 0

    monkeypatch.setattr(Lane, "_restore", naive)


async def doubled(copies):
    await until(copies._as_many)
    return any(len(values) > copies.written for values in (await copies.out()).values())


async def haunt(copies, part):
    """Take the lane's own id, as a fenced worker that starts its producer anew does, and commit an offset long past."""
    zombie = await transactional(copies, lane_id(copies, part))
    try:
        await zombie.begin_transaction()
        await zombie.send_offsets_to_transaction({TopicPartition(f"{copies.prefix}in", part): 5}, f"{copies.prefix}copy")
        await zombie.commit_transaction()
    finally:
        await zombie.stop()


@pytest.mark.parametrize("naive", [False, True], ids=["offset-of-changelog", "offset-of-group"])
def test_m3_a_zombie_that_fences_the_owner_moves_nothing(copies, monkeypatch, naive):
    if naive:
        of_the_group(monkeypatch)

    async def run():
        async with copies.worker("a") as pump:
            await copies.write(40)
            await copies.right()
            before = dict(pump.lanes)
            for part in range(PARTITIONS):
                await haunt(copies, part)
            await copies.write(1)  # the owners find out
            await until(lambda: len(pump.lanes) == PARTITIONS and not set(pump.lanes.values()) & set(before.values()))
            await copies.write(10)
            if naive:
                assert await doubled(copies)
            else:
                await copies.right()

    asyncio.run(run())


def test_m4_after_its_transaction_has_timed_out_a_producer_is_of_no_use(copies):
    """What it raises then is not even an error of Kafka: so a lane ends on any error, and the next one has a new producer."""

    async def run():
        producer = await transactional(copies, "slow" + copies.prefix, transaction_timeout_ms=500)
        try:
            await producer.begin_transaction()
            await producer.send_and_wait(f"{copies.prefix}out", b"slow", partition=0)
            await asyncio.sleep(2.5)
            with pytest.raises(KafkaError):
                await producer.commit_transaction()
            for again in (producer.abort_transaction, producer.begin_transaction):
                with pytest.raises((AssertionError, KafkaError)):
                    await again()
        finally:
            await producer.stop()
        assert not any((await copies.out()).values())

    asyncio.run(run())


def quickly_timed_out(monkeypatch):
    real = lane.AIOKafkaProducer
    monkeypatch.setattr(lane, "AIOKafkaProducer", lambda **options: real(**options | {"transaction_timeout_ms": 500}))


def test_m4_a_slow_fold_holds_no_transaction_open(copies, monkeypatch):
    quickly_timed_out(monkeypatch)

    async def run():
        gate = Gate(closed=True)
        async with copies.worker("a", gate) as pump:
            await copies.write(20)
            await until(lambda: gate.waiting)
            before = dict(pump.lanes)
            await asyncio.sleep(2.5)
            gate.open()
            await copies.right()
            assert pump.lanes == before, "no lane has ended"

    asyncio.run(run())


def test_m4_a_lane_whose_transaction_timed_out_is_taken_again_with_a_new_producer(copies, monkeypatch):
    quickly_timed_out(monkeypatch)
    stalls = []

    def stalled(stage, step):
        if step == "before-commit" and len(stalls) < 1:
            stalls.append(stage)
            time.sleep(2.5)

    monkeypatch.setattr(lane, "reach", stalled)

    async def run():
        async with copies.worker("a") as pump:
            await until(lambda: len(pump.lanes) == PARTITIONS)
            before = dict(pump.lanes)
            await copies.write(20)
            await copies.right()
            await copies.write(20)
            await copies.right()
            assert pump.lanes != before

    asyncio.run(run())
    assert stalls


@pytest.mark.parametrize("naive", [False, True], ids=["offset-of-changelog", "offset-of-group"])
def test_m5_where_a_lane_begins_is_not_what_the_group_says_on_assignment(copies, monkeypatch, naive):
    """The client reads the group's offset before and while partitions are assigned: a commit of the old owner may not be in it."""
    if naive:
        of_the_group(monkeypatch)

    async def run():
        async with copies.worker("a"):
            await copies.write(40)
            await copies.right()
        for part in range(PARTITIONS):
            await haunt(copies, part)
        await copies.write(10)
        async with copies.worker("a"):
            if naive:
                assert await doubled(copies)
            else:
                await copies.right()

    asyncio.run(run())


def test_m6_a_batch_fetched_before_its_worker_got_the_partition_anew_is_not_used(copies):
    """Another worker comes and goes while a batch is folded; the partitions are where they were, and the batch is another's work."""

    async def run():
        gate = Gate(closed=True)
        async with copies.worker("a", gate) as pump:
            await copies.write(50)
            await until(lambda: gate.waiting)
            async with copies.worker("b") as other:
                await until(lambda: other.lanes)
                await until(lambda: all(found.committed == 49 for found in other.lanes.values()))
            await until(lambda: pump._owned == set(range(PARTITIONS)))
            gate.open()
            await copies.write(50)
            await copies.right()

    asyncio.run(run())


def test_m7_a_rebalance_of_fausts_own_group_throws_no_batch_away(copies):
    """The worker's Faust member joins its group anew, again and again, while batches are on their way to its agents."""
    taken = []

    async def rebalanced(app, revoked, **_):
        taken.append(app)

    async def run():
        async with copies.worker("a", rebalanced=rebalanced) as pump:
            await until(lambda: len(pump.lanes) == PARTITIONS and taken)
            member = taken[0].consumer._thread
            coordinator = member._consumer._coordinator
            for number in range(2, 5):
                member.thread_loop.call_soon_threadsafe(coordinator.request_rejoin)
                await copies.write(30)
                await until(partial(lambda least: len(taken) >= least, number))
            await copies.right()

    asyncio.run(run())
