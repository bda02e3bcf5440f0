"""``topics migrate``: what one generation of topics holds and is needed again, into another one, while nothing runs.

The old generation is only read. Decided in ``docs/decisions/0017-topics-migrate.md``.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import msgspec
from aiokafka import TopicPartition
from kafka import TopicPartition as Part
from kafka.admin import KafkaAdminClient

from detectors.kit.moving import Moving
from detectors.kit.registry import Ruleset
from schemas import log
from schemas.log import Progress
from streams import topics
from streams.kafka import atrest
from streams.kafka.atrest import Unready
from streams.kafka.detecting import MISSED, Missed
from streams.kafka.generation import MIGRATED, Generation
from streams.kafka.local import LINEAGE, MIGRATING, POSITION
from streams.kafka.redriving import records
from streams.layout import TOPICS, Layout, partitions
from streams.moving import Copying, normalized

DELIVERED = ("violations", "coverage")
COPIED = (*DELIVERED, "actions", "late", "deadletter", "redriven", "gaps")
"""Letters before their marks: these name the letters' offsets."""


class Migration:
    """One run. ``told``: called with how much of how much has been read."""

    def __init__(
        self, bootstrap: str, old: Layout, new: Layout, ruleset: Ruleset, *, told: Callable[[int, int], None]
    ) -> None:
        self._bootstrap = bootstrap
        self._old = old
        self._new = new
        self._ruleset = ruleset
        self._told = told
        self._total = 0
        self._read: Counter[tuple[str, int]] = Counter()
        self._offsets: dict[str, dict[Part, int]] = {}

    async def run(self) -> Mapping[str, int]:
        """Migrate; topic -> records written.

        Raises:
            Unready: something stands in the way, which the text tells; the old topics are as they were in any case.
            Incompatible: another version wrote the state, or one with other detectors.
        """
        await atrest.check(self._bootstrap, self._old)
        counts = {topic.name: partitions(topic, self._old) for topic in TOPICS if topic.name not in {"raw", "events"}}
        places = [(self._old.name(name), part) for name, count in counts.items() for part in range(count)]
        self._total = sum((await atrest.ends(self._bootstrap, places)).values())
        async with Generation(self._bootstrap, self._new) as new:
            await self._normalize(new)
            await self._detect(new)
            await self._copy(new)
            await self._intakes()
            await atrest.check(self._bootstrap, self._old)  # what came in meanwhile would be left behind
            await new.release(self._offsets)
            written: Counter[str] = Counter()
            for (topic, _), count in new.written.items():
                written[topic] += count
        return written

    async def _normalize(self, new: Generation) -> None:
        found = [await self._state("state.normalize", "raw", part) for part in range(self._old.raw)]
        for part, rows in enumerate(normalized(found, self._new.raw)):
            for name, value in rows.items():
                await new.add("state.normalize", part, name.encode(), value)
            self._begin("normalize", "raw", part, 0)

    async def _detect(self, new: Generation) -> None:
        old, layout = self._old, self._new
        moving = Moving(self._ruleset, before=(old.raw, old.keyed), after=(layout.raw, layout.keyed))
        lost: list[Missed] = []
        for part in range(old.keyed):
            found = await self._state("state.detect", "events", part)
            missed = found.pop(MISSED, None)
            if missed is not None:
                lost.append(msgspec.json.decode(missed, type=Missed))
            for place, name, value in moving.take(found):
                await new.add("state.detect", place, name.encode(), value)
        shared = [(name.encode(), value) for name, value in moving.shared() if value is not None]
        if lost:  # keys of the partition that lost records are everywhere now
            since, until = min(item.since for item in lost), max(item.until for item in lost)
            shared.append((MISSED.encode(), msgspec.json.encode(Missed(since, until, list(range(layout.raw))))))
        observed = moving.observed()
        for place in range(layout.keyed):
            for key, value in shared:
                await new.add("state.detect", place, key, value)
            if observed:
                # The new log begins here: one that begins at offset 0 would be taken for all there has ever been (rejudge).
                for _ in range(2):
                    beginning = log.encode(Progress(part=0, parts=layout.raw, observed=observed))
                    await new.add("events", place, None, beginning)
            position = 2 if observed else 0
            await new.add("state.detect", place, POSITION.encode(), str(position).encode())
            self._begin("detect", "events", place, position)
        await new.shorten("events")

    async def _copy(self, new: Generation) -> None:
        copying = Copying(self._ruleset, self._new)
        for topic in COPIED:
            count = next(partitions(item, self._old) for item in TOPICS if item.name == topic)
            spans: list[tuple[int, int, int | None]] = [(part, 0, None) for part in range(count)]
            if topic in DELIVERED:
                delivered = await asyncio.to_thread(self._delivered, topic, count)
                for part, upto in delivered.items():
                    await self._copy_span(new, copying, topic, (part, 0, upto))
                await new.flush()
                for part in range(next(partitions(item, self._new) for item in TOPICS if item.name == topic)):
                    self._begin("deliver", topic, part, new.written[topic, part])
                spans = [(part, upto, None) for part, upto in delivered.items()]
            for span in spans:
                await self._copy_span(new, copying, topic, span)

    async def _copy_span(self, new: Generation, copying: Copying, topic: str, span: tuple[int, int, int | None]) -> None:
        part, since, until = span
        if until == 0:
            return
        async with aclosing(self._records(topic, part, since)) as found:
            async for record in found:
                if until is not None and record.offset >= until:
                    break
                place, value = copying.moved(topic, record.offset, record.key, record.value or b"")
                await new.add(topic, place, record.key, value)

    async def _intakes(self) -> None:
        """Foreign topics are read on from where they were."""
        for group, own in (await asyncio.to_thread(self._foreign)).items():
            self._offsets[f"{self._new.prefix}{group.removeprefix(self._old.prefix)}"] = own

    async def _state(self, topic: str, source: str, part: int) -> dict[str, bytes]:
        """What a changelog holds, without what is not moved. Raises Unready if it has not taken all of ``source``."""
        found: dict[str, bytes] = {}
        async for record in self._records(topic, part, 0):
            name = record.key.decode()
            if record.value is None:
                found.pop(name, None)
            else:
                found[name] = record.value
        if MIGRATING in found:
            raise Unready(f"{self._old.name(topic)} is itself of a migration that was not finished; set the generation before it")
        position = int(found.pop(POSITION, b"0"))
        found.pop(MIGRATED, None)
        found.pop(LINEAGE, None)  # the copy is another topic
        async with aclosing(records(self._bootstrap, TopicPartition(self._old.name(source), part), since=position)) as unread:
            if (record := await anext(unread, None)) is not None:
                raise Unready(
                    f"{self._old.name(source)}-{part} holds records from offset {record.offset} on that are not in {topic}; run"
                    " its stage until it has taken them, whatever the group's offset says"
                )
        return found

    async def _records(self, topic: str, part: int, since: int) -> AsyncGenerator[Any, None]:
        async with aclosing(records(self._bootstrap, TopicPartition(self._old.name(topic), part), since=since)) as found:
            async for record in found:
                yield record
                self._read[topic, part] = max(record.offset + 1, self._read[topic, part])
                self._told(self._read.total(), self._total)

    def _begin(self, stage: str, topic: str, part: int, offset: int) -> None:
        self._offsets.setdefault(f"{self._new.prefix}{stage}", {})[Part(self._new.name(topic), part)] = offset

    def _delivered(self, topic: str, count: int) -> dict[int, int]:
        """Partition of ``topic`` -> up to where it has been delivered; the new generation delivers the rest."""
        group = f"{self._old.prefix}deliver"
        tps = [Part(self._old.name(topic), part) for part in range(count)]
        admin = self._admin()
        try:
            found = admin.list_group_offsets({group: tps})[group]
        finally:
            admin.close()
        return {tp.partition: max(0, found[tp].offset) if tp in found else 0 for tp in tps}

    def _foreign(self) -> dict[str, dict[Part, int]]:
        admin = self._admin()
        try:
            return {
                group: {tp: at.offset for tp, at in admin.list_group_offsets({group: None})[group].items() if at.offset >= 0}
                for group in atrest.intakes(admin, self._old)
            }
        finally:
            admin.close()

    def _admin(self) -> KafkaAdminClient:
        return KafkaAdminClient(bootstrap_servers=self._bootstrap, bootstrap_timeout_ms=topics.BOOTSTRAP_MS)
