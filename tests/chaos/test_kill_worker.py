"""A worker is killed with SIGKILL at random moments, again and again; nothing is lost, doubled, invented or changed."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
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
from streams.recording import read_folder
from streams.replay import Verdict, judge, ordered
from streams.simulator import simulate
from streams.topics import Layout

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
    asyncio.run(replaying.produce(order, verdict.truth_time, bootstrap=kafka.bootstrap, layout=layout))
    worker = Worker(
        {
            "CONTROLWATCH_KAFKA": kafka.bootstrap, "CONTROLWATCH_ELASTICSEARCH": elasticsearch.url,
            "CONTROLWATCH_PREFIX": topic_prefix, "CONTROLWATCH_RAW_PARTITIONS": "2", "CONTROLWATCH_KEYED_PARTITIONS": "4",
            "CONTROLWATCH_DATA": str(tmp_path), "CONTROLWATCH_SOURCES": str(tmp_path / "logs" / "sources.toml"),
        },
        tmp_path / "worker.log",
    )  # fmt: skip
    chance = random.Random(SEED)
    kills, began = 0, time.monotonic()
    worker.start()
    while kills < KILLS:
        asyncio.run(moved(kafka.bootstrap, layout))  # it is up and at work; now at any moment
        time.sleep(chance.uniform(0, 3))
        worker.kill()
        kills += 1
        sys.stdout.write(f"kill {kills} after {time.monotonic() - began:.0f} s\n")
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


async def moved(bootstrap: str, layout: Layout) -> None:
    """Until some stage commits further than it stood, or nothing is left to do. Progress itself is part of the promise."""
    stages = (("raw", "normalize", layout.raw), ("events", "detect", layout.keyed))

    async def standing() -> list[int]:
        found = []
        for topic, group, count in stages:
            reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=f"{layout.prefix}{group}", enable_auto_commit=False)
            await reader.start()
            try:
                found += [await reader.committed(TopicPartition(layout.name(topic), part)) or 0 for part in range(count)]
            finally:
                await reader.stop()
        return found

    before, until = await standing(), time.monotonic() + 90
    while await standing() == before:
        assert time.monotonic() < until, "no stage has moved for 90 s after a restart"
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
