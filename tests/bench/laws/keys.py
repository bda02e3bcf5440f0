"""Law: throughput and memory by number of live keys, under one simple counter."""

from collections.abc import Iterator
from random import Random

from detectors.kit.contract import Fold
from schemas import instant
from schemas.event import Activity, SecurityEvent
from tests.bench.laws import folds
from tests.bench.laws.driving import START, Driver, event
from tests.bench.laws.law import Figure, Law, Row, Rows, at_least, at_most, curve
from tests.bench.measure import resident_mb

NAME = "counter per key"
MEMORY = instant.HOUR


def fold() -> Fold:
    """A counter that counts for good."""
    return Fold(
        name="count", keying=folds.USER, activities=frozenset({Activity.LOGIN}), init=folds.Count(), step=folds.counting,
        memory=MEMORY,
    )  # fmt: skip


def once(keys: int) -> Iterator[SecurityEvent]:
    """One event of each key, within a minute."""
    for number in range(keys):
        yield event(number, START + number * instant.MINUTE // keys, user=f"user-{number:07}")


def again(keys: int, events: int, since: int, seed: int) -> Iterator[SecurityEvent]:
    """Events of keys drawn evenly, 1,000 a second."""
    random = Random(f"{seed}:keys")
    for number in range(events):
        yield event(keys + number, since + number * 1000, user=f"user-{random.randrange(keys):07}")


def measure(_: str, x: float, events: int, seed: int) -> Row:
    """Cost per event while ``x`` keys live; their memory with one event each, and when only their state is left."""
    keys = int(x)
    driver = Driver([fold()])
    before = resident_mb()
    driver.drive(driver.wire(once(keys)))
    buffered = resident_mb()
    begun = START + instant.MINUTE
    driven = driver.drive(driver.wire(again(keys, events, begun, seed)))
    driver.pass_time(begun + MEMORY + 3 * instant.HOUR)
    counted = resident_mb()
    per_key = 1e6 / keys
    return {
        "value": driven.us, "bytes_buffered": round((buffered - before) * per_key), "bytes_state": round((counted - before) * per_key),
        "alive": len(driver.engine.keys),
    }  # fmt: skip


def figures(rows: Rows) -> list[Figure]:
    """Throughput at the most keys beside that at the fewest, and bytes at the most, where the rest of the process is little."""
    points = curve(rows, NAME)
    most = rows[(NAME, points[-1][0])]
    return [
        at_least("throughput at the most keys ÷ at the fewest", points[0][1] / points[-1][1], 0.75),
        at_most("bytes of a counter whose events have been folded into its state", float(most["bytes_state"]), 1024),
    ]


LAW = Law(
    name="keys", title="Live keys, 1,000 → 1 million",
    words="One counter for each user. Each key has had one event; then events of keys drawn evenly are measured. Memory is that "
    "of the process: with one event of each key still buffered (late ones may come before it), and after the horizon has passed.",
    x="live keys", y="CPU µs per event", cases=tuple((NAME, x) for x in (1000, 10_000, 100_000, 1_000_000)),
    full=tuple((NAME, x) for x in (1000, 10_000, 100_000, 1_000_000, 2_000_000)), events=(60_000, 1_000_000), measure=measure,
    figures=figures, runs=1, columns={"bytes_buffered": "bytes per key, one event buffered", "bytes_state": "bytes per key, state only"},
)  # fmt: skip
