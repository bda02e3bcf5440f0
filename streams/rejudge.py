"""Which corrections late events call for: archives of keys are read, judged, and facts followed to the keys that read them.

Reads only what ``Held`` lends; the corrections are tried on restored copies of the owners' engines, which tells what they change.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from detectors.kit.engine import Engine
from detectors.kit.registry import Rule, Ruleset
from detectors.kit.rejudge import Archived, Asked, rejudge
from schemas import identity
from schemas.event import SecurityEvent
from schemas.identity import Key
from schemas.log import Correction, FactGone, Keyed, LogRecord
from schemas.violation import Violation

STAGES = 4
Place = tuple[str, Key]  # kind and key
Wanted = Callable[[str, Key], bool]


class Held(Protocol):
    """What a runner keeps, read only. ``partitions``: of the keyed log."""

    partitions: int

    def engine(self, part: int) -> Engine:
        """The owner's state of a partition, restored."""
        ...

    def log(self, part: int) -> Iterable[LogRecord]:
        """The archived log of a partition, in its order."""
        ...

    def since(self, part: int) -> int:
        """From when (µs of observed time) that log is complete; 0: it never lost anything."""
        ...

    def late(self, part: int) -> Iterable[tuple[str, SecurityEvent]]:
        """Events that came too late, each with its fold's id."""
        ...

    def newest(self, ids: Iterable[str]) -> Mapping[str, Violation]:
        """The newest transition of each violation that is kept, as of now."""
        ...


@dataclass(slots=True)
class Plan:
    """What is to be written, to which partition, and the transitions that it makes.

    ``left``, ``beyond``, ``crashed``: see :class:`detectors.kit.rejudge.Outcome`. ``places``: keys asked for that the archive
    knows; ``events``: of these in the span; ``first``, ``last``: event times (µs) of all that is archived of them.
    """

    corrections: list[tuple[int, Correction]] = field(default_factory=list)
    changes: list[Violation] = field(default_factory=list)
    left: int = 0
    beyond: int = 0
    crashed: set[str] = field(default_factory=set)
    places: set[Place] = field(default_factory=set)
    events: int = 0
    first: int = 0
    last: int = 0


class Planner:
    """Makes one plan."""

    def __init__(self, ruleset: Ruleset, held: Held, since: int, until: int) -> None:
        self._ruleset = ruleset
        self._held = held
        self._since = since
        self._until = until
        self._rules = {rule.id: rule for rule in ruleset.rules}
        self._engines: dict[int, Engine] = {}
        self._archived: dict[Place, Archived] = {}
        self._added: dict[Place, dict[str, SecurityEvent]] = {}
        self._ended: dict[Place, set[str]] = {}
        self._plan = Plan()

    def plan(self, wanted: Wanted, places: Iterable[Place] | None = None) -> Plan:
        """Corrections for the keys ``wanted``; ``places``: the only ones it can be, where they are known."""
        partitions = self._held.partitions
        parts = range(partitions) if places is None else sorted({identity.partition(*place, partitions) for place in places})
        for part in parts:
            self._read(part, wanted)
        self._span()
        for stage in range(STAGES):
            rules = [rule for rule in self._ruleset.rules if rule.fold.stage == stage]
            self._read_readers({rule.fold.keying.kind for rule in rules})
            for rule in rules:
                for place in sorted(self._archived):
                    if place[0] == rule.fold.keying.kind:
                        self._judge(rule, place)
        return self._plan

    def _read_readers(self, kinds: set[str]) -> None:
        """The archives of keys that read facts told anew."""
        places = {place for place in (*self._added, *self._ended) if place[0] in kinds and place not in self._archived}
        self._archived |= {place: Archived() for place in places}
        for part in sorted({identity.partition(*place, self._held.partitions) for place in places}):
            self._read(part, lambda kind, key: (kind, key) in places)

    def _span(self) -> None:
        plan = self._plan
        plan.places = set(self._archived)
        times = [event.t for archived in self._archived.values() for event in archived.events.values()]
        plan.first, plan.last = min(times, default=0), max(times, default=0)
        plan.events = sum(self._since <= t <= self._until for t in times)

    def _read(self, part: int, wanted: Wanted) -> None:
        def at(place: Place) -> Archived:
            return self._archived.setdefault(place, Archived())

        for record in self._held.log(part):
            if isinstance(record, Keyed | FactGone):
                for kind, key in record.routes:
                    if not wanted(kind, key):
                        continue
                    if isinstance(record, Keyed):
                        at((kind, key)).event(record.event)
                    else:
                        at((kind, key)).gone(record.id)
            elif isinstance(record, Correction) and record.rule in self._rules:
                kind = self._rules[record.rule].fold.keying.kind
                if wanted(kind, record.key):
                    at((kind, record.key)).correction(record)
        for name, event in self._held.late(part):
            if name in self._rules:
                keying = self._rules[name].fold.keying
                own = keying.of(event)
                if own is not None and wanted(keying.kind, own):
                    at((keying.kind, own)).turned_away(name, event)
        since = self._held.since(part)
        for place, archived in self._archived.items():
            if identity.partition(*place, self._held.partitions) == part:
                archived.since = since

    def _engine(self, part: int) -> Engine:
        if part not in self._engines:
            self._engines[part] = self._held.engine(part)
        return self._engines[part]

    def _judge(self, rule: Rule, place: Place) -> None:
        part = identity.partition(*place, self._held.partitions)
        engine = self._engine(part)
        asked = Asked(
            self._since, self._until, tuple(self._added.get(place, {}).values()), frozenset(self._ended.get(place, ()))
        )
        outcome = rejudge(engine, rule, place[1], self._archived[place], asked, self._held.newest)
        plan = self._plan
        plan.left += outcome.left
        plan.beyond += outcome.beyond
        plan.crashed |= outcome.crashed
        self._follow(outcome.new, outcome.gone)
        if outcome.correction is None:
            return
        plan.corrections.append((part, outcome.correction))
        before = self._sent(engine, rule, place[1])
        engine.apply(outcome.correction)
        self._settle(part)
        after = self._sent(engine, rule, place[1])
        self._follow((), [fact for id_, fact in before.items() if id_ not in after])

    @staticmethod
    def _sent(engine: Engine, rule: Rule, key: Key) -> dict[str, SecurityEvent]:
        keyed = engine.keys.get((rule.index, key))
        return dict(keyed.sent) if keyed is not None and keyed.used else {}

    def _settle(self, part: int) -> None:
        """What the owners make of it: transitions, and facts on their way; those that come too late need corrections, too."""
        waiting = [part]
        while waiting:
            batch = self._engine(waiting.pop()).drain()
            self._plan.changes += batch.violations
            for name, fact in batch.late:
                key = self._rules[name].fold.keying.of(fact)
                if key is not None:
                    self._added.setdefault((self._rules[name].fold.keying.kind, key), {})[fact.id] = fact
            for fact in batch.facts_gone:
                for to, routes in self._ruleset.places(fact, self._held.partitions).items():
                    self._engine(to).apply(FactGone(fact.id, tuple(routes)))
                    waiting.append(to)
            for fact in batch.facts:
                for to, routes in self._ruleset.places(fact, self._held.partitions).items():
                    self._engine(to).apply(Keyed(fact, tuple(routes)))
                    waiting.append(to)

    def _follow(self, new: Iterable[SecurityEvent], gone: Iterable[SecurityEvent]) -> None:
        for fact in new:
            for place in self._ruleset.routes(fact):
                self._added.setdefault(place, {})[fact.id] = fact
        for fact in gone:
            for place in self._ruleset.routes(fact):
                self._ended.setdefault(place, set()).add(fact.id)
