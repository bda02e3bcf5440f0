"""Watches a folder: every file that is added, changed or deleted becomes one file-integrity record, hash before and after.

The record has the form of Auditbeat's module ``file_integrity``, so the same feed reads it. Polling sees what a scan sees: a
file changed and changed back between two scans is missed (Wazuh or Auditbeat on the host see it).
"""

import asyncio
import hashlib
import logging
import os
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import orjson

from schemas import instant
from streams import clock
from streams.collect.contract import Collected, Outlet
from streams.stage import Heartbeat, Raw

log = logging.getLogger(__name__)

SCAN = 2.0  # seconds between the end of a scan and the next
CHUNK = 1 << 20
MAX_FILES = 100_000


class Seen(NamedTuple):
    """What is known of a file: modification time (ns), size, inode, SHA-256."""

    mtime: int
    size: int
    inode: int
    sha256: str


class Known(msgspec.Struct, array_like=True):
    """The position: when the folder was last scanned (µs), and its files."""

    at: int
    files: dict[str, Seen]


class Watch:
    """Watches ``folder`` and everything below it as ``source``. Symbolic links are not followed.

    ``stored``: the position of an earlier run; without one the first scan only learns what is there.
    """

    def __init__(self, source: str, feed: str, folder: Path, *, stored: Mapping[str, bytes], outlet: Outlet) -> None:
        self._source = source
        self._feed = feed
        self._folder = folder
        self._outlet = outlet
        self._reader = f"watch:{source}:{folder}"
        position = stored.get(self._reader)
        self._known = msgspec.msgpack.decode(position, type=Known) if position is not None else None

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            began = clock.now()
            found = await asyncio.to_thread(self._scan)
            before, self._known = self._known, Known(began, dict(found))
            if before is not None:
                records = list(self._changes(before, found, began))
                position = msgspec.msgpack.encode(self._known)
                await self._outlet.put([Collected(raw, self._reader, position) for raw in records])
            await self._outlet.put([Heartbeat(self._source, began)])
            await asyncio.sleep(SCAN)

    def _scan(self) -> dict[str, Seen]:
        old = self._known.files if self._known is not None else {}
        found: dict[str, Seen] = {}
        for base, folders, names in os.walk(self._folder, followlinks=False):
            folders.sort()
            for name in sorted(names):
                path = Path(base) / name
                try:
                    found[str(path)] = _look(path, old.get(str(path)))
                except OSError as error:
                    log.info("source %s: %s cannot be read: %s", self._source, path, error)
                if len(found) >= MAX_FILES:
                    log.warning("source %s: only %d files below %s are watched", self._source, MAX_FILES, self._folder)
                    return found
        return found

    def _changes(self, before: Known, found: Mapping[str, Seen], now: int) -> Iterator[Raw]:
        for name in sorted({*before.files, *found}):
            old, new = before.files.get(name), found.get(name)
            if old is not None and new is not None and old.sha256 == new.sha256:
                continue
            action = "created" if old is None else "deleted" if new is None else "updated"
            changed = new.mtime // 1000 if new is not None and before.at <= new.mtime // 1000 <= now else now
            document = {
                "@timestamp": instant.text(changed),
                "event": {"module": "file_integrity", "dataset": "file", "category": ["file"], "action": [action],
                          "kind": "event", "created": instant.text(now)},
                "host": {"name": self._source.partition("@")[2] or socket.gethostname()},
                "file": {"path": name} | ({"hash": {"sha256": new.sha256}, "size": new.size} if new is not None else {}),
                "controlwatch": {"hash_before": old.sha256 if old is not None else "", "last_scan": instant.text(before.at)},
            }  # fmt: skip
            yield Raw(self._source, self._feed, orjson.dumps(document), now)


def _look(path: Path, old: Seen | None) -> Seen:
    """What the file is now; it is read only if its time, size or inode has changed."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return Seen(0, 0, 0, "")
    if old is not None and old[:3] == (status.st_mtime_ns, status.st_size, status.st_ino):
        return old
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return Seen(status.st_mtime_ns, status.st_size, status.st_ino, digest.hexdigest())
