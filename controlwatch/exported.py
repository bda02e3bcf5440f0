"""Every metric that the program exports, found by making its exporters; documentation and alert rules are checked against it."""

from collections.abc import Iterable
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from sinks.alerts.metrics import Metrics as AlertMetrics
from sinks.elasticsearch.metrics import Metrics as ElasticsearchMetrics
from streams.telemetry import Delivered, StageCollector

_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


class Exported(NamedTuple):
    """One metric: the names under which Prometheus stores it, its type, labels and meaning."""

    names: tuple[str, ...]
    kind: str
    labels: tuple[str, ...]
    meaning: str


def metrics() -> list[Exported]:
    """All of them, by name."""
    registry = CollectorRegistry()
    one = {"": {"": 0}}
    registry.register(
        StageCollector(
            normalize=lambda: one, detect=lambda: one, dead=lambda: one, heard=lambda: {"": 0.0}, lag=lambda: {"": 0.0},
            stalled=lambda: {"": 0.0}, keys=lambda: one,
        )
    )
    made: tuple[object, ...] = (Delivered(registry), ElasticsearchMetrics(registry), AlertMetrics(registry))
    labels = dict(_labels(value for exporter in made for value in vars(exporter).values()))
    found = [
        Exported(
            tuple(f"{family.name}{suffix}" for suffix in _SUFFIXES[family.type]),
            family.type,
            labels[family.name] if family.name in labels else tuple(family.samples[0].labels),
            family.documentation,
        )
        for family in registry.collect()
    ]
    return sorted(found)


def _labels(found: Iterable[object]) -> Iterable[tuple[str, tuple[str, ...]]]:
    for metric in found:
        if isinstance(metric, MetricWrapperBase):
            yield metric.describe()[0].name, metric._labelnames  # type: ignore[index] # noqa: SLF001 - no other way to read them
