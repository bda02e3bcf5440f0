"""A new generation of topics while ``topics migrate`` writes it: emptied, marked as unfinished, filled, verified, released.

Workers refuse what bears the mark; so a migration that was broken off is run again, and begins with empty topics.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Self

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from kafka import OffsetAndMetadata
from kafka import TopicPartition as Part
from kafka.admin import KafkaAdminClient

from streams import clock, topics
from streams.kafka import atrest
from streams.kafka.atrest import Unready
from streams.kafka.lane import send
from streams.kafka.local import MIGRATING
from streams.kafka.redriving import records
from streams.layout import RECORD_LIMIT, TOPICS, Layout, partitions

MIGRATED = '["migrated"]'
"""Stands in the state of keyed partition 0 once the migration is at its end; tells where the topics ended."""
STATE = ("state.detect", "state.normalize")
ROWS, BYTES = 2_000, 4 << 20  # written at a time, of one partition
GONE = 30.0  # seconds until a topic that was deleted is gone

Place = tuple[str, int]  # topic without the prefix, partition
Row = tuple[bytes | None, bytes | None]


class Generation:
    """The topics of ``layout``; within ``async with``, which empties and marks them.

    Raises:
        Unready: they are in use.
    """

    def __init__(self, bootstrap: str, layout: Layout) -> None:
        self.layout = layout
        self.written: Counter[Place] = Counter()
        self._bootstrap = bootstrap
        self._rows: defaultdict[Place, list[Row]] = defaultdict(list)
        self._bytes: Counter[Place] = Counter()
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        have = await asyncio.to_thread(topics.counts, self._bootstrap, self.layout)
        if have:
            await self._unused(have)
            await self._delete([name for name in have if name != "state.detect"])
            await self._delete(["state.detect"])  # last, since it bears the mark
        await asyncio.to_thread(topics.create, self._bootstrap, self.layout)
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, enable_idempotence=True, acks="all", max_batch_size=256 << 10,
            max_request_size=RECORD_LIMIT,
        )  # fmt: skip
        await self._producer.start()
        for place in self._state():
            await self._write(place, [(MIGRATING.encode(), b"1")])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def add(self, topic: str, part: int, key: bytes | None, value: bytes) -> None:
        """Write one record, together with others."""
        place = topic, part
        self._rows[place].append((key, value))
        self._bytes[place] += len(value)
        if len(self._rows[place]) >= ROWS or self._bytes[place] >= BYTES:
            await self._flush(place)

    async def flush(self) -> None:
        """Write what has been added."""
        for place in list(self._rows):
            await self._flush(place)

    async def release(self, offsets: Mapping[str, Mapping[Part, int]]) -> None:
        """Set where the groups begin, and take the mark away.

        Raises:
            Unready: the topics hold what was not written here.
        """
        await self.flush()
        found = await self._ends({topic.name: partitions(topic, self.layout) for topic in TOPICS})
        if {place: end for place, end in found.items() if end} != dict(self.written):
            raise Unready(
                f"somebody else has written to the topics under {self.layout.prefix!r} meanwhile: nothing is lost, run this"
                " command again when nobody else does"
            )
        await asyncio.to_thread(self._commit, offsets)
        for place in self._state()[1:]:
            await self._write(place, [(MIGRATING.encode(), None)])
        ends = sorted((*place, end) for place, end in found.items() if place[0] not in STATE)
        await self._write(("state.detect", 0), [(MIGRATED.encode(), msgspec.json.encode(ends)), (MIGRATING.encode(), None)])

    async def shorten(self, topic: str) -> None:
        """Delete the first record of each partition."""
        await self.flush()
        tps = {Part(self.layout.name(name), part): 1 for name, part in self.written if name == topic}
        if tps:
            await asyncio.to_thread(self._shorten, tps)

    async def _unused(self, have: Mapping[str, int]) -> None:
        """Return if the topics are empty, or hold what only a migration has written."""
        await atrest.left(self._bootstrap, self.layout)
        ends = await self._ends(have)
        if not any(ends.values()):
            return
        marks: dict[str, bytes] = {}
        if "state.detect" in have:
            async for record in records(self._bootstrap, TopicPartition(self.layout.name("state.detect"), 0)):
                name = (record.key or b"").decode()
                if record.value is None:
                    marks.pop(name, None)
                elif name in {MIGRATING, MIGRATED}:
                    marks[name] = record.value
        if MIGRATING in marks and not any(end for (topic, _), end in ends.items() if topic == "raw"):
            return
        told = msgspec.json.decode(marks.get(MIGRATED, b"[]"), type=list[tuple[str, int, int]])
        if told and {(topic, part): end for topic, part, end in told} == {
            place: end for place, end in ends.items() if place[0] not in STATE
        }:
            return
        raise Unready(
            f"the topics under {self.layout.prefix!r} are in use: they hold records that no unfinished migration has written;"
            " name another --generation, or delete them if nobody needs them"
        )

    async def _ends(self, have: Mapping[str, int]) -> dict[Place, int]:
        names = {self.layout.name(name): name for name in have}
        places = [(name, part) for name, topic in names.items() for part in range(have[topic])]
        return {(names[topic], part): end for (topic, part), end in (await atrest.ends(self._bootstrap, places)).items()}

    async def _flush(self, place: Place) -> None:
        rows = self._rows.pop(place, [])
        self._bytes.pop(place, None)
        if rows:
            await self._write(place, rows)

    async def _write(self, place: Place, rows: Sequence[Row]) -> None:
        assert self._producer is not None  # noqa: S101 - __aenter__ has made it
        await asyncio.gather(*await send(self._producer, self.layout.name(place[0]), place[1], list(rows)))
        self.written[place] += len(rows)

    def _state(self) -> list[Place]:
        """Every partition of the state, that whose mark decides first."""
        counts = {"state.detect": self.layout.keyed, "state.normalize": self.layout.raw}
        return [(topic, part) for topic in STATE for part in range(counts[topic])]

    async def _delete(self, names: Sequence[str]) -> None:
        full = [self.layout.name(name) for name in names]
        await asyncio.to_thread(self._deleted, full)
        until = clock.monotonic() + GONE
        while set(names) & (await asyncio.to_thread(topics.counts, self._bootstrap, self.layout)).keys():
            if clock.monotonic() > until:
                raise Unready(
                    f"Kafka does not delete topics {', '.join(full)}; see its log (delete.topic.enable), and run this again"
                )
            await asyncio.sleep(0.2)

    def _deleted(self, names: Sequence[str]) -> None:
        admin = self._admin()
        try:
            admin.delete_topics(list(set(names) & set(admin.list_topics())))
        finally:
            admin.close()

    def _commit(self, offsets: Mapping[str, Mapping[Part, int]]) -> None:
        admin = self._admin()
        try:
            for group, own in offsets.items():
                told = admin.alter_group_offsets(group, {tp: OffsetAndMetadata(at, "", -1) for tp, at in own.items()})
                wrong = {error for error in told.values() if error.errno}
                if wrong:
                    raise Unready(f"Kafka does not take offsets of group {group}: {wrong.pop().__name__}; run this command again")
        finally:
            admin.close()

    def _shorten(self, tps: Mapping[Part, int]) -> None:
        admin = self._admin()
        try:
            admin.delete_records(dict(tps))
        finally:
            admin.close()

    def _admin(self) -> KafkaAdminClient:
        return KafkaAdminClient(bootstrap_servers=self._bootstrap, bootstrap_timeout_ms=topics.BOOTSTRAP_MS)
