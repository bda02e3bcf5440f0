"""Records of the keyed ``events`` log: events with routes, context, facts taken back, progress, pardons, corrections. JSON.

One partition of this log is one totally ordered input of one engine.
"""

from typing import Any

import msgspec

from schemas.context import ContextRecord
from schemas.event import SecurityEvent

Route = tuple[str, tuple[str, ...]]

SCHEMA = 1
"""Of the records below. A record says its own if it is another one; who reads takes no later one than it knows."""


class Incompatible(RuntimeError):
    """A record or state was written by a version that this one cannot read."""


class Keyed(msgspec.Struct, frozen=True, tag="event", omit_defaults=True, gc=False):
    """One event and the (kind, key) pairs under which this partition judges it."""

    event: SecurityEvent
    routes: tuple[Route, ...]
    schema: int = SCHEMA


class Stated(msgspec.Struct, frozen=True, tag="context", omit_defaults=True):
    """One context record; every partition gets every one."""

    record: ContextRecord
    schema: int = SCHEMA


class FactGone(msgspec.Struct, frozen=True, tag="fact_gone", omit_defaults=True):
    """A fact that a refold no longer derives: the event of this id leaves the folds keyed so."""

    id: str
    routes: tuple[Route, ...]
    schema: int = SCHEMA


class Progress(msgspec.Struct, frozen=True, tag="progress", kw_only=True, omit_defaults=True):
    """How far one writer has got: the only way in which a clock enters.

    ``stage`` -1: the owner of raw partition ``part`` (of ``parts``); 0, 1 …: the detect partition ``part`` after that stage.
    ``observed``: everything observed before it has been written. ``watermarks``: feed kind -> no earlier event is expected.
    ``blind``: sources that neither speak nor beat.
    """

    part: int
    parts: int
    observed: int
    stage: int = -1
    watermarks: dict[str, int] = {}
    blind: tuple[str, ...] = ()
    schema: int = SCHEMA


class Unparked(msgspec.Struct, frozen=True, tag="unparked", omit_defaults=True):
    """Judge after all what crashed fold ``rule`` for ``key``: event ``id``, or its deadline (``deadline:<µs>``)."""

    id: str
    rule: str
    key: tuple[str, ...]
    schema: int = SCHEMA


class Correction(msgspec.Struct, frozen=True, tag="correction", kw_only=True, omit_defaults=True):
    """What records that came too late for fold ``rule`` change for ``key`` (``docs/decisions/0016-rejudge.md``).

    ``events``: taken into account beyond what was accepted; the owner takes in those that its buffer covers. ``drop``: ids
    of facts that are not derived any more. ``found``: violation id -> finding, where the owner has only the outcome;
    ``gone``: ids that are not found there any more. ``known``: newest transitions (JSON) of violations whose numbers the
    owner may have forgotten. ``observed``, ``trims``: the owner's clock (µs), and how often it had let go of what is old, in the
    state that was read.
    """

    rule: str
    key: tuple[str, ...]
    observed: int
    trims: int
    cause: str
    events: tuple[SecurityEvent, ...] = ()
    drop: tuple[str, ...] = ()
    found: dict[str, dict[str, Any]] = {}
    gone: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    schema: int = SCHEMA


LogRecord = Keyed | Stated | FactGone | Progress | Unparked | Correction


class _Kind(msgspec.Struct):
    """What a record says of itself before anything else."""

    type: str = ""


_TAGS = {kind.__struct_config__.tag for kind in (Keyed, Stated, FactGone, Progress, Unparked, Correction)}

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LogRecord).decode
_kind = msgspec.json.Decoder(_Kind).decode


def decode(data: bytes) -> LogRecord:
    """The record on the wire.

    Raises:
        Incompatible: it is of a later schema or an unknown kind; judging it by halves would lose what this version does not know.
        msgspec.DecodeError: it is no record of the log.
    """
    try:
        record: LogRecord = _decode(data)
    except msgspec.ValidationError as error:
        kind = _kind(data).type
        if kind in _TAGS or not kind:
            raise
        raise Incompatible(f"a record of the log is of kind {kind!r}, unknown to this version; run a later one") from error
    if record.schema > SCHEMA:
        raise Incompatible(f"a record of the log has schema {record.schema}, this version reads up to {SCHEMA}; run a later one")
    return record
