"""Latency at a steady load: raw record due at Kafka -> transition acknowledged by Elasticsearch, so readable by its id.

Open loop: records are sent when they are due, however far behind the worker is, and the clock of each starts when it was due.
A transition's cause tells its record; of those that the passing of time or a derived fact caused, the first record observed
at that time or later, which if anything begins too early.
"""

import asyncio
import json
import math
import subprocess
import sys
from bisect import bisect_left
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from schemas.log import Keyed
from schemas.violation import final
from streams import clock, topics
from streams.kafka import replaying
from streams.kafka.host import control_topic
from streams.kafka.lane import send
from streams.layout import RECORD_LIMIT, Layout
from streams.stage import Heartbeat, Raw
from tests.bench.delivering import WORKER, Stored, store_at
from tests.bench.material import Material, digest_of, ruleset
from tests.bench.records import Reader, decode_raw
from tests.services.elasticsearch_node import ElasticsearchNode

PREFIX = "latency."
LAYOUT = Layout(raw=1, keyed=1, prefix=PREFIX)
TICK = 0.005  # seconds between two looks at what is due
WARM = 0.1  # this part of the records, at the same rate, goes before those that are measured


def latency(rate: float, material: Material, bootstrap: str, folder: Path) -> dict[str, Any]:
    """Percentiles at ``rate`` raw records a second, and whether everything arrived."""
    values = [value for chunk in material.chunks("raw") for value in chunk]
    topics.create(bootstrap, LAYOUT, (control_topic(WORKER),))
    out = folder / "stored.json"
    with ElasticsearchNode(folder / "elasticsearch", heap="512m") as node:
        command = [sys.executable, "-m", "tests.bench.delivering", str(material.folder), bootstrap, PREFIX, node.url, str(out)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
            try:
                assert worker.stdout is not None
                if worker.stdout.readline() != b"ready\n":
                    raise RuntimeError("the worker of the latency run ended; its words are on standard error")
                begun = asyncio.run(_load(values, rate, bootstrap, worker))
            finally:
                worker.terminate()
                worker.wait(60)
        stored: list[Stored] = [tuple(row) for row in json.loads(out.read_text(encoding="utf-8"))]
        store = store_at(node.url, PREFIX)
        readable = all(store.get(id_) is not None for id_ in {row[0] for row in stored})
    same = digest_of(final(asyncio.run(replaying.violations(bootstrap, LAYOUT)))) == material.facts.final
    delays = sorted(_delays(stored, values, begun, rate, material))
    return {
        "events_per_second": round(rate), "violations": len(delays), "p50_s": _percentile(delays, 0.5),
        "p99_s": _percentile(delays, 0.99), "max_s": _percentile(delays, 1.0), "readable": readable, "same_violations": same,
    }  # fmt: skip


async def _load(values: list[bytes], rate: float, bootstrap: str, worker: "subprocess.Popen[bytes]") -> float:
    """Send ``values`` at ``rate``; return when the first was due (monotonic seconds) once all has been delivered."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=RECORD_LIMIT)
    await producer.start()
    sent: list[asyncio.Future[object]] = []
    try:
        begun, done = clock.monotonic(), 0
        while done < len(values):
            due = min(len(values), math.floor((clock.monotonic() - begun) * rate) + 1)
            if due > done:
                sent += await send(producer, LAYOUT.name("raw"), 0, [(None, value) for value in values[done:due]])
                done = due
            await asyncio.sleep(TICK)
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    for topic, group in (("raw", "normalize"), ("events", "detect"), ("violations", "deliver")):
        while await replaying.unread(bootstrap, {LAYOUT.name(topic): f"{PREFIX}{group}"}, 1):
            if worker.poll() is not None:
                raise RuntimeError("the worker of the latency run ended; its words are on standard error")
            await asyncio.sleep(0.5)
    return begun


def _delays(stored: list[Stored], values: list[bytes], begun: float, rate: float, material: Material) -> list[float]:
    reader = Reader(ruleset(), material.recording().sources)
    places: dict[str, int] = {}
    times: list[int] = []
    reached = 0
    for place, value in enumerate(values):
        raw = decode_raw(value)
        if isinstance(raw, Raw | Heartbeat):
            reached = max(reached, (raw.o or 0) if isinstance(raw, Raw) else raw.caught_up)
        times.append(reached)
        for record in reader.read(value):
            if isinstance(record, Keyed):
                places.setdefault(record.event.id, place)
    delays: list[float] = []
    for _, cause, time, at in stored:
        place = places.get(cause, min(bisect_left(times, time), len(values) - 1))
        if place >= WARM * len(values):
            delays.append(at - begun - place / rate)
    return delays


def _percentile(ordered: list[float], part: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(part * len(ordered)) - 1)], 3)
