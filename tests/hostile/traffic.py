"""Good traffic of a simulated firm, and the same with bad records among it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, cycle

from detectors.kit.registry import Ruleset
from streams import replay
from streams.recording import Recording
from streams.replay import Verdict, ordered
from streams.stage import EVERYTHING, Heartbeat, Raw
from tests.hostile import table
from tests.hostile.table import Bad

EVERY = 20  # one in so many records is bad
BAD_LINE = 1_000_000  # line numbers of bad records begin here


@dataclass(frozen=True)
class Traffic:
    """``raws`` in order of observed time; ``bad``: (source, line) -> what is bad there; ``truth``: truth time.

    ``planted``: (source, line) of what the simulator itself has made implausible.
    """

    raws: list[Raw]
    bad: dict[tuple[str, int], Bad]
    truth: int
    planted: frozenset[tuple[str, int]]

    def items(self) -> Iterator[Raw | Heartbeat]:
        """Records, and the passing of time."""
        step = 0
        for raw in self.raws:
            o = raw.o or 0
            if o >= step + replay.STEP:
                step = o - o % replay.STEP
                yield Heartbeat(EVERYTHING, min(step, self.truth))
            yield raw
        yield Heartbeat(EVERYTHING, self.truth)


def good(recording: Recording, ruleset: Ruleset) -> Traffic:
    """What of ``recording`` counts, each record with its observed time."""
    verdict = Verdict()
    raws = ordered(recording, ruleset, verdict).raws
    planted = frozenset((dead.raw.source, dead.raw.line) for dead in verdict.dead)
    return Traffic(raws, {}, verdict.truth_time, planted)


def mixed(traffic: Traffic) -> Traffic:
    """``traffic`` with a bad record after every twentieth, from the same source and observed at the same time."""
    raws: list[Raw] = []
    found: dict[tuple[str, int], Bad] = {}
    numbers = count(BAD_LINE)
    kinds = {feed: cycle([*(bad for name, bad in table.implausible() if name == feed), *table.of_feed(feed)]) for feed in {raw.feed for raw in traffic.raws}}
    huge = cycle([b"{" * 2_000_000, b"\xff" * 1_100_000])
    for place, raw in enumerate(traffic.raws):
        raws.append(raw)
        if place % EVERY:
            continue
        number = next(numbers)
        if place % (EVERY * 50) == 0:
            whole = next(huge)
            bad = Bad("larger than the collector takes", whole[: 64 << 10], "too_large")
            told = Raw(raw.source, raw.feed, bad.data, raw.o, 0, number, len(whole), hashlib.sha256(whole).hexdigest())
        else:
            bad = next(kinds[raw.feed])
            told = Raw(raw.source, raw.feed, bad.data, raw.o, 0, number)
        found[(raw.source, number)] = bad
        raws.append(told)
    return Traffic(raws, found, traffic.truth, traffic.planted)


def newest(traffic: Traffic) -> dict[str, int]:
    """Source -> the largest observed time of its records."""
    found: dict[str, int] = {}
    for raw in traffic.raws:
        found[raw.source] = max(raw.o or 0, found.get(raw.source, 0))
    return found
