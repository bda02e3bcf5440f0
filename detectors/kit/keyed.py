"""One fold over one key: events in the total order, the state after each, and refolding where one arrives out of order.

Invariant: ``states`` and ``outs`` are what folding ``events`` from ``base`` gives, whatever the order of arrival.
"""

from bisect import bisect_left
from typing import Any

from detectors.kit.context import View
from detectors.kit.contract import Finding, FoldState
from detectors.kit.named import Out
from detectors.kit.registry import Rule
from detectors.kit.results import Results
from detectors.kit.segments import NOTHING, Log
from detectors.kit.stepping import Order, Park
from schemas.event import SecurityEvent
from schemas.identity import Key
from schemas.violation import GONE

NEWEST = 64
"""States kept of the newest events; of older events every ``EVERY``-th is kept, from where the others are folded again."""
EVERY = 32

_NO_EVENTS: Any = NOTHING
_NONE: Any = ()


class KeyedFold(Results):
    """Buffer, states and results of one fold for one key. Mutable; owned by the engine."""

    __slots__ = ("base", "base_order", "events", "log", "orders", "outs", "passes", "states", "tail", "tail_outs", "timer")

    events: dict[str, SecurityEvent]
    orders: list[Order]
    states: list[FoldState | None]
    outs: list[tuple[Out, ...]]

    def __init__(self, rule: Rule, key: Key, view: View, park: Park) -> None:
        super().__init__(rule, key, view, park)
        self.base: FoldState = rule.fold.init
        self.base_order: Order | None = None
        self._empty()
        self.tail: FoldState = self.base
        self.tail_outs: tuple[Out, ...] = ()
        self.timer: int | None = None
        self.passes: int | None = None  # the hour of observed time in which the engine looks whether its events have passed
        self.log: Log = Log()

    def insert(self, event: SecurityEvent, now: int) -> bool:
        """Take ``event`` at its place; return whether findings or facts may have changed."""
        order = event.order
        if not self.orders:
            self.events, self.orders, self.states, self.outs = {}, [], [], []
        orders = self.orders
        self.events[event.id] = event
        if not orders or order > orders[-1]:
            state, outs = self.fold(self._last(), event, orders[-1] if orders else self.base_order)
            orders.append(order)
            self.states.append(state)
            self.outs.append(outs)
            if len(orders) > NEWEST and (len(orders) - NEWEST) % EVERY:
                self.states[-1 - NEWEST] = None
            if self.tail_outs:
                self._tail(now)
                self._collect()
                return True
            self.tail = state
            if state.deadline is not None and state.deadline <= now:
                self._tail(now)
            if outs or self.tail_outs:
                self._gather(outs)
                self._gather(self.tail_outs)
                return True
            return False
        place = bisect_left(orders, order)
        orders.insert(place, order)
        self.states.insert(place, self.base)
        self.outs.insert(place, ())
        return self._refold(place, now, whole=False, fresh=place)

    def replace(self, event: SecurityEvent, now: int) -> bool:
        """An earlier observed copy of a known event; return whether anything may have changed."""
        self.events[event.id] = event
        place = bisect_left(self.orders, event.order)
        return self._refold(place, now, whole=False, fresh=place)

    def remove(self, event_id: str, now: int) -> bool:
        """Take the event of that id out; return whether anything may have changed."""
        event = self.events.pop(event_id, None)
        if event is None:
            return False
        place = bisect_left(self.orders, event.order)
        del self.orders[place], self.states[place]
        had = bool(self.outs.pop(place))
        changed = self._refold(place, now, whole=False)
        if had and not changed:
            self._collect()
        return changed or had

    def unpark(self, event_id: str, now: int) -> bool:
        """Judge after all what has been skipped as crashed; return whether anything may have changed."""
        self.parked = {id_: error for id_, error in self.parked.items() if id_ != event_id}
        event = self.events.get(event_id)
        if event is None:  # a deadline
            return self.refold(now)
        place = bisect_left(self.orders, event.order)
        return self._refold(place, now, whole=False, fresh=place)

    def refold(self, now: int) -> bool:
        """Judge everything anew (a context record changed); return whether anything may have changed."""
        return self._refold(0, now, whole=True)

    def advance(self, now: int) -> bool:
        """Fire deadlines up to ``now``, on from where the last call ended; return whether anything came out."""
        self.tail, outs = self.fire(self.tail, now)
        if not outs:
            return False
        self.tail_outs += outs
        self._gather(outs)
        return True

    def trim(self, horizon: int, *, keep: int) -> int:
        """Fold events before ``horizon`` (and the oldest beyond ``keep`` events) into the base; return how many by ``keep``."""
        count = bisect_left(self.orders, (horizon, 0, 0, ""))
        forced = max(0, len(self.orders) - keep - count)
        count += forced
        if not count:
            return 0
        for i, outs in enumerate(self.outs[:count]):
            if not outs:
                continue
            self._seal(outs)
            if i >= count - forced:
                self.forced.update(id_ for id_, _ in outs)
        self.base = self._state(count - 1)
        self.base_order = self.orders[count - 1]
        gone = {order[3] for order in self.orders[:count]}
        for id_ in gone:
            del self.events[id_]
        if self.parked:
            self.parked = {id_: error for id_, error in self.parked.items() if id_ not in gone}
        del self.orders[:count], self.states[:count], self.outs[:count]
        if not self.orders:
            self._empty()
        self._collect()
        return forced

    def expire(self, horizon: int, now: int) -> bool:
        """Fold deadlines and the end of the state before ``horizon`` into the base of an empty buffer; return whether any."""
        base = self.base
        if self.orders or self.base_order is None or (base.deadline is not None and base.deadline >= horizon):
            return False
        after, outs = self.fire(base, horizon - 1)
        if self.forgotten(after, self.base_order[0], horizon):
            after = self.rule.fold.init
        if after == base or (self.rule.fold.forgets_after is not None and after != self.rule.fold.init):
            return False  # how long nothing has come is told by the last event
        self.base = after
        self.base_order = (horizon, 0, 0, "")
        self._seal(outs)
        self._tail(now)
        self._collect()
        self.log.head_dirty = True
        return True

    def told(self) -> bool:
        """Forget what was carried and has now been told for good; return whether there was any. After publishing.

        A finding that the horizon has passed is kept as long as the violation: an event may tell it anew, and be refolded so
        that it does not.
        """
        if not self.used:
            return False
        carried = {
            id_: item for id_, item in self.carried.items()
            if not self._known(id_, item) or (isinstance(item, Finding) and id_ not in self.forced)
        }  # fmt: skip
        if len(carried) == len(self.carried):
            return False
        self.carried = carried
        self.forced &= carried.keys()
        self.log.head_dirty = True
        self._collect()
        return True

    def forget(self, horizon: int) -> bool:
        """Drop violations that nothing can change any more, and what was told before ``horizon``; return whether any were."""
        kept = repr(self.base)  # a violation whose anchor it still holds may be told anew, under the next number
        gone = [
            id_ for id_, old in self.published.items()
            if old.last_time < horizon and (id_ in self.sealed or old.state in GONE) and old.anchor not in kept
        ]  # fmt: skip
        for id_ in gone:
            del self.published[id_]
            self.shown.pop(id_, None)
            self.carried.pop(id_, None)
            self.log.violations |= {id_}
        if gone:
            self._collect()
        self.sent = {id_: fact for id_, fact in self.sent.items() if id_ in self.facts}
        sealed = {id_ for id_ in self.sealed if id_ in self.published or id_ in self.facts or id_ in self.findings}
        if len(sealed) == len(self.sealed):
            return bool(gone)
        self.sealed = sealed
        self.log.head_dirty = True
        return True

    def rebuild(self, now: int) -> None:
        """Fold ``events`` from ``base`` after a restore."""
        if self.events:
            self.orders = sorted(event.order for event in self.events.values())
            self.states = [self.base] * len(self.orders)
            self.outs = [()] * len(self.orders)
        self._refold(0, now, whole=True)

    @property
    def idle(self) -> bool:
        """Whether nothing is left that a later event could need."""
        told = self.used and (self.published or self.carried)
        return not self.orders and not told and self.base == self.rule.fold.init

    def _empty(self) -> None:
        """No buffer: most keys of a long memory are states whose events have passed, and share these."""
        self.events, self.orders, self.states, self.outs = _NO_EVENTS, _NONE, _NONE, _NONE

    def _refold(self, place: int, now: int, *, whole: bool, fresh: int | None = None) -> bool:
        """Fold from ``place`` on; unless ``whole``, stop as soon as state and results equal the old ones."""
        state = self._state(place - 1)
        before = self.orders[place - 1] if place else self.base_order
        changed = False
        last = len(self.orders)
        for i in range(place, last):
            order = self.orders[i]
            state, outs = self.fold(state, self.events[order[3]], before)
            before = order
            kept = self.states[i]
            if outs != self.outs[i]:
                changed = True
                self.outs[i] = outs
            elif not whole and i != fresh and state == kept:
                if changed:
                    self._collect()
                return changed
            if kept is not None:
                self.states[i] = state
        told = self.tail_outs
        self._tail(now)
        if changed or whole or self.tail_outs != told:
            self._collect()
            return True
        return False

    def _last(self) -> FoldState:
        """The state after the newest event."""
        if not self.states:
            return self.base
        state = self.states[-1]
        if state is None:  # newer events were taken out again
            state = self.states[-1] = self._state(len(self.states) - 1)
        return state

    def _state(self, place: int) -> FoldState:
        """The state after the event at ``place`` (-1: before all), folded again from the nearest one that is kept."""
        kept = place
        while kept >= 0 and self.states[kept] is None:
            kept -= 1
        state = self.states[kept] if kept >= 0 else self.base
        assert state is not None  # noqa: S101 - the loop has found one
        before = self.orders[kept] if kept >= 0 else self.base_order
        for order in self.orders[kept + 1 : place + 1]:
            state, _ = self.fold(state, self.events[order[3]], before)
            before = order
        return state

    def _tail(self, now: int) -> None:
        self.tail, self.tail_outs = self.fire(self._last(), now)

    def _collect(self) -> None:
        if not self.used and not self.tail_outs and not any(self.outs):
            return
        self.used = True
        self.findings = {}
        self.facts = {}
        self._gather(tuple(self.carried.items()))
        for outs in self.outs:
            if outs:
                self._gather(outs)
        self._gather(self.tail_outs)
