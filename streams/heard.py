"""Which source was heard in which minute: kept by the owner of a raw partition, in its state. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from schemas import coverage, identity, instant
from schemas.context import Source
from schemas.coverage import About, Coverage

BLIND_AFTER = 30 * instant.SECOND  # so long after it was heard a source still counts as heard
KEPT = 26  # newest hours of a source whose minutes may still grow

KIND = "heard"
"""Of the state records."""
_name = msgspec.json.Decoder(tuple[str, str, int]).decode


class Heard:
    """Minutes of the ``sources`` whose records come through raw partition ``part`` of ``parts``.

    They depend on which records and heartbeats there are, not on when or in what batches they come. Of an hour before the
    newest 26 of its source nothing is added any more.
    """

    def __init__(self, sources: Mapping[str, Source], *, part: int = 0, parts: int = 1) -> None:
        self._sources = sources
        self._part = part
        self._parts = parts
        self._hours: dict[str, dict[int, int]] = {}
        self._latest: dict[str, int] = {}
        self._grown: dict[tuple[str, int], int] = {}
        self._left: set[tuple[str, int]] = set()
        self._hour = 0

    def hear(self, source: str, at: int) -> None:
        """A record or heartbeat of ``source``, observed at ``at`` (µs)."""
        half = at // BLIND_AFTER
        if self._latest.get(source) == half or source not in self._sources:
            return
        self._latest[source] = half
        for t in (at, at + BLIND_AFTER):
            self._add(source, *coverage.minute(t))

    def pass_to(self, at: int) -> None:
        """Time passed to ``at`` (µs): each source of this partition has a row for that hour, even if it is never heard."""
        hour = at // instant.HOUR * instant.HOUR
        if hour <= self._hour:
            return
        self._hour = hour
        for source in self._sources:
            if identity.partition("source", (source,), self._parts) == self._part:
                self._add(source, hour, 0)

    def restore(self, records: Iterable[tuple[str, bytes]]) -> None:
        """Take up state records of this kind."""
        for name, value in records:
            _, source, hour = _name(name)
            self._hours.setdefault(source, {})[hour] = int(value)

    def drain(self) -> tuple[list[Coverage], list[tuple[str, bytes | None]]]:
        """Rows that have grown since the last call, and the state records to write (None deletes)."""
        rows = [self._row(source, hour, minutes) for (source, hour), minutes in self._grown.items()]
        state: list[tuple[str, bytes | None]] = [
            (_key(source, hour), str(minutes).encode())
            for (source, hour), minutes in self._grown.items()
            if (source, hour) not in self._left
        ]
        state += [(_key(source, hour), None) for source, hour in self._left]
        self._grown, self._left = {}, set()
        return rows, state

    def _add(self, source: str, hour: int, bit: int) -> None:
        hours = self._hours.setdefault(source, {})
        minutes = hours.get(hour)
        if (minutes is not None and minutes | bit == minutes) or (len(hours) >= KEPT and hour < min(hours)):
            return
        hours[hour] = self._grown[source, hour] = (minutes or 0) | bit
        if len(hours) > KEPT:
            oldest = min(hours)
            del hours[oldest]
            self._left.add((source, oldest))

    def _row(self, source: str, hour: int, minutes: int) -> Coverage:
        return Coverage(
            about=About.HEARD, name=source, feed=self._sources[source].feed, part=self._part, parts=self._parts, hour=hour,
            minutes=minutes,
        )  # fmt: skip


def _key(source: str, hour: int) -> str:
    return msgspec.json.encode((KIND, source, hour)).decode()
