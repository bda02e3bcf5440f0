"""The detectors' folds in a plain loop: dict state, events in order, nothing durable. What people would write first.

It trims nothing and keeps the state after every event. What comes out of order after all (a fact that one fold derives for
another) makes it judge that one key anew from there; an approval stated after the act, from the key's beginning.
"""

import heapq
from bisect import bisect_left
from itertools import chain, count
from types import SimpleNamespace
from typing import Any

from detectors.kit.context import ContextStore, View
from detectors.kit.contract import SKEW, Finding, FoldState
from detectors.kit.named import Out
from detectors.kit.publish import publish
from detectors.kit.registry import Rule, Ruleset
from detectors.kit.stepping import Stepping
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key
from schemas.log import Keyed, LogRecord, Progress, Route, Stated
from schemas.violation import State, Violation


class Slot(Stepping):
    """One fold over one key. A single step is the product's, so that results can be equal.

    ``states[i]`` and ``outs[i]``: the state after ``events[i]`` and what came out since the event before; ``late``: what
    deadlines brought out since the last event, after which ``state`` is the state.
    """

    __slots__ = (
        "events", "facts", "findings", "late", "log", "outs", "place", "published", "sealed", "shown", "state", "states", "timer",
    )  # fmt: skip

    def __init__(self, rule: Rule, key: Key, context: ContextStore) -> None:
        self.place = (rule.index, key)
        super().__init__(rule, key, View(context, self.place), _end)
        self.state: FoldState = rule.fold.init
        self.events: list[SecurityEvent] = []
        self.states: list[FoldState] = []
        self.outs: list[tuple[Out, ...]] = []
        self.late: tuple[Out, ...] = ()
        self.findings: dict[str, Finding] = {}
        self.facts: dict[str, SecurityEvent] = {}
        self.published: dict[str, Violation] = {}
        self.shown: dict[str, Any] = {}
        self.sealed: frozenset[str] = frozenset()
        self.timer: int | None = None
        self.log = SimpleNamespace(violations=set())


def _end(slot: Stepping, event_id: str, t: int, error: Exception) -> None:
    """A fold that fails ends the run."""
    raise RuntimeError(f"{slot.rule.id}, key {slot.key}, event {event_id} at {t}") from error


class InOrder:
    """Judges log records; ``violations`` holds what was published, ``touched`` the slots that changed (if it is kept)."""

    def __init__(self, rules: Ruleset, *, keep_touched: bool = False) -> None:
        self._rules = rules
        self._context = ContextStore()
        self._slots: dict[tuple[int, Key], Slot] = {}
        self._timers: list[tuple[int, int, Slot]] = []
        self._unsettled: list[tuple[int, int, Slot]] = []
        self._held: list[tuple[tuple[int, int, int, str], SecurityEvent, tuple[Route, ...]]] = []
        self._now = 0
        self._tick = count()
        self.touched: set[Slot] | None = set() if keep_touched else None
        self.violations: list[Violation] = []

    def apply(self, record: LogRecord) -> None:
        """Take one record of the log."""
        if isinstance(record, Keyed):
            if record.event.activity == Activity.SOURCE_SUMMARY:
                # Summaries carry the beginning of their ten seconds: they wait until those are over, and go in order.
                self._flush(record.event.t)
                heapq.heappush(self._held, (record.event.order, record.event, record.routes))
            else:
                self._take(record.event, record.routes)
        elif isinstance(record, Progress):
            self._flush(record.observed)
            self._pass(record.observed)
        elif isinstance(record, Stated):
            for place in self._context.put(record.record) or ():
                slot = self._slots.get(place)  # type: ignore[call-overload] # readers are places
                if slot is not None:
                    self._anew(slot, 0, record.record.o, record.record.id)

    def end(self, now: int) -> None:
        """Nothing more comes, and it is ``now`` (µs)."""
        self._flush(now + 1)
        self._pass(now, last=True)

    def _flush(self, until: int) -> None:
        held = self._held
        while held and held[0][0][0] < until:
            _, event, routes = heapq.heappop(held)
            self._take(event, routes)

    def _take(self, event: SecurityEvent, routes: tuple[Route, ...]) -> None:
        after: list[SecurityEvent] = []
        for kind, key in routes:
            for rule in self._rules.interested(kind, event):
                if -SKEW <= event.o - event.t <= rule.fold.memory:
                    facts = self._step(rule, key, event)
                    if facts:
                        for fact in facts:
                            if fact.order < event.order:
                                self._take(fact, tuple(self._rules.routes(fact)))
                            else:
                                after.append(fact)
        for fact in after:
            self._take(fact, tuple(self._rules.routes(fact)))

    def _step(self, rule: Rule, key: Key, event: SecurityEvent) -> list[SecurityEvent] | None:
        place = (rule.index, key)
        slot = self._slots.get(place)
        if slot is None:
            slot = self._slots[place] = Slot(rule, key, self._context)
        events = slot.events
        if events and event.t <= events[-1].t and event.order <= events[-1].order:
            at = bisect_left(events, event.order, key=_order)
            if events[at].order != event.order:
                events.insert(at, event)
                self._anew(slot, at, event.o, event.id)
            return None
        events.append(event)
        if self.touched is not None:
            self.touched.add(slot)
        outs = self._fold(slot, event, events[-2] if len(events) > 1 else None)
        return self._emit(slot, outs, event.o, event.id) if outs else None

    def _fold(self, slot: Slot, event: SecurityEvent, before: SecurityEvent | None) -> tuple[Out, ...]:
        slot.state, outs = slot.fold(slot.state, event, before.order if before is not None else None)
        slot.states.append(slot.state)
        slot.outs.append(slot.late + outs)
        slot.late = ()
        deadline = slot.state.deadline
        if deadline is not None and (slot.timer is None or deadline < slot.timer):
            slot.timer = deadline
            heapq.heappush(self._timers, (deadline, next(self._tick), slot))
        return outs

    def _emit(self, slot: Slot, outs: tuple[Out, ...], at: int, cause: str) -> list[SecurityEvent]:
        facts: list[SecurityEvent] = []
        for id_, item in outs:
            if isinstance(item, Finding):
                slot.findings[id_] = item
            elif id_ not in slot.facts:
                slot.facts[id_] = item
                facts.append(item)
        if slot.findings:
            self._publish(slot, at, cause)
        return facts

    def _publish(self, slot: Slot, at: int, cause: str) -> None:
        made = publish(slot, self._settled, at, cause)  # type: ignore[arg-type] # a Slot has what it needs
        self.violations += made
        waits = [violation.settle_at for violation in slot.published.values() if violation.state is State.PENDING]
        if waits:
            heapq.heappush(self._unsettled, (min(waits), next(self._tick), slot))

    def _settled(self, _: object, finding: Finding) -> tuple[bool, tuple[str, ...]]:
        return finding.settle_at <= self._now, ()

    def _pass(self, now: int, *, last: bool = False) -> None:
        self._now = now
        limit = now if last else now - 1  # an event of exactly the deadline may still come
        while self._timers and self._timers[0][0] <= limit:
            _, _, slot = heapq.heappop(self._timers)
            slot.timer = None
            for fact in self._advance(slot, limit):
                self._take(fact, tuple(self._rules.routes(fact)))
            if slot.timer is None and slot.state.deadline is not None:
                slot.timer = slot.state.deadline
                heapq.heappush(self._timers, (slot.timer, next(self._tick), slot))
        while self._unsettled and self._unsettled[0][0] <= now:
            _, _, slot = heapq.heappop(self._unsettled)
            self._publish(slot, now, "progress")

    def _advance(self, slot: Slot, limit: int) -> list[SecurityEvent]:
        slot.state, outs = slot.fire(slot.state, limit)
        slot.late += outs
        if self.touched is not None:
            self.touched.add(slot)
        return self._emit(slot, outs, limit, "progress") if outs else []

    def _anew(self, slot: Slot, since: int, at: int, cause: str) -> None:
        """Judge one key from its event number ``since``, and set right what others were told."""
        told, slot.facts, slot.findings = slot.facts, {}, {}
        del slot.states[since:], slot.outs[since:]
        slot.late = ()
        slot.state = slot.states[-1] if since else slot.rule.fold.init
        if self.touched is not None:
            self.touched.add(slot)
        before = slot.events[since - 1] if since else None
        for event in slot.events[since:]:
            self._fold(slot, event, before)
            before = event
        slot.state, slot.late = slot.fire(slot.state, self._now - 1)
        for id_, item in (*chain.from_iterable(slot.outs), *slot.late):
            if isinstance(item, Finding):
                slot.findings[id_] = item
            else:
                slot.facts[id_] = item
        self._publish(slot, at, cause)
        for id_ in told.keys() - slot.facts.keys():
            self._take_back(told[id_])
        for id_ in slot.facts.keys() - told.keys():
            fact = slot.facts[id_]
            self._take(fact, tuple(self._rules.routes(fact)))

    def _take_back(self, fact: SecurityEvent) -> None:
        for kind, key in self._rules.routes(fact):
            for rule in self._rules.interested(kind, fact):
                slot = self._slots.get((rule.index, key))
                at = bisect_left(slot.events, fact.order, key=_order) if slot is not None else 0
                if slot is not None and at < len(slot.events) and slot.events[at].id == fact.id:
                    del slot.events[at]
                    self._anew(slot, at, fact.o, fact.id)


def _order(event: SecurityEvent) -> tuple[int, int, int, str]:
    return event.order
