"""Contenders (b) and (d): the product as it ships, on Kafka through its Faust agents and embedded over SQLite."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from streams import clock, topics
from streams.embedded import Embedded, file_of
from streams.kafka import replaying
from streams.kafka.detecting import Detecting
from streams.kafka.host import Host, control_topic
from streams.kafka.normalizing import Normalizing
from streams.kafka.processor import Processor, Record, Stage
from streams.layout import Layout
from streams.stage import Said
from tests.bench.material import TOPICS, WIDE, digest_of_log, produce_log, read_topic, ruleset
from tests.bench.measure import Window
from tests.bench.records import decode_raw
from tests.bench.run import Run
from tests.bench.wide import digest_of_routes

WORKER = "bench"
STALL = 120.0  # seconds without any commit
CALM = 10  # looks, 20 ms apart, at lanes that have nothing in hand, before the broker is asked whether that is all


class Watched:
    """A stage that reads a shared topic; its first batch opens the window."""

    def __init__(self, stage: Stage, source: str, window: Window) -> None:
        self._stage = stage
        self._window = window
        self.name = stage.name
        self.source = source
        self.changelog = stage.changelog

    def open(self, partition: int) -> Processor:
        """The stage's own processor, watched."""
        return cast("Processor", _Watched(self._stage.open(partition), self._window))


class _Watched:
    """A processor as it is, but for the look at the clocks when its first batch comes."""

    def __init__(self, processor: Processor, window: Window) -> None:
        self._window = window
        self._processor = processor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._processor, name)

    def work(self, records: Sequence[Record]) -> Iterator[None]:
        self._window.open()
        return self._processor.work(records)


def on_kafka(run: Run) -> None:
    """One partition of each topic, as the other contenders have."""
    asyncio.run(_on_kafka(run, Layout(raw=1, keyed=1, prefix=run.prefix), TOPICS))


def on_kafka_wide(run: Run) -> None:
    """The partitions of a production worker."""
    asyncio.run(_on_kafka(run, Layout(prefix=run.prefix), WIDE))


async def _on_kafka(run: Run, layout: Layout, shared: Layout) -> None:
    rules = ruleset()
    await asyncio.to_thread(topics.create, run.bootstrap, layout, (control_topic(WORKER),))
    stages: list[Stage] = []
    raw, events = shared.name("raw"), layout.name("events")
    if run.part != "detect":
        stages.append(Watched(Normalizing(rules, run.material.recording().sources, layout), raw, run.window))
    elif layout.keyed == 1:
        events = shared.name("events")
    else:
        # Partitions tell each other facts and progress through the log: it must be the run's own.
        log = [await read_topic(run.bootstrap, shared.name("events"), part) for part in range(layout.keyed)]
        await produce_log(log, layout, run.bootstrap)
    if run.part != "normalize":
        stages.append(Watched(Detecting(rules, layout), events, run.window))
    host = Host(worker=WORKER, bootstrap=run.bootstrap, prefix=layout.prefix, stages=stages, live=False)
    running = asyncio.create_task(host.run())
    try:
        await _until_read(run, host, layout, running)
    finally:
        host.stop()
        await running
    if run.part == "normalize":
        partitions = [await read_topic(run.bootstrap, layout.name("events"), part) for part in range(layout.keyed)]
        run.log = digest_of_log(iter(partitions[0])) if layout.keyed == 1 else digest_of_routes(partitions)
    else:
        run.violations = await replaying.violations(run.bootstrap, layout)


async def _until_read(run: Run, host: Host, layout: Layout, running: "asyncio.Task[None]") -> None:
    """Return when everything has been read and committed, with the window closed at the moment when that was so."""
    sizes = {pump.group: layout.raw if pump.stage.name == "normalize" else layout.keyed for pump in host.pumps}
    calm: int = 0
    before: list[int] = []
    moved = clock.monotonic()
    while True:
        await asyncio.sleep(0.02)
        if running.done():
            await running
        if clock.monotonic() - moved > STALL:
            raise TimeoutError(f"nothing was committed for {STALL:.0f} s, offsets {before}; the lanes' words are on standard error")
        lanes = [lane for pump in host.pumps for lane in pump.lanes.values()]
        now = [lane.committed for lane in lanes]
        if now != before:
            moved = clock.monotonic()
        quiet = len(lanes) == sum(sizes.values()) and all(lane.idle.is_set() for lane in lanes) and now == before
        calm, before = calm + 1 if quiet else 0, now
        if calm == 1:
            run.window.close()
        if calm < CALM:
            continue
        left = [
            await replaying.unread(run.bootstrap, {pump.stage.source: pump.group}, sizes[pump.group]) for pump in host.pumps
        ]
        if not sum(left):
            return
        calm = 0


def embedded(run: Run) -> None:
    """Batches of the size its service takes, one SQLite transaction each."""
    if run.part != "both":
        raise SystemExit("the embedded runner has one step; give part 'both'")
    with TemporaryDirectory(prefix="controlwatch-bench-") as folder:
        recording, rules, window = run.material.recording(), ruleset(), run.window
        runner = Embedded(file_of(Path(folder)), rules, recording.sources)
        window.open()
        for number, chunk in enumerate(run.material.chunks("raw")):
            items = [decode_raw(value) for value in chunk]
            said = [item.record for item in items if isinstance(item, Said)]
            if said:
                run.violations += runner.state(said)
            records = [item for item in items if not isinstance(item, Said)]
            run.violations += runner.take(records, {"reader": str(number).encode()}, now=None)
        window.close()
        runner.close()

