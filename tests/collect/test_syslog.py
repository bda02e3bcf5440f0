"""Syslog over real sockets: framing of RFC 6587 however TCP cuts it, bounds, many connections."""

import asyncio
import contextlib
import itertools
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collect.contract import Collected, Unreachable
from streams.collect.framing import KEPT, LIMIT
from streams.collect.syslog import Intake, Messages, Tcp, Udp
from streams.stage import Heartbeat


@contextlib.asynccontextmanager
async def listening(make, *, stored=None, size=64):
    queue = asyncio.Queue(maxsize=size)
    listener = make(Intake("fw", "panos", stored=stored, outlet=queue), "127.0.0.1", 0)
    await listener.start()
    task = asyncio.create_task(listener.run())
    try:
        yield listener, queue
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def received(queue, number):
    records = []
    while len(records) < number:
        batch = await asyncio.wait_for(queue.get(), 5)
        records += [item for item in batch if isinstance(item, Collected)]
    return records


def send_udp(port, *datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for data in datagrams:
            sock.sendto(data, ("127.0.0.1", port))


async def test_each_datagram_is_a_record():
    async with listening(Udp) as (listener, queue):
        send_udp(listener.port, b"<13>one\n", b"<13>two\x00", b"<13>\xff line one\nline two")
        records = await received(queue, 3)
    assert [item.raw.data for item in records] == [b"<13>one", b"<13>two", b"<13>\xff line one\nline two"]
    assert {(item.raw.source, item.raw.feed, item.reader) for item in records} == {("fw", "panos", "syslog:fw")}
    assert all(item.raw.o > 0 for item in records)


async def test_datagrams_wait_in_the_kernel_while_the_queue_is_full():
    async with listening(Udp, size=1) as (listener, queue):
        for number in range(300):
            send_udp(listener.port, b"<13>%d" % number)
            await asyncio.sleep(0)
        records = await received(queue, 300)
    assert [item.raw.data for item in records] == [b"<13>%d" % number for number in range(300)]
    assert listener.lost == 0


async def test_numbering_goes_on_after_a_restart():
    async with listening(Udp) as (listener, queue):
        send_udp(listener.port, b"09:00:00 same")
        [first] = await received(queue, 1)
    async with listening(Udp, stored=first.position) as (listener, queue):
        send_udp(listener.port, b"09:00:00 same")
        [second] = await received(queue, 1)
    assert [(item.raw.line, item.raw.ordinal) for item in (first, second)] == [(1, 0), (2, 1)]


async def test_heartbeats_come_while_nothing_is_sent():
    async with listening(Udp) as (_, queue):
        [beat] = await asyncio.wait_for(queue.get(), 5)
    assert isinstance(beat, Heartbeat)
    assert beat.source == "fw"


async def test_both_framings_on_one_connection():
    async with listening(Tcp) as (listener, queue):
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"<13>line\n11 <13>counted<13>line again\r\n11 <13>\nin one")
        await writer.drain()
        writer.close()
        records = await received(queue, 4)
    assert [item.raw.data for item in records] == [b"<13>line", b"<13>counted", b"<13>line again", b"<13>\nin one"]


async def test_a_hundred_connections_at_once():
    async def send(number, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in range(20):
            writer.write(b"<13>%d/%d\n" % (number, part))
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with listening(Tcp, size=2) as (listener, queue):
        senders = [asyncio.create_task(send(number, listener.port)) for number in range(100)]
        records = await received(queue, 2000)
        await asyncio.gather(*senders)
    assert {item.raw.data for item in records} == {b"<13>%d/%d" % (n, p) for n in range(100) for p in range(20)}
    assert [item.raw.line for item in records] == list(range(1, 2001))


async def test_connections_beyond_the_limit_are_refused(monkeypatch, caplog):
    monkeypatch.setattr("streams.collect.syslog.MAX_CONNECTIONS", 1)
    async with listening(Tcp) as (listener, queue):
        _, first = await asyncio.open_connection("127.0.0.1", listener.port)
        first.write(b"<13>one\n")
        await received(queue, 1)
        reader, second = await asyncio.open_connection("127.0.0.1", listener.port)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        first.close()
        second.close()
    assert "refused" in caplog.text


async def test_what_a_connection_ends_with_is_kept():
    async with listening(Tcp) as (listener, queue):
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"<13>whole\n<13>no end")
        await writer.drain()
        writer.close()
        records = await received(queue, 2)
    assert records[1].raw.data == b"<13>no end"


async def test_a_taken_port_is_told_with_what_to_do():
    async with listening(Tcp) as (listener, queue):
        other = Tcp(Intake("b", "panos", stored=None, outlet=queue), "127.0.0.1", listener.port)
        with pytest.raises(Unreachable, match=rf"syslog\+tcp://127.0.0.1:{listener.port}: cannot listen there"):
            await other.start()


async def test_stopping_does_not_wait_for_open_connections():
    async with asyncio.timeout(5), listening(Tcp) as (listener, queue):
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"<13>one\n")
        await received(queue, 1)
    writer.close()


def test_a_message_beyond_the_limit_is_cut():
    messages = Messages()
    [cut, after] = messages.take(b"%d " % (LIMIT + 5) + b"x" * (LIMIT + 5) + b"3 abc")
    assert (len(cut.data), cut.length, after.data) == (KEPT, LIMIT + 5, b"abc")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"2026-03-02 09:00 x\n", [b"2026-03-02 09:00 x"]),
        (b"0 x\n", [b"0 x"]),
        (b"99999999999 x\n", [b"99999999999 x"]),
        (b"12\n3 abc", [b"12", b"abc"]),
        (b"\n\n<13>x\n", [b"<13>x"]),
        (b"5 ab", [b"ab"]),
        (b"77", [b"77"]),
    ],
)
def test_digits_that_are_no_length_begin_a_line(sent, expected):
    messages = Messages()
    assert [item.data for item in messages.take(sent) + messages.rest()] == expected


MESSAGE = st.binary(min_size=1, max_size=30)


@given(st.lists(st.tuples(MESSAGE, st.booleans()), max_size=8), st.lists(st.integers(0, 300)))
def test_any_cutting_gives_the_same_messages(messages, cuts):
    stream, expected = b"", []
    for data, counted in messages:
        if counted:
            stream += b"%d %s" % (len(data), data)
            expected.append(data)
        else:
            line = b"<13>" + data.replace(b"\n", b" ").rstrip(b"\r")
            stream += line + b"\n"
            expected.append(line)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    taker = Messages()
    found = [item.data for a, b in itertools.pairwise(places) for item in taker.take(stream[a:b])]
    assert found == expected
    assert taker.rest() == []
