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
from streams.collect import names
from streams.collect.contract import Collected, Outlet
from streams.stage import Heartbeat, Raw

log = logging.getLogger(__name__)

SCAN = 2.0  # seconds between the end of a scan and the next
CHUNK = 1 << 20
MAX_FILES = 100_000


class Seen(NamedTuple):
    """What is known of a file: modification time (ns), size, inode, SHA-256 (of a symbolic link: of the text it points to)."""

    mtime: int
    size: int
    inode: int
    sha256: str


class Known(msgspec.Struct, array_like=True):
    """The position: when the folder was last scanned (µs), its files by :func:`names.key`, and how many are not watched."""

    at: int
    files: dict[str, Seen]
    beyond: int = 0


class Watch:
    """Watches ``folder`` and everything below it as ``source``.

    Symbolic links are not followed: a link is a file whose content is the text it points to, so that one that is pointed
    elsewhere has changed, loops do no harm, and what it points to is watched only in its own place.

    ``stored``: the position of an earlier run; without one the first scan only learns what is there. Of more than
    ``MAX_FILES`` files those known longest are watched. Others take the place of deleted ones without a record: whether they
    are new nobody knows.
    """

    def __init__(self, source: str, feed: str, folder: Path, *, stored: Mapping[str, bytes], outlet: Outlet) -> None:
        self._source = source
        self._feed = feed
        self._folder = folder
        self._outlet = outlet
        self._reader = f"watch:{source}:{names.key(folder)}"
        position = stored.get(self._reader)
        self._known = msgspec.msgpack.decode(position, type=Known) if position is not None else None
        self._full = False  # told that there are too many
        self._unread: Mapping[str, str] = {}  # path -> why it cannot be read

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            began = clock.now()
            before = self._known
            now = await asyncio.to_thread(self._scan, began)
            if before is not None:
                records = list(self._changes(before, now))
                position = msgspec.msgpack.encode(now)
                await self._outlet.put([Collected(raw, self._reader, position) for raw in records])
            self._known = now  # not before: what fails on the way is found again by the next scan
            await self._outlet.put([Heartbeat(self._source, began)])
            await asyncio.sleep(SCAN)

    def _scan(self, began: int) -> Known:
        old = self._known.files if self._known is not None else {}
        found: dict[str, Seen] = {}
        unread: dict[str, str] = {}
        waiting: list[str] = []
        beyond = 0
        for path in self._paths(unread):
            name = names.key(path)
            if name in old:
                self._see(path, old, found, unread)
            elif len(waiting) < MAX_FILES:
                waiting.append(path)
            else:
                beyond += 1
        for name in old.keys() - found.keys() if unread else ():
            if not unread.keys().isdisjoint((name, *map(str, Path(name).parents))):
                found[name] = old[name]  # still there, for all we know
        for path in waiting:
            if len(found) < MAX_FILES:
                self._see(path, old, found, unread)
            else:
                beyond += 1
        self._tell(unread, beyond)
        return Known(began, found, beyond)

    def _paths(self, unread: dict[str, str]) -> Iterator[str]:
        """Everything below the folder that is no folder itself, in the order of names; ``unread``: folders that refuse."""

        def refused(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                unread[names.key(error.filename)] = str(error.strerror)

        for base, folders, files in os.walk(self._folder, onerror=refused, followlinks=False):
            folders.sort()
            links = [name for name in folders if Path(base, name).is_symlink()]
            for name in sorted((*files, *links)):
                yield str(Path(base, name))

    def _see(self, path: str, old: Mapping[str, Seen], found: dict[str, Seen], unread: dict[str, str]) -> None:
        name = names.key(path)
        try:
            found[name] = _look(Path(path), old.get(name))
        except FileNotFoundError:  # deleted while we looked
            return
        except OSError as error:
            unread[name] = str(error.strerror)

    def _tell(self, unread: Mapping[str, str], beyond: int) -> None:
        """Log what is not watched, once."""
        for name in sorted(unread.keys() - self._unread.keys()):
            what = names.shown(name)
            log.warning("source %s: %s cannot be read: %s; its changes are not seen", self._source, what, unread[name])
        self._unread = unread
        if beyond and not self._full:
            log.warning(
                "source %s: %d files below %s are not watched: %d are the most, those known longest. Watch smaller folders, each"
                " as a source of its own", self._source, beyond, names.shown(self._folder), MAX_FILES,
            )  # fmt: skip
        elif self._full and not beyond:
            log.warning("source %s: all files below %s are watched again", self._source, names.shown(self._folder))
        self._full = beyond > 0

    def _changes(self, before: Known, after: Known) -> Iterator[Raw]:
        now = after.at
        for name in sorted({*before.files, *after.files}):
            old, new = before.files.get(name), after.files.get(name)
            if old is not None and new is not None and old.sha256 == new.sha256:
                continue
            if old is None and before.beyond:
                continue
            action = "created" if old is None else "deleted" if new is None else "updated"
            changed = new.mtime // 1000 if new is not None and before.at <= new.mtime // 1000 <= now else now
            content = {"hash": {"sha256": new.sha256}, "size": new.size} if new is not None else {}
            document = {
                "@timestamp": instant.text(changed),
                "event": {"module": "file_integrity", "dataset": "file", "category": ["file"], "action": [action],
                          "kind": "event", "created": instant.text(now)},
                "host": {"name": self._source.partition("@")[2] or socket.gethostname()},
                "file": {"path": names.shown(name)} | content,
                "controlwatch": {"hash_before": old.sha256 if old is not None else "", "last_scan": instant.text(before.at)},
            }  # fmt: skip
            yield Raw(self._source, self._feed, orjson.dumps(document), now)


def _look(path: Path, old: Seen | None) -> Seen:
    """What the file is now; it is read only if its time, size or inode has changed."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        target = hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
        return Seen(status.st_mtime_ns, status.st_size, status.st_ino, target)
    if not stat.S_ISREG(status.st_mode):
        return Seen(0, 0, 0, "")
    if old is not None and old[:3] == (status.st_mtime_ns, status.st_size, status.st_ino):
        return old
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return Seen(status.st_mtime_ns, status.st_size, status.st_ino, digest.hexdigest())
