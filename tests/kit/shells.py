"""Runs the engine as the runners do, but at any interleaving: partitions, batches, trims, restarts that lose what was not committed."""

import random
import sqlite3
from typing import NamedTuple

from detectors.kit import changelog, restoring
from detectors.kit.engine import Engine
from schemas import identity, log
from schemas.event import SecurityEvent
from schemas.log import FactGone, Keyed, Progress, Stated
from schemas.violation import final
from streams.stored import Stored


class Way(NamedTuple):
    """How a set of records reaches the engine.

    ``raw``, ``keyed``: numbers of partitions; ``disorder``: seconds by which arrival deviates from observation (None: any
    order); ``commit``: chance that a batch ends after a record; ``crash``: that it is lost instead; ``trim``: that a committed
    batch trims; ``most``: keys and events in memory before keys rest (0: none ever does).
    """

    seed: int
    raw: int = 1
    keyed: int = 1
    disorder: int | None = None
    commit: float = 0.3
    crash: float = 0.0
    trim: float = 0.0
    most: int = 0


class Lane:
    """One keyed partition: its log, its engine, and what of it is committed."""

    def __init__(self, part, shell):
        self.part, self.shell = part, shell
        self.log, self.at, self.committed = [], 0, 0
        self.stored, self.told, self.late, self.looped = {}, {}, [], []
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.records = Stored(self.connection, sealed=True)
        self.rested = 0
        self.engine = self._engine()
        if self.shell.way.most:
            restoring.reopen(self.engine, self.records)

    def _engine(self):
        way = self.shell.way
        return Engine(self.shell.ruleset, raw_partitions=way.raw, partitions=way.keyed, most=way.most)

    def step(self, rng):
        """Take one record, and perhaps end the batch."""
        self.take()
        way = self.shell.way
        if self.at == len(self.log) or rng.random() < way.commit:
            if rng.random() < way.crash:
                self.lose(forgets=rng.random() < 0.5)
            else:
                self.commit(trim=rng.random() < way.trim)

    def take(self):
        """Take one record, if there is one."""
        if self.at < len(self.log):
            self.engine.apply(self.log[self.at])
            self.at += 1

    def lose(self, *, forgets=True):
        """The worker dies, or only loses the partition: what was not committed has never been; it, or another, takes it again."""
        self.engine = self._engine()
        self.at = self.committed
        if not self.shell.way.most:
            restoring.restore(self.engine, list(self.stored.items()))
            return
        self.connection.rollback()
        if forgets:
            self.records.wake_all()  # a new process knows of none that they rest
        restoring.reopen(self.engine, self.records)

    def commit(self, *, trim):
        """One transaction: outputs, changed state, position."""
        batch = self.engine.drain()
        assert not batch.parked
        self.shell.gaps += batch.gaps
        self.shell.history += batch.violations
        self.late += batch.late
        self.looped += batch.looped
        if trim:
            self.engine.trim()
        for fact in batch.facts_gone:
            self.shell.send(FactGone(fact.id, tuple(self.shell.ruleset.routes(fact))))
        for fact in batch.facts:
            self.shell.send(Keyed(fact, tuple(self.shell.ruleset.routes(fact))))
        if self.shell.way.keyed > 1:
            for stage in range(3):
                observed = self.engine.observed(stage)
                if observed > self.told.get(stage, -self.shell.pace) + self.shell.pace:
                    self.told[stage] = observed
                    self.shell.send(Progress(part=self.part, parts=self.shell.way.keyed, observed=observed, stage=stage))
        self.engine.rest()
        changes = changelog.changes(self.engine)
        if self.shell.way.most:
            self.records.put(changes)
            self.connection.commit()
            self.rested = max(self.rested, self.records.resting())
        for name, value in changes:
            if value is None:
                self.stored.pop(name, None)
            else:
                self.stored[name] = value
        self.committed = self.at


class Shell:
    """All partitions of one run."""

    def __init__(self, ruleset, way):
        self.ruleset, self.way = ruleset, way
        self.history, self.gaps = [], []
        self.pace = 0  # µs of observed time in which a partition tells only once how far a stage has come
        self.lanes = [Lane(part, self) for part in range(way.keyed)]

    def send(self, record):
        """Append to the logs that ``record`` concerns, as it travels."""
        for part, lane in enumerate(self.lanes):
            own = record
            if isinstance(record, Keyed | FactGone):
                routes = tuple(route for route in record.routes if identity.partition(*route, self.way.keyed) == part)
                if not routes:
                    continue
                own = Keyed(record.event, routes) if isinstance(record, Keyed) else FactGone(record.id, routes)
            lane.log.append(log.decode(log.encode(own)))

    def finish(self, rng):
        """Judge everything that has been sent."""
        while any(lane.committed < len(lane.log) for lane in self.lanes):
            rng.choice([lane for lane in self.lanes if lane.committed < len(lane.log)]).step(rng)

    def final(self):
        """The settled violations by id; both laws hold: fates add up, numbers have no gap."""
        for lane in self.lanes:
            fates = lane.engine.counters
            assert fates["routed"] == fates["judged"] + fates["late"] + fates["duplicate"] + fates["parked"]
        numbers = {}
        for violation in self.history:
            numbers[violation.id] = numbers.get(violation.id, 0) + 1
            assert violation.transition.number == numbers[violation.id], "transitions are numbered without gap"
        return {violation.id: violation for violation in final(self.history)}


def arrivals(records, way, rng, until):
    """``records`` and progress in an order of arrival: each partition tells no more than it has written."""
    queues = [[] for _ in range(way.raw)]
    for record in records:
        queues[rng.randrange(way.raw)].append(record)
    for queue in queues:
        jitter = {id(item): rng.random() * (way.disorder or 0) * 1_000_000 for item in queue}
        queue.sort(key=lambda item: item.o + jitter[id(item)])
        if way.disorder is None:
            rng.shuffle(queue)
    while any(queues):
        part = rng.choice([part for part, queue in enumerate(queues) if queue])
        yield queues[part].pop(0)
        if rng.random() < 0.3:
            observed = min((item.o for item in queues[part]), default=until)
            yield Progress(part=part, parts=way.raw, observed=min(observed, until))
    for part in range(way.raw):
        yield Progress(part=part, parts=way.raw, observed=until)


def logged(ruleset, record):
    """An event or context record as the log carries it."""
    return Keyed(record, tuple(ruleset.routes(record))) if isinstance(record, SecurityEvent) else Stated(record)


def run(ruleset, records, way, until):
    """Judge events and context ``records`` the ``way`` told; the settled violations at ``until`` by id."""
    return ran(ruleset, records, way, until).final()


def ran(ruleset, records, way, until):
    """The shell when everything has been judged."""
    rng = random.Random(way.seed)
    shell = Shell(ruleset, way)
    for record in arrivals(records, way, rng, until):
        shell.send(record if isinstance(record, Progress) else logged(ruleset, record))
        while rng.random() < 0.7:
            rng.choice(shell.lanes).step(rng)
    shell.finish(rng)
    return shell
