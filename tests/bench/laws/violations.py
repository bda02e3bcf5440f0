"""Law: cost by share of events that are a violation."""

from collections.abc import Iterator
from random import Random

from detectors.kit.contract import Fold
from schemas.event import Activity, SecurityEvent
from tests.bench.laws import folds
from tests.bench.laws.driving import START, Driver, event
from tests.bench.laws.law import Figure, Law, Row, Rows, at_most, curve, sizes

NAME = "share of violations"
KEYS = 5000


def rules() -> list[Fold]:
    """What gives the findings, beside three folds that look at the same events and find nothing."""
    activities = frozenset({Activity.LOGIN})
    never = 1 << 30
    return [
        Fold(name="bad", keying=folds.USER, activities=activities, init=folds.Count(), step=folds.each_bad),
        Fold(name="many", keying=folds.PAIR, activities=activities, init=folds.Count(), step=folds.counting),
        Fold(name="few", keying=folds.ADDRESS, activities=activities, init=folds.Recent(), step=folds.threshold(never, 1)),
        Fold(name="host", keying=folds.HOST, activities=activities, init=folds.Count(), step=folds.counting),
    ]


def stream(events: int, percent: float, seed: int) -> Iterator[SecurityEvent]:
    """100 events a second of keys drawn evenly; ``percent`` of them are bad."""
    random = Random(f"{seed}:violations")
    for number in range(events):
        user, bad = random.randrange(KEYS), random.random() * 100 < percent
        yield event(
            number, START + number * 10_000, user=f"user-{user}", host=f"host-{user % 500}", src_ip=f"10.0.{user % 20}.{user % 250}",
            outcome="failure" if bad else "success",
        )  # fmt: skip


def measure(_: str, x: float, events: int, seed: int) -> Row:
    """Cost per event when ``x`` percent are violations."""
    driver = Driver(rules(), keep=True)
    driver.drive(driver.wire(stream(4000, x, seed)))
    found = driver.drive(driver.wire(event for event in stream(events + 4000, x, seed) if event.seq >= 4000))
    return {"value": found.us, "violations": len(found.violations)}


def figures(rows: Rows) -> list[Figure]:
    """Cost at the greatest share beside that at none."""
    points = curve(rows, NAME)
    return [at_most("cost at the greatest share ÷ at none", points[-1][1] / points[0][1], 2)]


LAW = Law(
    name="violations", title="Violations, 0 → 10 % of events",
    words="Four folds look at each event; one finds that share of them to be violations, each with evidence, which are encoded "
    "and kept.",
    x="percent violations", y="CPU µs per event", log_x=False,
    sizes=sizes(NAME, quick=((0, 10), 8000), default=((0, 1, 2, 5, 10), 30_000), full=((0, 1, 2, 5, 10, 20), 400_000)),
    measure=measure, figures=figures, seconds=5,
    columns={"violations": "violations"},
)  # fmt: skip
