"""What a pipeline has ended with, against what it should: violations topic, Elasticsearch and both conservation laws.

Everything is read anew from the services; nothing of the workers' memory counts.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import log
from schemas.log import Keyed
from schemas.violation import SETTLED, Violation, final
from sinks.elasticsearch import documents
from sinks.elasticsearch.template import current_alias, history_alias
from streams.kafka import normalizing, replaying
from streams.layout import Layout
from streams.stage import Heartbeat, Raw, Said

Json = dict[str, Any]

Refused = Callable[[str], bool]


def nothing(id_: str) -> bool:
    """The store takes every document."""
    return False


_raw = msgspec.msgpack.Decoder().decode


@dataclass(slots=True)
class Difference:
    """Ids that are not as expected, and broken laws in words; all empty when all is well."""

    lost: set[str] = field(default_factory=set)
    duplicate: set[str] = field(default_factory=set)
    phantom: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    laws: list[str] = field(default_factory=list)

    def documents(self, found: Mapping[str, Json], expected: Mapping[str, Json]) -> None:
        """Compare one final set."""
        self.lost |= expected.keys() - found.keys()
        self.phantom |= found.keys() - expected.keys()
        self.changed |= {id_ for id_ in expected.keys() & found.keys() if expected[id_] != found[id_]}

    @property
    def nothing(self) -> bool:
        """Whether all is as expected."""
        return not (self.lost or self.duplicate or self.phantom or self.changed or self.laws)


def compared(
    bootstrap: str, layout: Layout, expected: Mapping[str, Json], elasticsearch: str, refused: Refused = nothing
) -> Difference:
    """Compare everything under ``layout.prefix``; ``elasticsearch``: URL of the real server.

    ``refused``: ids of findings that the store cannot take; each of their transitions must be a dead letter instead.
    """
    difference = Difference()
    published = asyncio.run(replaying.violations(bootstrap, layout))
    difference.documents({v.id: v.canonical() for v in final(published)}, expected)
    numbers: dict[str, list[int]] = {}
    for violation in published:
        numbers.setdefault(violation.id, []).append(violation.transition.number)
    difference.duplicate |= {id_ for id_, found in numbers.items() if found != list(range(1, len(found) + 1))}
    storable = [v for v in published if not refused(v.id)]
    wanted = {id_: document for id_, document in expected.items() if not refused(id_)}
    _stored(difference, elasticsearch, f"{layout.prefix}controlwatch", wanted, storable)
    difference.laws += asyncio.run(_laws(bootstrap, layout, unstored=len(published) - len(storable)))
    return difference


def _stored(
    difference: Difference, url: str, prefix: str, expected: Mapping[str, Json], published: Iterable[Violation]
) -> None:
    """Current documents and history of the store."""
    with Elasticsearch(url) as client:
        client.indices.refresh(index=f"{prefix}-*")
        current: dict[str, Violation] = {}
        everything = {"query": {"match_all": {}}}
        for hit in scan(client, index=current_alias(prefix), query=everything):
            violation = documents.violation(hit["_source"])
            if violation.id in current:
                difference.duplicate.add(violation.id)
            current[violation.id] = violation
        history = Counter(
            hit["_id"] for hit in scan(client, index=history_alias(prefix), query={**everything, "_source": False})
        )
    difference.documents({v.id: v.canonical() for v in current.values() if v.state in SETTLED}, expected)
    transitions = {f"{v.id}:{v.transition.number}" for v in published}
    newest = {v.id: v for v in published}
    difference.lost |= {name.rpartition(":")[0] for name in transitions - history.keys()} | (newest.keys() - current.keys())
    difference.phantom |= {name.rpartition(":")[0] for name in history.keys() - transitions}
    difference.duplicate |= {name.rpartition(":")[0] for name, count in history.items() if count > 1}
    difference.changed |= {id_ for id_ in current.keys() & newest.keys() if current[id_] != newest[id_]}


async def _laws(bootstrap: str, layout: Layout, *, unstored: int) -> list[str]:
    """Both conservation laws (T38), for each partition, from the counters in its committed state and from the topics."""
    broken: list[str] = []
    letters = 0
    for partition in range(layout.raw):
        kept = await _state(bootstrap, layout.name("state.normalize"), partition, normalizing.META)
        counts: Mapping[str, int] = kept.get("counters", {})
        letters += counts.get("dead", 0)
        written = sum([1 async for value in records(bootstrap, layout.name("raw"), partition) if _counts(value)])
        read = counts.get("read", 0)
        fates = counts.get("parsed", 0) + counts.get("filtered", 0) + counts.get("dead", 0)
        if not written == read == fates:
            broken.append(f"raw {partition}: {written} records written, {read} read, {fates} with a fate")
    ruleset = Ruleset(registry.load().values())
    parked = 0
    for partition in range(layout.keyed):
        kept = await _state(bootstrap, layout.name("state.detect"), partition, '["m"]')
        counts = kept.get("counters", {})
        # What crashes when it is judged anew, and a deadline that crashes, have their letters but no fate of their own.
        parked += sum(counts.get(name, 0) for name in ("parked", "parked_anew", "parked_deadlines"))
        routed = counts.get("routed", 0)
        fates = sum(counts.get(fate, 0) for fate in ("judged", "late", "duplicate", "parked"))
        copies = 0
        async for value in records(bootstrap, layout.name("events"), partition):
            record = log.decode(value)
            if isinstance(record, Keyed):
                copies += sum(len(ruleset.interested(kind, record.event)) for kind, _ in record.routes)
        # A lone partition exchanges facts with nobody: they loop back within the engine and are never written.
        written = copies if layout.keyed > 1 else max(copies, routed)
        if not written == routed == fates:
            broken.append(f"events {partition}: {copies} judgements written, {routed} routed, {fates} with a fate")
    buried = [json.loads(value) async for value in records(bootstrap, layout.name("deadletter"), 0)]
    found = Counter(letter["stage"] for letter in buried)
    # A write that is tried again buries again under the same id: delivery is at least once, and so are its letters.
    found["deliver"] = len({letter["id"] for letter in buried if letter["stage"] == "deliver"})
    if (found["normalize"], found["detect"], found["deliver"]) != (letters, parked, unstored):
        reasons = dict(Counter(f"{letter['stage']}: {letter['reason']}" for letter in buried))
        broken.append(f"dead letters: {reasons} in the topic; {letters} unreadable, {parked} parked, {unstored} unstorable")
    return broken


def _counts(value: bytes) -> bool:
    """Whether a value of topic ``raw`` is a record, not the passing of time or context."""
    try:
        return not isinstance(normalizing.decode_raw(value), Heartbeat | Said)
    except ValueError:
        return True


async def _state(bootstrap: str, topic: str, partition: int, name: str) -> Json:
    """The newest value of one state record; empty if there is none."""
    newest: bytes | None = None
    async for record in consumed(bootstrap, topic, partition):
        if record.key == name.encode():
            newest = record.value
    return _raw(newest) if newest else {}


async def judged(bootstrap: str, layout: Layout) -> Counter[str]:
    """The committed counters of all detect partitions together."""
    total: Counter[str] = Counter()
    for partition in range(layout.keyed):
        total.update((await _state(bootstrap, layout.name("state.detect"), partition, '["m"]')).get("counters", {}))
    return total


async def raws(bootstrap: str, layout: Layout, partition: int) -> AsyncIterator[tuple[int, Raw]]:
    """Offset and record of every raw record of one partition whose envelope can be read."""
    async for record in consumed(bootstrap, layout.name("raw"), partition):
        try:
            item = normalizing.decode_raw(record.value or b"")
        except ValueError:
            continue
        if isinstance(item, Raw):
            yield record.offset, item


async def records(bootstrap: str, topic: str, partition: int) -> AsyncIterator[bytes]:
    """Committed values of one partition; a tombstone is empty."""
    async for record in consumed(bootstrap, topic, partition):
        yield record.value or b""


async def end(bootstrap: str, topic: str, partition: int) -> int:
    """The offset after the last committed record of one partition."""
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed")
    await reader.start()
    try:
        tp = TopicPartition(topic, partition)
        return int((await reader.end_offsets([tp]))[tp])
    finally:
        await reader.stop()


async def consumed(bootstrap: str, topic: str, partition: int) -> AsyncIterator[Any]:
    """Committed records of one partition from its beginning to its end."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed",
        max_partition_fetch_bytes=8 << 20,
    )  # fmt: skip
    await reader.start()
    try:
        tp = TopicPartition(topic, partition)
        reader.assign([tp])
        await reader.seek_to_beginning(tp)
        end = (await reader.end_offsets([tp]))[tp]
        while await reader.position(tp) < end:
            for record in (await reader.getmany(tp, timeout_ms=200, max_records=5_000)).get(tp, ()):
                yield record
    finally:
        await reader.stop()
