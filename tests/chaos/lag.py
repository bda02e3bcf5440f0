"""How far the stages are behind, asked often and cheaply: clients that stay, and what is known of a partition's tail is kept."""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import TimeoutError as Late
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

ANSWER = 30.0  # seconds; a look that takes longer is given up, its clients with it
TAIL = 2.0  # seconds in which a tail without records is passed; longer: a transaction is still open there
REQUEST_MS = 8_000


class Lag:
    """Looks from a thread of its own; :meth:`close` ends it."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._clients: tuple[AIOKafkaAdminClient, AIOKafkaConsumer, AIOKafkaConsumer] | None = None
        self._passed: dict[TopicPartition, tuple[int, int]] = {}

    def unread(self, topic: str, group: str, partitions: int) -> int:
        """How many partitions hold records, or an open transaction, beyond what ``group`` has committed.

        A broker that does not answer counts as all of them.
        """
        asked = asyncio.run_coroutine_threadsafe(self._unread(topic, group, partitions), self._loop)
        try:
            return asked.result(ANSWER)
        # The admin client of aiokafka raises AttributeError where it means to name an error of one partition.
        except (KafkaError, OSError, AttributeError, Late):
            asked.cancel()
            self._forget()
            return partitions

    def close(self) -> None:
        """End the clients and the thread."""
        self._forget()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER)

    def _forget(self) -> None:
        clients, self._clients = self._clients, None
        for client in clients or ():
            ending = client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop()
            try:
                asyncio.run_coroutine_threadsafe(ending, self._loop).result(ANSWER)
            except (KafkaError, OSError, Late):
                continue  # it has gone with its broker

    async def _connected(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer, AIOKafkaConsumer]:
        if self._clients is None:
            options: Mapping[str, Any] = {"bootstrap_servers": self._bootstrap, "request_timeout_ms": REQUEST_MS}
            admin = AIOKafkaAdminClient(**options)
            ends = AIOKafkaConsumer(**options, enable_auto_commit=False)
            reader = AIOKafkaConsumer(
                **options, enable_auto_commit=False, isolation_level="read_committed", auto_offset_reset="earliest"
            )
            for client in (admin, ends, reader):
                await client.start()
            self._clients = admin, ends, reader
        return self._clients

    async def _unread(self, topic: str, group: str, partitions: int) -> int:
        admin, ends, reader = await self._connected()
        tps = [TopicPartition(topic, part) for part in range(partitions)]
        # First what is committed, then the ends, these with what open transactions have written: what a stage wrote before
        # it committed is then seen by whoever asks for the next stage after this one.
        committed = await admin.list_consumer_group_offsets(group)
        last = await ends.end_offsets(tps)
        places = {tp: max(committed[tp].offset, 0) if tp in committed else 0 for tp in tps}
        behind = [tp for tp in tps if places[tp] < last[tp] and self._passed.get(tp) != (places[tp], last[tp])]
        if not behind:
            return 0
        reader.assign(behind)
        for tp in behind:
            reader.seek(tp, places[tp])
        until = self._loop.time() + TAIL
        while behind and self._loop.time() < until:
            if any((await reader.getmany(timeout_ms=50)).values()):
                return len(behind)
            for tp in list(behind):
                if await reader.position(tp) >= last[tp]:
                    self._passed[tp] = (places[tp], last[tp])
                    behind.remove(tp)
        return len(behind)
