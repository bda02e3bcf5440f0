"""Builds clients, stores and stages from the settings and passes them down; nothing else makes any."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from elasticsearch import Elasticsearch
from prometheus_client import CollectorRegistry

from controlwatch.cli import Misconfigured
from controlwatch.settings import Settings
from detectors.kit import registry
from schemas.violation import Violation
from sinks.contract import ViolationStore
from sinks.elasticsearch.store import ElasticsearchStore, Options
from sinks.sqlite import SqliteStore
from streams import clock
from streams import coverage as covered
from streams.embedded import file_of


def elasticsearch(settings: Settings, metrics: CollectorRegistry | None = None) -> ElasticsearchStore:
    """The store on the configured Elasticsearch. Raises Misconfigured if none is configured."""
    if not settings.elasticsearch:
        raise Misconfigured("no Elasticsearch is configured; set CONTROLWATCH_ELASTICSEARCH to its URL")
    key = settings.elasticsearch_api_key
    client = Elasticsearch(settings.elasticsearch, api_key=key.get_secret_value() if key is not None else None)
    return ElasticsearchStore(
        client, now=clock.now, registry=metrics or CollectorRegistry(), options=Options(prefix=f"{settings.prefix}controlwatch")
    )


def reader(settings: Settings, folder: Path) -> ViolationStore:
    """The store that pages and reports read: Elasticsearch if configured, else the data file. Raises Misconfigured."""
    if settings.elasticsearch:
        return elasticsearch(settings)
    path = file_of(folder)
    if not path.exists():
        raise Misconfigured(f"{path} does not exist; name the job's data folder with --data, or set CONTROLWATCH_ELASTICSEARCH")
    return SqliteStore(path, writable=False)


def coverage(folder: Path, month: str, zone: str) -> tuple[int, Mapping[str, str]]:
    """Truth time within ``month``, and clause -> monitored, degraded or blind. Raises ValueError if it is no month."""
    since, until = covered.month(month, zone)
    hours = covered.hours(file_of(folder), since, until)
    truth = max((hour.until for hour in hours), default=since)
    return truth, covered.assessed(hours, registry.load().values(), since, min(until, max(truth, since + 1)))


def tellers(settings: Settings) -> Sequence[Callable[[Sequence[Violation]], None]]:
    """Who is told of stored violations."""
    del settings
    return ()
