"""The Faust program of one worker: an agent per stage that folds batches, and the pumps that feed it.

Every worker has its own Faust id and control topic, so that Faust's own group never rebalances; batches travel through
in-memory channels and are never trusted to arrive: a lane waits for its batch with a limit.
"""

import asyncio
import logging
from collections.abc import AsyncIterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import faust

from streams import clock, garbage
from streams.kafka.lane import Batch, Submit
from streams.kafka.local import forget_outdated
from streams.kafka.processor import Stage
from streams.kafka.pump import Pump

log = logging.getLogger(__name__)

SLICE = 0.02


def control_topic(worker: str) -> str:
    """The one-partition topic by which a worker's Faust consumer lives; created beforehand."""
    return f"control.{worker}"


class Host:
    """Runs stages until told to stop, once.

    ``folder``: for the copies of their changelogs, of this worker alone; None: one that ends with it.
    """

    def __init__(
        self, *, worker: str, bootstrap: str, prefix: str, stages: Sequence[Stage], folder: Path | None = None,
        live: bool = True,
    ) -> None:  # fmt: skip
        self.app = faust.App(
            f"{prefix}controlwatch-{worker}",
            broker=f"kafka://{bootstrap}",
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            stream_wait_empty=False,
            autodiscover=False,
            value_serializer="raw",
            # Static membership: a worker that was killed takes its place again at once, without waiting for its ghost.
            consumer_group_instance_id=f"{prefix}controlwatch-{worker}",
            broker_session_timeout=10.0,
            broker_heartbeat_interval=2.0,
            broker_rebalance_timeout=10.0,
        )
        # Faust makes folders for tables, which there are none of: not in the working directory, and not for long.
        self._temporary = TemporaryDirectory(prefix="controlwatch-", ignore_cleanup_errors=True)
        folder = folder or Path(self._temporary.name, "state")
        forget_outdated(folder)
        self.pumps: list[Pump] = []
        self._stopping = asyncio.Event()
        control = self.app.topic(f"{prefix}{control_topic(worker)}", value_type=bytes, value_serializer="raw")
        self.app.agent(control, name="control")(_hear)
        for stage in stages:
            channel = self.app.channel(maxsize=8)
            self.app.agent(channel, name=f"fold-{stage.name}")(_fold)
            self.pumps.append(
                Pump(stage=stage, bootstrap=bootstrap, prefix=prefix, worker=worker, submit=_submitter(channel), folder=folder,
                    live=live)
            )

    async def run(self) -> None:
        """Start Faust, then the pumps; return when stopped and everything in hand is committed."""
        with self._temporary as temporary:
            self.app.conf.datadir = Path(temporary)
            self.app.finalize()
            await self.app.start()
            garbage.settle()
            tasks = [asyncio.create_task(pump.run(self._stopping), name=f"pump-{pump.stage.name}") for pump in self.pumps]
            try:
                await asyncio.gather(*tasks)
            finally:
                self._stopping.set()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self.app.stop()

    def stop(self) -> None:
        """End after the batches in hand."""
        self._stopping.set()


def _submitter(channel: Any) -> Submit:
    async def submit(batch: Batch) -> None:
        await channel.put(batch)  # an in-memory channel carries plain values

    return submit


async def _hear(stream: AsyncIterable[bytes]) -> None:
    """The control agent: says in the log what an operator has sent to this worker."""
    async for message in stream:
        log.info("control message: %r", message[:200])


async def _fold(stream: AsyncIterable[Batch]) -> None:
    """The agent of every stage: folds one batch, synchronously but for a breath every 20 ms. Nothing may leave its body."""
    async for batch in stream:
        batch.begun.set()
        try:
            breath = clock.monotonic() + SLICE
            for _ in batch.processor.work(batch.records):
                if clock.monotonic() > breath:
                    await asyncio.sleep(0)
                    breath = clock.monotonic() + SLICE
        except Exception as error:  # noqa: BLE001 - Faust acknowledges an event whose agent raised: the lane must hear of it
            if not batch.done.done():
                batch.done.set_exception(error)
        else:
            if not batch.done.done():
                batch.done.set_result(None)
