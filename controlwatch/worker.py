"""A production worker put together: Faust host with the chosen stages, delivery, collectors, metrics; runs until a signal."""

import asyncio
import signal
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, start_http_server

from controlwatch import wiring
from controlwatch.settings import Settings
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import ContextRecord, Source
from schemas.violation import Violation
from sinks.alerts.alertmanager import AlertmanagerSink
from streams import clock, topics
from streams.collect.contract import Collector
from streams.kafka.collecting import Collecting
from streams.kafka.delivering import Delivery
from streams.kafka.detecting import Detecting
from streams.kafka.host import Host, control_topic
from streams.kafka.intaking import Intaking
from streams.kafka.normalizing import Normalizing
from streams.kafka.processor import Account, Stage
from streams.telemetry import Delivered, StageCollector

STAGES = ("collect", "normalize", "detect", "deliver")


async def run(
    settings: Settings, *, chosen: Sequence[str], ruleset: Ruleset, sources: Mapping[str, Source], intake: Mapping[str, str],
    context: Sequence[ContextRecord], collector: Collector, live: bool,
) -> None:  # fmt: skip
    """Run the ``chosen`` stages until SIGINT or SIGTERM.

    Args:
        settings: where services are.
        chosen: names out of :data:`STAGES`.
        ruleset: detectors in force.
        sources: configuration by source name.
        intake: source name -> foreign topic that carries its records.
        context: records of the context files.
        collector: reads files and sockets.
        live: time passes by the clock; False: only by the records.
    """
    layout, bootstrap = settings.layout, settings.kafka
    await asyncio.to_thread(topics.create, bootstrap, layout, (control_topic(settings.worker),))
    metrics = CollectorRegistry()
    delivered = Delivered(metrics)

    stages: list[Stage] = []
    if "collect" in chosen:
        stages += [Intaking(topic, sources[name], layout) for name, topic in intake.items()]
    if "normalize" in chosen:
        stages.append(Normalizing(ruleset, sources, layout))
    if "detect" in chosen:
        stages.append(Detecting(ruleset, layout))
    host = Host(worker=settings.worker, bootstrap=bootstrap, prefix=layout.prefix, stages=stages, live=live)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    tasks = [asyncio.create_task(host.run(), name="host")]
    delivery: Delivery | None = None
    if "deliver" in chosen:
        sink = wiring.elasticsearch(settings, metrics)
        await asyncio.to_thread(sink.prepare)
        alerting = await asyncio.to_thread(wiring.alerts, settings, metrics, sink)

        def told(violations: Sequence[Violation]) -> None:
            delivered.tell(violations, clock.now())
            if alerting is not None:
                alerting.write(violations)

        delivery = Delivery(sink=sink, layout=layout, bootstrap=bootstrap, worker=settings.worker, told=told)
        tasks.append(asyncio.create_task(_repeat(alerting, stopping), name="alerts"))
        tasks.append(asyncio.create_task(delivery.run(stopping), name="deliver"))
    metrics.register(_stages(host, delivery))
    if "collect" in chosen:
        settings.data.mkdir(parents=True, exist_ok=True)
        collecting = Collecting(
            collector=collector, context=context, positions=settings.data / "positions.json", layout=layout, bootstrap=bootstrap
        )
        tasks.append(asyncio.create_task(_unless_ended(collecting, stopping), name="collect"))
    if settings.metrics_port:
        start_http_server(settings.metrics_port, settings.metrics_host, registry=metrics)
    stop = asyncio.create_task(stopping.wait())
    try:
        done, _ = await asyncio.wait({stop, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stop}:
            task.result()
    finally:
        stopping.set()
        host.stop()
        await asyncio.gather(*tasks, return_exceptions=True)


def _stages(host: Host, delivery: Delivery | None) -> StageCollector:
    """Metrics of what this worker's partitions had done at their last commit."""

    def accounts(stage: str) -> dict[str, Account]:
        lanes = [dict(pump.lanes) for pump in host.pumps if pump.stage.name == stage]
        return {str(partition): lane.account for own in lanes for partition, lane in own.items()}

    def heard() -> dict[str, float]:
        now = clock.now()
        clocks = [account.heard for account in accounts("normalize").values()]
        return {source: (now - t) / instant.SECOND for each in clocks for source, t in each.items()}

    def lag() -> dict[str, float]:
        now = clock.now()
        reached = [account.observed for account in accounts("detect").values() if account.observed]
        behind = {"detect": (now - min(reached)) / instant.SECOND} if reached else {}
        if delivery is not None:
            behind["deliver"] = 0.0 if delivery.oldest is None else (now - delivery.oldest) / instant.SECOND
        return behind

    return StageCollector(
        normalize=lambda: {partition: account.counters for partition, account in accounts("normalize").items()},
        detect=lambda: {partition: account.counters for partition, account in accounts("detect").items()},
        dead=lambda: {partition: account.dead for partition, account in accounts("normalize").items()},
        heard=heard,
        lag=lag,
    )


async def _unless_ended(collecting: Collecting, stopping: asyncio.Event) -> None:
    """Collectors that have come to their end (stdin) do not end the worker."""
    await collecting.run(stopping)
    await stopping.wait()


async def _repeat(alerting: AlertmanagerSink | None, stopping: asyncio.Event) -> None:
    """Alerts are repeated until the worker stops; what is waiting is told then."""
    repeating = asyncio.create_task(wiring.repeat(alerting))
    await stopping.wait()
    repeating.cancel()
    if alerting is not None:
        await asyncio.to_thread(alerting.close)
