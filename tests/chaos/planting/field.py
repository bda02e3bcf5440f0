"""Where cases are planted: time, names, and the pen that writes one record and what it says."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas import tables
from schemas.context import ContextRecord
from streams.stage import Raw
from tests.chaos.oracle import names
from tests.chaos.oracle.said import HOUR, MINUTE, SECOND, Everything, Said

BEGIN = 1_772_409_600 * SECOND  # 2026-03-02T00:00:00Z
FIRST_ACT, LAST_ACT = BEGIN + 8 * HOUR, BEGIN + 56 * HOUR
TRUTH = BEGIN + 94 * HOUR
TAIPEI = 8 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def stamp(t: int) -> str:
    """``t`` as Taipei time with microseconds and zone, such as sshd's lines carry in rsyslog's own format."""
    return f"{(_EPOCH + timedelta(microseconds=t + TAIPEI)).replace(tzinfo=None).isoformat(timespec='microseconds')}+08:00"


def local(t: int, form: str) -> str:
    """``t`` as Taipei time in ``form`` (strftime)."""
    return (_EPOCH + timedelta(microseconds=t + TAIPEI)).strftime(form)


@dataclass(slots=True)
class Field:
    """All that is planted so far. ``chance`` decides everything that is left open."""

    chance: random.Random
    raws: list[Raw] = field(default_factory=list)
    context: list[ContextRecord] = field(default_factory=list)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    world: Everything = field(default_factory=lambda: Everything(tables={name: [] for name in tables.TABLES}, truth_time=TRUTH))
    planted: Counter[str] = field(default_factory=Counter)
    _ordinals: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    _number: int = 0

    def number(self) -> int:
        """A number never given before."""
        self._number += 1
        return self._number

    def moment(self, *, room: int = 0) -> int:
        """When an act happens; ``room``: time that what follows needs."""
        return self.chance.randrange(FIRST_ACT, LAST_ACT - room)

    def gap(self, least: int, most: int) -> int:
        """A span, in µs, between two numbers of seconds."""
        return self.chance.randrange(least * SECOND, most * SECOND)

    def lag(self) -> int:
        """How long after its event a record is observed: mostly at once, sometimes hours later, within every memory."""
        kind = self.chance.random()
        if kind < 0.75:
            return self.chance.randrange(20_000, 3 * SECOND)
        if kind < 0.93:
            return self.chance.randrange(3 * SECOND, 10 * MINUTE)
        return self.chance.randrange(10 * MINUTE, 25 * HOUR)

    def write(self, source: str, feed: str, line: str, o: int, *, own: str = "", again: bool = True) -> dict[str, Any]:
        """Write one record; returns what every event of it has: id, o, source, original.

        Some records are sent twice, unless ``again`` forbids it.
        """
        data = line.encode()
        ordinal = self._ordinals[(source, data)]
        self._ordinals[(source, data)] += 1
        if source not in self.sources:
            self.sources[source] = {"feed": feed, "zone": "Asia/Taipei"}
        self.raws.append(Raw(source, feed, data, o, ordinal))
        if again and self.chance.random() < 0.02:
            self.planted["record_sent_twice"] += 1
            self.raws.append(Raw(source, feed, data, o + self.chance.randrange(0, 5 * MINUTE), ordinal))
        return {"id": names.record_id(source, data, ordinal, own=own), "o": o, "source": source, "original": line}

    def say(self, event: Said) -> None:
        """What a record says."""
        self.world.events.append(event)

    def state(self, table: str, row: Mapping[str, Any]) -> None:
        """One row of context, known from the beginning unless ``recorded`` says when it was entered."""
        stated = dict(row)
        self.world.tables[table].append({"from": 0, **stated})
        self.context.append(tables.envelope(table, stated))
