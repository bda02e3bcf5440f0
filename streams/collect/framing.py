"""Cuts a stream of bytes into records: by line, by the feed's rule for multi-line records, never larger than the limit."""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

LIMIT = 1 << 20  # a longer record is cut
KEPT = 64 << 10  # what is kept of it


class Framed(NamedTuple):
    """One record. ``end``: bytes of the stream up to and including it; ``line``: its first line, from 1; ``more``: lines after.

    ``length`` and ``sha256`` describe the whole of a record that was cut; else 0 and "".
    """

    data: bytes
    end: int
    line: int
    more: int = 0
    length: int = 0
    sha256: str = ""


class Growing:
    """Bytes of one record as they come; beyond the limit only their beginning, number and hash are kept."""

    __slots__ = ("_hash", "_length", "data")

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray()
        self._length = 0
        self._hash: hashlib._Hash | None = None
        self.add(data)

    def add(self, data: bytes | bytearray) -> None:
        """Append."""
        self._length += len(data)
        if self._hash is not None:
            self._hash.update(data)
            return
        self.data += data
        if self._length > LIMIT:
            self._hash = hashlib.sha256(self.data)
            del self.data[KEPT:]

    @property
    def cut(self) -> bool:
        """Whether it is larger than the limit."""
        return self._hash is not None

    def framed(self, end: int, line: int, more: int = 0) -> Framed:
        """As a record."""
        if self._hash is not None:
            return Framed(bytes(self.data), end, line, more, self._length, self._hash.hexdigest())
        return Framed(bytes(self.data), end, line, more)


class Lines:
    """Records out of lines ended by LF (a CR before it is dropped).

    ``starts`` tells whether a line begins a record; other lines, unless blank, continue the one before (None: each line is
    a record). ``offset`` and ``line``: where the stream is taken up, bytes and lines before it.
    """

    def __init__(self, starts: Callable[[str], bool] | None = None, *, offset: int = 0, line: int = 0) -> None:
        self._starts = starts
        self._offset = offset  # end of the last complete line
        self._line = line
        self._partial = Growing()
        self._partial_size = 0
        self._held: Growing | None = None
        self._held_line = 0
        self._held_end = 0
        self._held_more = 0

    @property
    def waiting(self) -> bool:
        """Whether bytes were taken that are not yet a record."""
        return self._held is not None or self._partial_size > 0

    @property
    def holds(self) -> bool:
        """Whether a complete record waits for lines that might continue it."""
        return self._held is not None

    def take(self, chunk: bytes) -> list[Framed]:
        """Records that ``chunk`` completes."""
        out: list[Framed] = []
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            self._offset += self._partial_size + len(piece) + 1
            if self._partial_size:
                self._partial.add(piece)
                line, self._partial, self._partial_size = self._partial, Growing(), 0
            else:
                line = Growing(piece)
            self._take_line(line, out)
        if rest:
            self._partial.add(rest)
            self._partial_size += len(rest)
        return out

    def flush(self, *, final: bool = False) -> list[Framed]:
        """The record that waits for continuation; if ``final``, also a last line without LF."""
        out: list[Framed] = []
        if final and self._partial_size:
            self._offset += self._partial_size
            line, self._partial, self._partial_size = self._partial, Growing(), 0
            self._take_line(line, out)
        if self._held is not None:
            out.append(self._held.framed(self._held_end, self._held_line, self._held_more))
            self._held = None
        return out

    def _take_line(self, line: Growing, out: list[Framed]) -> None:
        self._line += 1
        if not line.cut and line.data.endswith(b"\r"):
            del line.data[-1:]
        if self._starts is None:
            out.append(line.framed(self._offset, self._line))
            return
        data = line.data
        if self._held is not None and not line.cut and data.strip() and not self._starts(data.decode("utf-8", "replace")):
            self._held.add(b"\n")
            self._held.add(data)
            self._held_end = self._offset
            self._held_more += 1
            return
        out += self.flush()
        if line.cut:
            out.append(line.framed(self._offset, self._line))
        else:
            self._held, self._held_line, self._held_end, self._held_more = line, self._line, self._offset, 0
