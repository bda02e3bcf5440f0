"""Records of the keyed ``events`` log: events with their routes, context, facts taken back, progress. JSON on the wire.

One partition of this log is one totally ordered input of one engine.
"""

import msgspec

from schemas.context import ContextRecord
from schemas.event import SecurityEvent

Route = tuple[str, tuple[str, ...]]


class Keyed(msgspec.Struct, frozen=True, tag="event", gc=False):
    """One event and the (kind, key) pairs under which this partition judges it."""

    event: SecurityEvent
    routes: tuple[Route, ...]


class Stated(msgspec.Struct, frozen=True, tag="context"):
    """One context record; every partition gets every one."""

    record: ContextRecord


class FactGone(msgspec.Struct, frozen=True, tag="fact_gone"):
    """A fact that a refold no longer derives: the event of this id leaves the folds keyed so."""

    id: str
    routes: tuple[Route, ...]


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


LogRecord = Keyed | Stated | FactGone | Progress

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(LogRecord).decode
