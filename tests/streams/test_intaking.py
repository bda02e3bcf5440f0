"""Filebeat's JSON in a foreign topic arrives normalised, each line once, also when the stage is restarted in between."""

import asyncio
import json
from collections import Counter

import pytest
from aiokafka import AIOKafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import Source
from schemas.event import Activity
from streams import topics
from streams.kafka import replaying
from streams.kafka.detecting import Detecting
from streams.kafka.host import Host, control_topic
from streams.kafka.intaking import Intaking
from streams.kafka.normalizing import Normalizing
from streams.layout import Layout
from tests.conformance import onkafka

RULESET = Ruleset(registry.load().values())
SOURCE = Source(source="linux@filebeat", feed="linux")


def shipped(number: int, user: str) -> bytes:
    """A line as Filebeat 8 writes it to Kafka."""
    line = f"2026-03-02T09:00:0{number % 2}Z web sshd[7]: Failed password for {user} from 10.0.0.9 port 41000 ssh2"
    return json.dumps({
        "@timestamp": "2026-03-02T09:00:05.123Z", "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.15.0"},
        "host": {"name": "web"}, "agent": {"type": "filebeat", "hostname": "web"},
        "log": {"offset": number * 97, "file": {"path": "/var/log/auth.log"}}, "message": line, "input": {"type": "filestream"},
    }).encode()  # fmt: skip


async def write(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for number, value in enumerate(values):
            # As a shipper would have written it: the broker's time of the record is when it was observed.
            stamp = instant.parse("2026-03-02T09:00:06Z") // 1000
            await producer.send_and_wait(topic, value, partition=number % 2, timestamp_ms=stamp)
    finally:
        await producer.stop()


async def serve(bootstrap: str, layout: Layout, topic: str) -> None:
    stages = [Intaking(topic, SOURCE, layout), Normalizing(RULESET, {SOURCE.source: SOURCE}, layout), Detecting(RULESET, layout)]
    host = Host(worker=replaying.WORKER, bootstrap=bootstrap, prefix=layout.prefix, stages=stages, live=False)
    running = asyncio.create_task(host.run())
    try:
        async with asyncio.timeout(60):
            while await replaying.unread(bootstrap, {topic: f"{layout.prefix}{stages[0].name}"}, 2):  # noqa: ASYNC110 - Kafka tells by asking only
                await asyncio.sleep(0.2)
            await replaying.drained(bootstrap, layout, running)
    finally:
        host.stop()
        await running


@pytest.mark.services
def test_each_line_arrives_once_also_through_a_restart(kafka, topic_prefix, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layout = Layout(raw=2, keyed=2, prefix=topic_prefix)
    topic = f"{topic_prefix}intake.filebeat"
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    # The records' stamps are long past: with a retention the broker would delete them when it next looks.
    admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1, topic_configs={"retention.ms": "-1"})])
    admin.close()
    # Users anna 0 to 4; every line of root stands twice in the file, at different offsets: two attempts.
    values = [shipped(n, "root" if n % 2 else f"anna{n}") for n in range(10)]

    async def twice() -> onkafka.Run:
        await asyncio.to_thread(topics.create, kafka.bootstrap, layout, (control_topic(replaying.WORKER),))
        await write(kafka.bootstrap, topic, [*values[:6], b"no JSON at all\xff"])
        await serve(kafka.bootstrap, layout, topic)
        # Filebeat sends again what it was not told was stored.
        await write(kafka.bootstrap, topic, [*values[4:], values[0]])
        await serve(kafka.bootstrap, layout, topic)
        return await onkafka.read({}, RULESET, bootstrap=kafka.bootstrap, layout=layout)

    run = asyncio.run(twice())
    assert list(tmp_path.iterdir()) == [], "stages write nothing into the working directory"
    run.conserved()
    events = {event.id: event for event in run.events() if event.activity == Activity.LOGIN}
    users = Counter(event.user for event in events.values())
    assert users == {"root": 5, "anna0": 1, "anna2": 1, "anna4": 1, "anna6": 1, "anna8": 1}
    assert {(event.host, event.source, instant.text(event.o)) for event in events.values()} == {
        ("web", "linux@filebeat", "2026-03-02T09:00:06Z")
    }
    counters = Counter()
    for kept in run.normalized.values():
        counters.update(kept.counters)
    assert (counters["read"], counters["parsed"], counters["dead"]) == (14, 13, 1)
    [letter] = run.letters
    assert (letter.reason, letter.raw) == ("invalid_utf8", b"no JSON at all\xff")
