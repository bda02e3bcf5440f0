"""The detect stage on Kafka: ``events`` -> engine -> ``violations``, ``coverage``, facts back into ``events``."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from detectors.kit import changelog, restoring
from detectors.kit.engine import Batch, Engine
from detectors.kit.registry import Ruleset
from schemas import identity, instant, log
from schemas.coverage import Coverage, judged
from schemas.event import SecurityEvent
from schemas.log import FactGone, Keyed, LogRecord, Progress, Route
from sinks import deadletter
from streams import letters
from streams.coverage import unjudged, unread
from streams.kafka.processor import Account, Record, Result
from streams.layout import Layout
from streams.stored import MOST, Stored

SLICE = 64
MISSED = '["u"]'
TRIM_EVERY = instant.HOUR


@dataclass(frozen=True, slots=True)
class Detecting:
    """The stage: makes one engine for each keyed partition. ``most``: see :class:`Engine`."""

    ruleset: Ruleset
    layout: Layout
    most: int = MOST

    @property
    def name(self) -> str:
        """Name of the stage."""
        return "detect"

    @property
    def source(self) -> str:
        """Topic of the keyed log."""
        return self.layout.name("events")

    @property
    def changelog(self) -> str:
        """Topic of the engine's state."""
        return self.layout.name("state.detect")

    def open(self, partition: int) -> "Judging":
        """A fresh processor."""
        return Judging(self, partition)


class Missed(msgspec.Struct):
    """Records of the log were lost, observed from ``since`` to ``until`` (µs).

    That is known when every raw partition of ``waits`` has said how far it has got.
    """

    since: int
    until: int
    waits: list[int]


class Judging:
    """One keyed partition's engine."""

    def __init__(self, stage: Detecting, partition: int) -> None:
        self._stage = stage
        self._layout = stage.layout
        self._partition = partition
        self._result = Result()
        self._told: dict[int, int] = {}
        self._judged = 0
        self._trimmed = 0
        self._dirty = False
        self._missed: Missed | None = None
        self._lost: list[Coverage] = []
        self.engine = Engine(
            stage.ruleset, raw_partitions=self._layout.raw, partitions=self._layout.keyed, most=stage.most
        )

    def restore(self, records: Stored) -> None:
        """Take up the engine's state."""
        missed = records.get(MISSED)
        if missed is not None:
            self._missed = msgspec.json.decode(missed, type=Missed)
        restoring.reopen(self.engine, records)

    def missed(self) -> None:
        """What the lost records told was not judged: from where the state ends to where the writers now are."""
        since = self.engine.observed() if self._missed is None else self._missed.since
        self._missed = Missed(since, 0, list(range(self._layout.raw)))
        self._dirty = True

    def work(self, records: Sequence[Record]) -> Iterator[None]:
        """Apply records of the keyed log."""
        self._dirty = True
        apply, decode = self.engine.apply, log.decode
        for number, record in enumerate(records):
            item = decode(record.value or b"")
            apply(item)
            if self._missed is not None and isinstance(item, Progress):
                self._found(self._missed, item)
            if number % SLICE == 0:
                yield

    def tick(self, now: int) -> None:
        """Nothing happens by the clock here: time comes as progress records."""

    def result(self) -> Result:
        """Violations, facts, late and parked events, coverage, progress of the stages, and the state to keep."""
        if not self._dirty:
            return Result()
        self._dirty = False
        engine = self.engine
        # What the batch found is taken out first: trimming forgets results along with the events they came from.
        result = self._outputs(engine.drain())
        observed = engine.observed()
        if observed - self._trimmed > TRIM_EVERY:
            engine.trim()
            self._trimmed = observed
        if self._layout.keyed > 1:
            result.outputs += self._stage_progress()
        engine.rest()
        result.state = list(changelog.changes(engine))
        if self._missed is not None or self._lost:
            result.state.append((MISSED, msgspec.json.encode(self._missed) if self._missed is not None else None))
        self._lost = []
        return result

    def account(self) -> Account:
        """Fates of the judgements, and how far time has passed."""
        return Account(dict(self.engine.counters), observed=self.engine.observed(), keys=self.engine.held())

    def _outputs(self, batch: Batch) -> Result:
        layout, result = self._layout, Result()
        violations, events = layout.name("violations"), layout.name("events")
        for violation in batch.violations:
            place = identity.partition("violation", (violation.id,), layout.keyed)
            result.outputs.append((violations, place, violation.id.encode(), violation.model_dump_json().encode()))
        for fact in batch.facts_gone:
            for place, routes in self._places(fact):
                result.outputs.append((events, place, None, log.encode(FactGone(fact.id, tuple(routes)))))
        for fact in batch.facts:
            for place, routes in self._places(fact):
                result.outputs.append((events, place, None, log.encode(Keyed(fact, tuple(routes)))))
        late = layout.name("late")
        result.outputs += [(late, self._partition, rule.encode(), msgspec.json.encode(event)) for rule, event in batch.late]
        for parked in batch.parked:
            letter = letters.unjudged(parked, topic=self._stage.source, partition=self._partition)
            result.outputs.append((layout.name("deadletter"), 0, letter.id.encode(), deadletter.encode(letter)))
        gaps, coverage = layout.name("gaps"), layout.name("coverage")
        result.outputs += [(gaps, 0, gap.rule.encode(), msgspec.json.encode(gap)) for gap in batch.gaps]
        result.outputs += [(coverage, 0, row.id.encode(), row.model_dump_json().encode()) for row in self._coverage(batch)]
        return result

    def _coverage(self, batch: Batch) -> Iterator[Coverage]:
        """What was not judged, and each minute that has been."""
        yield from unjudged(batch, part=self._partition, parts=self._layout.keyed)
        yield from self._lost
        minute = self.engine.observed() // instant.MINUTE
        if minute > self._judged:
            self._judged = minute
            row = judged(minute * instant.MINUTE, part=self._partition, parts=self._layout.keyed)
            if row is not None:
                yield row

    def _found(self, missed: Missed, progress: Progress) -> None:
        """A raw partition says how far it has got: everything that it had written and was lost, was observed before."""
        if progress.stage >= 0 or progress.part not in missed.waits:
            return
        missed.waits.remove(progress.part)
        missed.until = max(missed.until, progress.observed)
        if not missed.waits:
            self._missed = None
            self._lost += unread(
                self._stage.ruleset, missed.since, missed.until, part=self._partition, parts=self._layout.keyed
            )

    def _places(self, fact: SecurityEvent) -> Iterable[tuple[int, list[Route]]]:
        return self._stage.ruleset.places(fact, self._layout.keyed).items()

    def _stage_progress(self) -> Iterator[tuple[str, int, bytes | None, bytes]]:
        """Tell the stages above how far this partition has derived its facts, at most once a second of observed time."""
        highest = max((rule.fold.stage for rule in self._stage.ruleset.rules), default=0)
        for stage in range(highest):
            observed = self.engine.observed(stage)
            if observed - self._told.get(stage, 0) < instant.SECOND:
                continue
            self._told[stage] = observed
            record: LogRecord = Progress(part=self._partition, parts=self._layout.keyed, observed=observed, stage=stage)
            for place in range(self._layout.keyed):
                yield (self._layout.name("events"), place, None, log.encode(record))
