"""Files, patterns and standard input into the queue; positions stored by a consumer that may be killed at any time."""

import asyncio
import contextlib
import os

import pytest

from detectors.kit.registry import Ruleset
from streams.collect import follow, tail
from streams.collect.contract import Collected
from streams.collect.follow import Follow
from streams.collect.run import Collectors
from streams.collect.sources import from_options
from streams.collect.stdin import Stdin
from streams.embedded import Embedded, file_of
from streams.stage import Heartbeat


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(tail, "DRAIN", 0.05)
    monkeypatch.setattr(tail, "IDLE", 0.05)
    monkeypatch.setattr(follow, "POLL", 0.01)
    monkeypatch.setattr(follow, "SCAN", 0.05)


@contextlib.asynccontextmanager
async def running(make, size=64):
    queue = asyncio.Queue(maxsize=size)
    task = asyncio.create_task(make(queue))
    try:
        yield queue
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def records(queue, number):
    found = []
    while len(found) < number:
        found += [item for item in await asyncio.wait_for(queue.get(), 5) if isinstance(item, Collected)]
    return found


def following(pattern, stored=None):
    return lambda queue: Follow("web", "linux", str(pattern), starts=None, stored=stored or {}, outlet=queue).run()


async def test_every_file_of_a_pattern_is_followed_also_new_ones_but_not_the_rotated(tmp_path):
    (tmp_path / "a.log").write_text("a1\n")
    (tmp_path / "a.log.1").write_text("a0\n")
    async with running(following(tmp_path / "*.log*")) as queue:
        assert [item.raw.data for item in await records(queue, 1)] == [b"a1"]
        (tmp_path / "b.log").write_text("b1\n")
        [item] = await records(queue, 1)
        assert (item.raw.data, item.raw.o is None) == (b"b1", False)
        assert item.reader == f"file:web:{tmp_path / 'b.log'}"


async def test_heartbeats_once_caught_up_and_none_while_a_file_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(follow, "BEAT", 0.05)
    async with running(following(tmp_path / "a.log")) as queue:
        await asyncio.sleep(0.3)
        assert queue.empty()
        (tmp_path / "a.log").write_text("a1\n")
        [item] = await records(queue, 1)
        beat = (await asyncio.wait_for(queue.get(), 5))[0]
        assert isinstance(beat, Heartbeat)
        assert (beat.source, beat.caught_up >= item.raw.o) == ("web", True)


async def test_a_missing_file_is_told_once(tmp_path, caplog):
    async with running(following(tmp_path / "a.log")):
        await asyncio.sleep(0.2)
    assert caplog.text.count("does not exist yet") == 1


async def test_a_consumer_that_is_killed_between_batches_loses_and_doubles_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tail, "BATCH_RECORDS", 7)
    monkeypatch.setattr(tail, "CHUNK", 100)
    path = tmp_path / "a.log"
    stored, kept, wrote = {}, [], 0
    for life in range(12):
        with path.open("a") as file:
            for _ in range(50):
                file.write(f"09:00:00 line {wrote}\n")
                wrote += 1
        if life % 4 == 3:
            path.rename(tmp_path / f"a.log.{20 - life}")
            path.touch()
        async with running(following(path, stored), size=2) as queue:
            for _ in range(life % 5 + 4):  # batches stored before the kill; those in the queue are lost with it
                with contextlib.suppress(TimeoutError):
                    batch = await asyncio.wait_for(queue.get(), 0.2)
                    for item in batch:
                        if isinstance(item, Collected):
                            kept.append(item.raw.data)
                            stored = {item.reader: item.position}
    async with running(following(path, stored)) as queue:
        kept += [item.raw.data for item in await records(queue, wrote - len(kept))]
    assert kept == [b"09:00:00 line %d" % number for number in range(wrote)]


async def test_standard_input_to_its_end(tmp_path):
    read, write = os.pipe()
    os.write(write, b"one\ntwo\nthr")
    async with running(lambda queue: Stdin("in", "linux", starts=None, stored=None, outlet=queue, descriptor=read).run()) as queue:
        assert [item.raw.data for item in await records(queue, 2)] == [b"one", b"two"]
        os.write(write, b"ee")
        os.close(write)
        [last] = await records(queue, 1)
        assert (last.raw.data, last.raw.line, last.reader) == (b"three", 3, "stdin:in")
    os.close(read)


async def test_a_redirected_file_carries_no_observed_time(tmp_path):
    (tmp_path / "old.log").write_text("one\n")
    descriptor = os.open(tmp_path / "old.log", os.O_RDONLY)
    queue = asyncio.Queue()
    await asyncio.wait_for(Stdin("in", "linux", starts=None, stored=None, outlet=queue, descriptor=descriptor).run(), 5)
    [item] = await records(queue, 1)
    assert item.raw.o is None
    os.close(descriptor)


async def test_standard_input_waits_while_the_queue_is_full():
    read, write = os.pipe()
    queue = asyncio.Queue(maxsize=1)
    reading = asyncio.create_task(Stdin("in", "linux", starts=None, stored=None, outlet=queue, descriptor=read).run())
    writing = asyncio.create_task(asyncio.to_thread(os.write, write, b"x" * 79 + b"\n"))
    for number in range(500):
        await writing
        writing = asyncio.create_task(asyncio.to_thread(os.write, write, b"%079d\n" % number))
        if number % 100 == 50:
            await asyncio.sleep(0.02)
        while queue.full() and number % 3 == 0:
            await records(queue, 1)
    await writing
    os.close(write)
    rest = await records(queue, 1)
    while not reading.done():
        with contextlib.suppress(TimeoutError):
            rest += [item for item in await asyncio.wait_for(queue.get(), 0.5) if isinstance(item, Collected)]
    assert rest[-1].raw.data == b"%079d" % 499
    assert rest[-1].raw.line == 501
    os.close(read)


async def test_all_inputs_run_together(tmp_path):
    (tmp_path / "auth.log").write_text("09:00:00 one\n")
    configured = from_options([f"linux={tmp_path / 'auth.log'}", "panos=syslog+udp://127.0.0.1:0"], host_zone="UTC")
    async with running(lambda queue: Collectors(configured).run(queue, {}, asyncio.Event())) as queue:
        [item] = await records(queue, 1)
        assert item.raw.source == "linux"


async def test_a_collector_that_fails_is_started_again_and_goes_on_where_it_was(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("streams.collect.run.RETRY", (0.01, 0.01))
    path = tmp_path / "auth.log"
    path.write_text("one\n")
    real, broken = tail.Tail.poll, iter([False, False, False, True, False])

    def poll(self):
        if next(broken, False):
            raise RuntimeError("boom")
        return real(self)

    monkeypatch.setattr(tail.Tail, "poll", poll)
    configured = from_options([f"linux={path}"], host_zone="UTC")
    async with running(lambda queue: Collectors(configured).run(queue, {}, asyncio.Event())) as queue:
        await records(queue, 1)
        await asyncio.sleep(0.2)
        with path.open("a") as file:
            file.write("two\n")
        [item] = await records(queue, 1)
    assert item.raw.data == b"two"
    assert "boom" in caplog.text


async def test_stopping_ends_all_collectors_though_nobody_takes_what_they_have(tmp_path):
    (tmp_path / "auth.log").write_text("09:00:00 one\n" * 100)
    queue, stopping = asyncio.Queue(maxsize=1), asyncio.Event()
    queue.put_nowait([])
    live = Collectors(from_options([f"linux={tmp_path / 'auth.log'}", "panos=syslog+tcp://127.0.0.1:0"], host_zone="UTC"))
    task = asyncio.create_task(live.run(queue, {}, stopping))
    await asyncio.sleep(0.1)
    stopping.set()
    await asyncio.wait_for(task, 5)
    assert queue.qsize() == 1


def test_the_configuration_is_stated_the_same_at_every_start():
    first, second = (Collectors(from_options(["linux=/x"], host_zone="UTC")) for _ in range(2))
    assert first.context == second.context
    assert first.sources["linux"].received_base > 0


async def test_within_a_batch_positions_never_run_ahead(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("one\ntwo\n")
    async with running(following(path)) as queue:
        first, _ = await records(queue, 2)
    async with running(following(path, {first.reader: first.position})) as queue:
        assert (await records(queue, 2))[0].raw == first.raw


async def test_a_name_that_is_not_utf_8_is_followed_and_its_position_can_be_stored(tmp_path):
    path = tmp_path / os.fsdecode(b"c\xff.log")
    path.write_text("one\n")
    async with running(following(tmp_path / "*.log")) as queue:
        [first] = await records(queue, 1)
    runner = Embedded(file_of(tmp_path), Ruleset([]), {})
    runner.take([first.raw], {first.reader: first.position}, now=first.raw.o)
    stored = runner.positions()
    runner.close()
    with path.open("a") as file:
        file.write("two\n")
    async with running(following(tmp_path / "*.log", stored)) as queue:
        assert [item.raw.data for item in await records(queue, 1)] == [b"two"]


async def test_a_byte_order_mark_at_the_beginning_of_a_file_is_no_part_of_its_first_record(tmp_path):
    mark = "\ufeff".encode()
    (tmp_path / "a.log").write_bytes(mark + b"one\n" + mark + b"two\n")
    async with running(following(tmp_path / "a.log")) as queue:
        first, second = await records(queue, 2)
    assert (first.raw.data, second.raw.data) == (b"one", mark + b"two")
    async with running(following(tmp_path / "a.log", {second.reader: second.position})) as queue:
        with (tmp_path / "a.log").open("a") as file:
            file.write("three\n")
        assert (await records(queue, 1))[0].raw.data == b"three"
