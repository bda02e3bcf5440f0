"""The violation store on Elasticsearch, for every command that reads or writes there; its client takes a second to load."""

from elasticsearch import Elasticsearch
from prometheus_client import CollectorRegistry

from controlwatch.settings import Settings
from sinks.elasticsearch.store import ElasticsearchStore, Options
from streams import clock


def elasticsearch_store(settings: Settings, metrics: CollectorRegistry | None = None) -> ElasticsearchStore:
    """A store on the configured URL, which must not be empty; ``metrics``: where it counts."""
    key = settings.elasticsearch_api_key
    client = Elasticsearch(settings.elasticsearch, api_key=key.get_secret_value() if key is not None else None)
    return ElasticsearchStore(
        client, now=clock.now, registry=metrics or CollectorRegistry(), options=Options(prefix=f"{settings.prefix}controlwatch")
    )
