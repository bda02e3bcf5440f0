"""Collector of standard input, or any open pipe or file: read once, to its end."""

import asyncio
import logging
import os
import stat
import threading
from codecs import BOM_UTF8
from collections.abc import Callable

from streams import clock
from streams.collect.contract import BATCH_RECORDS, BEAT, Outlet, batch
from streams.collect.framing import Framed, Lines
from streams.collect.ordinal import Ordinals
from streams.stage import Heartbeat, Raw

log = logging.getLogger(__name__)

CHUNK = 256 << 10


class Stdin:
    """Reads the file descriptor as ``source``. It cannot be read again: the position is only the numbering."""

    def __init__(
        self, source: str, feed: str, *, starts: Callable[[str], bool] | None, stored: bytes | None, outlet: Outlet,
        descriptor: int = 0,
    ) -> None:  # fmt: skip
        self._source = source
        self._feed = feed
        self._reader = f"stdin:{source}"
        self._outlet = outlet
        self._descriptor = descriptor
        self._position = stored or bytes(8)
        self._records = int.from_bytes(self._position[:8], "big")
        self._ordinals = Ordinals(self._position[8:])
        self._lines = Lines(starts)
        # A file that was redirected here was written at some other time: its records carry no observed time.
        self._bare = stat.S_ISREG(os.fstat(descriptor).st_mode)

    async def run(self) -> None:
        """Read to the end of input."""
        loop = asyncio.get_running_loop()
        chunks: asyncio.Queue[bytes] = asyncio.Queue()
        room = threading.Semaphore(8)

        def read() -> None:
            # A thread of its own that ends with the process: nothing else can leave a read that waits for ever.
            while True:
                room.acquire()
                try:
                    data = os.read(self._descriptor, CHUNK)
                except OSError as error:
                    log.warning("source %s: reading ended: %s", self._source, error)
                    data = b""
                try:
                    loop.call_soon_threadsafe(chunks.put_nowait, data)
                except RuntimeError:  # the loop has ended
                    return
                if not data:
                    return

        threading.Thread(target=read, name=self._reader, daemon=True).start()
        while True:
            try:
                data = await asyncio.wait_for(chunks.get(), BEAT)
            except TimeoutError:
                await self._put(self._lines.flush())
                if not self._lines.waiting:
                    await self._outlet.put([Heartbeat(self._source, clock.now())])
                continue
            room.release()
            await self._put(self._lines.take(data) if data else self._lines.flush(final=True))
            if not data:
                await self._outlet.put([Heartbeat(self._source, clock.now())])
                return

    async def _put(self, records: list[Framed]) -> None:
        now = clock.now()
        for start in range(0, len(records), BATCH_RECORDS):
            before = self._position
            raws = [self._raw(item, now) for item in records[start : start + BATCH_RECORDS]]
            self._position = self._records.to_bytes(8, "big") + self._ordinals.stored()
            await self._outlet.put(batch(raws, self._reader, before, self._position))

    def _raw(self, item: Framed, now: int) -> Raw:
        self._records += 1
        data = item.data.removeprefix(BOM_UTF8) if item.line == 1 else item.data
        ordinal = self._ordinals.next(data, self._records)
        o = None if self._bare else now
        return Raw(self._source, self._feed, data, o, ordinal, item.line, item.length, item.sha256)
