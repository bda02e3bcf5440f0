"""What a shell of ``shells.py`` keeps, as ``rejudge`` reads it, and corrections on their way to the owners."""

import random

from detectors.kit import restoring
from detectors.kit.engine import Engine
from schemas import log
from streams.rejudge import Planner


class Kept:
    """The logs, states, late events and transitions of a shell."""

    def __init__(self, shell):
        self.shell = shell
        self.partitions = shell.way.keyed

    def engine(self, part):
        engine = Engine(self.shell.ruleset, raw_partitions=self.shell.way.raw, partitions=self.partitions)
        restoring.restore(engine, list(self.shell.lanes[part].stored.items()))
        return engine

    def log(self, part):
        return [*self.shell.lanes[part].log, *self.shell.lanes[part].looped]

    def since(self, part):  # noqa: ARG002 - nothing is ever lost here
        return 0

    def late(self, part):
        return list(self.shell.lanes[part].late)

    def newest(self, ids):
        ids = set(ids)
        return {violation.id: violation for violation in self.shell.history if violation.id in ids}


def everything(kind, key):
    return True


def plan(shell, since, until, wanted=everything):
    return Planner(shell.ruleset, Kept(shell), since, until).plan(wanted)


def send(shell, found):
    """Corrections enter the log as they travel, and are judged."""
    for part, correction in found.corrections:
        shell.lanes[part].log.append(log.decode(log.encode(correction)))
    shell.finish(random.Random(1))


def rejudged(shell, since, until, wanted=everything):
    """Plan and send; the plan."""
    found = plan(shell, since, until, wanted)
    send(shell, found)
    return found
