"""Law: how fast state is restored from its changelog, and that it depends on what is kept, not on what has been."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from random import Random

from detectors.kit.changelog import Change
from detectors.kit.contract import Fold
from schemas import instant
from schemas.event import Activity, SecurityEvent
from streams import clock
from streams.kafka.detecting import Detecting, Judging
from streams.layout import Layout
from streams.stored import Stored
from tests.bench.laws import folds
from tests.bench.laws.changelogs import restored
from tests.bench.laws.driving import START, Driver, event
from tests.bench.laws.law import Figure, Law, Row, Rows, at_least, at_most, curve, sizes

NAME = "from the broker"
LAYOUT = Layout(raw=1, keyed=1, prefix="recovery.")
HOURS = 2  # of the shortest history: by then the state is as large as it ever gets
KEYS = 8000
EACH = 3  # events of a key in an hour, on average
REPEATS = 3


def rules() -> list[Fold]:
    """A counter and a threshold over the same users, an hour of lateness."""
    activities, step = frozenset({Activity.LOGIN}), folds.threshold(1 << 30, 4 * instant.MINUTE)
    more = {"keying": folds.USER, "activities": activities, "memory": instant.HOUR}
    return [
        Fold(name="count", init=folds.Count(), step=folds.counting, **more),  # type: ignore[arg-type]
        Fold(name="many", init=folds.Recent(), step=step, **more),  # type: ignore[arg-type]
    ]


def stream(hours: float, seed: int, keys: int = KEYS) -> Iterator[SecurityEvent]:
    """Events of ``keys`` drawn evenly."""
    random = Random(f"{seed}:recovery")
    for number in range(int(hours * keys * EACH)):
        at = START + number * instant.HOUR // (keys * EACH)
        yield event(number, at, user=f"user-{random.randrange(keys)}")


def measure(_: str, x: float, __: int, seed: int) -> Row:
    """Records a second, after a history ``x`` times as long as the shortest."""
    driver = Driver(rules())
    changes: list[Change] = []
    driver.drive(driver.wire(stream(x * HOURS, seed)), told=changes.extend)
    stage = Detecting(driver.rules, LAYOUT)
    judging, kept, took = _in_memory(stage, changes)
    _check(driver, judging)
    memory = round(kept / took)
    found = asyncio.run(restored(stage, LAYOUT, changes, REPEATS, lambda judging: _check(driver, judging)))
    return {
        "value": found.records / found.took, "ms": round(found.took * 1000), "records": found.records, "kept": kept, "memory": memory,
        "written": len(changes), "again": round(found.again * 1000),
    }  # fmt: skip


def _in_memory(stage: Detecting, changes: Sequence[Change]) -> tuple[Judging, int, float]:
    """From what complete compaction would leave; the best time of some."""
    kept = {key: value for key, value in dict(changes).items() if value is not None}
    best = float("inf")
    for _ in range(REPEATS):
        judging, begun = stage.open(0), clock.monotonic()
        records = Stored(sqlite3.connect(":memory:", isolation_level=None), sealed=True)
        records.put(kept.items())
        judging.restore(records)
        best = min(best, clock.monotonic() - begun)
    return judging, len(kept), best


def _check(driver: Driver, judging: Judging) -> None:
    """What was restored is what was there: each key, woken if it rests, with its state and its events."""
    mine = {place: (keyed.orders, keyed.tail) for place, keyed in driver.engine.keys.items()}
    found = {place: judging.engine._held(place) for place in mine}
    if mine != {place: (keyed.orders, keyed.tail) for place, keyed in found.items() if keyed is not None}:
        raise RuntimeError("what was restored is not what was there; tests/kit/test_changelog.py is about it")


def figures(rows: Rows) -> list[Figure]:
    """The slowest rates, and the longest history beside the shortest."""
    points = curve(rows, NAME)
    times = {x: float(row["ms"]) for (_, x), row in rows.items()}
    return [
        at_least("records a second, from the broker, the slowest", min(y for _, y in points), 50_000),
        at_least("records a second, from memory, the slowest", min(row["memory"] for row in rows.values()), 50_000),
        at_most("time after the longest history ÷ after the shortest", times[max(times)] / times[min(times)], 1.25),
    ]


LAW = Law(
    name="recovery", title="Recovery",
    words="A counter and a threshold over 8,000 users, three events of each in an hour, an hour of lateness: two hours, and up to ten "
    "times as long, leave as much state. Every change was written to the changelog topic, the broker has compacted it (segments "
    "scaled down with the state), a lane reads it as after a restart, and the new engine is compared with the old; wall clock, the "
    "best of three. From memory: only what complete compaction would leave, without the broker.",
    x="length of history", y="changelog records a second", log_x=False,
    sizes=sizes(NAME, quick=((1, 2), 0), default=((1, 3, 10), 0), full=((1, 3, 10, 30), 0)),
    measure=measure, figures=figures, seconds=55, runs=1,
    columns={"ms": "ms", "records": "records read", "kept": "of live state", "written": "written before", "memory": "from memory",
             "again": "ms with a copy"},
)  # fmt: skip
