"""Ends a worker whose lane or delivery stands still: there is something to read, and for 60 s nothing is committed.

The watchdog is a thread: it also sees an event loop that hangs. systemd, Compose or Kubernetes start the process again, and
what had not been committed is done again. A broker that does not answer, and a store that is away, are no stall.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

log = logging.getLogger(__name__)

LIMIT = 60.0
"""Seconds without any step."""
LOOK_EVERY = 5.0
LOOK_LIMIT = 10.0
EXIT_STATUS = 3
_TICK = 1.0


class Pace:
    """The steps of one reader: each commit, and each moment in which there was nothing to read.

    ``unread``: there may be something to read. ``patience``: seconds that a step may take now, beyond the limit.
    """

    __slots__ = ("patience", "steps", "unread")

    def __init__(self) -> None:
        self.steps = 0
        self.unread = True
        self.patience = 0.0

    def step(self) -> None:
        """It goes on."""
        self.steps += 1

    def idle(self) -> None:
        """It has no work in hand: that is a step if nothing is to be read."""
        if not self.unread:
            self.steps += 1


Paces = Callable[[], Mapping[str, Pace]]


class Watchdog:
    """Watches what ``paces`` returns, by name (``<stage>-<partition>``); ``end`` is called when one stands still."""

    def __init__(self, paces: Paces, *, limit: float = LIMIT, end: Callable[[], None] | None = None) -> None:
        self._paces = paces
        self._limit = limit
        self._end = end or _exit
        self._seen: dict[str, tuple[Pace, int]] = {}
        self._ages: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stop.set()

    def stalled(self) -> dict[str, float]:
        """Stage -> seconds in which the slowest of its readers has made no step although it should; any thread may ask."""
        longest: dict[str, float] = {}
        for name, age in dict(self._ages).items():
            stage = name.rpartition("-")[0]
            longest[stage] = max(age, longest.get(stage, 0.0))
        return longest

    def _watch(self) -> None:
        before = time.monotonic()
        while not self._stop.wait(_TICK):
            now = time.monotonic()
            # A process that was stopped, or a machine that slept, has not stood still by itself.
            self.look(min(now - before, 2 * _TICK))
            before = now

    def look(self, passed: float) -> None:
        """Compare with the last look, ``passed`` seconds ago."""
        paces = dict(self._paces())
        ages: dict[str, float] = {}
        for name, pace in paces.items():
            known = self._seen.get(name)
            moved = known is None or known != (pace, pace.steps)
            ages[name] = 0.0 if moved else self._ages.get(name, 0.0) + passed
            self._seen[name] = (pace, pace.steps)
        for name in self._seen.keys() - paces.keys():
            del self._seen[name]
        self._ages = ages
        for name, age in ages.items():
            if age >= self._limit + paces[name].patience:
                log.critical(
                    "%s has records to read but has committed nothing for %.0f s: this worker ends with status %d, so that it is"
                    " started again (what was not committed is done again); look for what it waits for in the lines above",
                    name, age, EXIT_STATUS,
                )  # fmt: skip
                self._end()
                return


def _exit() -> None:
    """End this process whatever its loop is doing: all that counts is committed, as with a kill."""
    logging.shutdown()
    os._exit(EXIT_STATUS)


async def ends(consumer: AIOKafkaConsumer, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int] | None:
    """Where ``tps`` end now; None: Kafka does not answer."""
    asked = list(tps)
    try:
        async with asyncio.timeout(LOOK_LIMIT):
            found: dict[TopicPartition, int] = await consumer.end_offsets(asked) if asked else {}
    except (KafkaError, TimeoutError):
        return None
    return found


async def reached(consumer: AIOKafkaConsumer, tp: TopicPartition, end: int) -> bool:
    """Whether ``consumer`` has read ``tp`` up to ``end``."""
    try:
        async with asyncio.timeout(LOOK_LIMIT):
            position: int = await consumer.position(tp)
    except (KafkaError, TimeoutError):
        return False
    return position >= end
