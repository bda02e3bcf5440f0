"""Server-sent events: between the store's ``changes`` and every open live page.

One poller asks the store whether anything was written; a page's stream asks for documents only then. An event's id is
the store's cursor, so a browser that comes back with Last-Event-ID misses nothing.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from anyio import to_thread

from schemas.violation import Violation
from sinks.contract import ViolationStore

PAUSE_S = 0.3  # between two questions for the newest cursor
PULSE_S = 5.0  # health is told at least this often; a page that hears nothing for three pulses says so
FRESH_S = 2.0  # tiles and chart are counted at most this often for one page …
SHARE = 10  # … and take at most one part in this many of the time, however large the store
MOVE_S = 60.0  # the chart moves on with time, also when nothing happens
BATCH = 100
STREAMS = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Show:
    """How one page shows things: in its language, under its filters. ``figures`` asks the store, so it runs in a thread."""

    row: Callable[[Violation], Mapping[str, Any]]
    figures: Callable[[], Mapping[str, Any]]
    health: Callable[[], Mapping[str, Any]]


def event(name: str, data: Mapping[str, Any], cursor: int | None = None) -> bytes:
    """One event in the format of the HTML standard (section 9.2); JSON has no raw line feeds, so one data line will do."""
    mark = "" if cursor is None else f"id: {cursor}\n"
    return f"{mark}event: {name}\ndata: {json.dumps(data, ensure_ascii=True)}\n\n".encode()


class Hub:
    """Knows the newest cursor while anybody listens, and ends all streams when the server stops."""

    def __init__(self, store: ViolationStore) -> None:
        self._store = store
        self._newest = -1
        self._news = asyncio.Condition()
        self.listeners = 0
        self._poller: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether another stream would be one too many."""
        return self._closed or self.listeners >= STREAMS

    async def close(self) -> None:
        """End every stream. Call it before the server waits for its connections."""
        self._closed = True
        async with self._news:
            self._news.notify_all()
        if self._poller is not None:
            await self._poller

    async def _poll(self) -> None:
        while self.listeners and not self._closed:
            try:
                newest = await to_thread.run_sync(self._store.newest)
            except Exception:  # noqa: BLE001 - each store fails with its own errors; the poller outlives them all
                _log.exception("live stream: the violation store does not answer; asking again")
                newest = self._newest
            if newest != self._newest:
                self._newest = newest
                async with self._news:
                    self._news.notify_all()
            await asyncio.sleep(PAUSE_S)

    async def _wait(self, seen: int, seconds: float) -> None:
        """Return when the store has something newer than ``seen``, at the latest after ``seconds``."""
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: self._newest != seen or self._closed)
        except TimeoutError:
            return

    async def follow(self, after: int | None, show: Show) -> AsyncIterator[bytes]:
        """The bytes of one page's stream: rows since ``after`` (None: from now on), figures and health.

        It ends when the store fails: a page that says "live" while nothing can be read would be a lie.
        """
        self.listeners += 1
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            async for part in self._events(after, show):
                yield part
        except Exception:  # noqa: BLE001 - as above; logged, and the page shows that it is not live
            _log.exception("live stream: ended; the page connects again and goes on from its last event")
        finally:
            self.listeners -= 1

    async def _events(self, after: int | None, show: Show) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        cursor = after if after is not None else await to_thread.run_sync(self._store.newest)
        yield b"retry: 2000\n\n" + event("health", show.health(), cursor)
        told, counted, rest, stale = clock(), clock() - FRESH_S, FRESH_S, True
        while not self._closed:
            seen = self._newest
            documents, cursor = await to_thread.run_sync(self._store.changes, cursor, BATCH)
            if documents:
                yield event("rows", {"rows": [show.row(document) for document in documents]}, cursor)
                stale = True
            if clock() - counted >= (rest if stale else MOVE_S):
                begin = clock()
                figures = await to_thread.run_sync(show.figures)
                counted, stale = clock(), False
                rest = max(FRESH_S, SHARE * (counted - begin))
                yield event("figures", figures)
            if clock() - told >= PULSE_S:
                yield event("health", show.health())
                told = clock()
            if len(documents) < BATCH:
                await self._wait(seen, FRESH_S if stale else PULSE_S)
