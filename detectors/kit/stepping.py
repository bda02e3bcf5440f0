"""One fold over one key, step by step: what an event, a deadline, a crash or a long silence makes of a state."""

from collections.abc import Callable, Mapping

import msgspec

from detectors.kit.context import View
from detectors.kit.contract import FoldState
from detectors.kit.named import ADMITTED, Out, admitted, named
from detectors.kit.registry import Rule
from detectors.kit.segments import NOTHING
from schemas.event import SecurityEvent
from schemas.identity import Key

Order = tuple[int, int, int, str]
Park = Callable[["Stepping", str, int, Exception], None]


class Stepping:
    """A fold and its key. ``place`` is what an engine knows both by.

    ``park`` is told of what crashed; ``parked`` (replaced, never changed) holds the events that are skipped since.
    """

    __slots__ = ("key", "park", "parked", "place", "rule", "view")

    def __init__(self, rule: Rule, key: Key, view: View, park: Park) -> None:
        self.rule = rule
        self.key = key
        self.place = (rule.index, key)
        self.view = view
        self.park = park
        self.parked: Mapping[str, str] = NOTHING

    def fold(self, state: FoldState, event: SecurityEvent, before: Order | None) -> tuple[FoldState, tuple[Out, ...]]:
        """``state`` after ``event``, and what came out; ``before``: order of the event that led to ``state``."""
        fired: tuple[Out, ...] = ()
        if state.deadline is not None and state.deadline < event.t:
            state, fired = self.fire(state, event.t - 1)
        if before is not None and self.forgotten(state, before[0], event.t):
            state = self.rule.fold.init
        if event.id in self.parked:
            return state, fired
        fold = self.rule.fold
        try:
            after, out = fold.step(state, event, self.sees(event.o + fold.lookback))
        except Exception as error:  # noqa: BLE001 - a crash is a value: the event is parked for this fold, the stream goes on
            self.park(self, event.id, event.t, error)
            return state, fired
        if out:
            code = ADMITTED if event.o - event.t > fold.memory or admitted(event) else ""
            fired += tuple(named(self.rule, self.key, item, event.o, code=code) for item in out)
        return (fold.init if after is None else after), fired

    def fire(self, state: FoldState, until: int) -> tuple[FoldState, tuple[Out, ...]]:
        """``state`` after its deadlines up to ``until`` (µs), and what came out."""
        outs: tuple[Out, ...] = ()
        overdue = self.rule.fold.overdue
        while state.deadline is not None and state.deadline <= until:
            at = state.deadline
            view = self.sees(at + self.rule.fold.retention)
            try:
                if overdue is None:
                    raise TypeError(f"fold {self.rule.id} set a deadline but has no overdue function")
                after, out = overdue(state, at, view)
                after = self.rule.fold.init if after is None else after
                if after.deadline is not None and after.deadline <= at:
                    raise ValueError(f"fold {self.rule.id} moved its deadline from {at} to {after.deadline}, not forward")
            except Exception as error:  # noqa: BLE001 - as in _fold
                self.park(self, f"deadline:{at}", at, error)
                after, out = msgspec.structs.replace(state, deadline=None), ()
            outs += tuple(named(self.rule, self.key, item, at) for item in out)
            state = after
        return state, outs

    def sees(self, until: int | None) -> View:
        """The context as of observed time ``until`` (µs; None: all of it), look-ups remembered under this fold and key."""
        view = self.view
        view.reader, view.until = self.place, until
        return view

    def forgotten(self, state: FoldState, since: int, until: int) -> bool:
        """Whether ``state``, last touched at ``since`` (µs), has ended by ``until`` (µs); see ``Fold.forgets_after``."""
        after = self.rule.fold.forgets_after
        return after is not None and state.deadline is None and until - since > after
