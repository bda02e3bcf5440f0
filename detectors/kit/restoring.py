"""Stored records back into an engine: its clocks and context at once; of its keys those that must be in memory, others rest."""

from collections.abc import Iterable, Mapping

import msgspec

from detectors.kit.changelog import READABLE, Head, Meta
from detectors.kit.contract import FoldState
from detectors.kit.engine import Engine
from detectors.kit.keyed import KeyedFold
from detectors.kit.packing import typed
from detectors.kit.registry import Rule
from detectors.kit.resting import Pulse, Records, Resting, Rests
from detectors.kit.segments import NONE, NOTHING
from schemas.context import ContextRecord
from schemas.event import SecurityEvent
from schemas.log import Incompatible, Stated
from schemas.violation import Violation

AT_ONCE = 1_000
"""Keys between two looks at how many are in memory."""


class _Beginning(msgspec.Struct, array_like=True):
    """A segment read no further than its pulse."""

    pulse: Pulse


class _Segment(msgspec.Struct, array_like=True):
    pulse: msgspec.Raw
    events: list[SecurityEvent]


_head = msgspec.msgpack.Decoder(Head, dec_hook=typed).decode
_meta = msgspec.msgpack.Decoder(Meta).decode
_beginning = msgspec.msgpack.Decoder(_Beginning).decode
_segment = msgspec.msgpack.Decoder(_Segment).decode
_events = msgspec.msgpack.Decoder(list[SecurityEvent]).decode  # up to schema 2
_context = msgspec.msgpack.Decoder(list[ContextRecord] | ContextRecord).decode  # schema 1: one statement


class InMemory:
    """Records held in memory; no key rests."""

    def __init__(self, records: Iterable[tuple[str, bytes]]) -> None:
        self._records: Mapping[str, bytes] = dict(records)
        self._kinds: dict[str, list[tuple[str, bytes]]] = {}
        for name, value in self._records.items():
            self._kinds.setdefault(msgspec.json.decode(name)[0], []).append((name, value))

    def get(self, name: str) -> bytes | None:
        """See :class:`Records`."""
        return self._records.get(name)

    def kind(self, kind: str) -> Iterable[tuple[str, bytes]]:
        """See :class:`Records`."""
        return self._kinds.get(kind, ())


def restore(engine: Engine, records: Iterable[tuple[str, bytes]]) -> None:
    """Fill a new engine with all that ``records`` (name, value) hold.

    Raises:
        Incompatible: the records are of a schema that is not readable, of a fold whose state version has no reader, or of
            another number of partitions.
    """
    held = InMemory(records)
    _share(engine, held)
    published = _published(held)
    for name, value in held.kind("h"):
        engine.resume(_read(engine, held, name, _head(value), published))


def reopen(engine: Engine, records: Resting) -> None:
    """Fill a new engine; keys that may rest are left in ``records``, from where the engine takes them when it needs them.

    Whether a key may rest was told by those who wrote it. Other code may see it otherwise: if the rules are not the same, each
    key is folded once.

    Raises:
        Incompatible: as :func:`restore`.
    """
    trusted = _share(engine, records)
    if not trusted:
        records.wake_all()
    rests = Rests(records, engine.ruleset, lambda name: _read(engine, records, name, _head(records.get(name) or b""), {}))
    engine.lay(rests)
    published = _published(records)
    now = engine.observed()
    resting: list[tuple[str, int | None, int | None]] = []
    for number, (name, value, first) in enumerate(records.awake()):
        head = _head(value)
        segment = first if head.number == 0 else records.get(_segment_of(name, head.number))
        pulse = _pulse(head, segment) if trusted and name not in published else Pulse()
        if pulse.quiet and (pulse.deadline is None or pulse.deadline > now):
            resting.append(pulse.row(name))
        else:
            engine.resume(_read(engine, records, name, head, published))
        if number % AT_ONCE == 0:
            rests.leave(resting)
            resting.clear()
            engine.rest()
    rests.leave(resting)
    engine.rest()


def head_of(name: str) -> str:
    """The name of the head of the key to which record ``name`` (a head, a segment, a violation) belongs."""
    return name if name.startswith('["h"') else f'["h{name[3 : name.rindex(",")]}]'


def _share(engine: Engine, records: Records) -> bool:
    """Take up clocks and context; whether the same rules wrote the records."""
    metas = [_meta(value) for _, value in records.kind("m")]
    for meta in metas:
        if meta.schema not in READABLE:
            raise Incompatible(
                f"the stored state of this partition has schema {meta.schema}, this version reads {READABLE}; "
                "nothing was changed: run the version that wrote it, or a later one"
            )
        if meta.partitions not in {0, engine.partitions}:
            raise Incompatible(
                f"the stored state of this partition is one of {meta.partitions}, this worker expects {engine.partitions}: keys "
                f"would be looked for in the wrong ones; set CONTROLWATCH_KEYED_PARTITIONS={meta.partitions}, and to change the "
                "number run 'controlwatch topics migrate'"
            )
    for _, value in records.kind("c"):
        stored = _context(value)
        for record in stored if isinstance(stored, list) else [stored]:
            engine.apply(Stated(record))
    engine.context_changed.clear()
    for meta in metas:
        for progress in meta.progress:
            engine.apply(progress)
        engine.counters.clear()
        engine.counters.update(meta.counters)
        engine.trimmed = engine.observed() if meta.trimmed is None else meta.trimmed
        engine.trims = meta.trims
    return all(meta.rules == engine.ruleset.version for meta in metas)


def _published(records: Records) -> dict[str, list[Violation]]:
    """Published violations by the name of their key's head."""
    found: dict[str, list[Violation]] = {}
    for name, value in records.kind("v"):
        found.setdefault(head_of(name), []).append(Violation.model_validate_json(value))
    return found


def _pulse(head: Head, segment: bytes | None) -> Pulse:
    """Of a key, by its head and its open segment."""
    if segment is None:
        return head.pulse
    try:
        return head.pulse.with_(_beginning(segment).pulse)
    except msgspec.ValidationError:
        return Pulse()  # of an earlier schema


def _read(engine: Engine, records: Records, name: str, head: Head, published: Mapping[str, list[Violation]]) -> KeyedFold:
    """The key that ``head`` begins, with its events and violations, not yet folded."""
    rule = next((rule for rule in engine.ruleset.rules if rule.id == head.rule), None)
    if rule is None:
        raise Incompatible(f"state of fold {head.rule} is stored, but no such fold is loaded; load its detector")
    keyed = engine.new(rule, head.key)
    keyed.base = _base(rule, head)
    keyed.base_order = head.base_order
    if head.sealed or head.carried:
        keyed.sealed.update(head.sealed)
        keyed.carried.update(head.carried)
        keyed.forced.update(head.forced)
    keyed.parked = head.parked or NOTHING
    keyed.log.closed = head.closed or NOTHING
    keyed.log.number = head.number
    keyed.log.dropped = frozenset(head.dropped) or NONE
    keyed.log.head_dirty = False
    for number in sorted({*head.closed, head.number}):
        value = records.get(_segment_of(name, number))
        if value is not None:
            _take(keyed, number, value)
    if name in published:
        keyed.published.update((violation.id, violation) for violation in published[name])
    return keyed


def _base(rule: Rule, head: Head) -> FoldState:
    fold = rule.fold
    if head.version == fold.state_version:
        return msgspec.msgpack.decode(head.base, type=type(fold.init), dec_hook=typed)
    if head.version > fold.state_version or fold.upgrade is None:
        why = "is older" if head.version > fold.state_version else "no upgrade"
        raise Incompatible(
            f"state of fold {head.rule} has version {head.version}, its code has {fold.state_version} and {why}; "
            "nothing was changed: run the version that wrote it"
        )
    return fold.upgrade(head.version, msgspec.msgpack.decode(head.base))


def _take(keyed: KeyedFold, number: int, value: bytes) -> None:
    try:
        segment = _segment(value).events
    except msgspec.ValidationError:
        segment = _events(value)
    if number == keyed.log.number:
        keyed.log.open = list(segment)
        keyed.log.weight = sum(len(event.original) + len(event.message) for event in segment)
    if not keyed.events:
        keyed.events = {}
    for event in segment:
        if event.id in keyed.log.dropped or (keyed.base_order is not None and event.order <= keyed.base_order):
            continue
        keyed.events[event.id] = event  # of several copies the last written counts


def _segment_of(name: str, number: int) -> str:
    """The name of a segment of the key whose head is ``name``."""
    return f'["b{name[3:-1]},"{number}"]'
