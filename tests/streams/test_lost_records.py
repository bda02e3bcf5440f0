"""Records that are gone before they were read are told; offsets that are gone stop the worker; a worker that stops does stop."""

import asyncio
import json
import socket
import time

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import Source
from schemas.coverage import About, Coverage
from streams import topics
from streams.kafka import replaying
from streams.kafka.bounds import Beyond
from streams.kafka.delivering import Delivery
from streams.kafka.detecting import Detecting
from streams.kafka.host import Host
from streams.kafka.normalizing import Normalizing
from streams.layout import Layout
from streams.stage import EVERYTHING, Heartbeat, Raw
from tests.chaos.worker import Worker
from tests.conformance import onkafka

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

NINE = instant.parse("2026-03-02T09:00:00Z")
SOURCES = {"web": Source(source="web", feed="linux")}
RULESET = Ruleset(registry.load().values())


def raws(hour: int) -> list[Raw]:
    """Failed log-ins, a second apart, then the passing of time."""
    start = NINE + hour * instant.HOUR
    lines = [
        f"{instant.text(start + n * instant.SECOND)} web sshd[7]: Failed password for root from 10.0.{hour}.9 port 41000 ssh2"
        for n in range(8)
    ]
    items = [Raw("web", "linux", line.encode(), start + n * instant.SECOND, 0, n + 1) for n, line in enumerate(lines)]
    return [*items, Heartbeat(EVERYTHING, start + instant.MINUTE)]


@pytest.fixture
def layout(topic_prefix):
    return Layout(raw=2, keyed=3, prefix=topic_prefix)


def judged(records, kafka, layout) -> None:
    asyncio.run(onkafka.run(records, RULESET, SOURCES, bootstrap=kafka.bootstrap, layout=layout))


async def normalized(records, kafka, layout) -> None:
    """Only the first stage reads."""
    await onkafka.write(records, bootstrap=kafka.bootstrap, layout=layout)
    host = Host(
        worker=replaying.WORKER, bootstrap=kafka.bootstrap, prefix=layout.prefix, live=False,
        stages=[Normalizing(RULESET, SOURCES, layout)],
    )  # fmt: skip
    running = asyncio.create_task(host.run())
    while await replaying.unread(kafka.bootstrap, {layout.name("raw"): f"{layout.prefix}normalize"}, layout.raw):
        if running.done():
            running.result()
        await asyncio.sleep(0.2)
    host.stop()
    await running


def erase(kafka, layout, topic: str) -> None:
    """Delete all records of a topic, as retention does."""
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.delete_records({TopicPartition(layout.name(topic), part): -1 for part in range(layout.keyed)})
    admin.close()


def told(kafka, layout, topic: str) -> list:
    return [record.value for record in asyncio.run(onkafka.committed(kafka.bootstrap, layout.name(topic), 1))]


def gaps(kafka, layout) -> list[tuple[str, str]]:
    return [(gap["stage"], gap["topic"]) for gap in map(json.loads, told(kafka, layout, "gaps")) if gap["type"] == "unread"]


def test_hours_of_events_that_were_lost_are_not_called_judged(kafka, layout):
    judged(raws(0), kafka, layout)
    asyncio.run(normalized(raws(48), kafka, layout))
    erase(kafka, layout, "events")
    judged([Heartbeat(EVERYTHING, NINE + 50 * instant.HOUR)], kafka, layout)
    assert set(gaps(kafka, layout)) == {("detect", layout.name("events"))}
    rows = [Coverage.model_validate_json(value) for value in told(kafka, layout, "coverage")]
    lost = [row for row in rows if row.about is About.UNJUDGED]
    assert {row.reason for row in lost} == {"unread"}
    assert {row.name for row in lost} == {loaded.id for loaded in RULESET.detectors}
    for detector in (loaded.id for loaded in RULESET.detectors):
        hours = {row.hour for row in lost if row.name == detector}
        assert hours >= {NINE + hour * instant.HOUR for hour in range(50)}
        assert max(hours) == NINE + 50 * instant.HOUR
        assert min(hours) >= NINE - 40 * instant.DAY


def test_a_topic_made_anew_stops_the_worker_with_what_to_do(kafka, layout):
    judged(raws(0), kafka, layout)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.delete_topics([layout.name("events")])
    while layout.name("events") in admin.list_topics():
        time.sleep(0.2)
    admin.close()
    topics.create(kafka.bootstrap, layout)

    with pytest.raises(Beyond, match=r"stage detect has read .*made anew.*CONTROLWATCH_PREFIX"):
        asyncio.run(onkafka.ended(Detecting(RULESET, layout), bootstrap=kafka.bootstrap, layout=layout))


class Shelf:
    """A store that keeps what it is given."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def write(self, batch):
        self.ids |= {violation.id for violation in batch}
        return ()

    def cover(self, rows) -> None:
        """Not looked at here."""

    def close(self) -> None:
        """Nothing is open."""


async def delivered(kafka, layout, until) -> Shelf:
    shelf, stopping = Shelf(), asyncio.Event()
    delivery = Delivery(sink=shelf, layout=layout, bootstrap=kafka.bootstrap, worker="w", told=lambda _: None)
    running = asyncio.create_task(delivery.run(stopping))
    async with asyncio.timeout(60):
        while not await until(shelf, delivery):
            await asyncio.sleep(0.2)
            if running.done():
                running.result()
    stopping.set()
    await running
    return shelf


def test_violations_that_were_lost_before_they_were_delivered_are_told(kafka, layout):
    judged(raws(0), kafka, layout)

    async def all_is_read(shelf, delivery) -> bool:
        return not await replaying.unread(kafka.bootstrap, {layout.name("violations"): delivery.group}, layout.keyed)

    assert asyncio.run(delivered(kafka, layout, all_is_read)).ids
    assert gaps(kafka, layout) == []
    judged(raws(3), kafka, layout)
    erase(kafka, layout, "violations")

    async def a_gap_is_told(shelf, delivery) -> bool:
        return bool(await asyncio.to_thread(gaps, kafka, layout))

    asyncio.run(delivered(kafka, layout, a_gap_is_told))
    assert set(gaps(kafka, layout)) == {("deliver", layout.name("violations"))}


def test_sigterm_ends_a_worker_whose_write_waits_for_elasticsearch(kafka, layout, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes connections and never answers
        deaf.settimeout(60)
        worker = Worker(
            tmp_path,
            {
                "CONTROLWATCH_KAFKA": kafka.bootstrap, "CONTROLWATCH_PREFIX": layout.prefix, "CONTROLWATCH_RAW_PARTITIONS": "2",
                "CONTROLWATCH_KEYED_PARTITIONS": "3", "CONTROLWATCH_ELASTICSEARCH": f"http://127.0.0.1:{deaf.getsockname()[1]}",
            },
            number=1,
        )  # fmt: skip
        worker.launch()
        try:
            waiting, _ = deaf.accept()
            with waiting:
                time.sleep(1)
                seconds, status = worker.terminated()
        finally:
            if worker.running:
                worker.kill()
        assert status == 0, worker.log_text()
        assert seconds < 10
