"""The DEMO: sample feeds of a made-up firm, played faster than they happened. Never mixed with real data."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import ContextRecord, Source
from streams.collect.contract import Collected, Outlet
from streams.recording import read_folder
from streams.replay import Verdict, ordered
from streams.simulator import simulate
from streams.stage import EVERYTHING, Heartbeat

log = logging.getLogger(__name__)

DAYS = 2.0
RATE = 0.05
# The first part comes at once, so that there is something to look at; the rest at this many seconds a second.
AT_ONCE = 0.6
SPEED = 240
STEP = 60 * instant.SECOND


class Demo:
    """Two simulated days as a collector."""

    def __init__(self, seed: int, ruleset: Ruleset) -> None:
        with TemporaryDirectory(prefix="controlwatch-demo-") as folder:
            out = Path(folder) / "logs"
            simulate(seed=seed, days=DAYS, rate=RATE, out=out)
            recording = read_folder(out)
        self.sources: Mapping[str, Source] = recording.sources
        self.context: Sequence[ContextRecord] = recording.context
        self._raws = ordered(recording, ruleset, Verdict()).raws

    async def run(self, outlet: Outlet, positions: Mapping[str, bytes], stopping: asyncio.Event) -> None:
        """Play every record in order of its time; time passes with the records."""
        del positions  # the demo begins anew each time
        first, last = self._raws[0].o or 0, self._raws[-1].o or 0
        at_once = first + int((last - first) * AT_ONCE)
        step = first
        batch: list[Collected | Heartbeat] = []
        for raw in self._raws:
            o = raw.o or 0
            if o >= step + STEP:
                batch.append(Heartbeat(EVERYTHING, o))
                batch += [Heartbeat(name, o) for name in self.sources]
                await outlet.put(batch)
                if stopping.is_set():
                    return
                if o > at_once:
                    await asyncio.sleep((o - step) / instant.SECOND / SPEED)
                batch, step = [], o
            batch.append(Collected(raw, "demo", b""))
        await outlet.put([*batch, Heartbeat(EVERYTHING, last)])
        log.info("the demo has been played to its end")
