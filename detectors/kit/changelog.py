"""An engine's state as small records: what they are, and which to write after each batch.

Kinds of key: ``h`` head of one (fold, key), ``b`` a segment of its buffer, ``v`` one published violation, ``c`` one context
record, ``m`` counters and progress. A closed segment is never rewritten; None deletes. ``restoring.py`` reads them back.
"""

from collections.abc import Container, Hashable, Iterator

import msgspec

from detectors.kit.contract import Finding
from detectors.kit.engine import Engine
from detectors.kit.keyed import KeyedFold
from detectors.kit.packing import plain
from detectors.kit.resting import Pulse, named, pulse
from detectors.kit.segments import NONE, NOTHING
from schemas.event import SecurityEvent
from schemas.log import Progress

SCHEMA = 3
"""Of what is written here. 1: one statement for each context record; 2: all that stand at some observed time; 3: segments and
heads say whether their key may rest."""

READABLE = (1, 2, SCHEMA)

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
    pulse: Pulse = Pulse()


class Segment(msgspec.Struct, array_like=True):
    """A segment of a key's buffer; up to schema 2 the events alone."""

    pulse: Pulse
    events: list[SecurityEvent]


class Meta(msgspec.Struct, kw_only=True):
    """Counters and clocks of the partition. ``trimmed``, ``trims``: see :class:`Engine`; None: perhaps just now.

    ``partitions``: of the keyed log, by which keys were given their place; 0: written before that was told. ``rules``: version
    of the ruleset that wrote this.
    """

    schema: int
    counters: dict[str, int]
    progress: list[Progress]
    trimmed: int | None = None
    trims: int = 0
    partitions: int = 0
    rules: str = ""


_pack = msgspec.msgpack.Encoder(enc_hook=plain).encode


def changes(engine: Engine) -> list[Change]:
    """What has changed since the last call, ready to be written with the batch that caused it."""
    result: list[Change] = []
    asking = engine.context.asking
    for place, keyed in engine.touched.items():
        result += _forget(keyed) if engine.keys.get(place) is not keyed else _keyed(keyed, asking)
    engine.touched.clear()
    for table, id_ in sorted(engine.context_changed):
        result.append((named("c", table, id_), _pack(engine.context.statements(table, id_))))
    engine.context_changed.clear()
    meta = Meta(
        schema=SCHEMA, counters=dict(engine.counters), progress=list(engine.progress.values()),
        trimmed=engine.trimmed, trims=engine.trims, partitions=engine.partitions,
        rules=engine.ruleset.version,
    )  # fmt: skip
    result.append((named("m"), _pack(meta)))
    return result


def _keyed(keyed: KeyedFold, asking: Container[Hashable]) -> Iterator[Change]:
    log, place, own = keyed.log, (keyed.rule.id, *keyed.key), pulse(keyed, asking)
    for number, segment in log.dirty.items():
        yield named("b", *place, str(number)), None if segment is None else _pack(Segment(own, list(segment)))
    log.dirty = NOTHING
    if log.open_dirty:
        yield named("b", *place, str(log.number)), _pack(Segment(own, list(log.open))) if log.open else None
        log.open_dirty = False
    for id_ in log.violations:
        violation = keyed.published.get(id_)
        yield named("v", *place, id_), None if violation is None else violation.model_dump_json().encode()
    log.violations = NONE
    if log.head_dirty:
        yield named("h", *place), _pack(
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
                pulse=own,
                carried={id_: item for id_, item in keyed.carried.items() if isinstance(item, Finding)} if keyed.used else {},
            )
        )
        log.head_dirty = False


def _forget(keyed: KeyedFold) -> Iterator[Change]:
    place = (keyed.rule.id, *keyed.key)
    yield named("h", *place), None
    for number in {*keyed.log.closed, *keyed.log.dirty, keyed.log.number}:
        yield named("b", *place, str(number)), None
    for id_ in keyed.log.violations:
        yield named("v", *place, id_), None
