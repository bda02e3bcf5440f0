"""Judges recorded raw logs: the final set of violations at truth time. Never writes live stores.

Progress follows observed time, merged over all sources; the result does not depend on the order of lines in the files.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from detectors.kit.engine import Engine, Gap, Parked
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import ContextRecord, Source
from schemas.event import SecurityEvent
from schemas.log import Keyed, LogRecord, Progress, Stated
from schemas.violation import Violation, final
from streams import clock
from streams.recording import Recording
from streams.stage import Dead, NormalizeStage, Raw
from streams.summaries import configured

STEP = 60 * instant.SECOND
TRIM = 60
SPREAD = instant.DAY
APART = 300 * instant.DAY  # no recording is silent for so long; last and next year are farther


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


class Order(NamedTuple):
    """What counts of a recording, by observed time: log records, and the raw records they came from, each stamped with it."""

    items: list["Item"]
    raws: list[Raw]


@dataclass(frozen=True, slots=True)
class Item:
    """The log records that one raw record became, with what decides their place."""

    o: int
    feed: str
    id: str
    t: int
    record: LogRecord
    raw: Raw | None = None


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
    items, _ = ordered(recording, ruleset, verdict, to=to, since=since)
    engine = Engine(ruleset)
    step = 0
    for done, item in enumerate(items):
        if item.o >= step + STEP and isinstance(item.record, Keyed):
            step = item.o - item.o % STEP
            engine.apply(Progress(part=0, parts=1, observed=min(step, verdict.truth_time)))
            _collect(engine, verdict)
            if step // STEP % TRIM == 0:
                engine.trim()
            if tick is not None:
                tick(done, len(items))
        engine.apply(item.record)
    engine.apply(Progress(part=0, parts=1, observed=verdict.truth_time))
    _collect(engine, verdict)
    engine.touched.clear()
    verdict.final = final(verdict.history)
    verdict.counters.update(engine.counters)
    return verdict


def ordered(
    recording: Recording, ruleset: Ruleset, verdict: Verdict, *, to: int | None = None, since: int | None = None
) -> Order:
    """Everything that counts, by observed time; sets ``verdict.truth_time``, dead letters and counters."""
    items, raws = _normalized(recording, ruleset, verdict)
    items += [Item(r.o, "", r.id, r.t, Stated(r)) for r in recording.context]
    begun = [event for event in map(configured, recording.context) if event is not None]
    items += [Item(e.o, "", e.id, e.t, Keyed(e, tuple(ruleset.routes(e)))) for e in begun]
    if to is None:
        # Of the records themselves: summaries of sources are observed at the end of their ten seconds, which nobody has reached.
        to = max((raw.o or 0 for raw, _ in raws), default=0)
    verdict.truth_time = to
    items = [item for item in items if item.t <= to and _counts(item, since)]
    dropped = {(raw.source, raw.line) for raw, t in raws if t > to or (since is not None and t < since)}
    kept = [raw for raw, _ in raws if (raw.source, raw.line) not in dropped]
    return Order(
        sorted(items, key=lambda item: (item.o, item.feed, item.id)),
        sorted(kept, key=lambda raw: (raw.o or 0, raw.feed, raw.source, raw.line)),
    )


def _counts(item: Item, since: int | None) -> bool:
    if isinstance(item.record, Keyed):
        return bool(item.record.routes) and (since is None or item.t >= since)
    return True


def _normalized(
    recording: Recording, ruleset: Ruleset, verdict: Verdict
) -> tuple[list[Item], list[tuple[Raw, int]]]:
    stage = NormalizeStage(ruleset, recording.sources)
    items: list[Item] = []
    raws: list[tuple[Raw, int]] = []
    undated: list[Raw] = []
    newest = 0
    for raw in recording.raws:
        taken = stage.take(raw)
        output = stage.drain()
        if not taken and output.dead and output.dead[0].reason == "bad_time" and raw.o is None:
            undated.append(raw)
            stage.counters.subtract(("read", "dead"))
            continue
        newest = max([newest, *(item.t for item in taken)])
        raws += _stamped(raw, taken)
        verdict.dead += output.dead
        items += _items(raw, taken, output.records)
    if undated:
        # Records without a year: the newest dated record of the set tells it, as --received-base would.
        base = newest or clock.now()
        second = NormalizeStage(ruleset, {name: _based(source, base) for name, source in recording.sources.items()})
        for raw in undated:
            taken = second.take(raw)
            raws += _stamped(raw, taken)
            output = second.drain()
            verdict.dead += output.dead
            items += _items(raw, taken, output.records)
        stage.counters.update(second.counters)
    verdict.counters.update(stage.counters)
    return _plausible(items, raws, verdict)


def _stamped(raw: Raw, taken: Sequence[SecurityEvent | ContextRecord]) -> Iterator[tuple[Raw, int]]:
    """``raw`` with its observed time in the envelope, as a collector stamps it, and its event time; nothing if it has none."""
    if raw.o is not None:
        yield raw, min((item.t for item in taken), default=raw.o)
    elif taken:
        yield msgspec.structs.replace(raw, o=max(item.o for item in taken)), min(item.t for item in taken)


def _based(source: Source, base: int) -> Source:
    return source if source.received_base is not None else source.model_copy(update={"received_base": base})


def _items(
    raw: Raw, taken: Sequence[SecurityEvent | ContextRecord], records: list[tuple[int, LogRecord]]
) -> Iterator[Item]:
    routed: set[str] = set()
    for _, record in records:
        if isinstance(record, Keyed):
            event = record.event
            routed.add(event.id)
            yield Item(event.o, raw.feed, event.id, event.t, record, raw)
        elif isinstance(record, Stated):
            yield Item(record.record.o, raw.feed, record.record.id, record.record.t, record, raw)
    for item in taken:
        if isinstance(item, SecurityEvent) and item.id not in routed:
            # No detector chosen asks for it; it still tells how far the recording goes.
            yield Item(item.o, raw.feed, item.id, item.t, Keyed(item, ()), raw)


def _plausible(
    items: list[Item], raws: list[tuple[Raw, int]], verdict: Verdict
) -> tuple[list[Item], list[tuple[Raw, int]]]:
    """Without observed times the set itself tells what is plausible: its 1st to 99th percentile, a day either way.

    And of what lies between those, only what hangs together with the middle: one of few records is no percentile.
    """
    bare = sorted(item.t for item in items if _bare(item))
    if not bare:
        return items, raws
    bare = bare[len(bare) // 100 : len(bare) - len(bare) // 100]
    first = last = len(bare) // 2
    while first > 0 and bare[first] - bare[first - 1] <= APART:
        first -= 1
    while last + 1 < len(bare) and bare[last + 1] - bare[last] <= APART:
        last += 1
    low, high = bare[first] - SPREAD, bare[last] + SPREAD
    buried = {
        (item.raw.source, item.raw.line): item.raw for item in items if _bare(item) and item.raw and not low <= item.t <= high
    }
    detail = f"event time is not within {instant.text(low)} and {instant.text(high)}, as the others of the set are"
    verdict.dead += [Dead(raw=raw, reason="implausible_time", detail=detail) for raw in buried.values()]
    verdict.counters.update({"dead": len(buried), "parsed": -len(buried)})
    return (
        [item for item in items if item.raw is None or (item.raw.source, item.raw.line) not in buried],
        [row for row in raws if (row[0].source, row[0].line) not in buried],
    )


def _bare(item: Item) -> bool:
    return item.raw is not None and item.raw.o is None and isinstance(item.record, Keyed) and item.o == item.t


def _collect(engine: Engine, verdict: Verdict) -> None:
    batch = engine.drain()
    verdict.history += batch.violations
    verdict.parked += batch.parked
    verdict.gaps += batch.gaps
