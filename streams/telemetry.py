"""Metrics of the stages for Prometheus: names ``controlwatch_…_total`` and ``_seconds``, read from the stages' own counters.

The counters live in the state that is committed with each batch, so they survive restarts and never count an aborted batch.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.violation import Change, Severity, Violation

FATES = ("read", "parsed", "filtered", "dead")
JUDGED = ("routed", "judged", "late", "duplicate", "parked")
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

# part of a stage -> counters
Counts = Mapping[str, Mapping[str, int]]


class StageCollector(Collector):
    """Exports what the stages have counted, by partition.

    ``normalize``, ``detect``, ``dead``: partition -> counters. ``heard``: source -> seconds since it was last heard.
    ``lag``: stage -> seconds it is behind. ``stalled``: stage -> seconds in which it has stood still. ``keys``:
    partition -> how many keys are awake, and how many rest.
    """

    def __init__(
        self, *, normalize: Callable[[], Counts], detect: Callable[[], Counts], dead: Callable[[], Counts],
        heard: Callable[[], Mapping[str, float]], lag: Callable[[], Mapping[str, float]],
        stalled: Callable[[], Mapping[str, float]] = dict, keys: Callable[[], Counts] = dict,
    ) -> None:  # fmt: skip
        self._keys = keys
        self._normalize = normalize
        self._detect = detect
        self._dead = dead
        self._heard = heard
        self._lag = lag
        self._stalled = stalled

    def describe(self) -> Iterable[Metric]:
        """Nothing is read at registration."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The metrics as of now."""
        records = CounterMetricFamily(
            "controlwatch_records", "Raw records by fate: read = parsed + filtered + dead.", labels=["partition", "fate"]
        )
        for partition, counts in self._normalize().items():
            for fate in FATES:
                records.add_metric([partition, fate], counts.get(fate, 0))
        yield records
        letters = CounterMetricFamily(
            "controlwatch_dead_letters", "Unreadable records by reason.", labels=["partition", "reason"]
        )
        for partition, counts in self._dead().items():
            for reason, count in counts.items():
                letters.add_metric([partition, reason], count)
        yield letters
        judged = CounterMetricFamily(
            "controlwatch_judgements",
            "Events x folds: routed = judged + late + duplicate + parked.",
            labels=["partition", "fate"],
        )
        for partition, counts in self._detect().items():
            for fate in JUDGED:
                judged.add_metric([partition, fate], counts.get(fate, 0))
        yield judged
        heard = GaugeMetricFamily("controlwatch_source_unheard_seconds", "Time since a source was last heard.", labels=["source"])
        for source, seconds in self._heard().items():
            heard.add_metric([source], seconds)
        yield heard
        lag = GaugeMetricFamily("controlwatch_lag_seconds", "How far a stage is behind the clock.", labels=["stage"])
        for stage, seconds in self._lag().items():
            lag.add_metric([stage], seconds)
        yield lag
        stalled = GaugeMetricFamily(
            "controlwatch_stalled_seconds",
            "How long a stage has had records to read and committed nothing; at 60 the worker ends.",
            labels=["stage"],
        )
        for stage, seconds in self._stalled().items():
            stalled.add_metric([stage], seconds)
        yield stalled
        keys = GaugeMetricFamily(
            "controlwatch_keys", "Keys that are in memory (awake), and in the stored state only (resting).",
            labels=["partition", "state"],
        )  # fmt: skip
        for partition, held in self._keys().items():
            for state, count in held.items():
                keys.add_metric([partition, state], count)
        yield keys


class Delivered:
    """Counts what has been stored, and how long it took since it was observed.

    The counters of ``detectors`` begin at zero: Prometheus sees no increase in a counter that appears with its first value.
    """

    def __init__(self, registry: CollectorRegistry, detectors: Iterable[str] = ()) -> None:
        self._count = Counter(
            "controlwatch_violations_total", "Transitions stored.", ["detector", "severity", "change"], registry=registry
        )
        self._delay = Histogram(
            "controlwatch_delivery_seconds", "From the observed time of the cause to being stored.", registry=registry,
            buckets=_BUCKETS,
        )  # fmt: skip
        for detector, severity in product(detectors, Severity):
            self._count.labels(detector, severity.value, Change.OPENED.value)

    def tell(self, violations: Iterable[Violation], now: int) -> None:
        """Note what was stored at ``now`` (µs)."""
        for violation in violations:
            change = violation.transition.change.value
            self._count.labels(violation.detector, violation.severity.value, change).inc()
            self._delay.observe(max(0, now - violation.transition.time) / 1_000_000)
