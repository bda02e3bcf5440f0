"""The events of one key's buffer as the changelog holds them: segments, of which only the open one is written again."""

from schemas.event import SecurityEvent


class Log:
    """What of the buffer is in the changelog: closed segments, the open one, and what changed since the last write."""

    SIZE = 64
    WEIGHT = 256 << 10  # a segment is one record of the changelog, whose size is limited

    __slots__ = ("closed", "dirty", "dropped", "head_dirty", "number", "open", "violations", "weight")

    def __init__(self) -> None:
        self.number = 0
        self.open: list[SecurityEvent] = []
        self.weight = 0  # characters of the long texts in it
        self.closed: dict[int, int] = {}  # segment number -> latest event time in it
        self.dirty: dict[int, list[SecurityEvent] | None] = {}
        self.dropped: set[str] = set()  # ids taken out again; forgotten with their segment
        self.head_dirty = True
        self.violations: set[str] = set()

    def append(self, event: SecurityEvent) -> None:
        """Add an accepted event to the open segment; close it when full."""
        if event.id in self.dropped:
            # A fact taken back and derived again: it counts again, also after a restore.
            self.dropped.remove(event.id)
            self.head_dirty = True
        self.open.append(event)
        self.dirty[self.number] = self.open
        self.weight += len(event.original) + len(event.message)
        if len(self.open) >= self.SIZE or self.weight >= self.WEIGHT:
            self.closed[self.number] = max(item.t for item in self.open)
            self.number += 1
            self.open = []
            self.weight = 0
            self.head_dirty = True

    def forget(self, horizon: int) -> None:
        """Drop closed segments that lie wholly before ``horizon``."""
        for number in [number for number, latest in self.closed.items() if latest < horizon]:
            del self.closed[number]
            self.dirty[number] = None
            self.head_dirty = True
