"""A pipeline under test: topics and indices of its own on real services, its workers, and the stream in portions."""

import asyncio
import signal
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from aiokafka.errors import KafkaError

from schemas.log import Stated
from streams import topics
from streams.kafka import replaying
from streams.layout import Layout
from streams.replay import Item, Order
from streams.stage import Raw
from tests.chaos.lag import Lag
from tests.chaos.worker import STAGES, Worker
from tests.chaos.workload import Workload

LOOK = 0.1  # seconds between two looks at the lag
PROGRESS_LIMIT = 150.0
"""Seconds after a fault within which the lag must be back to nothing: a pipeline that stands still has failed (T44)."""


class Brokers(Protocol):
    """A broker or a cluster."""

    bootstrap: str


class World:
    """Start with ``with``; ``workers`` are up then. ``elasticsearch``: URL the workers write to, which may be a proxy's.

    ``bootstrap``: where the workers find Kafka, if not where the harness does.
    """

    def __init__(
        self, workload: Workload, brokers: Brokers, elasticsearch: str, directory: Path, *, prefix: str, workers: int = 2,
        raw: int = 2, keyed: int = 4, replication: int = 1, clock: str = "records", bootstrap: str = "",
        settings: Mapping[str, str] | None = None, stages: Sequence[str] = STAGES,
    ) -> None:  # fmt: skip
        self.workload = workload
        self.bootstrap = brokers.bootstrap
        self.layout = Layout(raw=raw, keyed=keyed, replication=replication, prefix=prefix)
        self.groups = {"raw": ("normalize", raw), "events": ("detect", keyed), "violations": ("deliver", keyed), "coverage": ("deliver", 1)}
        self.groups = {topic: group for topic, group in self.groups.items() if group[0] in stages}
        self._directory = directory
        self._clock = clock
        self._stages = stages
        directory.mkdir(parents=True, exist_ok=True)
        sources = directory / "sources.toml"
        sources.write_text(workload.sources, encoding="utf-8")
        self._settings = {
            "CONTROLWATCH_KAFKA": bootstrap or brokers.bootstrap, "CONTROLWATCH_ELASTICSEARCH": elasticsearch,
            "CONTROLWATCH_PREFIX": prefix, "CONTROLWATCH_RAW_PARTITIONS": str(raw),
            "CONTROLWATCH_KEYED_PARTITIONS": str(keyed), "CONTROLWATCH_REPLICATION": str(replication),
            "CONTROLWATCH_SOURCES": str(sources), **(settings or {}),
        }  # fmt: skip
        self.workers = [self.worker(number) for number in range(1, workers + 1)]
        self.sent = 0
        self._lag = Lag(brokers.bootstrap)

    def worker(self, number: int) -> Worker:
        """One more worker, not started."""
        return Worker(
            self._directory / f"worker-{number}", self._settings, number=number, clock=self._clock, stages=self._stages
        )

    def __enter__(self) -> Self:
        topics.create(self.bootstrap, self.layout)
        for worker in self.workers:
            worker.launch()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self.workers:
            if worker.running:
                worker.kill()
        self._lag.close()

    def produce(self, order: Order, until: int) -> None:
        """Write one portion; returns when the broker has it."""
        asyncio.run(replaying.produce(order, until, bootstrap=self.bootstrap, layout=self.layout))
        self.sent += len(order.raws)

    def unread(self, stages: Collection[str] = STAGES) -> int:
        """How many partitions hold what their stage has not committed; a broker that does not answer counts as all."""
        for topic, (group, partitions) in self.groups.items():
            if group in stages and (left := self._lag.unread(self.layout.name(topic), f"{self.layout.prefix}{group}", partitions)):
                return left
        return 0

    def drained(self, limit: float = PROGRESS_LIMIT, stages: Collection[str] = STAGES) -> float:
        """Wait until nothing is left to read in any of ``stages``; seconds that took.

        Raises:
            Stalled: something is left after ``limit`` seconds (T44).
        """
        began = time.monotonic()
        while left := self.unread(stages):
            if time.monotonic() - began > limit:
                raise Stalled(f"{left} partitions still hold unread records after {limit:.0f} s\n{self.told()}")
            time.sleep(LOOK)
        return time.monotonic() - began

    def told(self) -> str:
        """The end of each worker's log."""
        return "\n".join(f"--- {worker.name}\n{worker.log_text()[-3000:]}" for worker in self.workers)

    def stopped(self) -> None:
        """End all workers in order; each must end by itself, with status 0 unless it had not even begun to listen to signals."""
        for worker in self.workers:
            if not worker.running:
                continue
            seconds, status = worker.terminated()
            if status not in {0, -signal.SIGTERM}:
                raise Stalled(f"{worker.name} ended with status {status} after SIGTERM and {seconds:.0f} s\n{self.told()}")

    def erased(self) -> None:
        """Delete the topics, so that a long run needs no more disk than its largest row."""
        with suppress(KafkaError):
            topics.delete(self.bootstrap, self.layout)


class Stalled(AssertionError):
    """The pipeline stands still, or a worker does not end."""


def portions(workload: Workload, count: int) -> Iterator[tuple[Order, int]]:
    """The stream in ``count`` parts in the order of ``workload.raws``, each with the time that it reaches.

    Time passes only up to what is still to come: records may be in any order.
    """
    raws = workload.raws
    context = [Item(record.o, "", record.id, record.t, Stated(record)) for record in workload.context]
    still = [*_still_to_come(raws), workload.truth_time]
    for number in range(count):
        first, last = len(raws) * number // count, len(raws) * (number + 1) // count
        yield Order(context if number == 0 else [], list(raws[first:last])), min(still[last], workload.truth_time)


def _still_to_come(raws: Sequence[Raw]) -> list[int]:
    """For each place the smallest observed time from there on."""
    smallest = max((raw.o or 0 for raw in raws), default=0)
    found: list[int] = []
    for raw in reversed(raws):
        smallest = min(smallest, raw.o or 0)
        found.append(smallest)
    return found[::-1]
