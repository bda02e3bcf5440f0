"""Law: memory by events that have passed, while keys come and go."""

from collections.abc import Iterator
from random import Random

from detectors.kit.contract import Fold
from schemas import instant
from schemas.event import Activity, SecurityEvent
from tests.bench.laws import folds
from tests.bench.laws.driving import START, Driver, event
from tests.bench.laws.law import Figure, Law, Row, Rows, at_most, curve, sizes, slope
from tests.bench.measure import resident_mb

NAME = "resident memory"
SAMPLES = 40
WARM = 0.25
EVERY = 1_000_000  # µs between two events: an hour is 3,600
LIVE = 3000  # users at one time
STAY = 200  # so many events later the oldest of them is replaced by a new one
FORGETS = 2 * instant.HOUR


def rules() -> list[Fold]:
    """A counter that ends with its key, a threshold with findings, an absence, all for two hours of lateness."""
    activities, step = frozenset({Activity.LOGIN}), folds.threshold(6, instant.MINUTE)
    waits, overdue = folds.waiting(10 * instant.MINUTE, finds=False)
    more = {"activities": activities, "memory": 2 * instant.HOUR, "forgets_after": FORGETS}
    return [
        Fold(name="count", keying=folds.USER, init=folds.Count(), step=folds.counting, **more),  # type: ignore[arg-type]
        Fold(name="many", keying=folds.HOST, init=folds.Recent(), step=step, **more),  # type: ignore[arg-type]
        Fold(name="quiet", keying=folds.PAIR, init=folds.Open(), step=waits, overdue=overdue, **more),  # type: ignore[arg-type]
    ]


def stream(events: int, seed: int) -> Iterator[SecurityEvent]:
    """Users of whom one leaves and another comes every ``STAY`` events; an event in 200 is one of a burst on one host."""
    random = Random(f"{seed}:memory")
    for number in range(events):
        user = number // STAY + random.randrange(LIVE)
        burst = number % 2000 < 10
        host = f"host-{number // 2000 % 400}" if burst else f"host-{random.randrange(400)}"
        yield event(number, START + number * EVERY, user=f"user-{user}", host=host)


def measure(_: str, x: float, __: int, seed: int) -> Row:
    """Resident memory after each fortieth of ``x`` million events; the slope after warm-up, MB per million events."""
    total = int(x * 1e6)
    driver = Driver(rules())
    samples: list[tuple[float, float]] = []

    def look(done: int) -> None:
        if done * SAMPLES // total > len(samples):
            samples.append((done / 1e6, resident_mb()))

    driven = driver.drive(driver.wire(stream(total, seed)), look)
    warm = [sample for sample in samples if sample[0] >= WARM * total / 1e6]
    return {
        "value": slope(warm), "samples": samples, "us": round(driven.us, 2), "peak_mb": round(max(mb for _, mb in samples), 1),
        "alive": len(driver.engine.keys),
    }  # fmt: skip


def figures(rows: Rows) -> list[Figure]:
    """The slope."""
    return [at_most("MB per million events after warm-up", curve(rows, NAME)[-1][1], 1.0)]


LAW = Law(
    name="memory", title="Memory over a long run",
    words="Keys come and go, findings are made and forgotten, time passes (a million events are 278 hours), trims run every hour. "
    "The slope is fitted to the resident memory of the last three quarters.",
    x="million events", y="MB per million events", log_x=False, sizes=sizes(NAME, quick=((0.1,), 0), default=((1,), 0), full=((10,), 0)),
    measure=measure, figures=figures, seconds=120, runs=1, columns={"peak_mb": "peak MB", "us": "CPU µs per event", "alive": "keys alive at the end"},
)  # fmt: skip
