"""The embedded job put together: collectors, service, dashboard, metrics, alerts; runs until a signal."""

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from controlwatch import serving, signals, wiring
from controlwatch.covered import Recent
from controlwatch.serving import Announce, Serving
from controlwatch.settings import Settings
from dashboards.web.app import app
from detectors.kit.registry import Ruleset
from schemas.context import ContextRecord, Source
from schemas.violation import Violation
from sinks.sqlite import SqliteStore
from streams import clock
from streams.collect.contract import Collector, Outlet
from streams.embedded import Embedded, file_of
from streams.service import Service
from streams.telemetry import Delivered, StageCollector

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: sources, what collects them, context, the data folder, whether the data are made up."""

    ruleset: Ruleset
    sources: Mapping[str, Source]
    context: Sequence[ContextRecord]
    collector: Collector
    folder: Path
    demo: bool = False


async def run(job: Job, settings: Settings, listening: socket.socket, *, announce: Announce) -> None:
    """Run ``job`` until SIGINT or SIGTERM; ``announce`` is told the dashboard's address when it serves on ``listening``.

    Raises:
        Unfinished: metrics cannot be served, or a part of the job ended.
    """
    metrics = CollectorRegistry()
    serving.metrics(metrics, settings, announce, elsewhere=True)
    job.folder.mkdir(parents=True, exist_ok=True)
    path = file_of(job.folder)
    embedded = Embedded(path, job.ruleset, job.sources)
    embedded.state(job.context)
    delivered = Delivered(metrics, [loaded.id for loaded in job.ruleset.detectors])
    store = SqliteStore(path, writable=False)
    alerting = wiring.alerts(settings, metrics) if not job.demo else None

    def told(violations: Sequence[Violation]) -> None:
        delivered.tell(violations, clock.now() if not job.demo else embedded.engine.observed())
        if alerting is not None and violations:
            alerting.write(violations)

    service = Service(embedded, told=told, live=not job.demo)
    metrics.register(_stages(embedded, service))
    pages = app(
        store, demo=job.demo, health=service.health, assessed=Recent(store, settings.zone).assessed,
        now=clock.now if not job.demo else embedded.engine.observed, truth_time=embedded.engine.observed, zone=settings.zone,
        hosts=serving.hosts(settings),
    )  # fmt: skip
    dashboard = Serving(pages, settings, listening, announce)
    stopping = signals.stopping()
    showing = asyncio.create_task(dashboard.run(), name="dashboard")
    judging = asyncio.create_task(service.run(stopping), name="service")
    collecting = asyncio.create_task(_collect(job, service.queue, embedded.positions(), stopping), name="collect")
    stop = asyncio.create_task(stopping.wait())
    repeating = asyncio.create_task(wiring.repeat(alerting, settings, store))
    try:
        done, _ = await asyncio.wait({showing, judging, collecting, stop}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stop}:
            task.result()
    finally:
        stopping.set()
        repeating.cancel()
        await dashboard.stop()
        await asyncio.gather(showing, judging, return_exceptions=True)
        # It may wait for room in the queue, which nobody empties any more. What is not stored is read again.
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
        embedded.close()
        store.close()
        if alerting is not None:
            await asyncio.to_thread(alerting.close)


async def _collect(job: Job, outlet: Outlet, stored: Mapping[str, bytes], stopping: asyncio.Event) -> None:
    """Inputs that have come to their end (standard input, the demo) do not end the job."""
    await job.collector.run(outlet, stored, stopping)
    await stopping.wait()


def _stages(embedded: Embedded, service: Service) -> StageCollector:
    return StageCollector(
        normalize=lambda: {"0": dict(embedded.stage.counters)},
        detect=lambda: {"0": dict(embedded.engine.counters)},
        dead=lambda: {"0": dict(embedded.stage.dead_by_reason)},
        heard=lambda: {name: (clock.now() - t) / 1_000_000 for name, t in dict(embedded.stage.clocks()).items()},
        lag=lambda: {"detect": service.lag() or 0.0},
        keys=lambda: {"0": embedded.engine.held()},
    )
