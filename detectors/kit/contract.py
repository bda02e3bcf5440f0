"""The contract of a detector: keyed folds in, findings and facts out.

A detector module holds one ``detector = Detector(...)``; its name is the detector's id, its docstring the documentation.
A fold sees the events of one key in the total order (time, rank, seq, id), never a clock and never arrival.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec

from schemas import instant
from schemas.event import SecurityEvent
from schemas.identity import Key
from schemas.violation import Evidence, Severity, State

SKEW = 120 * instant.SECOND
GRACE_MAX = 60 * instant.MINUTE
DEFAULT_MEMORY = 26 * instant.HOUR
CONTEXT_LOOKBACK = 400 * instant.DAY



class Entry(NamedTuple):
    """One context record as known: stated at ``t``, observed at ``o`` by ``source``."""

    id: str
    t: int
    o: int
    data: Any
    source: str = ""


class Context(Protocol):
    """Bitemporal look-ups. Every call is remembered by the engine: a late record refolds just the keys that asked."""

    def all(self, table: str, entity: str) -> tuple[Entry, ...]:
        """Every record found under ``entity``, whatever its interval, ordered by (t, id)."""
        ...

    def as_of(self, table: str, entity: str, t: int) -> tuple[Entry, ...]:
        """Records found under ``entity`` that are in force at ``t``, ordered by (t, id)."""
        ...


class FoldState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Base of a fold's state: an immutable value.

    ``deadline``: when ``overdue`` is to be called if nothing comes before; an event at exactly the deadline is in time.
    """

    deadline: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a fold found. The same (subtype, anchor, part) emitted again later in the order replaces it.

    ``anchor``: id of the act judged (for counters the first event of the episode); ``settle_at``: instant from which it is
    final once the feeds in ``awaits`` (feed kinds) have passed it; default: at once. ``reasons``: every verdict row.
    """

    subtype: str
    anchor: str
    anchor_time: int
    subject: Mapping[str, str | None]
    first_time: int
    last_time: int
    evidence: tuple[Evidence, ...]
    severity: Severity | None = None
    count: int = 1
    part: str = ""
    state: State = State.OPEN
    settle_at: int = 0
    awaits: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    approval: str | None = None
    reasons: tuple[str, ...] = ()
    skew_ambiguous: bool = False
    source_ip: str | None = None
    user_name: str | None = None
    host_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something one detector derived that another needs.

    It becomes an event of activity ``fact`` (action = ``kind``, ref = ``key``, extra = ``payload``) for folds of a higher
    stage; it inherits the observed time of its cause. ``origin``: told as well (extra), but no part of its identity:
    positions in files, which differ between two runs over the same events.
    """

    kind: str
    key: str
    t: int
    payload: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)


class Step(NamedTuple):
    """Result of a step: the new state (None: forget the key) and what came out."""

    state: Any
    out: tuple[Finding | Fact, ...] = ()


class Keying(NamedTuple):
    """A way to key events. Equal names must mean equal functions, so that folds can share a route.

    ``of`` returns the key or None (the event does not concern this kind of key).
    """

    kind: str
    of: Callable[[SecurityEvent], Key | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One keyed state machine of a detector.

    ``activities``: what it wants to see. ``where``: (attribute, values) of an event other than a fact: only those whose
    attribute has one of the values concern it (``facts``: the kinds of fact that do). The ruleset finds a fold by such a
    value, so that the others cost nothing: declare it rather than turning events away in ``step``.
    ``memory``: how late (observed - event time, µs) an event may be. ``lookback``:
    how far back a late context record re-judges: one observed later than that after the event never counts for it. Events
    are kept for the sum of the two. ``stage``: facts flow only to higher stages. ``forgets_after``: when nothing has come for
    longer than that (µs) and no deadline is waited for, the state is ``init`` again, so that keys which nobody uses any more
    end; None: it stays. ``state_version`` rises when the meaning of the stored state changes; ``upgrade`` then turns a state of
    an earlier version (its number, and the state as plain MessagePack values) into one of this.
    """

    name: str
    keying: Keying
    activities: frozenset[str]
    init: FoldState
    step: Callable[[Any, SecurityEvent, Context], Step]
    overdue: Callable[[Any, int, Context], Step] | None = None
    memory: int = DEFAULT_MEMORY
    lookback: int = 0
    stage: int = 0
    state_version: int = 1
    upgrade: Callable[[int, Any], FoldState] | None = None
    facts: frozenset[str] = frozenset()
    where: tuple[str, frozenset[str]] | None = None
    forgets_after: int | None = None

    @property
    def retention(self) -> int:
        """How long events stay in the buffer, µs of event time."""
        return self.memory + self.lookback


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """One detector: catalogue clauses, feeds, severity at open, folds.

    ``feeds``: kinds of which any one shows the acts; ``requires``: kinds without which its verdicts are only degraded.
    """

    clauses: tuple[str, ...]
    feeds: tuple[str, ...]
    severity: Severity
    folds: tuple[Fold, ...]
    requires: tuple[str, ...] = ()
    subtypes: tuple[str, ...]


def evidence(event: SecurityEvent, **values: str | int | None) -> Evidence:
    """Evidence from an event: its id, source, line, time and original, with the values that were compared."""
    return Evidence.model_construct(
        event_id=event.id,
        source=event.source,
        line=event.line,
        time=event.t,
        values={name: str(value) for name, value in values.items() if value not in (None, "")},
        original=event.original,
    )


def merged(*groups: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Evidence of several groups, each event once, in order of time and id."""
    unique = {item.event_id: item for group in groups for item in group}
    return tuple(sorted(unique.values(), key=lambda item: (item.time, item.event_id)))
