"""Collector of files: follows every path of one source, batches into the queue, beats while it is caught up."""

import asyncio
import errno
import glob
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from streams import clock
from streams.collect import files, names
from streams.collect.contract import BEAT, Outlet, batch
from streams.collect.tail import Tail
from streams.stage import Heartbeat

log = logging.getLogger(__name__)

POLL = 0.2  # seconds between looks at a file
SCAN = 5.0  # seconds between looks for new paths of a pattern


class Follow:
    """Follows ``pattern`` (a path or shell pattern) as ``source``.

    ``stored``: positions of an earlier run by reader. ``starts``: see :class:`streams.collect.framing.Lines`.
    """

    def __init__(
        self, source: str, feed: str, pattern: str, *, starts: Callable[[str], bool] | None, stored: Mapping[str, bytes],
        outlet: Outlet,
    ) -> None:
        self._source = source
        self._feed = feed
        self._pattern = pattern
        self._starts = starts
        self._stored = stored
        self._outlet = outlet
        self._tails: dict[Path, Tail] = {}
        self._failed: dict[Path, str] = {}
        self._scanned = False

    async def run(self) -> None:
        """Follow until cancelled."""
        scan = beat = clock.monotonic()
        try:
            while True:
                now = clock.monotonic()
                if now >= scan:
                    await asyncio.to_thread(self._scan)
                    scan = now + SCAN
                for path, tail in list(self._tails.items()):
                    await self._drain(path, tail)
                if clock.monotonic() >= beat and (clear := self._clear()):
                    await self._outlet.put([Heartbeat(self._source, clear)])
                    beat = clock.monotonic() + BEAT
                await asyncio.sleep(POLL)
        finally:
            for tail in self._tails.values():
                tail.close()

    @property
    def lost(self) -> int:
        """How often contents may have gone before they were read."""
        return sum(tail.lost for tail in self._tails.values())

    async def _drain(self, path: Path, tail: Tail) -> None:
        reader = reader_of(self._source, path)
        try:
            while True:
                raws, before, after = await asyncio.to_thread(tail.poll)
                self._failed.pop(path, None)
                if not raws:
                    return
                await self._outlet.put(batch(raws, reader, before, after))
        except OSError as error:
            if self._failed.get(path) != str(error):
                self._failed[path] = str(error)
                why = "does not exist yet; waiting for it" if error.errno == errno.ENOENT else f"cannot be read: {error}"
                log.warning("source %s: %s %s", self._source, names.shown(path), why)

    def _scan(self) -> None:
        """Take up new paths. What a pattern finds later was written while we watched; what it finds first was there before."""
        found = [Path(name) for name in sorted(glob.glob(self._pattern))]  # noqa: PTH207 - the pattern may be absolute
        found = [path for path in found if path.is_file() and not any(files.rotation(path, other) for other in found)]
        if not found and not glob.has_magic(self._pattern):
            found = [Path(self._pattern)]
        for path in found:
            if path not in self._tails:
                self._tails[path] = Tail(
                    self._source, self._feed, path, starts=self._starts, backlog=not self._scanned,
                    stored=self._stored.get(reader_of(self._source, path)),
                )  # fmt: skip
        self._scanned = True

    def _clear(self) -> int:
        """Up to when everything has been given out, µs; 0: some path cannot be read."""
        return min((0 if path in self._failed else tail.clear for path, tail in self._tails.items()), default=0)


def reader_of(source: str, path: Path) -> str:
    """Name under which the position of one path of a source is stored."""
    return f"file:{source}:{names.key(path)}"
