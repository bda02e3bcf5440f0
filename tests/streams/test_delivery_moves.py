"""Partitions that move to another worker while their violations are being stored: both go on, and nothing is left undelivered."""

import asyncio
import threading

import pytest

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import Source
from streams.kafka import replaying
from streams.kafka.delivering import Delivery
from streams.layout import Layout
from streams.stage import EVERYTHING, Heartbeat, Raw
from tests.conformance import onkafka

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

NINE = instant.parse("2026-03-02T09:00:00Z")
SOURCES = {"web": Source(source="web", feed="linux")}
RULESET = Ruleset(registry.load().values())
ATTACKERS = 20
LIMIT = 60.0  # seconds


def raws() -> list[Raw | Heartbeat]:
    """Attacks from many addresses, so that every partition has violations; then the passing of time."""
    lines = [
        (NINE + (n * 60 + again) * instant.SECOND, f"sshd[{n}]: Failed password for trader{n} from 10.0.0.{n} port 41000 ssh2")
        for n in range(ATTACKERS) for again in range(8)
    ]  # fmt: skip
    items = [Raw("web", "linux", f"{instant.text(t)} web-{n % 7} {text}".encode(), t, 0, n + 1) for n, (t, text) in enumerate(lines)]
    return [*items, Heartbeat(EVERYTHING, NINE + instant.HOUR)]


class Shelf:
    """Keeps ids; where ``held``, the first write waits until it may go on."""

    def __init__(self, *, held: bool = False) -> None:
        self.ids: set[str] = set()
        self.writing = threading.Event()
        self.may_go_on = threading.Event()
        if not held:
            self.may_go_on.set()

    def write(self, batch):
        self.writing.set()
        assert self.may_go_on.wait(LIMIT)
        self.ids |= {violation.id for violation in batch}
        return ()

    def cover(self, rows) -> None:
        """Not looked at here."""

    def close(self) -> None:
        """Nothing is open."""


def test_a_worker_whose_partitions_move_while_it_stores_goes_on(kafka, topic_prefix):
    layout = Layout(raw=1, keyed=3, prefix=topic_prefix)
    found = asyncio.run(onkafka.run(raws(), RULESET, SOURCES, bootstrap=kafka.bootstrap, layout=layout)).violations
    slow, quick = Shelf(held=True), Shelf()
    violations = layout.name("violations")

    async def moved() -> None:
        stopping = asyncio.Event()
        first, second = (
            Delivery(sink=shelf, layout=layout, bootstrap=kafka.bootstrap, worker=name, told=lambda _: None)
            for name, shelf in (("first", slow), ("second", quick))
        )
        assert await replaying.unread(kafka.bootstrap, {violations: first.group}, layout.keyed) == layout.keyed
        running = [asyncio.create_task(first.run(stopping))]
        async with asyncio.timeout(LIMIT):
            await asyncio.to_thread(slow.writing.wait, LIMIT)
            running.append(asyncio.create_task(second.run(stopping)))
            await asyncio.to_thread(quick.writing.wait, LIMIT)  # what it delivers has moved to it
            slow.may_go_on.set()
            while await replaying.unread(kafka.bootstrap, {violations: first.group}, layout.keyed):
                assert not any(task.done() for task in running), [task.exception() for task in running if task.done()]
                await asyncio.sleep(0.1)
        stopping.set()
        await asyncio.gather(*running)

    asyncio.run(moved())
    assert slow.ids | quick.ids == {violation.id for violation in found}
    assert len(found) >= ATTACKERS
