"""The engine: one partition's records in, violations and facts out. Pure, synchronous, no I/O, no clock.

``apply`` takes records of the keyed log one by one; ``drain`` returns the net result of everything since the last drain.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

from detectors.kit import corrections
from detectors.kit.context import ContextStore, View
from detectors.kit.contract import GRACE_MAX, SKEW, Finding
from detectors.kit.corrections import MARGIN
from detectors.kit.keyed import KeyedFold
from detectors.kit.named import admitted
from detectors.kit.publish import publish
from detectors.kit.registry import Rule, Ruleset
from detectors.kit.resting import Rests, longest_silent, passing, quiet, size
from detectors.kit.stepping import Stepping
from schemas import instant
from schemas.event import SecurityEvent
from schemas.identity import Key
from schemas.log import Correction, FactGone, Keyed, LogRecord, Progress, Stated, Unparked
from schemas.violation import State, Violation

MAX_EVENTS = 4096
PROGRESS = "progress"
LEFT = 0.75
"""Of what may be in memory so much is left when keys have been laid to rest: not every batch should have to."""

Place = tuple[int, Key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """One event that one fold could not judge; it goes to the dead letters once and coverage is degraded."""

    rule: str
    key: Key
    event_id: str
    t: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What could not be judged: coverage of (rule, key) is incomplete from ``since`` to ``until``."""

    rule: str
    key: Key
    since: int
    until: int
    count: int
    reason: str


@dataclass(slots=True)
class Batch:
    """Net result of the records applied since the last drain. ``looped``: facts told and taken back within the engine."""

    violations: list[Violation] = field(default_factory=list)
    facts: list[SecurityEvent] = field(default_factory=list)
    facts_gone: list[SecurityEvent] = field(default_factory=list)
    late: list[tuple[str, SecurityEvent]] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    looped: list[Keyed | FactGone] = field(default_factory=list)


class Engine:
    """Folds of one partition.

    ``raw_partitions``: how many writers' progress must be known before time passes; ``partitions``: how many detect
    partitions exchange facts (1: facts loop back at once). ``trimmed``: observed time at the last trim (µs; 0: never),
    ``trims``: how many there were. ``context``: an empty store that also listens; default: one of its own. ``most``: keys and
    buffered events in memory before keys are laid to rest.
    """

    def __init__(
        self, ruleset: Ruleset, *, raw_partitions: int = 1, partitions: int = 1, context: ContextStore | None = None,
        most: int = 0,
    ) -> None:  # fmt: skip
        self.ruleset = ruleset
        self.context = ContextStore() if context is None else context
        self.counters: Counter[str] = Counter()
        self.keys: dict[Place, KeyedFold] = {}
        self.touched: dict[Place, KeyedFold] = {}
        self.context_changed: set[tuple[str, str]] = set()
        self.progress: dict[tuple[int, int], Progress] = {}
        self.trimmed = 0
        self.trims = 0
        self._raw_partitions = raw_partitions
        self.partitions = partitions
        self._changed: dict[Place, tuple[KeyedFold, int, str]] = {}
        self._timers: list[tuple[int, int, Place]] = []
        self._unsettled: list[tuple[int, int, KeyedFold]] = []
        # By the hour in which their oldest event may pass the horizon: trims need not look at every key.
        self._passing: defaultdict[int, list[Place]] = defaultdict(list)
        self._rests: Rests | None = None
        self._most = most
        self._counted = 0  # keys and buffered events at the last count
        self._taken = 0  # events taken since
        self._tick = count()
        self._batch = Batch()
        self._observed: dict[int, int] = {}
        self._watermarks: dict[str, int] = {}
        self._judging = ""
        # One of each for all keys, of which there may be millions.
        self._view = View(self.context)
        self._crashed = self._park

    # ------------------------------------------------------------------------------------------------ input

    def apply(self, record: LogRecord) -> None:
        """Take one record of the log."""
        if isinstance(record, Keyed):
            self._event(record.event, record.routes)
        elif isinstance(record, Stated):
            self._state(record)
        elif isinstance(record, Progress):
            self._pass(record)
        elif isinstance(record, Unparked):
            self._unpark(record)
        elif isinstance(record, Correction):
            self._correct(record)
        else:
            self._unfact(record)

    def observed(self, stage: int = 0) -> int:
        """Everything observed before this instant has been judged by all lower stages (µs; 0: not known yet)."""
        return self._observed.get(stage, 0)

    # ------------------------------------------------------------------------------------------------ output

    def drain(self) -> Batch:
        """Net transitions and facts since the last drain."""
        while self._changed:
            changed, self._changed = self._changed, {}
            looped: list[SecurityEvent] = []
            for keyed, at, cause in changed.values():
                self._publish(keyed, at, cause)
                looped += self._exchange(keyed)
                if keyed.told():
                    self.touched[keyed.place] = keyed
            for fact in looped:
                told = Keyed(fact, tuple(self.ruleset.routes(fact)))
                self._batch.looped.append(told)
                self._event(fact, told.routes)
        batch, self._batch = self._batch, Batch()
        return batch

    def new(self, rule: Rule, key: Key) -> KeyedFold:
        """An empty buffer for (rule, key)."""
        return KeyedFold(rule, key, self._view, self._crashed)

    def resume(self, keyed: KeyedFold) -> None:
        """Take up a key that was restored from the changelog."""
        self.keys[keyed.place] = keyed
        keyed.rebuild(self.observed(keyed.rule.fold.stage))
        self._taken += 1 + len(keyed.orders)
        self._watch(keyed)
        self._schedule(keyed)
        if not keyed.used:
            return
        keyed.sent = dict(keyed.facts)
        if keyed.findings:  # an exception may come that covers them
            keyed.sees(None).all("exceptions", keyed.rule.detector.id)
        waits = [v.settle_at for v in keyed.published.values() if v.state is State.PENDING]
        if waits:
            heapq.heappush(self._unsettled, (min(waits), next(self._tick), keyed))

    def lay(self, rests: Rests) -> None:
        """Keys of which there is nothing to tell may rest there from now on, and those that rest are taken from there."""
        self._rests = rests

    def held(self) -> dict[str, int]:
        """How many keys are in memory, and how many rest."""
        return {"awake": len(self.keys), "resting": self._rests.count if self._rests is not None else 0}

    def rest(self) -> None:
        """Lay keys to rest that this batch has not touched, the longest silent first, where too much is in memory.

        To be called before the batch's changes are taken: what rests has been written with an earlier one.
        """
        most = self._most
        if self._rests is None or self._counted + self._taken <= most:
            return
        self._counted = size(self.keys.values())
        self._taken = 0
        if self._counted <= most:
            return
        asking = self.context.asking
        left = [
            keyed for place, keyed in self.keys.items()
            if place not in self.touched and place not in self._changed and quiet(keyed, asking)
        ]  # fmt: skip
        chosen = longest_silent(left, self._counted - int(most * LEFT))
        self._rests.lay(chosen)
        self._counted -= size(chosen)
        for keyed in chosen:
            del self.keys[keyed.place]
        self._timers = [timer for timer in self._timers if timer[2] in self.keys]
        heapq.heapify(self._timers)
        for hour, places in self._passing.items():
            self._passing[hour] = [place for place in places if place in self.keys]

    def trim(self) -> None:
        """Drop what no accepted event and no context record can reach any more."""
        self.trimmed = self.observed()
        self.trims += 1
        if self._rests is not None:
            self._wake(self._rests.passing(self.observed() // instant.HOUR), self.observed())
        horizons = [self.observed(rule.fold.stage) - rule.fold.retention - MARGIN for rule in self.ruleset.rules]
        living = len(self.keys)
        left: list[KeyedFold] = []
        for hour in [hour for hour in self._passing if hour <= self.observed() // instant.HOUR]:
            for place in self._passing.pop(hour):
                keyed = self.keys.get(place)
                if keyed is None or keyed.passes != hour:
                    continue  # it has ended, was moved to another hour, or has been looked at
                keyed.passes = None
                self._trim(keyed, horizons[keyed.rule.index])
                if keyed.idle and not keyed.log.violations:
                    keyed.log.head_dirty = True
                    self.touched[keyed.place] = keyed
                    del self.keys[keyed.place]
                else:
                    left.append(keyed)
        for keyed in left:
            self._watch(keyed)
        if len(self.keys) < living:
            self.context.forget(self.keys)

    def _trim(self, keyed: KeyedFold, horizon: int) -> None:
        if keyed.orders and keyed.orders[0][0] >= horizon:
            return
        if keyed.used and any(violation.state is State.PENDING for violation in keyed.published.values()):
            return
        if keyed.orders:
            keyed.trim(horizon, keep=MAX_EVENTS)
            keyed.log.forget(horizon)
            keyed.log.head_dirty = True
            self.touched[keyed.place] = keyed
        elif keyed.expire(horizon, self.observed(keyed.rule.fold.stage)):
            # Not before it has been empty from one call to the next: what reads old files is behind the clock.
            self.touched[keyed.place] = keyed
        if keyed.used and keyed.forget(horizon):
            self.touched[keyed.place] = keyed

    def _watch(self, keyed: KeyedFold) -> None:
        """Look at ``keyed`` again when a trim may find something that has passed."""
        passes = self.observed() if keyed.used and not keyed.orders else passing(keyed)
        if passes is None:
            return
        hour = passes // instant.HOUR
        if keyed.passes is None or hour < keyed.passes:
            keyed.passes = hour
            self._passing[hour].append(keyed.place)

    def _held(self, place: Place) -> KeyedFold | None:
        """The key at ``place``, woken if it rests; None: there is nothing of it."""
        keyed = self.keys.get(place)
        if keyed is None and self._rests is not None and self._rests.count:
            keyed = self._rests.wake(place)
            if keyed is not None:
                self._take_up(keyed, self.observed())
        return keyed

    def _wake(self, places: Iterable[Place], at: int) -> None:
        """Take up what rests at ``places``, because of what was observed at ``at``."""
        assert self._rests is not None  # noqa: S101 - its callers have asked
        for place in places:
            keyed = self._rests.wake(place)
            if keyed is not None:
                self._take_up(keyed, at)

    def _take_up(self, keyed: KeyedFold, at: int) -> None:
        self.keys[keyed.place] = keyed
        keyed.rebuild(self.observed(keyed.rule.fold.stage))
        self._taken += 1 + len(keyed.orders)
        self._watch(keyed)
        self._schedule(keyed)
        if keyed.used:  # its deadline has come
            self._changed[keyed.place] = (keyed, at, PROGRESS)

    # ------------------------------------------------------------------------------------------------ events

    def _event(self, event: SecurityEvent, routes: Sequence[tuple[str, Key]]) -> None:
        delay = event.o - event.t
        for kind, key in routes:
            for rule in self.ruleset.interested(kind, event):
                self.counters["routed"] += 1
                if (delay > rule.fold.memory or delay < -SKEW) and not admitted(event):
                    held = self._held((rule.index, key))
                    if held is not None and event.id in held.events:  # an earlier copy was in time, or a correction let it in
                        self.counters["duplicate"] += 1
                        continue
                    self.counters["late"] += 1
                    self._batch.late.append((rule.id, event))
                    continue
                self._insert(rule, key, event)

    def _insert(self, rule: Rule, key: Key, event: SecurityEvent) -> None:
        keyed = self.keys.get((rule.index, key)) or self._held((rule.index, key))
        if keyed is None:
            keyed = self.new(rule, key)
            self.keys[keyed.place] = keyed
            self._taken += 1
        self._taken += 1
        place = keyed.place
        now = self._observed.get(rule.fold.stage, 0)
        known = keyed.events.get(event.id)
        if known is not None:
            self.counters["duplicate"] += 1
            if event.o >= known.o:
                return
            changed = keyed.replace(event, now)
        elif keyed.base_order is not None and event.order <= keyed.base_order:
            self.counters["late"] += 1
            self._batch.late.append((rule.id, event))
            self._gap(keyed, event.t, event.t, 1, "below the horizon")
            return
        else:
            self._judging = event.id
            changed = keyed.insert(event, now)
            self._judging = ""
            self.counters["parked" if event.id in keyed.parked else "judged"] += 1
            if len(keyed.orders) > MAX_EVENTS + MAX_EVENTS // 4:
                since = keyed.orders[0][0]
                forced = keyed.trim(0, keep=MAX_EVENTS)
                assert keyed.base_order is not None  # noqa: S101 - trim has just set it
                keyed.log.forget(keyed.base_order[0])
                keyed.log.head_dirty = True
                self._gap(keyed, since, keyed.base_order[0], forced, "too many events of one key")
        if keyed.orders[0][3] == event.id:
            self._watch(keyed)
        keyed.log.append(event)
        self.touched[place] = keyed
        if changed:
            self._changed[place] = (keyed, event.o, event.id)
        self._schedule(keyed)

    def _unfact(self, record: FactGone) -> None:
        for kind, key in record.routes:
            for rule in self.ruleset.rules:
                place = (rule.index, tuple(key))
                keyed = self._held(place) if rule.fold.keying.kind == kind else None
                if keyed is None or record.id not in keyed.events:
                    continue
                event = keyed.events[record.id]
                keyed.log.dropped |= {record.id}
                keyed.log.head_dirty = True
                self.touched[place] = keyed
                if keyed.remove(record.id, self.observed(rule.fold.stage)):
                    self._changed[place] = (keyed, event.o, record.id)
                if not keyed.orders:
                    self._watch(keyed)
                self._schedule(keyed)

    def _unpark(self, record: Unparked) -> None:
        """Judge what is parked, as if it came now; of what is not parked (any more) nothing happens.

        Counters tell the first fate only: the event stays counted as parked, what was done about it is counted beside.
        """
        for rule in self.ruleset.rules:
            keyed = self.keys.get((rule.index, record.key))  # what is parked keeps its key awake
            if rule.id != record.rule or keyed is None or record.id not in keyed.parked:
                continue
            self.counters["unparked"] += 1
            now = self.observed(rule.fold.stage)
            event = keyed.events.get(record.id)
            keyed.log.head_dirty = True
            self.touched[(rule.index, keyed.key)] = keyed
            if keyed.unpark(record.id, now):
                self._changed[(rule.index, keyed.key)] = (keyed, now if event is None else event.o, record.id)
            self._schedule(keyed)

    def _correct(self, record: Correction) -> None:
        """Take up what late records change, unless old events and numbers have been let go since it was found out."""
        rule = next((rule for rule in self.ruleset.rules if rule.id == record.rule), None)
        if rule is None or record.trims != self.trims:
            self.counters["corrections_refused"] += 1
            return
        self.counters["corrections"] += 1
        place = (rule.index, record.key)
        keyed = self.keys[place] = self._held(place) or self.new(rule, record.key)
        now = self.observed(rule.fold.stage)
        self.counters["admitted"] += corrections.take(keyed, record, trimmed=self.trimmed, now=now)
        self._watch(keyed)
        self.touched[place] = keyed
        self._changed[place] = (keyed, record.observed, record.cause)
        self._schedule(keyed)

    def _state(self, record: Stated) -> None:
        readers = self.context.put(record.record)
        self.counters["context"] += 1
        if readers is None:
            return
        self.context_changed.add((record.record.table, record.record.id))
        for place in readers:
            keyed = self.keys.get(place)  # type: ignore[call-overload] # readers are places, and do not rest
            if keyed is not None:
                keyed.refold(self.observed(keyed.rule.fold.stage))
                self._changed[keyed.place] = (keyed, record.record.o, record.record.id)
                self._schedule(keyed)

    def _park(self, crashed: Stepping, event_id: str, t: int, error: Exception) -> None:
        keyed = self.keys[crashed.place]
        if event_id in keyed.parked:
            return
        keyed.parked = {**keyed.parked, event_id: type(error).__name__}
        keyed.log.head_dirty = True
        # Counters only rise. The fate of the event in hand is counted when it is known (_insert); what is judged anew and
        # crashes then, and a deadline, which is no event, are no part of the conservation law.
        if event_id.startswith("deadline:"):
            self.counters["parked_deadlines"] += 1
        elif event_id != self._judging:
            self.counters["parked_anew"] += 1
        text = f"{type(error).__name__}: {str(error)[:500]}"
        self._batch.parked.append(Parked(rule=keyed.rule.id, key=keyed.key, event_id=event_id, t=t, error=text))

    def _gap(self, keyed: KeyedFold, since: int, until: int, number: int, reason: str) -> None:
        gap = Gap(rule=keyed.rule.id, key=keyed.key, since=since, until=until, count=number, reason=reason)
        self._batch.gaps.append(gap)

    # ------------------------------------------------------------------------------------------------ time

    def _pass(self, record: Progress) -> None:
        place = (record.stage, record.part)
        old = self.progress.get(place)
        if old is not None and record.observed < old.observed:
            return
        self.progress[place] = record
        if self.partitions == 1 and record.stage < 0:
            # Where facts loop back at once the stages have one clock, once time passes after a migration from several.
            self.progress = {place: told for place, told in self.progress.items() if place[0] < 0}
        self._read_clocks()
        self._fire(record.observed)

    def _read_clocks(self) -> None:
        raw = [self.progress.get((-1, part)) for part in range(self._raw_partitions)]
        known = [record for record in raw if record is not None]
        base = min(record.observed for record in known) if len(known) == len(raw) else 0
        self._watermarks = {}
        for record in known:
            for kind, watermark in record.watermarks.items():
                self._watermarks[kind] = min(watermark, self._watermarks.get(kind, watermark))
        self._observed = {0: base}
        for stage in (1, 2, 3):
            below = self._observed[stage - 1]
            parts = [self.progress.get((stage - 1, part)) for part in range(self.partitions)]
            if self.partitions > 1 or parts[0] is not None:
                below = min((part.observed if part is not None else 0) for part in parts)
            self._observed[stage] = min(below, self._observed[stage - 1])

    def _fire(self, at: int) -> None:
        """Deadlines and settling that the clocks have reached; ``at``: observed time of the progress record."""
        now = self.observed()
        if self._rests is not None:
            self._wake(self._rests.due(now), at)
        early: list[tuple[int, int, Place]] = []
        while self._timers and self._timers[0][0] <= now:
            item = heapq.heappop(self._timers)
            keyed = self.keys.get(item[2])
            if keyed is None:
                continue
            reached = self.observed(keyed.rule.fold.stage)
            if keyed.tail.deadline is not None and keyed.tail.deadline <= now and keyed.tail.deadline > reached:
                early.append(item)  # a higher stage whose facts are still under way
                continue
            keyed.timer = None
            if keyed.advance(reached):
                self._changed[keyed.place] = (keyed, at, PROGRESS)
            self._schedule(keyed)
        for item in early:
            heapq.heappush(self._timers, item)
        later: list[tuple[int, int, KeyedFold]] = []
        while self._unsettled and self._unsettled[0][0] <= now:
            waiting = heapq.heappop(self._unsettled)
            keyed = waiting[2]
            pending = [f for i, f in keyed.findings.items() if (v := keyed.published.get(i)) and v.state is State.PENDING]
            ready = [self._settled(keyed, finding)[0] for finding in pending]
            if any(ready):
                self._changed.setdefault(keyed.place, (keyed, at, PROGRESS))
            if not all(ready):
                later.append(waiting)
        for waiting in later:
            heapq.heappush(self._unsettled, waiting)

    def _schedule(self, keyed: KeyedFold) -> None:
        deadline = keyed.tail.deadline
        if deadline is not None and (keyed.timer is None or deadline < keyed.timer):
            keyed.timer = deadline
            heapq.heappush(self._timers, (deadline, next(self._tick), keyed.place))

    def _settled(self, keyed: KeyedFold, finding: Finding) -> tuple[bool, tuple[str, ...]]:
        if not finding.settle_at:
            return True, ()
        observed = self.observed(keyed.rule.fold.stage)
        if observed < finding.settle_at:
            return False, ()
        behind = tuple(
            kind for kind in finding.awaits if self._watermarks.get(kind, observed) < finding.settle_at
        )
        return (not behind or observed >= finding.settle_at + GRACE_MAX), behind

    # ------------------------------------------------------------------------------------------------ results

    def _publish(self, keyed: KeyedFold, at: int, cause: str) -> None:
        violations = publish(keyed, self._settled, at, cause)
        self._batch.violations += violations
        if violations:
            self.touched[keyed.place] = keyed
        waits = [v.settle_at for v in violations if v.state is State.PENDING]
        if waits:
            heapq.heappush(self._unsettled, (min(waits), next(self._tick), keyed))

    def _exchange(self, keyed: KeyedFold) -> list[SecurityEvent]:
        """Facts newly derived (returned, if they loop back at once) and facts no longer derived.

        A fact whose cause is another one now (so that it was observed earlier or later) is taken back and told anew.
        """
        sent = keyed.sent
        gone = [fact for id_, fact in sent.items() if id_ not in keyed.sealed and keyed.facts.get(id_) != fact]
        new = [
            fact for id_, fact in keyed.facts.items()
            if (id_ not in keyed.sealed or (id_ in keyed.carried and id_ not in sent)) and sent.get(id_) != fact
        ]  # fmt: skip
        for fact in gone:
            del sent[fact.id]
            if self.partitions > 1:
                self._batch.facts_gone.append(fact)
            else:
                taken = FactGone(fact.id, tuple(self.ruleset.routes(fact)))
                self._batch.looped.append(taken)
                self._unfact(taken)
        sent.update((fact.id, fact) for fact in new)
        if self.partitions > 1:
            self._batch.facts += new
            return []
        return new
