"""The worker of the latency run: normalize, detect and deliver in one process, as ``controlwatch run --stage all`` has them.

``python -m tests.bench.delivering``; says ``ready`` when it owns its partitions, and on SIGTERM writes when what was stored.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from elasticsearch import Elasticsearch
from prometheus_client import CollectorRegistry

from schemas.coverage import Coverage
from schemas.violation import Violation
from sinks.contract import Refused
from sinks.elasticsearch.store import ElasticsearchStore, Options
from streams import clock
from streams.kafka.delivering import Delivery
from streams.kafka.detecting import Detecting
from streams.kafka.host import Host
from streams.kafka.normalizing import Normalizing
from streams.layout import Layout
from tests.bench.material import Material, ruleset

WORKER = "bench"

Stored = tuple[str, str, int, float]  # violation, cause of the transition, its time (µs), stored at (monotonic seconds)


class Timed:
    """Elasticsearch, with the moment at which it had acknowledged each transition."""

    def __init__(self, store: ElasticsearchStore) -> None:
        self._store = store
        self.stored: list[Stored] = []

    def write(self, batch: Sequence[Violation]) -> Sequence[Refused]:
        """Store, then look at the clock."""
        refused = self._store.write(batch)
        now = clock.monotonic()
        self.stored += [(item.id, item.transition.cause, item.transition.time, now) for item in batch]
        return refused

    def cover(self, rows: Sequence[Coverage]) -> None:
        """Store what was watched."""
        self._store.cover(rows)

    def close(self) -> None:
        """Nothing is held."""


def store_at(url: str, prefix: str) -> ElasticsearchStore:
    """The product's store under ``prefix``."""
    return ElasticsearchStore(
        Elasticsearch(url), now=clock.now, registry=CollectorRegistry(), options=Options(prefix=f"{prefix}controlwatch")
    )


async def serve(material: Material, bootstrap: str, prefix: str, url: str) -> list[Stored]:
    """Until SIGTERM; what was stored."""
    layout, rules = Layout(raw=1, keyed=1, prefix=prefix), ruleset()
    store = store_at(url, prefix)
    await asyncio.to_thread(store.prepare)
    sink = Timed(store)
    delivery = Delivery(sink=sink, layout=layout, bootstrap=bootstrap, worker=WORKER, told=lambda _: None)
    stages = [Normalizing(rules, material.recording().sources, layout), Detecting(rules, layout)]
    host = Host(worker=WORKER, bootstrap=bootstrap, prefix=prefix, stages=stages, live=False)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    tasks = [asyncio.create_task(host.run()), asyncio.create_task(delivery.run(stopping))]
    while not all(pump.lanes and all(lane.idle.is_set() for lane in pump.lanes.values()) for pump in host.pumps):
        for task in tasks:
            if task.done():
                await task
        await asyncio.sleep(0.05)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    ended = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait({ended, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    for task in done - {ended}:
        await task
    host.stop()
    await asyncio.gather(*tasks)
    return sink.stored


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("bootstrap")
    parser.add_argument("prefix")
    parser.add_argument("url")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)
    stored = asyncio.run(serve(Material(given.folder), given.bootstrap, given.prefix, given.url))
    given.out.write_text(json.dumps(stored), encoding="utf-8")


if __name__ == "__main__":
    main()
