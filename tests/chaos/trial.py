"""One run of one row: its workload, its world, its chance; faults under load, recovery after each, comparison at the end."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from random import Random
from typing import Any

from streams.replay import Order
from tests.chaos import workload
from tests.chaos.compare import Refused, compared, nothing
from tests.chaos.row import Row, Size, Tally
from tests.chaos.services import Services
from tests.chaos.single import Single
from tests.chaos.worker import Worker
from tests.chaos.workload import Workload
from tests.chaos.world import PROGRESS_LIMIT, Brokers, Stalled, World, portions
from tests.services.kafka_broker import KafkaBroker
from tests.services.server import Server


class Trial:
    """What a row's function works with."""

    def __init__(self, row: Row, size: Size, *, seed: int, services: Services, directory: Path) -> None:
        self.row = row
        self.size = size
        self.services = services
        self.directory = directory
        self.chance = Random(f"{seed} {row.id}")
        self.tally = Tally()
        self.began = time.monotonic()
        self._seed = seed
        self._worlds = 0
        self._coming: tuple[Order, int] | None = None

    def say(self, text: str) -> None:
        """One line of progress."""
        sys.stderr.write(f"{self.row.id} {time.monotonic() - self.began:6.0f} s  {text}\n")
        sys.stderr.flush()

    def kill(self, server: Server) -> None:
        """SIGKILL, counted by what it is, if it runs."""
        if server.running:
            kind = "worker" if isinstance(server, Worker) else "embedded" if isinstance(server, Single) else "broker" if isinstance(server, KafkaBroker) else "store"
            self.tally.killed[kind] += 1
        server.kill()

    def workload(self) -> Workload:
        """Planted violations and near-misses among harmless records, by the row's size and the seed."""
        made = workload.make(self._seed, self.size.cases, noise=self.size.records)
        self.say(f"{len(made.raws)} records, {len(made.expected)} findings expected")
        return made

    @contextmanager
    def world(
        self, load: Workload, *, cluster: bool = False, brokers: Brokers | None = None, elasticsearch: str = "", refused: Refused = nothing,
        comparing: bool = True, **options: Any,
    ) -> Iterator[World]:  # fmt: skip
        """A pipeline at work; when the body ends it is drained, stopped in order, and compared with what is expected.

        ``brokers``: if not the shared one, or the ``cluster``; ``elasticsearch``: where the workers find it, if not at the node itself; ``refused``: ids that the store never takes.
        ``comparing``: False where records are lost on purpose and the row itself says what must hold.
        """
        node = self.services.elasticsearch
        if brokers is None:
            brokers = self.services.cluster if cluster else self.services.broker
        options.setdefault("replication", 3 if cluster else 1)
        self._worlds += 1
        prefix = f"{self.row.id.lower()}-{self._seed}-{int(self.began)}-{self._worlds}-"
        world = World(load, brokers, elasticsearch or node.url, self.directory, prefix=prefix, **options)
        try:
            with world:
                yield world
                self.say(f"all is sent; drained after {world.drained(4 * PROGRESS_LIMIT):.1f} s")
                world.stopped()
            self.tally.records += world.sent
            if not comparing:
                return
            self.tally.expected += len(load.expected)
            found = compared(world.bootstrap, world.layout, load.expected, node.url, refused)
            for name in ("lost", "duplicate", "phantom", "changed"):
                getattr(self.tally.difference, name).update(getattr(found, name))
            self.tally.difference.laws += found.laws
            for law in found.laws:
                self.say(f"conservation: {law}")
        finally:
            world.erased()

    def under_load(
        self, world: World, fault: Callable[[int], None], *, limit: float = PROGRESS_LIMIT,
        wait: tuple[float, float] = (0.2, 5.0), within: float = inf,
    ) -> None:  # fmt: skip
        """Write a portion, do ``fault(number)`` at a random moment after it, wait until the lag is nothing; and again.

        A fault that lasts calls :meth:`more` once it has begun, so that records come meanwhile; else they come just after it.
        After ``within`` seconds there are no more faults, and what is left of the stream comes as fast as it can.

        Raises:
            Stalled: the lag did not come back to nothing within ``limit`` seconds of one fault.
        """
        faults = self.size.faults
        first, *parts, last = portions(world.workload, 2 * faults + 2)
        world.produce(*first)
        self.say(f"the workers are up: first portion done after {world.drained():.1f} s")
        self.tally.met_work = 0
        began = time.monotonic()
        for number, (before, self._coming) in enumerate(zip(parts[::2], parts[1::2], strict=True)):
            world.produce(*before)
            if time.monotonic() - began > within:
                self.more(world)
                continue
            time.sleep(self.chance.uniform(*wait))
            self.tally.met_work += bool(world.unread())
            fault(number)
            self.more(world)
            self.tally.faults += 1
            try:
                self.tally.recovery.append(world.drained(limit))
            except Stalled as stalled:
                self.tally.failed.append(f"fault {number + 1}: {stalled}"[:4000])
                raise
            self.helped(world)
            self.say(f"fault {number + 1} of {faults}: lag is nothing again after {self.tally.recovery[-1]:.1f} s")
        world.produce(*last)

    def helped(self, world: World) -> None:
        """Start workers that ended by themselves again, as systemd would; none should."""
        for worker in world.workers:
            if worker.fell:
                told = f"{worker.name} ended by itself with status {worker.ended()}:\n{worker.log_text()[-2000:]}"
                self.tally.demand(holds=False, otherwise=told)
                worker.launch()

    def more(self, world: World) -> None:
        """Write the other half of the portion around the present fault, unless that is done."""
        coming, self._coming = self._coming, None
        if coming is not None:
            world.produce(*coming)
