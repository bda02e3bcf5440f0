"""``topics migrate`` on a real broker: half of a stream, other numbers of partitions, the rest: the same as without."""

import asyncio

import msgspec
import pytest
from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import KafkaAdminClient

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import identity, instant
from schemas.context import Source
from schemas.log import Incompatible, Unparked
from schemas.violation import final
from sinks import deadletter, redriven
from sinks.deadletter import dead_letter
from sinks.redriven import SENT, Redriven
from streams import topics
from streams.kafka import replaying
from streams.kafka.atrest import Unready
from streams.kafka.detecting import MISSED, Detecting, Missed
from streams.kafka.generation import Generation
from streams.kafka.host import Host, control_topic
from streams.kafka.local import MIGRATING
from streams.kafka.migrating import Migration
from streams.kafka.normalizing import Normalizing, encode_raw
from streams.kafka.redriving import Redriving
from streams.layout import Layout
from streams.stage import EVERYTHING, Heartbeat, Raw
from tests.conformance import onkafka

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

NINE = instant.parse("2026-03-02T09:00:00Z")
NAMES = [f"web-{n}" for n in range(6)]
SOURCES = {name: Source(source=name, feed="linux") for name in NAMES}
RULESET = Ruleset(registry.load().values())


def line(source: str, second: int, text: str) -> Raw:
    at = NINE + second * instant.SECOND
    return Raw(source, "linux", f"{instant.text(at)} {source} {text}".encode(), at, 0, second)


def failures(first: int, last: int) -> list[Raw]:
    """Wrong passwords for root, of each host from an address of its own, a few seconds apart: fewer in one half than count."""
    return [
        line(source, second, f"sshd[7]: Failed password for root from 10.0.0.{number} port 41000 ssh2")
        for second in range(first, last, 4)
        for number, source in enumerate(NAMES)
    ]


FIRST = [*failures(0, 12), line("web-0", 12, "su: (to root) guest on pts/0"), Heartbeat(EVERYTHING, NINE + 15 * instant.SECOND)]
REST = [
    *failures(16, 30), line("web-1", 31, "sshd[8]: Accepted password for root from 10.0.0.1 port 41000 ssh2"),
    Heartbeat(EVERYTHING, NINE + 3 * instant.HOUR),
]  # fmt: skip


class Stored:
    """A store that remembers what it was given."""

    def __init__(self):
        self.violations, self.rows = [], []

    def write(self, batch):
        self.violations += batch
        return ()

    def cover(self, rows):
        self.rows += rows

    def close(self):
        pass


@pytest.fixture
def old(topic_prefix):
    return Layout(raw=2, keyed=3, prefix=topic_prefix)


@pytest.fixture
def new(topic_prefix):
    return Layout(raw=3, keyed=5, prefix=f"{topic_prefix}v2.")


def judged(records, kafka, layout, sink=None):
    return asyncio.run(onkafka.run(records, RULESET, SOURCES, bootstrap=kafka.bootstrap, layout=layout, sink=sink))


def started(kafka, layout):
    """A worker runs until something ends it."""
    topics.create(kafka.bootstrap, layout, (control_topic(replaying.WORKER),))

    stages = (Normalizing(RULESET, SOURCES, layout), Detecting(RULESET, layout))
    asyncio.run(onkafka.ended(*stages, bootstrap=kafka.bootstrap, layout=layout))


def migrate(kafka, old, new):
    return asyncio.run(Migration(kafka.bootstrap, old, new, RULESET, told=lambda *_: None).run())


def committed(kafka, layout, topic, count=1):
    return asyncio.run(onkafka.committed(kafka.bootstrap, layout.name(topic), count))


def canonical(violations):
    return {item.id: item.canonical() for item in final(violations)}


def test_the_rest_after_a_migration_gives_what_it_gives_without(kafka, old, new, topic_prefix):
    due = judged([*FIRST, *REST], kafka, Layout(raw=2, keyed=3, prefix=f"{topic_prefix}whole."))
    assert len(canonical(due.violations)) > len(NAMES)
    store = Stored()
    before = judged(FIRST, kafka, old, store)
    half = list(store.violations)
    assert half, "something has been published"
    assert any(item.id in canonical(due.violations) for item in half), "and goes on"
    ends = {topic.name: len(committed(kafka, old, topic.name, topics.partitions(topic, old))) for topic in topics.TOPICS}
    written = migrate(kafka, old, new)
    assert written["state.detect"] > 0
    assert ends == {
        topic.name: len(committed(kafka, old, topic.name, topics.partitions(topic, old))) for topic in topics.TOPICS
    }, "the old generation is as it was"
    after = judged(REST, kafka, new, store)
    assert canonical(store.violations) == canonical(due.violations)
    assert canonical(after.violations) == canonical(due.violations), "the new topic tells the whole history"
    assert len(store.violations) == len({(item.id, item.transition.number) for item in store.violations}), "nothing came twice"
    numbers: dict[str, list[int]] = {}
    for item in store.violations:
        numbers.setdefault(item.id, []).append(item.transition.number)
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    before.conserved()
    after.conserved()
    assert sum(kept.counters.get("read", 0) for kept in after.normalized.values()) == len(REST) - 1, "counters begin anew"
    for part, kept in after.normalized.items():
        assert all(identity.partition("source", (name,), new.raw) == part for name in kept.clocks)


def test_what_was_not_delivered_is_delivered_by_the_new_generation(kafka, old, new):
    early = judged(FIRST, kafka, old, Stored())
    store = Stored()
    half = judged([*failures(16, 30), Heartbeat(EVERYTHING, NINE + 35 * instant.SECOND)], kafka, old)
    assert len(half.violations) > len(early.violations), "some have been delivered, some have not"
    migrate(kafka, old, new)
    judged(REST[-2:], kafka, new, store)
    given = {(item.id, item.transition.number) for item in store.violations}
    assert {(item.id, item.transition.number) for item in half.violations if item not in early.violations} <= given
    assert given.isdisjoint((item.id, item.transition.number) for item in early.violations)


def test_the_same_command_again_begins_anew_until_workers_have_written(kafka, old, new):
    judged(FIRST, kafka, old)
    first = migrate(kafka, old, new)
    assert migrate(kafka, old, new) == first
    judged(REST, kafka, new)
    with pytest.raises(Unready, match="are in use"):
        migrate(kafka, old, new)


def test_a_migration_that_was_broken_off_is_no_place_for_workers_and_is_begun_again(kafka, old, new):
    judged(FIRST, kafka, old)

    async def broken_off():
        async with Generation(kafka.bootstrap, new) as begun:
            await begun.add("violations", 0, b"x", b"half of it")
            await begun.flush()

    asyncio.run(broken_off())
    with pytest.raises(Incompatible, match="not finished"):
        started(kafka, new)
    migrate(kafka, old, new)
    assert b"half of it" not in [record.value for record in committed(kafka, new, "violations", new.keyed)]
    state = asyncio.run(onkafka.state(kafka.bootstrap, new.name("state.detect"), new.keyed))
    assert not any(MIGRATING in rows for rows in state.values())


def test_a_foreign_topic_under_the_new_prefix_is_not_overwritten(kafka, old, new):
    topics.create(kafka.bootstrap, old)
    topics.create(kafka.bootstrap, new)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    producer.send(new.name("gaps"), b"somebody's")
    producer.close()
    with pytest.raises(Unready, match="are in use"):
        migrate(kafka, old, new)
    assert [record.value for record in committed(kafka, new, "gaps")] == [b"somebody's"]


def test_records_that_no_stage_has_taken_are_in_the_way(kafka, old, new):
    topics.create(kafka.bootstrap, old)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    producer.send(old.name("raw"), encode_raw(REST[0]), partition=0)
    producer.close()
    with pytest.raises(Unready, match=r"raw hold records that stage normalize has not taken.*controlwatch run --stage"):
        migrate(kafka, old, new)
    assert topics.counts(kafka.bootstrap, new) == {}, "nothing was begun"


def test_running_workers_and_wrong_numbers_are_in_the_way(kafka, old, new):
    topics.create(kafka.bootstrap, old, (control_topic(replaying.WORKER),))

    async def beside_a_worker():
        host = Host(
            worker=replaying.WORKER, bootstrap=kafka.bootstrap, prefix=old.prefix, live=False,
            stages=[Normalizing(RULESET, SOURCES, old)],
        )  # fmt: skip
        running = asyncio.create_task(host.run())
        await asyncio.sleep(5)
        try:
            await Migration(kafka.bootstrap, old, new, RULESET, told=lambda *_: None).run()
        finally:
            host.stop()
            await running

    with pytest.raises(Unready, match=r"workers are running: .*normalize.*stop them"):
        asyncio.run(beside_a_worker())
    with pytest.raises(Unready, match=r"KEYED_PARTITIONS=3.*topics migrate"):
        migrate(kafka, Layout(raw=2, keyed=4, prefix=old.prefix), new)


def test_letters_marks_and_offsets_go_along(kafka, old, new):
    """A parked event is sent again to its key's new owner, a mark still stands for its letter, foreign topics are read on."""
    judged([*FIRST, Raw("web-0", "no-such-feed", b"?", NINE, 0, 1)], kafka, old)
    rule = RULESET.rules[0]
    key = next(("k", str(n)) for n in range(99) if identity.partition(rule.fold.keying.kind, ("k", str(n)), 5) == 4)
    letter = dead_letter(
        reason="fold_crashed", detail="", stage="detect", topic=old.name("events"), partition=0, offset=0, part="x",
        raw=msgspec.json.encode(Unparked("e", rule.id, key)),
    )  # fmt: skip
    (unread,) = [deadletter.decode(record.value) for record in committed(kafka, old, "deadletter")]
    offset = committed(kafka, old, "deadletter")[0].offset
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    producer.send(old.name("redriven"), redriven.encode(Redriven(id=unread.id, at=NINE, result=SENT, upto=offset)))
    producer.send(old.name("state.detect"), msgspec.json.encode(Missed(1, 2, [1])), key=MISSED.encode(), partition=1)
    producer.send(old.name("deadletter"), deadletter.encode(letter), key=letter.id.encode())
    producer.close()
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    foreign = TopicPartition(old.name("raw"), 1)
    admin.alter_group_offsets(f"{old.prefix}intake.web-0", {foreign: OffsetAndMetadata(7, "", -1)})
    migrate(kafka, old, new)
    state = asyncio.run(onkafka.state(kafka.bootstrap, new.name("state.detect"), new.keyed))
    assert {rows[MISSED] for rows in state.values()} == {msgspec.json.encode(Missed(1, 2, [0, 1, 2]))}, "not judged, wherever keys are"
    assert admin.list_group_offsets({f"{new.prefix}intake.web-0": [foreign]})[f"{new.prefix}intake.web-0"][foreign].offset == 7
    admin.close()
    told = []

    def tell(item, done, result):
        told.append((item.id, done, result))

    asyncio.run(Redriving(kafka.bootstrap, new, sources=SOURCES, store=None, told=tell).run(lambda _: True))
    assert told == [(unread.id, True, f"{SENT} already"), (letter.id, True, SENT)]
    records = [record for record in committed(kafka, new, "events", new.keyed) if b"unparked" in record.value]
    assert [record.partition for record in records] == [4]
    assert all(record.offset > 0 for record in committed(kafka, new, "events", new.keyed)), "not taken for a whole archive"


def test_state_of_another_number_ends_the_worker(kafka, old):
    """Somebody has added partitions with Kafka's own tools, and configured them."""
    judged(FIRST, kafka, old)
    state = asyncio.run(onkafka.state(kafka.bootstrap, old.name("state.normalize"), old.raw))
    assert all(msgspec.msgpack.decode(rows['["m"]'])["parts"] == 2 for rows in state.values())
    with pytest.raises(Incompatible, match=r"one of \d, this worker expects"):
        started(kafka, Layout(raw=4, keyed=6, prefix=old.prefix))
