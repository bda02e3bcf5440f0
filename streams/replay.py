"""Judges recorded raw logs: the final set of violations at truth time. Never writes live stores.

Progress follows observed time, merged over all sources; the result does not depend on the order of lines in the files.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from detectors.kit.engine import Engine, Gap, Parked
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import Source
from schemas.event import SecurityEvent
from schemas.log import Keyed, LogRecord, Progress, Stated
from schemas.violation import Violation
from streams import clock
from streams.recording import Recording
from streams.stage import Dead, NormalizeStage, Raw

STEP = 60 * instant.SECOND
TRIM = 10
SPREAD = instant.DAY


@dataclass(slots=True)
class Verdict:
    """Result of a replay."""

    final: list[Violation] = field(default_factory=list)
    history: list[Violation] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)
    truth_time: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """The log records that one raw record became, with what decides their place."""

    o: int
    feed: str
    id: str
    t: int
    record: LogRecord


def judge(
    recording: Recording,
    ruleset: Ruleset,
    *,
    to: int | None = None,
    since: int | None = None,
    tick: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Judge ``recording``.

    Args:
        recording: raw records, sources and context.
        ruleset: the detectors in force.
        to: truth time (µs); default the largest observed time. Later events and statements do not count.
        since: events before it do not count.
        tick: called with the records done and their total, for progress bars.
    """
    verdict = Verdict()
    items = normalized(recording, ruleset, verdict)
    items += [Item(r.o, "", r.id, r.t, Stated(r)) for r in recording.context]
    if to is None:
        to = max((item.o for item in items if isinstance(item.record, Keyed)), default=0)
    items = [item for item in items if item.t <= to and (since is None or item.t >= since or isinstance(item.record, Stated))]
    items.sort(key=lambda item: (item.o, item.feed, item.id))
    engine = Engine(ruleset)
    step = 0
    for done, item in enumerate(items):
        if item.o >= step + STEP and isinstance(item.record, Keyed):
            step = item.o - item.o % STEP
            engine.apply(Progress(part=0, parts=1, observed=min(step, to)))
            if step // STEP % TRIM == 0:
                engine.trim()
            _collect(engine, verdict)
            if tick is not None:
                tick(done, len(items))
        engine.apply(item.record)
    engine.apply(Progress(part=0, parts=1, observed=to))
    _collect(engine, verdict)
    engine.touched.clear()
    verdict.final = engine.final()
    verdict.counters.update(engine.counters)
    verdict.truth_time = to
    return verdict


def normalized(recording: Recording, ruleset: Ruleset, verdict: Verdict) -> list[Item]:
    """Log records of every raw record; dead letters and counters go to ``verdict``."""
    stage = NormalizeStage(ruleset, recording.sources)
    items: list[Item] = []
    undated: list[Raw] = []
    newest = 0
    for raw in recording.raws:
        taken = stage.take(raw)
        output = stage.drain()
        if not taken and output.dead and output.dead[0].reason == "bad_time" and raw.o is None:
            undated.append(raw)
            stage.counters.subtract(("read", "dead"))
            stage.dead_by_reason["bad_time"] -= 1
            continue
        newest = max([newest, *(item.t for item in taken)])
        verdict.dead += output.dead
        items += _items(raw, output.records)
    if undated:
        # Records without a year: the newest dated record of the set tells it, as --received-base would.
        base = newest or clock.now()
        sources = {name: _based(source, base) for name, source in recording.sources.items()}
        second = NormalizeStage(ruleset, sources)
        for raw in undated:
            second.take(raw)
            output = second.drain()
            verdict.dead += output.dead
            items += _items(raw, output.records)
        stage.counters.update(second.counters)
    verdict.counters.update(stage.counters)
    return _plausible(items, recording, verdict)


def _based(source: Source, base: int) -> Source:
    return source if source.received_base is not None else source.model_copy(update={"received_base": base})


def _items(raw: Raw, records: list[tuple[int, LogRecord]]) -> Iterator[Item]:
    for _, record in records:
        if isinstance(record, Keyed):
            yield Item(record.event.o, raw.feed, record.event.id, record.event.t, record)
        elif isinstance(record, Stated):
            yield Item(record.record.o, raw.feed, record.record.id, record.record.t, record)


def _plausible(items: list[Item], recording: Recording, verdict: Verdict) -> list[Item]:
    """Without observed times the set itself tells what is plausible: its 1st to 99th percentile, a day either way."""
    bare = sorted(item.t for item in items if isinstance(item.record, Keyed) and item.o == item.t)
    if not bare:
        return items
    low = bare[len(bare) // 100] - SPREAD
    high = bare[-1 - len(bare) // 100] + SPREAD
    kept: list[Item] = []
    buried: dict[tuple[str, int], SecurityEvent] = {}
    for item in items:
        event = item.record.event if isinstance(item.record, Keyed) else None
        if event is None or item.o != item.t or low <= item.t <= high:
            kept.append(item)
        elif event.line:
            buried[(event.source, event.line)] = event
    for raw in recording.raws if buried else ():
        event = buried.get((raw.source, raw.line))
        if event is not None:
            detail = f"event time {instant.text(event.t)} is not within {instant.text(low)} and {instant.text(high)}, as the set is"
            verdict.dead.append(Dead(raw=raw, reason="implausible_time", detail=detail))
    verdict.counters.update({"dead": len(buried), "parsed": -len(buried)})
    return kept


def _collect(engine: Engine, verdict: Verdict) -> None:
    batch = engine.drain()
    verdict.history += batch.violations
    verdict.parked += batch.parked
    verdict.gaps += batch.gaps
