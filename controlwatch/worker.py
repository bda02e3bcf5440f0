"""A production worker put together: Faust host with the chosen stages, delivery, collectors, metrics; runs until a signal."""

import asyncio
import socket
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry

from controlwatch import serving, signals, wiring
from controlwatch.cli import Misconfigured
from controlwatch.covered import Recent
from controlwatch.serving import Announce, Serving
from controlwatch.settings import Settings
from controlwatch.watching import Watching
from dashboards.web.app import app
from detectors.kit.registry import Ruleset
from schemas.context import ContextRecord, Source
from schemas.violation import Violation
from sinks.alerts.alertmanager import AlertmanagerSink
from sinks.contract import ViolationStore
from streams import clock, failpoints, topics
from streams.collect.contract import Collector
from streams.kafka.collecting import Collecting
from streams.kafka.delivering import Delivery
from streams.kafka.detecting import Detecting
from streams.kafka.host import Host, control_topic
from streams.kafka.intaking import Intaking
from streams.kafka.normalizing import Normalizing
from streams.kafka.processor import Stage
from streams.telemetry import Delivered


async def run(
    settings: Settings, *, chosen: Sequence[str], ruleset: Ruleset, sources: Mapping[str, Source], intake: Mapping[str, str],
    context: Sequence[ContextRecord], collector: Collector, live: bool, announce: Announce,
    listening: socket.socket | None = None,
) -> None:  # fmt: skip
    """Run the ``chosen`` stages until SIGINT or SIGTERM.

    Args:
        settings: where services are.
        chosen: names out of collect, normalize, detect, deliver.
        ruleset: detectors in force.
        sources: configuration by source name.
        intake: source name -> foreign topic that carries its records.
        context: records of the context files.
        collector: reads files and sockets.
        live: time passes by the clock; False: only by the records.
        announce: told what the worker serves.
        listening: where the dashboard is served; None: no dashboard.

    Raises:
        Unfinished: the port of /metrics is taken.
        Misconfigured: the topics have other numbers of partitions: keys would be looked for where they are not.
    """
    failpoints.arm(settings.failpoint)
    layout, bootstrap = settings.layout, settings.kafka
    metrics = CollectorRegistry()
    serving.metrics(metrics, settings, announce, elsewhere=False)
    await asyncio.to_thread(_topics, settings)
    delivered = Delivered(metrics, [loaded.id for loaded in ruleset.detectors])

    stages: list[Stage] = []
    if "collect" in chosen:
        stages += [Intaking(topic, sources[name], layout) for name, topic in intake.items()]
    if "normalize" in chosen:
        stages.append(Normalizing(ruleset, sources, layout))
    if "detect" in chosen:
        stages.append(Detecting(ruleset, layout, settings.in_memory))
    host = Host(
        worker=settings.worker, bootstrap=bootstrap, prefix=layout.prefix, stages=stages, live=live,
        folder=settings.data / "state" / settings.worker,
    )  # fmt: skip
    stopping = signals.stopping()
    tasks = [asyncio.create_task(host.run(), name="host")]
    delivery: Delivery | None = None
    if "deliver" in chosen:
        sink = wiring.elasticsearch(settings, metrics)
        alerting = wiring.alerts(settings, metrics)

        def told(violations: Sequence[Violation]) -> None:
            delivered.tell(violations, clock.now())
            if alerting is not None:
                alerting.write(violations)

        delivery = Delivery(
            sink=sink, layout=layout, bootstrap=bootstrap, worker=settings.worker, told=told, prepare=sink.prepare
        )
        tasks.append(asyncio.create_task(_repeat(alerting, settings, sink, stopping), name="alerts"))
        tasks.append(asyncio.create_task(delivery.run(stopping), name="deliver"))
    watching = Watching(host, delivery, ruleset=ruleset, sources=sources, layout=layout)
    watching.watchdog.start()
    metrics.register(watching.metrics())
    dashboard = _dashboard(settings, watching, listening, announce) if listening is not None else None
    if dashboard is not None:
        tasks.append(asyncio.create_task(dashboard.run(), name="dashboard"))
    if "collect" in chosen:
        settings.data.mkdir(parents=True, exist_ok=True)
        collecting = Collecting(
            collector=collector, context=context, positions=settings.data / "positions.json", layout=layout, bootstrap=bootstrap
        )
        tasks.append(asyncio.create_task(_unless_ended(collecting, stopping), name="collect"))
    stop = asyncio.create_task(stopping.wait())
    try:
        done, _ = await asyncio.wait({stop, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stop}:
            task.result()
    finally:
        watching.watchdog.stop()
        stopping.set()
        host.stop()
        if dashboard is not None:
            await dashboard.stop()
        await asyncio.gather(*tasks, return_exceptions=True)


def _topics(settings: Settings) -> None:
    """Make what is missing. Raises Misconfigured if what is there has other numbers of partitions."""
    layout = settings.layout
    topics.create(settings.kafka, layout, (control_topic(settings.worker),))
    wrong = topics.misfits(topics.counts(settings.kafka, layout), layout)
    if wrong:
        raise Misconfigured("; ".join(wrong))


def _dashboard(settings: Settings, watching: Watching, listening: socket.socket, announce: Announce) -> Serving:
    """The pages over Elasticsearch."""
    store = wiring.elasticsearch(settings)
    recent = Recent(store, settings.zone)
    pages = app(
        store, demo=False, health=watching.health, assessed=recent.assessed, now=clock.now, truth_time=recent.truth_time,
        zone=settings.zone, hosts=serving.hosts(settings),
    )  # fmt: skip
    return Serving(pages, settings, listening, announce)


async def _unless_ended(collecting: Collecting, stopping: asyncio.Event) -> None:
    """Collectors that have come to their end (stdin) do not end the worker."""
    await collecting.run(stopping)
    await stopping.wait()


async def _repeat(
    alerting: AlertmanagerSink | None, settings: Settings, store: ViolationStore, stopping: asyncio.Event
) -> None:
    """Alerts are repeated until the worker stops; what is waiting is told then."""
    repeating = asyncio.create_task(wiring.repeat(alerting, settings, store))
    await stopping.wait()
    repeating.cancel()
    if alerting is not None:
        await asyncio.to_thread(alerting.close)
