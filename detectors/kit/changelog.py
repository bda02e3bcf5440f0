"""An engine's state as small records: what to write after each batch, and how to read it back.

Kinds of key: ``h`` head of one (fold, key), ``b`` a segment of its buffer, ``v`` one published violation, ``c`` one context
record, ``m`` counters and progress. A closed segment is never rewritten; None deletes.
"""

from collections.abc import Iterable, Iterator

import msgspec

from detectors.kit.contract import Finding, FoldState
from detectors.kit.engine import Engine
from detectors.kit.keyed import KeyedFold
from detectors.kit.packing import plain, typed
from detectors.kit.registry import Rule
from detectors.kit.segments import NONE, NOTHING
from schemas.context import ContextRecord
from schemas.event import SecurityEvent
from schemas.log import Incompatible, Progress, Stated
from schemas.violation import Violation

SCHEMA = 2
"""Of what is written here. 1: one statement for each context record; 2: all that stand at some observed time."""

READABLE = (1, SCHEMA)

Change = tuple[str, bytes | None]


class Head(msgspec.Struct, kw_only=True):
    """What a (fold, key) is apart from its buffered events and published violations."""

    rule: str
    version: int
    key: tuple[str, ...]
    base: bytes
    base_order: tuple[int, int, int, str] | None
    sealed: list[str]
    closed: dict[int, int]
    number: int
    dropped: list[str]
    parked: dict[str, str]
    carried: dict[str, Finding] = {}
    forced: list[str] = []


class Meta(msgspec.Struct, kw_only=True):
    """Counters and clocks of the partition. ``trimmed``, ``trims``: see :class:`Engine`; None: perhaps just now.

    ``partitions``: of the keyed log, by which keys were given their place; 0: written before that was told.
    """

    schema: int
    counters: dict[str, int]
    progress: list[Progress]
    trimmed: int | None = None
    trims: int = 0
    partitions: int = 0


_pack = msgspec.msgpack.Encoder(enc_hook=plain).encode
_head = msgspec.msgpack.Decoder(Head, dec_hook=typed).decode
_meta = msgspec.msgpack.Decoder(Meta).decode
_segment = msgspec.msgpack.Decoder(list[SecurityEvent]).decode
_context = msgspec.msgpack.Decoder(list[ContextRecord] | ContextRecord).decode  # schema 1: one statement


def changes(engine: Engine) -> list[Change]:
    """What has changed since the last call, ready to be written with the batch that caused it."""
    result: list[Change] = []
    for place, keyed in engine.touched.items():
        result += _forget(keyed) if engine.keys.get(place) is not keyed else _keyed(keyed)
    engine.touched.clear()
    for table, id_ in sorted(engine.context_changed):
        result.append((_key("c", table, id_), _pack(engine.context.statements(table, id_))))
    engine.context_changed.clear()
    meta = Meta(
        schema=SCHEMA, counters=dict(engine.counters), progress=list(engine.progress.values()),
        trimmed=engine.trimmed, trims=engine.trims, partitions=engine.partitions,
    )  # fmt: skip
    result.append((_key("m"), _pack(meta)))
    return result


def restore(engine: Engine, records: Iterable[tuple[str, bytes]]) -> None:
    """Fill a new engine.

    Raises:
        Incompatible: the records are of a schema that is not readable, of a fold whose state version has no reader, or of
            another number of partitions.
    """
    found = dict(records)
    kinds: dict[str, list[tuple[list[str], bytes]]] = {}
    for name, value in found.items():
        kind, *rest = msgspec.json.decode(name)
        kinds.setdefault(kind, []).append((rest, value))
    metas = [_meta(value) for _, value in kinds.get("m", [])]
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
    for _, value in kinds.get("c", []):
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
    heads = {tuple(rest): _restored(engine, _head(value)) for rest, value in kinds.get("h", [])}
    for rest, value in kinds.get("v", []):
        violation = Violation.model_validate_json(value)
        heads[tuple(rest[:-1])].published[violation.id] = violation
    for rest, value in sorted(kinds.get("b", []), key=lambda item: (item[0][:-1], int(item[0][-1]))):
        _take(heads[tuple(rest[:-1])], int(rest[-1]), _segment(value))
    for keyed in heads.values():
        engine.resume(keyed)
    engine.touched.clear()


def _keyed(keyed: KeyedFold) -> Iterator[Change]:
    log, place = keyed.log, (keyed.rule.id, *keyed.key)
    for number, segment in log.dirty.items():
        yield _key("b", *place, str(number)), None if segment is None else _pack(segment)
    log.dirty = NOTHING
    if log.open_dirty:
        yield _key("b", *place, str(log.number)), _pack(log.open) if log.open else None
        log.open_dirty = False
    for id_ in log.violations:
        violation = keyed.published.get(id_)
        yield _key("v", *place, id_), None if violation is None else violation.model_dump_json().encode()
    log.violations = NONE
    if log.head_dirty:
        yield _key("h", *place), _pack(
            Head(
                rule=keyed.rule.id,
                version=keyed.rule.fold.state_version,
                key=keyed.key,
                base=_pack(keyed.base),
                base_order=keyed.base_order,
                sealed=sorted(keyed.sealed) if keyed.used else [],
                closed=dict(log.closed),
                number=log.number,
                dropped=sorted(log.dropped),
                parked=dict(keyed.parked),
                forced=sorted(keyed.forced) if keyed.used else [],
                carried={id_: item for id_, item in keyed.carried.items() if isinstance(item, Finding)} if keyed.used else {},
            )
        )
        log.head_dirty = False


def _forget(keyed: KeyedFold) -> Iterator[Change]:
    place = (keyed.rule.id, *keyed.key)
    yield _key("h", *place), None
    for number in {*keyed.log.closed, *keyed.log.dirty, keyed.log.number}:
        yield _key("b", *place, str(number)), None
    for id_ in keyed.log.violations:
        yield _key("v", *place, id_), None


def _restored(engine: Engine, head: Head) -> KeyedFold:
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


def _take(keyed: KeyedFold, number: int, segment: list[SecurityEvent]) -> None:
    if number == keyed.log.number:
        keyed.log.open = list(segment)
        keyed.log.weight = sum(len(event.original) + len(event.message) for event in segment)
    if not keyed.events:
        keyed.events = {}
    for event in segment:
        if event.id in keyed.log.dropped or (keyed.base_order is not None and event.order <= keyed.base_order):
            continue
        keyed.events[event.id] = event  # of several copies the last written counts


def _key(*parts: str) -> str:
    return msgspec.json.encode(parts).decode()


