"""The collectors of all configured sources as one; one that fails is started again and its source stays blind meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from schemas import tables
from schemas.context import ContextRecord, Source
from streams import clock
from streams.collect.contract import Outlet
from streams.collect.follow import Follow
from streams.collect.sources import Configured, Files, Folder, Listen, Standard
from streams.collect.stdin import Stdin
from streams.collect.syslog import Intake, Tcp, Udp
from streams.collect.watch import Watch
from streams.feeds.kit import registry

log = logging.getLogger(__name__)

RETRY = (1.0, 60.0)  # seconds, first and longest

Run = Callable[[], Awaitable[None]]


class Collectors:
    """Collects from every configured input but Kafka topics, which their own stage reads.

    ``sources``: for the normalise stage; records of a backlog take the year they lack from now. ``context``: the sources as
    stated in the configuration.
    """

    def __init__(self, configured: Iterable[Configured]) -> None:
        self._configured = tuple(configured)
        self.sources: Mapping[str, Source] = {item.source.source: _dated(item.source) for item in self._configured}
        self.context: tuple[ContextRecord, ...] = tuple(
            tables.envelope("sources", item.source.model_dump(mode="json", by_alias=True, exclude_defaults=True))
            for item in self._configured
        )

    async def run(self, outlet: Outlet, positions: Mapping[str, bytes], stopping: asyncio.Event) -> None:
        """Collect until ``stopping`` or until every input has ended (standard input does).

        Raises:
            Unreachable: a socket cannot be listened on; nothing has been collected then.
        """
        runs = [await _prepared(item, positions, outlet) for item in self._configured]
        tasks = [
            asyncio.create_task(_kept_running(item.source.source, run))
            for item, run in zip(self._configured, runs, strict=True)
            if run is not None
        ]
        stop = asyncio.create_task(stopping.wait())
        try:
            waiting: set[asyncio.Task[None]] = set(tasks)
            while waiting and not stop.done():
                done, _ = await asyncio.wait({*waiting, stop}, return_when=asyncio.FIRST_COMPLETED)
                waiting -= done
        finally:
            for task in (*tasks, stop):
                task.cancel()
            await asyncio.gather(*tasks, stop, return_exceptions=True)


def _dated(source: Source) -> Source:
    return source if source.received_base is not None else source.model_copy(update={"received_base": clock.now()})


async def _prepared(item: Configured, positions: Mapping[str, bytes], outlet: Outlet) -> Run | None:
    source, feed = item.source.source, item.source.feed
    known = registry.load().get(feed)
    starts = known.starts if known is not None else None
    if isinstance(item.input, Files):
        return Follow(source, feed, item.input.pattern, starts=starts, stored=positions, outlet=outlet).run
    if isinstance(item.input, Folder):
        return Watch(source, feed, Path(item.input.path), stored=positions, outlet=outlet).run
    if isinstance(item.input, Standard):
        return Stdin(source, feed, starts=starts, stored=positions.get(f"stdin:{source}"), outlet=outlet).run
    if isinstance(item.input, Listen):
        intake = Intake(source, feed, stored=positions.get(f"syslog:{source}"), outlet=outlet)
        listener = (Udp if item.input.transport == "udp" else Tcp)(intake, item.input.host, item.input.port)
        await listener.start()
        return listener.run
    return None


async def _kept_running(name: str, run: Run) -> None:
    wait, longest = RETRY
    while True:
        try:
            await run()
        except Exception:
            log.exception("source %s: its collector failed; it starts again in %.0f s", name, wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, longest)
        else:
            return
