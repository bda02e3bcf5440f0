"""A worker is killed with SIGKILL at random moments, again and again; nothing is lost, doubled, invented or changed."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas.violation import SETTLED, final
from sinks.elasticsearch import documents
from streams import topics
from streams.kafka import replaying
from streams.layout import Layout
from streams.recording import read_folder
from streams.replay import Order, Verdict, judge, ordered
from streams.simulator import simulate

ROOT = Path(__file__).parent.parent.parent
KILLS = 20
SEED = 20
RULESET = Ruleset(registry.load().values())


class Worker:
    """``controlwatch run`` as a process of its own."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), "CONTROLWATCH_METRICS_PORT": "0", **environment}
        self._log = log.open("a")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        stages = [f"--stage={name}" for name in ("normalize", "detect", "deliver")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "controlwatch", "run", *stages, "--clock", "records"],
            env=self._environment, stdout=self._log, stderr=self._log, cwd=self._environment["CONTROLWATCH_DATA"],
        )  # fmt: skip

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0


@pytest.mark.services
@pytest.mark.timeout(900)
def test_sigkill_loses_doubles_and_invents_nothing(kafka, elasticsearch, topic_prefix, tmp_path):
    simulate(seed=SEED, days=2, rate=0.45, out=tmp_path / "logs")
    recording = read_folder(tmp_path / "logs")
    assert len(recording.raws) >= 100_000
    expected = {v.id: v.canonical() for v in judge(recording, RULESET).final}
    layout = Layout(raw=2, keyed=4, prefix=topic_prefix)
    verdict = Verdict()
    order = ordered(recording, RULESET, verdict)
    topics.create(kafka.bootstrap, layout)
    portions = list(portioned(order, verdict.truth_time))
    worker = Worker(
        {
            "CONTROLWATCH_KAFKA": kafka.bootstrap, "CONTROLWATCH_ELASTICSEARCH": elasticsearch.url,
            "CONTROLWATCH_PREFIX": topic_prefix, "CONTROLWATCH_RAW_PARTITIONS": "2", "CONTROLWATCH_KEYED_PARTITIONS": "4",
            "CONTROLWATCH_DATA": str(tmp_path), "CONTROLWATCH_SOURCES": str(tmp_path / "logs" / "sources.toml"),
        },
        tmp_path / "worker.log",
    )  # fmt: skip
    chance = random.Random(SEED)
    began = time.monotonic()
    worker.start()
    assert len(portions) == KILLS + 1
    for kills, (portion, until) in enumerate(portions):
        before = asyncio.run(standing(kafka.bootstrap, layout))
        asyncio.run(replaying.produce(portion, until, bootstrap=kafka.bootstrap, layout=layout))
        if kills == KILLS:
            break
        asyncio.run(moved(kafka.bootstrap, layout, before))  # it is up and at work; now at any moment
        time.sleep(chance.uniform(0, 3))
        worker.kill()
        sys.stdout.write(f"kill {kills + 1} after {time.monotonic() - began:.0f} s\n")
        sys.stdout.flush()
        worker.start()
    asyncio.run(everything_read(kafka.bootstrap, layout))
    worker.stop()
    published = asyncio.run(replaying.violations(kafka.bootstrap, layout))
    in_topic = {v.id: v.canonical() for v in final(published)}
    assert in_topic == expected
    numbers = {}
    for violation in published:
        numbers.setdefault(violation.id, []).append(violation.transition.number)
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    assert in_store(elasticsearch.url, topic_prefix) == expected


def portioned(order: Order, truth_time: int) -> Iterator[tuple[Order, int]]:
    """The stream in one portion more than there are kills, so that each start finds work; with the time each reaches."""
    size = -(-len(order.raws) // (KILLS + 1))
    context = [item for item in order.items if item.raw is None]
    for first in range(0, len(order.raws), size):
        raws = order.raws[first : first + size]
        last = first + size >= len(order.raws)
        yield Order(context if first == 0 else [], raws), truth_time if last else raws[-1].o


async def standing(bootstrap: str, layout: Layout) -> list[int]:
    """How far each stage has committed, by partition."""
    found = []
    for topic, group, count in (("raw", "normalize", layout.raw), ("events", "detect", layout.keyed)):
        reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=f"{layout.prefix}{group}", enable_auto_commit=False)
        await reader.start()
        try:
            found += [await reader.committed(TopicPartition(layout.name(topic), part)) or 0 for part in range(count)]
        finally:
            await reader.stop()
    return found


async def moved(bootstrap: str, layout: Layout, before: list[int]) -> None:
    """Until some stage has committed further than ``before``. Progress itself is part of the promise."""
    until = time.monotonic() + 150
    while await standing(bootstrap, layout) == before:
        assert time.monotonic() < until, "no stage has moved for 150 s after a restart"
        await asyncio.sleep(0.3)


async def everything_read(bootstrap: str, layout: Layout) -> None:
    async def forever() -> None:
        await asyncio.sleep(10_000)

    watching = asyncio.create_task(forever())
    await replaying.drained(bootstrap, layout, watching)
    until = time.monotonic() + 120
    while await replaying.unread(bootstrap, {layout.name("violations"): f"{layout.prefix}deliver"}, layout.keyed):
        assert time.monotonic() < until, "delivery does not come to an end"
        await asyncio.sleep(0.5)
    watching.cancel()


def in_store(url: str, prefix: str) -> dict[str, dict]:
    client = Elasticsearch(url)
    client.indices.refresh(index=f"{prefix}controlwatch-*")
    found = {}
    for hit in scan(client, index=f"{prefix}controlwatch-violations-2*", query={"query": {"match_all": {}}}):
        violation = documents.violation(hit["_source"])
        assert violation.id not in found, "one violation in two indices"
        found[violation.id] = violation
    return {v.id: v.canonical() for v in found.values() if v.state in SETTLED}
