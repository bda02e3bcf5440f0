"""The collect stage on Kafka: what collectors bring goes to topic ``raw``; positions are kept in a file after the broker's word.

After a crash between the two the lines are sent again under the same ordinals, so the engine knows them as copies.
"""

import asyncio
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from aiokafka import AIOKafkaProducer

from schemas import identity
from schemas.context import ContextRecord
from streams.collect.contract import Collected, Collector, Outlet
from streams.kafka.lane import send
from streams.kafka.normalizing import encode_raw
from streams.layout import RECORD_LIMIT, Layout
from streams.stage import Heartbeat, Said

MAX_ITEMS = 4000


class Collecting:
    """Writes what ``collector`` brings."""

    def __init__(
        self, *, collector: Collector, context: Iterable[ContextRecord],
        positions: Path, layout: Layout, bootstrap: str,
    ) -> None:  # fmt: skip
        self._collector = collector
        self._context = context
        self._file = positions
        self._layout = layout
        self._queue: Outlet = asyncio.Queue(maxsize=64)
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, enable_idempotence=True, acks="all", linger_ms=5, max_request_size=RECORD_LIMIT,
            max_batch_size=256 << 10,
        )  # fmt: skip

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until ``stopping``, or until every input has come to its end and is written."""
        positions = self._read()
        await self._producer.start()
        try:
            await self._write([Said(record) for record in self._context])
            reading = asyncio.create_task(self._collector.run(self._queue, positions, stopping))
            try:
                while not stopping.is_set() and not (reading.done() and self._queue.empty()):
                    await self._carry(positions)
                    if reading.done():
                        reading.result()
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
        finally:
            await self._producer.stop()

    async def _carry(self, positions: dict[str, bytes]) -> None:
        try:
            items = list(await asyncio.wait_for(self._queue.get(), 0.2))
        except TimeoutError:
            return
        while len(items) < MAX_ITEMS and not self._queue.empty():
            items += self._queue.get_nowait()
        await self._write(items)
        moved = {item.reader: item.position for item in items if isinstance(item, Collected)}
        if moved:
            positions.update(moved)
            self._keep(positions)

    async def _write(self, items: Sequence[Collected | Heartbeat | Said]) -> None:
        rows: dict[int, list[tuple[bytes | None, bytes | None]]] = {}
        for item in items:
            record = item.raw if isinstance(item, Collected) else item
            name = "" if isinstance(record, Said) else record.source
            place = identity.partition("source", (name,), self._layout.raw)
            rows.setdefault(place, []).append((name.encode() or None, encode_raw(record)))
        topic = self._layout.name("raw")
        sent = [future for place, batch in rows.items() for future in await send(self._producer, topic, place, batch)]
        await asyncio.gather(*sent)

    def _read(self) -> dict[str, bytes]:
        if not self._file.exists():
            return {}
        stored: Mapping[str, str] = json.loads(self._file.read_text())
        return {name: b64decode(value) for name, value in stored.items()}

    def _keep(self, positions: Mapping[str, bytes]) -> None:
        fresh = self._file.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump({name: b64encode(value).decode() for name, value in positions.items()}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)
