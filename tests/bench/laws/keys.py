"""Law: throughput and memory by number of live keys, under one simple counter."""

from collections.abc import Iterator
from random import Random

from detectors.kit.contract import Fold
from schemas import instant
from schemas.event import Activity, SecurityEvent
from tests.bench.laws import folds
from tests.bench.laws.driving import START, Driven, Driver, event
from tests.bench.laws.law import Figure, Law, Row, Rows, Size, at_least, at_most, curve
from tests.bench.measure import resident_mb

NAME, STATE = "one event of each buffered", "only the state of each left"
SLICES = 20
MEMORY = instant.HOUR


def fold() -> Fold:
    """A counter that counts for good."""
    return Fold(
        name="count", keying=folds.USER, activities=frozenset({Activity.LOGIN}), init=folds.Count(), step=folds.counting,
        memory=MEMORY,
    )  # fmt: skip


def once(keys: range, since: int) -> Iterator[SecurityEvent]:
    """One event of each key, within a minute."""
    for place, number in enumerate(keys):
        yield event(number, since + place * instant.MINUTE // len(keys), user=f"user-{number:07}")


def again(keys: int, events: int, since: int, seed: int) -> Iterator[SecurityEvent]:
    """Events of keys drawn evenly, 1,000 a second."""
    random = Random(f"{seed}:keys")
    for number in range(events):
        yield event(keys + number, since + number * 1000, user=f"user-{random.randrange(keys):07}")


def measure(name: str, x: float, events: int, seed: int) -> Row:
    """Cost per event while ``x`` keys live, and the memory of each."""
    keys = int(x)
    driver = Driver([fold()])
    before = resident_mb()
    if name == STATE:
        return _slept(driver, keys, before)
    driver.drive(driver.wire(once(range(keys), START)))
    buffered = resident_mb()
    driven = driver.drive(driver.wire(again(keys, events, START + instant.MINUTE, seed)))
    return {"value": driven.us, "bytes": round((buffered - before) * 1e6 / keys)}


def _slept(driver: Driver, keys: int, before: float) -> Row:
    """The keys come slice by slice, each when the horizon has passed the one before, whose room is used again."""
    driven, at = Driven(), START
    for begin in range(0, keys, keys // SLICES):
        part = driver.drive(driver.wire(once(range(begin, begin + keys // SLICES), at)))
        driven.events += part.events
        driven.cpu_s += part.cpu_s
        at += MEMORY + instant.HOUR
        driver.pass_time(at)
    if len(driver.engine.keys) != keys or any(keyed.orders for keyed in driver.engine.keys.values()):
        raise RuntimeError("keys have ended, or events are still buffered: what is measured is not what it is called")
    return {"value": driven.us, "bytes": round((resident_mb() - before) * 1e6 / keys)}


def figures(rows: Rows) -> list[Figure]:
    """Throughput at the most keys beside that at the fewest, and bytes at the most, where the rest of the process is little."""
    points = curve(rows, NAME)
    most = max((x, row["bytes"]) for (name, x), row in rows.items() if name == STATE)[1]
    return [
        at_least("throughput at the most keys ÷ at the fewest", points[0][1] / points[-1][1], 0.75),
        at_most("bytes of a counter whose events have been folded into its state", float(most), 1024),
    ]


LAW = Law(
    name="keys", title="Live keys, 1,000 → 1 million",
    words="One counter for each user. First curve: each key has had one event, which is still buffered (late ones may come before "
    "it); then events of keys drawn evenly are measured. Second: keys that have been quiet until only their state is left, at the "
    "cost of making them. Memory is that of the process.",
    x="live keys", y="CPU µs per event", sizes={
        "quick": Size(((NAME, 1000), (NAME, 30_000), (STATE, 30_000)), 12_000),
        "default": Size((*((NAME, x) for x in (1000, 10_000, 100_000, 1_000_000)), (STATE, 300_000)), 60_000),
        "full": Size((*((NAME, x) for x in (1000, 10_000, 100_000, 1_000_000, 2_000_000)), (STATE, 300_000), (STATE, 1_000_000)), 1_000_000),
    },
    measure=measure, figures=figures, seconds=30, runs=1, columns={"bytes": "bytes per key"},
)  # fmt: skip
