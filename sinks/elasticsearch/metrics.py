"""What the Elasticsearch store counts."""

from prometheus_client import CollectorRegistry, Counter


class Metrics:
    """Counters of one store, in ``registry``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "controlwatch_elasticsearch_requests_total",
            "Bulk requests, by answered, HTTP status or connection error",
            ["outcome"],
            registry=registry,
        )
        self.items = Counter(
            "controlwatch_elasticsearch_items_total",
            "Bulk items, by stored, conflict, poison or again",
            ["outcome"],
            registry=registry,
        )
