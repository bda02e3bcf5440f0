"""The embedded job: collectors fill a bounded queue, one thread judges and stores, positions are kept with the results."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from detectors.kit import calendar
from schemas.context import Source
from schemas.violation import Violation
from streams import clock, garbage
from streams.collect.contract import Collected, Outlet
from streams.embedded import Embedded
from streams.heard import BLIND_AFTER
from streams.stage import Heartbeat, Raw

log = logging.getLogger(__name__)

MAX_ITEMS = 4000
WAIT = 0.05
TICK = 1.0

Told = Callable[[Sequence[Violation]], None]


class Service:
    """Runs the pipeline until stopped.

    ``told``: called with every stored transition (alerts, metrics); must not block. ``live``: time passes by the clock;
    False for a recording, whose own heartbeats move it.
    """

    def __init__(self, embedded: Embedded, *, told: Told, live: bool) -> None:
        self.queue: Outlet = asyncio.Queue(maxsize=64)
        self._embedded = embedded
        self._told = told
        self._live = live
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge")

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until ``stopping``; what is in hand is finished."""
        loop = asyncio.get_running_loop()
        due = clock.monotonic()
        garbage.settle()
        try:
            while not stopping.is_set():
                items = await self._gather()
                tick = self._live and clock.monotonic() >= due
                if tick:
                    due = clock.monotonic() + TICK
                if items or tick:
                    now = clock.now() if tick else None
                    stored = await loop.run_in_executor(self._thread, self._take, items, now)
                    self._told(stored)
        finally:
            self._thread.shutdown(wait=True)

    def lag(self) -> float | None:
        """Seconds between the clock and what has been judged; None: nothing yet."""
        observed = self._embedded.engine.observed()
        return (self._now() - observed) / 1_000_000 if observed else None

    def health(self) -> dict[str, Any]:
        """The job's account of itself, as the pages show it."""
        stage, engine = self._embedded.stage, self._embedded.engine
        now = self._now()
        clocks = dict(stage.clocks())
        sources = [
            {"name": name, "feed": source.feed, "last_seen": clocks.get(name),
             "status": status(source, clocks.get(name), stage.spoke(name), now)}
            for name, source in sorted(self._embedded.sources.items())
        ]  # fmt: skip
        parked = [keyed for keyed in list(engine.keys.values()) if keyed.parked]
        broken = {keyed.rule.detector.id: "some events crashed it; see the dead letters" for keyed in parked}
        return {
            "sources": sources,
            "lag_s": self.lag(),
            "dead_letters": dict(stage.dead_by_reason),
            "detectors": {loaded.id: broken.get(loaded.id, "") for loaded in engine.ruleset.detectors},
        }

    def _now(self) -> int:
        return clock.now() if self._live else self._embedded.engine.observed()

    async def _gather(self) -> list[Collected | Heartbeat]:
        try:
            items = list(await asyncio.wait_for(self.queue.get(), WAIT))
        except TimeoutError:
            return []
        while len(items) < MAX_ITEMS and not self.queue.empty():
            items += self.queue.get_nowait()
        return items

    def _take(self, items: Sequence[Collected | Heartbeat], now: int | None) -> list[Violation]:
        records: list[Raw | Heartbeat] = []
        positions: dict[str, bytes] = {}
        for item in items:
            if isinstance(item, Heartbeat):
                records.append(item)
            else:
                records.append(item.raw)
                positions[item.reader] = item.position
        return self._embedded.take(records, positions, now=now)


def status(source: Source, seen: int | None, spoke: int | None, now: int) -> str:
    """Of one source, last heard at ``seen``, last speaking at ``spoke`` (µs).

    ``blind``: its collector is not heard; ``silent``: it has sent less than expected; else ``watched``.
    """
    if seen is None or now - seen > BLIND_AFTER:
        return "blind"
    since = spoke if spoke is not None else seen
    dues = (calendar.due(item, calendar.zone(source.zone), since, ()) for item in source.expected)
    return "silent" if any(due is not None and due <= now for due in dues) else "watched"
