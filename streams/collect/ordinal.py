"""Tells true repetitions of identical records from redelivery: the ordinal among identical ones, kept with the position."""

import re
from hashlib import blake2b

_STAMP = re.compile(rb"\d:\d\d|\d{8}")  # a clock time, or a date or epoch in one piece
_DIGEST = 8
_YOUNGER = 1 << 31  # bit of a stored count: it stands in the younger half of the window


class Ordinals:
    """Counts identical records among the newest ``size`` to twice ``size`` different ones.

    A record without a time of its own may come again at any distance; its ordinal is its line number. Records with a time
    differ beyond the window, so counting within it suffices.
    """

    def __init__(self, stored: bytes = b"", *, size: int = 1024) -> None:
        self._size = size
        self._old: dict[bytes, int] = {}
        self._young: dict[bytes, int] = {}
        step = _DIGEST + 4
        for place in range(0, len(stored), step):
            count = int.from_bytes(stored[place + _DIGEST : place + step], "big")
            half = self._young if count & _YOUNGER else self._old
            half[stored[place : place + _DIGEST]] = count & ~_YOUNGER

    def next(self, data: bytes, line: int) -> int:
        """Ordinal of this record, whose line number is ``line``."""
        if _STAMP.search(data, 0, 4096) is None:
            return line
        key = blake2b(data, digest_size=_DIGEST).digest()
        young = self._young
        ordinal = young.get(key)
        if ordinal is None:
            ordinal = self._old.get(key, 0)
            if len(young) >= self._size:
                self._old, self._young = young, {}
                young = self._young
        young[key] = ordinal + 1
        return ordinal

    def stored(self) -> bytes:
        """The window, for the position; given back to the constructor after a restart.

        The halves stay apart: what is read again after a crash must meet the window that it met the first time, or a record
        would get another ordinal and so be another attempt.
        """
        halves = [*self._old.items(), *((key, count | _YOUNGER) for key, count in self._young.items())]
        return b"".join(key + count.to_bytes(4, "big") for key, count in halves)
