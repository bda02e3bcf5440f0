"""Watches from a thread how far the stages have committed, to tell the longest time in which none went on."""

import asyncio
import threading
import time
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tests.chaos.world import World


class Watch:
    """Use with ``with`` around a time of steady load; ``longest`` is in seconds."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ending = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._look()), daemon=True)
        self.longest = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending.set()
        self._thread.join()

    async def _look(self) -> None:
        layout = self._world.layout
        readers = []
        for topic, (group, partitions) in self._world.groups.items():
            reader = AIOKafkaConsumer(
                bootstrap_servers=self._world.bootstrap, group_id=f"{layout.prefix}{group}", enable_auto_commit=False
            )
            await reader.start()
            readers.append((reader, [TopicPartition(layout.name(topic), part) for part in range(partitions)]))
        before: list[int | None] = []
        moved = time.monotonic()
        try:
            while not self._ending.is_set():
                try:
                    now = [await reader.committed(tp) for reader, tps in readers for tp in tps]
                except KafkaError:
                    now = before
                if now != before:
                    before, moved = now, time.monotonic()
                self.longest = max(self.longest, time.monotonic() - moved)
                await asyncio.sleep(0.5)
        finally:
            for reader, _ in readers:
                await reader.stop()
