"""The same workload made worse: copies, disorder, records that are too late, poison. What is expected stays as it is."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, cycle
from random import Random

import msgspec

from schemas import instant
from streams.stage import Raw
from tests.chaos.workload import Workload
from tests.hostile import table
from tests.hostile.table import Bad

LATE = 30 * instant.HOUR  # beyond the memory of the counters, 26 h
POISON_LINES = 1_000_000  # line numbers of poison begin here
COPIES = 1_000_000  # ordinals of late copies begin here


def doubled(load: Workload, chance: Random, share: float = 0.2) -> Workload:
    """``share`` of the records one to five times more, somewhere later, each with the collector's own ordinal."""
    rows = list(enumerate(load.raws))
    rows += [
        (place + chance.randrange(0, 2_000), raw)
        for place, raw in enumerate(load.raws) if chance.random() < share for _ in range(chance.randint(1, 5))
    ]  # fmt: skip
    return replace(load, raws=[raw for _, raw in sorted(rows, key=lambda row: row[0])])


def shuffled(load: Workload, chance: Random, span: int = 3_000) -> Workload:
    """Every record up to ``span`` places from where it was; observed times as they are."""
    rows = sorted((place + chance.uniform(0, span), place) for place in range(len(load.raws)))
    return replace(load, raws=[load.raws[place] for _, place in rows])


def belated(load: Workload, chance: Random, number: int) -> tuple[Workload, int]:
    """With ``number`` more failed log-ins that no memory reaches: if judged, they would be evidence. Also how many there are."""
    failures = [raw for raw in load.raws if b"Failed password" in raw.data and (raw.o or 0) + LATE < load.truth_time]
    chosen = chance.sample(failures, min(number, len(failures)))
    late = [msgspec.structs.replace(raw, o=(raw.o or 0) + LATE, ordinal=COPIES + place) for place, raw in enumerate(chosen)]
    raws = sorted([*load.raws, *late], key=lambda raw: raw.o or 0)
    return replace(load, raws=raws), len(late)


def skewed(load: Workload, chance: Random, number: int) -> Workload:
    """With ``number`` failed log-ins, each of a host of its own whose clock is minutes to decades wrong, or stands."""
    clocks = [-60 * 365, -1, 1, 400, 3650]  # days
    liars: list[Raw] = []
    for place in range(number):
        o = load.raws[chance.randrange(len(load.raws))].o or 0
        wrong = chance.choice([*(days * instant.DAY for days in clocks), *(m * instant.MINUTE for m in (-5, 3, 5, 60))])
        t = max(0, o + wrong) if place % 4 else load.raws[0].o or 0
        text = f"{instant.text(t)} liar-{place} sshd[{place}]: Failed password for u{place} from 10.9.{place // 250 % 250}.{place % 250} port 22 ssh2"
        liars.append(Raw("linux@liar", "linux", text.encode(), o, 0, place + 1))
    return replace(load, raws=sorted([*load.raws, *liars], key=lambda raw: raw.o or 0))


def poisoned(load: Workload, every: int = 20) -> tuple[Workload, dict[tuple[str, int], Bad]]:
    """With a bad record after every twentieth, of the same source and moment; also (source, line) -> what is bad there."""
    kinds: dict[str, Iterator[Bad]] = {}
    numbers = count(POISON_LINES)
    found: dict[tuple[str, int], Bad] = {}
    seen: Counter[tuple[str, bytes]] = Counter()
    raws: list[Raw] = []
    for place, raw in enumerate(load.raws):
        raws.append(raw)
        if place % every:
            continue
        bad = next(kinds.setdefault(raw.feed, cycle(table.of_feed(raw.feed))))
        number = next(numbers)
        ordinal = seen[raw.source, bad.data]  # as a collector tells identical lines apart
        seen[raw.source, bad.data] += 1
        raws.append(Raw(raw.source, raw.feed, bad.data, raw.o, ordinal, number))
        found[(raw.source, number)] = bad
    return replace(load, raws=raws), found
