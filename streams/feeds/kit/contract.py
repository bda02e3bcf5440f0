"""The contract of a feed: raw record in, events and context records out, or a reason why not.

A feed module holds one ``feed = Feed(...)``. Its ``parse`` is pure: no clock, no I/O, no state; it yields what the record
says by calling :meth:`RawRecord.event` and :meth:`RawRecord.context`.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

import msgspec
from pydantic import ValidationError

from schemas import identity, instant, tables
from schemas.context import ContextRecord
from schemas.event import Activity, SecurityEvent

EVERY_ACTIVITY: Container[str] = frozenset(Activity)


class Unreadable(ValueError):
    """A record that cannot be parsed goes to the dead letters.

    ``reason`` is a short word for counting (invalid_utf8, nul, bad_json, bad_time, bad_header, missing_field, wrong_type,
    too_deep, too_large, duplicate_key, implausible_time …); ``detail`` tells a person what was expected and what came.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class RawRecord(msgspec.Struct):
    """One logical record as collected.

    ``o``: observed time stamped by the collector (microseconds), None for bare files. ``zone``: the source's declared zone
    for stamps without one. ``base``: observed time that tells the year where the record has none. ``ordinal`` tells true
    repetitions of identical lines from redelivery. ``offset``: the source's configured constant clock correction.
    ``asked``: activities that somebody asks for. Of others only time and activity are kept, so that a feed which knows the
    activity early need read no further than what decides the record's fate and time.
    """

    data: bytes
    source: str
    feed: str
    o: int | None = None
    zone: tzinfo = UTC
    base: int | None = None
    ordinal: int = 0
    line: int = 0
    offset: int = 0
    text: str = ""
    asked: Container[str] = EVERY_ACTIVITY
    _index: int = 0

    def event(self, *, t: int, own_id: str = "", exported: int | None = None, **fields: Any) -> SecurityEvent:
        """An event of this record.

        ``t`` is the event's time as the record states it, ``own_id`` the source's own unique record id if the format has
        one, ``exported`` the record's own export or update time, which stands for the observed time in bare files.
        """
        t += self.offset
        index, self._index = self._index, self._index + 1
        if self.o is not None:
            o = self.o
        elif exported is not None:
            o = exported + self.offset
        else:
            o = t
        activity = fields.get("activity", Activity.OTHER)
        if activity not in self.asked:
            return SecurityEvent(id="", t=t, o=o, feed=self.feed, source=self.source, activity=activity)
        if not fields.get("host"):
            fields["host"] = self.source.partition("@")[2]  # an instance is named after its host
        return SecurityEvent(
            id=identity.event_id(self.source, own_id, self.data, self.ordinal, index),
            t=t, o=o, feed=self.feed, source=self.source, line=self.line, original=self.text, **fields,
        )

    def context(self, table: str, data: Mapping[str, Any], *, exported: int | None = None) -> ContextRecord:
        """A context record of this record, for example one snapshot of an approval; raises Unreadable if it is not valid."""
        try:
            return tables.envelope(table, data, o=self.o if self.o is not None else exported, source=self.source)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or table
            raise Unreadable("wrong_type", f"{table}: {where}: {first['msg']}") from error

    def time(self, text: str) -> int:
        """Instant of an ISO 8601 text; without a zone it is read in the source's zone. Raises Unreadable."""
        try:
            return instant.parse(text, self.zone)
        except (ValueError, OverflowError) as error:
            raise Unreadable("bad_time", f"expected ISO 8601 time, got {text[:64]!r}") from error


Parsed = Iterable[SecurityEvent | ContextRecord]
Frame = Callable[[Iterable[str]], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Feed:
    """One log format.

    ``kinds`` are words of the catalogue's feed vocabulary that it can serve; ``aliases`` further names that
    ``--source NAME`` accepts (``<package>.<stream>``, ``wazuh.<file>``, ``fail2ban.<filter>``, ``crowdsec.<type>``).
    ``starts``: for multi-line formats, whether a line begins a new record.
    """

    title: str
    kinds: tuple[str, ...]
    parse: Callable[[RawRecord], Parsed]
    aliases: tuple[str, ...] = ()
    starts: Callable[[str], bool] | None = None
    reference: str = ""
