"""Builds clients, stores and stages from the settings and passes them down; nothing else makes any."""

import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from controlwatch.cli import Misconfigured, action
from controlwatch.settings import Settings
from schemas.violation import State
from sinks import contract
from sinks.alerts.alertmanager import AlertmanagerSink
from sinks.alerts.alertmanager import Options as AlertOptions
from sinks.alerts.cases import Policy
from sinks.alerts.wording import Wording
from sinks.contract import Busy, Query, Store, ViolationStore
from sinks.sqlite import SqliteStore
from streams import clock
from streams.embedded import file_of
from streams.threads import apart

if TYPE_CHECKING:
    from sinks.elasticsearch.store import ElasticsearchStore

REPEAT = 60.0  # seconds
ALERTED = 10_000  # cases at a time

log = logging.getLogger(__name__)


def elasticsearch(settings: Settings, metrics: CollectorRegistry | None = None) -> "ElasticsearchStore":
    """The store on the configured Elasticsearch. Raises Misconfigured if none is configured."""
    if not settings.elasticsearch:
        raise Misconfigured("no Elasticsearch is configured; set CONTROLWATCH_ELASTICSEARCH to its URL")
    store: ElasticsearchStore = action("elasticsearch_store")(settings, metrics)
    return store


def reader(settings: Settings, folder: Path) -> Store:
    """The store that pages and reports read: Elasticsearch if configured, else the data file. Raises Misconfigured."""
    if settings.elasticsearch:
        return elasticsearch(settings)
    path = file_of(folder)
    if not path.exists():
        raise Misconfigured(f"{path} does not exist; name the job's data folder with --data, or set CONTROLWATCH_ELASTICSEARCH")
    return SqliteStore(path, writable=False)


def alerts(settings: Settings, metrics: CollectorRegistry) -> AlertmanagerSink | None:
    """Alerting to the configured Alertmanager; None if none is configured."""
    if not settings.alertmanager:
        return None
    return AlertmanagerSink(
        AlertOptions(url=settings.alertmanager),
        policy=Policy(severities=frozenset(settings.alert_severities), capacity=ALERTED),
        wording=Wording(base_url=settings.public_url or f"http://{settings.host}:{settings.port}/"),
        now=clock.now,
        registry=metrics,
    )


async def repeat(sink: AlertmanagerSink | None, settings: Settings, store: ViolationStore) -> None:
    """Keep alerting true until cancelled: at start and each minute it is compared with ``store`` and told again.

    Alertmanager forgets what is not repeated, and another worker may have delivered what ends an alert of this one.
    """
    query = Query(severities=settings.alert_severities, states=(State.OPEN,), limit=ALERTED)
    while sink is not None:
        try:
            sink.restore(await apart(partial(store.search, query)))
        except (Busy, contract.Misconfigured) as error:
            log.warning("alerts are repeated without a look at the store: %s", error)
        sink.refresh(clock.now())
        await asyncio.sleep(REPEAT)
