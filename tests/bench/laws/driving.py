"""Drives an engine as a worker's partition does, without Kafka: bytes in; violations and changes of state out as bytes.

What is measured is decoding, judging, encoding of violations and of what the changelog is given, hourly trims. Making the
events is not in it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from detectors.kit import changelog
from detectors.kit.contract import Detector, Fold
from detectors.kit.engine import Engine
from detectors.kit.registry import Loaded, Ruleset
from schemas import instant, log
from schemas.event import Activity, SecurityEvent
from schemas.log import Keyed, LogRecord, Progress
from schemas.violation import Severity, Violation
from streams.kafka.detecting import TRIM_EVERY
from tests.bench.measure import cpu

BATCH = 4000
START = 1_770_000_000 * instant.SECOND
LINE = "2026-02-02T02:40:00.000000Z gateway-07 appliance[2211]: session handled for the account named in this line; number "


@dataclass(slots=True)
class Driven:
    """What a drive cost and gave."""

    events: int = 0
    cpu_s: float = 0.0
    violations: list[Violation] = field(default_factory=list)

    @property
    def us(self) -> float:
        """CPU µs per event."""
        return self.cpu_s / self.events * 1e6


class Driver:
    """One engine and the time it has reached."""

    def __init__(self, folds: Iterable[Fold], *, keep: bool = False) -> None:
        self.rules = Ruleset(
            Loaded(id=f"rule{number:04}", detector=_detector(fold), title="", doc="", version="1")
            for number, fold in enumerate(folds)
        )
        self.engine = Engine(self.rules)
        self._keep = keep
        self._trimmed = 0

    def wire(self, events: Iterable[SecurityEvent]) -> Iterator[list[bytes]]:
        """Events as records of the keyed log, in batches, each ending with how far time has passed."""
        batch: list[bytes] = []
        reached = 0
        for event in events:
            batch.append(self.keyed(event))
            reached = max(reached, event.o)
            if len(batch) == BATCH:
                yield [*batch, progress(reached)]
                batch = []
        if batch:
            yield [*batch, progress(reached)]

    def keyed(self, event: SecurityEvent) -> bytes:
        """``event`` with its routes, as a record of the keyed log."""
        return log.encode(Keyed(event, tuple(self.rules.routes(event))))

    def drive(
        self, batches: Iterable[list[bytes]], after: Callable[[int], None] | None = None,
        told: Callable[[list[changelog.Change]], None] | None = None,
    ) -> Driven:  # fmt: skip
        """Apply ``batches``; ``after`` each the number of events is told, and what the changelog was given; off the clock."""
        engine, driven = self.engine, Driven()
        apply, decode = engine.apply, log.decode
        for values in batches:
            begun = cpu()
            for value in values:
                apply(decode(value))
            made = engine.drain().violations
            for violation in made:
                violation.model_dump_json()
            observed = engine.observed()
            if observed - self._trimmed > TRIM_EVERY:
                engine.trim()
                self._trimmed = observed
            changes = changelog.changes(engine)
            driven.cpu_s += cpu() - begun
            driven.events += len(values) - 1
            if self._keep:
                driven.violations += made
            if told is not None:
                told(changes)
            if after is not None:
                after(driven.events)
        return driven

    def pass_time(self, until: int) -> Driven:
        """Let the clocks reach ``until`` (µs)."""
        return self.drive([[progress(until)]])


def progress(observed: int) -> bytes:
    """A record that says how far time has passed."""
    record: LogRecord = Progress(part=0, parts=1, observed=observed)
    return log.encode(record)


def _detector(fold: Fold) -> Detector:
    return Detector(clauses=("CC-18000.3.e",), feeds=("idp",), severity=Severity.HIGH, folds=(fold,), subtypes=())


def event(number: int, t: int, *, activity: str = Activity.LOGIN, delay: int = 0, **fields: str) -> SecurityEvent:
    """An event of usual size, ``delay`` µs under way."""
    return SecurityEvent(
        id=f"{number:032x}", t=t, o=t + delay, feed="generic", source="gateway-07", activity=activity, seq=number, line=number,
        original=f"{LINE}{number}", **fields,
    )  # fmt: skip
