"""What alerting counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """Counters of one Alertmanager sink, in ``registry``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sent = Counter(
            "controlwatch_alerts_sent_total", "Alerts told, repetitions included, by status", ["status"], registry=registry
        )
        self.failures = Counter(
            "controlwatch_alerts_failures_total", "Failed requests, by HTTP status or error", ["outcome"], registry=registry
        )
        self.rejected = Counter(
            "controlwatch_alerts_rejected_total", "Alerts that Alertmanager will never take", registry=registry
        )
        self.dropped = Counter(
            "controlwatch_alerts_dropped_total", "Cases not alerted because too many are alerted already", registry=registry
        )
        self.active = Gauge("controlwatch_alerts_active", "Cases that are alerted", registry=registry)
        self.waiting = Gauge("controlwatch_alerts_waiting", "Cases whose newest state is still to be told", registry=registry)
