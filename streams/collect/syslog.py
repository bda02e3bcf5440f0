"""Collector of syslog over UDP and TCP (RFC 6587: octet counting and LF framing). Listens on loopback unless told otherwise."""

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable
from typing import Final

from streams import clock
from streams.collect.contract import BATCH_RECORDS, BEAT, Outlet, Unreachable, batch
from streams.collect.framing import Framed, Growing, Lines
from streams.collect.ordinal import Ordinals
from streams.stage import Heartbeat, Raw

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 1024
IDLE = 3600.0  # seconds after which a silent connection is closed
CHUNK = 64 << 10
WINDOW = 256  # different records among which identical ones are counted
RECEIVE_BUFFER = 8 << 20  # bytes the kernel may hold while we are busy
_OVERFLOW: Final = 40  # SO_RXQ_OVFL of Linux: how many datagrams the kernel dropped
_LONGEST_COUNT = 10  # digits of MSG-LEN


class Intake:
    """Puts what listeners receive into the queue, numbered. The wire cannot be read again; the position is the numbering."""

    def __init__(self, source: str, feed: str, *, stored: bytes | None, outlet: Outlet) -> None:
        self.source = source
        self.reader = f"syslog:{source}"
        self._feed = feed
        self._outlet = outlet
        self._position = stored or bytes(8)
        self._line = int.from_bytes(self._position[:8], "big")
        self._ordinals = Ordinals(self._position[8:], size=WINDOW)
        self._turn = asyncio.Lock()  # no heartbeat overtakes records that were observed before it

    async def put(self, records: list[Framed]) -> None:
        """Queue ``records`` as observed now; waits while the queue is full."""
        if not records:
            return
        async with self._turn:
            await self._put(records)

    async def beat(self) -> None:
        """Say every ten seconds that the listener is there. What the network has not brought is not in its power."""
        while True:
            async with self._turn:
                await self._outlet.put([Heartbeat(self.source, clock.now())])
            await asyncio.sleep(BEAT)

    async def _put(self, records: list[Framed]) -> None:
        now = clock.now()
        before = self._position
        raws: list[Raw] = []
        for item in records:
            self._line += 1
            ordinal = self._ordinals.next(item.data, self._line)
            raws.append(Raw(self.source, self._feed, item.data, now, ordinal, self._line, item.length, item.sha256))
        self._position = self._line.to_bytes(8, "big") + self._ordinals.stored()
        await self._outlet.put(batch(raws, self.reader, before, self._position))


class Udp:
    """One record a datagram. ``lost``: datagrams the kernel dropped because we were too slow."""

    def __init__(self, intake: Intake, host: str, port: int) -> None:
        self.lost = 0
        self.port = port
        self._intake = intake
        self._host = host
        self._socket: socket.socket | None = None

    async def start(self) -> None:
        """Bind, unless bound; raises Unreachable."""
        if self._socket is not None:
            return
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.settimeout(0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, _OVERFLOW, 1)
        try:
            sock.bind((self._host, self.port))
        except OSError as error:
            sock.close()
            raise _unreachable("udp", self._host, self.port, error) from error
        self.port = sock.getsockname()[1]
        self._socket = sock

    async def run(self) -> None:
        """Receive until cancelled."""
        await self.start()
        assert self._socket is not None  # noqa: S101 - start has bound it
        await _serve(self._receive(self._socket), self._intake)

    async def _receive(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                records = self._available(sock)
                if records:
                    await self._intake.put(records)
                else:
                    ready = loop.create_future()
                    loop.add_reader(sock, ready.set_result, None)
                    try:
                        await ready
                    finally:
                        loop.remove_reader(sock)
        finally:
            sock.close()
            self._socket = None

    def _available(self, sock: socket.socket) -> list[Framed]:
        records: list[Framed] = []
        while len(records) < BATCH_RECORDS:
            try:
                data, ancillary, _, _ = sock.recvmsg(CHUNK, 64)
            except BlockingIOError:
                break
            for level, kind, value in ancillary:
                if level == socket.SOL_SOCKET and kind == _OVERFLOW:
                    self._dropped(struct.unpack("@I", value[:4])[0])
            records.append(Framed(data.rstrip(b"\r\n\x00"), 0, 0))
        return records

    def _dropped(self, total: int) -> None:
        if total != self.lost:
            log.warning("source %s: %d datagrams were dropped by the kernel: the queue was full; use TCP or more workers",
                        self._intake.source, total - self.lost)  # fmt: skip
            self.lost = total


class Tcp:
    """Many connections; each message says by its first byte how it is framed (RFC 6587 section 3.4)."""

    def __init__(self, intake: Intake, host: str, port: int) -> None:
        self.port = port
        self._intake = intake
        self._host = host
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen, unless listening; raises Unreachable."""
        if self._server is not None:
            return
        try:
            self._server = await asyncio.start_server(self._connected, self._host, self.port, limit=CHUNK)
        except OSError as error:
            raise _unreachable("tcp", self._host, self.port, error) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def run(self) -> None:
        """Serve until cancelled."""
        await self.start()
        server, self._server = self._server, None
        assert server is not None  # noqa: S101 - start has opened it
        try:
            await _serve(server.serve_forever(), self._intake)
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this as a task
        if len(self._connections) >= MAX_CONNECTIONS:
            log.warning("source %s: refused %s: %d connections are open already", self._intake.source, peer, MAX_CONNECTIONS)
            writer.close()
            return
        self._connections.add(task)
        messages = Messages()
        try:
            while chunk := await asyncio.wait_for(reader.read(CHUNK), IDLE):
                await self._intake.put(messages.take(chunk))
        except TimeoutError:
            log.info("source %s: closed %s: silent for %d s", self._intake.source, peer, IDLE)
        except ConnectionError as error:
            log.info("source %s: %s: %s", self._intake.source, peer, error)
        finally:
            self._connections.discard(task)
            writer.close()
        await self._intake.put(messages.rest())


class Messages:
    """Messages out of the bytes of one connection."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._head = bytearray()  # what may be a MSG-LEN
        self._body: Growing | None = None
        self._missing = 0

    def take(self, chunk: bytes) -> list[Framed]:
        """Messages that ``chunk`` completes."""
        out: list[Framed] = []
        while chunk:
            if self._body is not None:
                chunk = self._counted(self._body, chunk, out)
            elif self._lines.waiting or not (self._head or chunk[:1].isdigit()):
                chunk = self._line(chunk, out)
            else:
                chunk = self._count(chunk)
        return out

    def rest(self) -> list[Framed]:
        """What the connection ended with, complete or not."""
        out = self._lines.flush(final=True)
        if self._body is not None:
            out.append(self._body.framed(0, 0))
        elif self._head:
            out.append(Framed(bytes(self._head), 0, 0))
        return out

    def _counted(self, body: Growing, chunk: bytes, out: list[Framed]) -> bytes:
        part = chunk[: self._missing]
        body.add(part)
        self._missing -= len(part)
        if not self._missing:
            out.append(body.framed(0, 0))
            self._body = None
        return chunk[len(part) :]

    def _line(self, chunk: bytes, out: list[Framed]) -> bytes:
        end = chunk.find(b"\n") + 1 or len(chunk)
        out += [item for item in self._lines.take(chunk[:end]) if item.data]
        return chunk[end:]

    def _count(self, chunk: bytes) -> bytes:
        """Read "MSG-LEN SP"; what turns out to be none is the beginning of a line."""
        for place, byte in enumerate(chunk):
            if byte == 0x20 and self._head and self._head[0] != 0x30:
                self._missing = int(self._head)
                self._body = Growing()
                self._head.clear()
                return chunk[place + 1 :]
            if not 0x30 <= byte <= 0x39 or len(self._head) >= _LONGEST_COUNT:
                head = bytes(self._head)
                self._head.clear()
                self._lines.take(head)
                return chunk[place:]
            self._head.append(byte)
        return b""


async def _serve(listening: Awaitable[None], intake: Intake) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_awaited(listening))
        tasks.create_task(intake.beat())


async def _awaited(listening: Awaitable[None]) -> None:
    await listening


def _unreachable(transport: str, host: str, port: int, error: OSError) -> Unreachable:
    why = error.strerror or str(error)
    return Unreachable(f"syslog+{transport}://{host}:{port}: cannot listen there: {why}; choose another, or stop what uses it")
