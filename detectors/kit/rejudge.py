"""What records that came too late change for one fold and key: judged from what is archived, told as a correction.

Pure. ``docs/decisions/0016-rejudge.md`` says what is judged here and what by the owner of the key.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from detectors.kit import corrections
from detectors.kit.context import View
from detectors.kit.contract import SKEW, Finding
from detectors.kit.engine import Engine
from detectors.kit.keyed import KeyedFold
from detectors.kit.named import admitted
from detectors.kit.packing import packed
from detectors.kit.publish import publish
from detectors.kit.registry import Rule
from detectors.kit.stepping import Stepping
from schemas import instant
from schemas.event import SecurityEvent
from schemas.identity import Key
from schemas.log import Correction
from schemas.violation import GONE, Violation

CAUSE = "rejudge"
NAMED = 5  # late records named in the cause of a transition
ALWAYS = 100_000 * instant.DAY  # look-back of who asks what is known now

Newest = Callable[[Iterable[str]], Mapping[str, Violation]]


@dataclass(slots=True)
class Archived:
    """What the archive holds of one (kind, key), taken in the log's order. ``since``: from where it is complete (µs; 0: ever)."""

    since: int = 0
    events: dict[str, SecurityEvent] = field(default_factory=dict)
    copies: Counter[str] = field(default_factory=Counter)
    late: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # fold -> turned away
    counted: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # fold -> by earlier corrections
    dropped: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    corrected: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # fold -> violation ids

    def event(self, event: SecurityEvent, *, copies: int = 1) -> None:
        """A copy of an event; the earliest observed one counts."""
        known = self.events.get(event.id)
        if known is None or event.o < known.o:
            self.events[event.id] = event
        self.copies[event.id] += copies

    def gone(self, id_: str) -> None:
        """A fact that was taken back."""
        self.events.pop(id_, None)
        del self.copies[id_]

    def turned_away(self, rule: str, event: SecurityEvent) -> None:
        """An event of topic ``late``."""
        self.event(event, copies=0)
        self.late[rule].add(event.id)

    def correction(self, record: Correction) -> None:
        """An earlier correction."""
        for event in record.events:
            self.event(event, copies=0)
        self.counted[record.rule] |= {event.id for event in record.events}
        self.dropped[record.rule] = self.dropped[record.rule] - {e.id for e in record.events} | set(record.drop)
        self.corrected[record.rule] |= {*record.found, *record.gone}


@dataclass(slots=True)
class Judged:
    """Outcome of one fold over one key's events."""

    findings: Mapping[str, Finding] = field(default_factory=dict)
    violations: Mapping[str, Violation] = field(default_factory=dict)
    facts: Mapping[str, SecurityEvent] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What is to be done for one fold and key.

    ``correction``: None if nothing changes. ``new``, ``gone``: facts told differently, of before the boundary. ``left``:
    violations that the archive does not explain, so they stay; ``beyond``: late events older than the archive; ``crashed``:
    events that crash the fold, and are skipped.
    """

    correction: Correction | None = None
    new: list[SecurityEvent] = field(default_factory=list)
    gone: list[SecurityEvent] = field(default_factory=list)
    left: int = 0
    beyond: int = 0
    crashed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Asked:
    """Event times of late events and findings asked for, ends included (µs); facts that corrections of others add or end."""

    since: int
    until: int
    added: tuple[SecurityEvent, ...] = ()
    ended: frozenset[str] = frozenset()


def rejudge(engine: Engine, rule: Rule, key: Key, archived: Archived, asked: Asked, newest: Newest) -> Outcome:
    """What changes for ``rule`` and ``key``.

    Args:
        engine: the owner's state, restored; it is not changed but for remembered look-ups.
        rule: the fold.
        key: its key.
        archived: events under that kind and key.
        asked: what is asked for.
        newest: violation ids -> the newest transition of each, wherever it is kept; read after the owner's state.
    """
    result = Outcome()
    fold, keyed = rule.fold, engine.keys.get((rule.index, key))
    for event in asked.added:
        archived.event(event, copies=0)
    own = {id_: event for id_, event in archived.events.items() if _wanted(engine, rule, event)}
    added = {event.id for event in asked.added if event.id in own}
    away = {id_ for id_, event in own.items() if not archived.copies[id_] or not _accepted(rule, event)}
    away |= {id_ for id_ in archived.late[rule.id] & own.keys() if archived.copies[id_] == 1}  # beyond the horizon
    before = own.keys() - away
    counted = archived.counted[rule.id] & own.keys()
    asked_for = {id_ for id_ in archived.late[rule.id] & away if asked.since <= own[id_].t <= asked.until} | added
    boundary = corrections.boundary(fold, keyed, engine.trimmed)
    let_in: dict[str, SecurityEvent] = {}
    for id_ in counted | asked_for:
        if keyed is not None and id_ in keyed.events:
            continue
        if corrections.covers(fold, keyed, engine.trimmed, own[id_]):
            let_in[id_] = own[id_]
        elif own[id_].t < archived.since:
            result.beyond += 1
    usable = {id_ for id_ in counted | asked_for if own[id_].t >= archived.since}
    dropped = archived.dropped[rule.id] - added | asked.ended

    def judged(ids: Iterable[str], *, whole: bool) -> Judged:
        return _judged(engine, rule, key, (own[id_] for id_ in ids), boundary, result.crashed, whole=whole)

    accepted = judged(before, whole=False)
    standing = judged((before | counted) - archived.dropped[rule.id], whole=False) if counted else accepted
    true = judged((before | usable) - dropped, whole=True)
    result.new = [fact for id_, fact in true.facts.items() if id_ not in accepted.facts]
    result.gone = [fact for id_, fact in {**accepted.facts, **standing.facts}.items() if id_ not in true.facts]

    ids = {*accepted.violations, *standing.violations, *true.violations, *archived.corrected[rule.id]}
    if keyed is not None and keyed.used:
        ids |= keyed.published.keys()
    ids = {id_ for id_ in ids if not corrections.live(keyed, id_)}
    stored = newest(ids)
    found: dict[str, Finding] = {}
    ended: list[str] = []
    for id_ in sorted(ids):
        document = _greater(keyed.published.get(id_) if keyed is not None and keyed.used else None, stored.get(id_))
        shown = None if document is None or document.state in GONE else document
        now, then, stood = true.violations.get(id_), accepted.violations.get(id_), standing.violations.get(id_)
        if _same(now, shown) or not any(_touches(asked, item) for item in (now, then, stood, shown)):
            continue
        corrected = document is not None and document.transition.cause.startswith(CAUSE)
        if not (corrected or _same(then, shown) or _same(stood, shown)):
            result.left += 1
        elif now is not None:
            found[id_] = true.findings[id_]
        else:
            ended.append(id_)
    drop = tuple(sorted(id_ for id_ in dropped if keyed is not None and id_ in keyed.events))
    if not (found or ended or let_in or drop):
        return result
    reasons = sorted(usable | let_in.keys(), key=lambda id_: own[id_].order)
    result.correction = Correction(
        rule=rule.id, key=key, observed=engine.observed(), trims=engine.trims, cause=_cause(reasons),
        events=tuple(own[id_] for id_ in reasons), drop=drop, gone=tuple(ended),
        found={id_: packed(finding) for id_, finding in found.items()},
        known=tuple(stored[id_].model_dump_json() for id_ in (*found, *ended) if id_ in stored),
    )  # fmt: skip
    return result


def _accepted(rule: Rule, event: SecurityEvent) -> bool:
    return event.o - event.t <= rule.fold.memory or admitted(event)


def _wanted(engine: Engine, rule: Rule, event: SecurityEvent) -> bool:
    interested = engine.ruleset.interested(rule.fold.keying.kind, event)
    return event.o - event.t >= -SKEW and any(other.index == rule.index for other in interested)


def _judged(
    engine: Engine, rule: Rule, key: Key, events: Iterable[SecurityEvent], until: int, crashed: set[str], *, whole: bool
) -> Judged:
    """Outcome of the events before ``until`` and of deadlines before it; ``whole``: with context however late it was observed."""
    if until == corrections.EVER:
        return Judged()
    lookback = ALWAYS if whole and rule.fold.lookback else rule.fold.lookback
    lifted = replace(rule, fold=replace(rule.fold, lookback=lookback))

    def park(_: Stepping, event_id: str, __: int, ___: Exception) -> None:
        crashed.add(event_id)

    shadow = KeyedFold(lifted, key, View(engine.context), park)
    shadow.events = {event.id: event for event in events if event.t < until}
    if not shadow.events:
        return Judged()
    shadow.rebuild(until - 1)
    if not shadow.used:
        return Judged()
    shadow.rule = rule  # an exception counts as long as it does for the owner, who publishes
    publish(shadow, lambda _, __: (True, ()), 0, CAUSE)
    return Judged(shadow.findings, shadow.published, shadow.facts)


def _greater(one: Violation | None, other: Violation | None) -> Violation | None:
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda document: document.transition.number)


def _same(one: Violation | None, other: Violation | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.canonical() == other.canonical()


def _touches(asked: Asked, item: Violation | None) -> bool:
    return item is not None and item.anchor_time <= asked.until and item.last_time >= asked.since


def _cause(late: list[str]) -> str:
    """Why, for people: the reason that transitions show."""
    if not late:
        return f"{CAUSE}: context that was observed later"
    more = f" and {len(late) - NAMED} more" if len(late) > NAMED else ""
    return f"{CAUSE}: late {', '.join(id_[:64] for id_ in late[:NAMED])}{more}"
