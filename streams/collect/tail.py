"""Follows one path: safe against rotation by rename and by copy, truncation and restart; a last line waits for its LF."""

import errno
import logging
from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from streams import clock
from streams.collect import files, names
from streams.collect.contract import BATCH_BYTES, BATCH_RECORDS
from streams.collect.files import HEAD, Opened, Position
from streams.collect.framing import Framed, Lines
from streams.collect.ordinal import Ordinals
from streams.stage import Raw

log = logging.getLogger(__name__)

CHUNK = 256 << 10
DRAIN = 2.0  # seconds of silence after which a renamed file is left for the new one: its writer may not have noticed yet
IDLE = 2.0  # seconds after which a multi-line record is complete
STUCK = 30.0  # seconds after which an unfinished last line no longer counts as being on its way


class Tail:
    """Reads one path; synchronous, for one thread at a time.

    ``stored``: the position of an earlier run. Without it, what stands in the file is a ``backlog`` or not: records of a
    backlog carry no observed time, since nobody saw when they were written. ``clear``: everything written before that instant
    (µs) has been given out. ``lost``: how often contents may have gone before they were read.
    """

    def __init__(
        self, source: str, feed: str, path: Path, *, starts: Callable[[str], bool] | None, stored: bytes | None, backlog: bool
    ) -> None:
        self.clear = 0
        self.lost = 0
        self._source = source
        self._feed = feed
        self._path = path
        self._starts = starts
        self._backlog = backlog and stored is None
        self._position = files.decode(stored) if stored else Position()
        self._resuming = stored is not None
        self._ordinals = Ordinals(self._position.ordinals)
        self._records = self._position.records
        self._encoded = stored or b""
        self._file: Opened | None = None
        self._old = False  # the open file is an earlier content of the path
        self._left: tuple[int, int] | None = None  # inode of the file read before, and when it was last written
        self._past: tuple[Opened, int] | None = None  # the same file, still open, and how much of it was read
        self._lines = Lines(starts)
        self._read = 0
        self._written = (-1, -1)
        self._quiet = 0.0

    def poll(self) -> tuple[list[Raw], bytes, bytes]:
        """New records and the positions before and after them; none if nothing is there.

        Raises:
            OSError: the path does not exist or cannot be read.
        """
        now = clock.now()
        self._watch_past()
        file = self._file
        if file is None:
            file = self._open()
        elif not self._old and self._truncated(file):
            file = self._resume()
        framed, more = self._advance(file)
        silent = clock.monotonic() - self._quiet
        done = False
        if not more:
            past = self._old or self._replaced(file)
            if past and silent >= DRAIN:
                framed = self._lines.flush(final=True)
                done = True
            elif self._lines.holds and silent >= IDLE:
                framed = self._lines.flush()
            elif not past and (not self._lines.waiting or silent >= STUCK):
                self.clear = now
        before = self._encoded
        raws = [self._raw(item, now) for item in framed]
        if framed:
            self._encoded = self._stored(file, framed[-1])
        if done:
            self._leave(file)
        return raws, before, self._encoded

    def close(self) -> None:
        """Close what is open; a later :meth:`poll` takes up after the last record that was given out."""
        self._resuming = self._file is not None
        self._shut()
        self._close_past()

    # ------------------------------------------------------------------------------------------------ reading

    def _advance(self, file: Opened) -> tuple[list[Framed], bool]:
        """Records of the next bytes, and whether there were any bytes."""
        framed: list[Framed] = []
        size = 0
        while size < BATCH_BYTES and len(framed) < BATCH_RECORDS:
            data = file.read(CHUNK, self._read)
            if not data:
                break
            self._read += len(data)
            size += len(data)
            framed += self._lines.take(data)
        if size:
            self._quiet = clock.monotonic()
        return framed, size > 0

    def _raw(self, item: Framed, now: int) -> Raw:
        self._records += 1
        data = item.data.removeprefix(BOM_UTF8) if item.line == 1 else item.data
        return Raw(
            source=self._source, feed=self._feed, data=data, o=None if item.end <= self._position.bare else now,
            ordinal=self._ordinals.next(data, self._records), line=item.line, length=item.length, sha256=item.sha256,
        )  # fmt: skip

    def _stored(self, file: Opened, last: Framed) -> bytes:
        old = self._position
        head_size, head = old.head_size, old.head
        if head_size < HEAD:
            head_size = min(HEAD, last.end)
            head = files.digest(file.read(head_size, 0))
        self._position = Position(
            inode=file.inode, offset=last.end, head_size=head_size, head=head, mark=file.mark(last.end), bare=old.bare,
            lines=last.line + last.more, records=self._records, ordinals=self._ordinals.stored(),
        )  # fmt: skip
        return files.encode(self._position)

    # ------------------------------------------------------------------------------------------------ which file

    def _open(self) -> Opened:
        if self._resuming:
            return self._resume()
        if self._left is not None and (later := files.rotated(self._path, self._left)):
            inode, path = later[0]
            opened = Opened(path)
            if opened.inode != inode:
                raise self._moved(opened)
            return self._begin(opened, Position(inode=opened.inode), old=True)
        try:
            opened = Opened(self._path)
        except FileNotFoundError:
            self._backlog = False  # what will be written to it is written while we watch
            raise
        if self._left is not None and files.rotated(self._path, self._left):
            raise self._moved(opened)
        bare, self._backlog = (opened.written()[0] if self._backlog else 0), False
        return self._begin(opened, Position(inode=opened.inode, bare=bare), old=False)

    def _begin(self, opened: Opened, position: Position, *, old: bool) -> Opened:
        self._file = opened
        self._old = old
        self._position = replace(position, records=self._records, ordinals=self._ordinals.stored())
        self._encoded = files.encode(self._position)
        self._read = position.offset
        self._lines = Lines(self._starts, offset=position.offset, line=position.lines)
        self._written = (-1, -1)
        self._quiet = clock.monotonic()
        return opened

    def _resume(self) -> Opened:
        """Find what the position speaks of, in the path or in what it was rotated to, and read on there."""
        known = self._position
        self._shut()
        found = self._find(known)
        self._resuming = False
        if found is not None:
            return self._begin(found, known, old=found.path != self._path)
        if known.offset:
            self.lost += 1
            log.warning(
                "source %s: what had been read of %s up to byte %d is no longer there (truncated, or rotated away); what was"
                " written after it may be lost. Reading from the beginning. Rotate by renaming, and keep one old file unzipped",
                self._source, names.shown(self._path), known.offset,
            )  # fmt: skip
        opened = Opened(self._path)
        return self._begin(opened, Position(inode=opened.inode), old=False)

    def _find(self, known: Position) -> Opened | None:
        for path in (self._path, *(path for _, path in reversed(files.rotated(self._path)))):
            try:
                opened = Opened(path)
                if opened.holds(known):
                    return opened
                opened.close()
            except OSError as error:
                log.warning("source %s: %s cannot be read: %s", self._source, names.shown(path), error)
        return None

    def _leave(self, file: Opened) -> None:
        """``file`` has been read to its end; what came after it is next, be it rotated away itself."""
        self._left = (file.inode, file.written()[1])
        self._close_past()
        if file.packed:
            self._shut()
        else:
            self._past, self._file = (file, self._read), None

    def _watch_past(self) -> None:
        """Tell once if a writer did not notice the rotation in the time it had: there is no way back to the file it holds."""
        if self._past is None or self._past[0].written()[0] <= self._past[1]:
            return
        self.lost += 1
        log.warning(
            "source %s: %s was written to after it had been rotated and for %g s nothing had come; what was written from byte %d"
            " on is not read. Let its writer open the new file as soon as the old one is renamed",
            self._source, names.shown(self._path), DRAIN, self._past[1],
        )  # fmt: skip
        self._close_past()

    def _close_past(self) -> None:
        if self._past is not None:
            self._past[0].close()
            self._past = None

    def _moved(self, opened: Opened) -> OSError:
        opened.close()
        return OSError(errno.EAGAIN, "was rotated while it was being opened; looking again")

    def _shut(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _replaced(self, file: Opened) -> bool:
        """Whether the path names another file than the open one, and something has been written after that."""
        try:
            status = self._path.stat()
        except OSError:
            return False  # renamed and not yet created anew: read on
        if status.st_ino == file.inode:
            return False
        # While the new file is empty its writer may hold the old one: read on. Unless it was rotated away itself.
        return status.st_size > 0 or bool(files.rotated(self._path, (file.inode, file.written()[1])))

    def _truncated(self, file: Opened) -> bool:
        """Whether the open file no longer holds what was read from it."""
        written = file.written()
        if written == self._written:
            return False
        self._written = written
        return written[0] < self._read or (self._position.offset > 0 and not file.holds(self._position))
