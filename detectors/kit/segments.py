"""The events of one key's buffer as the changelog holds them: segments, of which only the open one is written again."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from schemas.event import SecurityEvent

NOTHING: Mapping[Any, Any] = MappingProxyType({})
"""Stands where a key has nothing of a kind: most keys never do, and a dictionary each would be most of their memory."""
NONE: frozenset[str] = frozenset()
"""The same for sets: each ``frozenset()`` is an object of its own, of 216 bytes."""


class Log:
    """What of the buffer is in the changelog: closed segments, the open one, and what changed since the last write.

    Collections are replaced, never changed, but for ``open`` once it holds something: empty ones are shared by all keys.
    ``open_dirty``: the open segment is to be written; ``dirty``: others that are, or that are to be deleted.
    """

    SIZE = 64
    WEIGHT = 256 << 10  # a segment is one record of the changelog, whose size is limited

    __slots__ = ("closed", "dirty", "dropped", "head_dirty", "number", "open", "open_dirty", "violations", "weight")

    def __init__(self) -> None:
        self.number = 0
        self.open: Sequence[SecurityEvent] = ()
        self.open_dirty = False
        self.weight = 0  # characters of the long texts in it
        self.closed: Mapping[int, int] = NOTHING  # segment number -> latest event time in it
        self.dirty: Mapping[int, Sequence[SecurityEvent] | None] = NOTHING
        self.dropped = NONE  # ids taken out again; forgotten with their segment
        self.head_dirty = True
        self.violations = NONE

    def append(self, event: SecurityEvent) -> None:
        """Add an accepted event to the open segment; close it when full."""
        if event.id in self.dropped:
            # A fact taken back and derived again: it counts again, also after a restore.
            self.dropped -= {event.id}
            self.head_dirty = True
        if isinstance(self.open, list):
            self.open.append(event)
        else:
            self.open = [event]
        self.open_dirty = True
        self.weight += len(event.original) + len(event.message)
        if len(self.open) >= self.SIZE or self.weight >= self.WEIGHT:
            self.closed = {**self.closed, self.number: max(item.t for item in self.open)}
            self.dirty = {**self.dirty, self.number: self.open}
            self.number += 1
            self.open = ()
            self.open_dirty = False
            self.weight = 0
            self.head_dirty = True

    def forget(self, horizon: int) -> None:
        """Drop closed segments that lie wholly before ``horizon``, and what lies before it in the open one."""
        gone = {number for number, latest in self.closed.items() if latest < horizon}
        if gone:
            self.closed = {number: latest for number, latest in self.closed.items() if number not in gone} or NOTHING
            self.dirty = {**self.dirty, **dict.fromkeys(gone)}
            self.head_dirty = True
        if any(event.t < horizon for event in self.open):
            self.open = [event for event in self.open if event.t >= horizon] or ()
            self.weight = sum(len(event.original) + len(event.message) for event in self.open)
            self.open_dirty = True
