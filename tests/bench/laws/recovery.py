"""Law: how fast state is restored from its changelog, and that it depends on what is kept, not on what has been."""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from detectors.kit import changelog
from detectors.kit.contract import Fold
from schemas import instant
from schemas.event import Activity, SecurityEvent
from streams import clock, topics
from streams.kafka.detecting import Detecting, Judging
from streams.kafka.lane import Lane, send
from streams.kafka.watchdog import Pace
from streams.layout import RECORD_LIMIT, Layout
from tests.bench.laws import folds
from tests.bench.laws.driving import START, Driver, event
from tests.bench.laws.law import Figure, Law, Row, Rows, at_least, at_most, curve
from tests.services.kafka_broker import KafkaBroker

MEMORY, KAFKA = "records in memory", "read from Kafka"
KEYS = 4000
EACH = 3  # events of a key in an hour, on average
REPEATS = 3


def rules() -> list[Fold]:
    """A counter and a threshold with findings over the same users, an hour of lateness."""
    activities, step = frozenset({Activity.LOGIN}), folds.threshold(3, 4 * instant.MINUTE)
    more = {"keying": folds.USER, "activities": activities, "memory": instant.HOUR}
    return [
        Fold(name="count", init=folds.Count(), step=folds.counting, **more),  # type: ignore[arg-type]
        Fold(name="many", init=folds.Recent(), step=step, **more),  # type: ignore[arg-type]
    ]


def stream(hours: float, seed: int) -> Iterator[SecurityEvent]:
    """Events of keys drawn evenly."""
    random = Random(f"{seed}:recovery")
    for number in range(int(hours * KEYS * EACH)):
        at = START + number * instant.HOUR // (KEYS * EACH)
        yield event(number, at, user=f"user-{random.randrange(KEYS)}")


def measure(name: str, x: float, _: int, seed: int) -> Row:
    """Records a second, after a history of ``x`` hours."""
    driver = Driver(rules())
    kept: dict[str, bytes] = {}
    written = 0

    def follow(changes: Iterable[changelog.Change]) -> None:
        nonlocal written
        for key, value in changes:
            written += 1
            if value is None:
                kept.pop(key, None)
            else:
                kept[key] = value

    driver.drive(driver.wire(stream(x, seed)), told=follow)
    took = asyncio.run(_from_kafka(driver, kept)) if name == KAFKA else min(_restored(driver, kept) for _ in range(REPEATS))
    return {"value": len(kept) / took, "ms": round(took * 1000), "records": len(kept), "written": written}


def _opened(driver: Driver) -> Judging:
    return Detecting(driver.rules, Layout(raw=1, keyed=1, prefix="recovery.")).open(0)


def _restored(driver: Driver, kept: dict[str, bytes]) -> float:
    judging, begun = _opened(driver), clock.monotonic()
    judging.restore(kept.items())
    took = clock.monotonic() - begun
    _check(driver, judging)
    return took


async def _from_kafka(driver: Driver, kept: dict[str, bytes]) -> float:
    """As a lane does that has just been given the partition; its topic holds what compaction leaves."""
    layout = Layout(raw=1, keyed=1, prefix="recovery.")
    stage = Detecting(driver.rules, layout)
    with TemporaryDirectory(prefix="controlwatch-bench-") as folder, KafkaBroker(Path(folder), heap="512m") as broker:
        await asyncio.to_thread(topics.create, broker.bootstrap, layout)
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, max_batch_size=256 << 10, max_request_size=RECORD_LIMIT)
        await producer.start()
        try:
            rows = [(key.encode(), value) for key, value in kept.items()]
            await asyncio.gather(*await send(producer, stage.changelog, 0, rows))
        finally:
            await producer.stop()
        took = []
        for _ in range(REPEATS):
            lane = Lane(
                stage=stage, partition=0, consumer=cast("AIOKafkaConsumer", None), bootstrap=broker.bootstrap, prefix=layout.prefix,
                group="recovery", submit=cast("object", None), pace=Pace(), live=False,  # type: ignore[arg-type] # only its restore is used
            )  # fmt: skip
            judging, begun = stage.open(0), clock.monotonic()
            await lane._restore(judging)
            took.append(clock.monotonic() - begun)
            _check(driver, judging)
    return min(took)


def _check(driver: Driver, judging: Judging) -> None:
    """What was restored is what was there: each key with its state and its events."""
    mine = {place: (keyed.orders, keyed.tail) for place, keyed in driver.engine.keys.items()}
    if mine != {place: (keyed.orders, keyed.tail) for place, keyed in judging.engine.keys.items()}:
        raise RuntimeError("what was restored is not what was there; tests/kit/test_changelog.py is about it")


def figures(rows: Rows) -> list[Figure]:
    """The slowest rate, and the longest history beside the shortest."""
    points = curve(rows, MEMORY)
    times = {x: float(row["ms"]) for (name, x), row in rows.items() if name == MEMORY}
    return [
        at_least("records a second, in memory, the slowest", min(y for _, y in points), 50_000),
        at_least("records a second, from Kafka", min(y for _, y in curve(rows, KAFKA)), 50_000),
        at_most("time to restore after the longest history ÷ after the shortest", times[max(times)] / times[min(times)], 1.25),
    ]


LAW = Law(
    name="recovery", title="Recovery",
    words="A counter and a threshold with findings over 4,000 users, three events of each in an hour, an hour of lateness. The state "
    "after a history of so many hours is restored into a new engine and compared with what was there; wall clock.",
    x="hours of history", y="changelog records a second", log_x=False, cases=(*((MEMORY, float(x)) for x in (3, 9, 24)), (KAFKA, 24.0)),
    full=(*((MEMORY, float(x)) for x in (3, 9, 24, 72)), (KAFKA, 24.0), (KAFKA, 72.0)), events=(0, 0), measure=measure,
    figures=figures, runs=1, columns={"records": "records kept", "written": "records written before", "ms": "ms"},
)  # fmt: skip
