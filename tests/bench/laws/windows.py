"""Law: cost by length of a window. What a fold keeps is bounded, so a long window must cost what a short one does."""

from collections.abc import Iterator
from itertools import islice
from random import Random

from detectors.kit.contract import Fold
from schemas import instant
from schemas.event import Activity, SecurityEvent
from tests.bench.laws import folds
from tests.bench.laws.driving import BATCH, START, Driver, event
from tests.bench.laws.law import Figure, Law, Row, Rows, Size, at_most, curve

COUNTED, WAITED = "ten within the window", "nothing more within the window"
WINDOWS = tuple(float(x) for x in (60, 3600, 86_400, 7 * 86_400, 90 * 86_400))
KEYS = 2000
FOR_GOOD = 1000 * 365 * instant.DAY
GAP = instant.HOUR  # between two events of one key, where the stream does not stretch with the window


def stream(events: int, seed: int, gap: int) -> Iterator[SecurityEvent]:
    """Events of keys drawn evenly, on average ``gap`` apart for each key."""
    random = Random(f"{seed}:windows")
    for number in range(events):
        yield event(number, START + number * gap // KEYS, user=f"user-{random.randrange(KEYS)}")


def measure(name: str, x: float, events: int, seed: int) -> Row:
    """Cost per event with a window of ``x`` seconds."""
    window = int(x) * instant.SECOND
    activities = frozenset({Activity.LOGIN})
    if name == COUNTED:
        # Ten of one key within the window are a finding; the limit is out of reach, so that findings cost nothing anywhere.
        step = _bounded(folds.threshold(1 << 30, window))
        fold = Fold(name="window", keying=folds.USER, activities=activities, init=folds.Recent(), step=step)
        gap = GAP
    else:
        # The stream stretches with the window, so that as many deadlines fire whatever its length, and none of it is trimmed.
        step, overdue = folds.waiting(window, finds=False)
        fold = Fold(
            name="window", keying=folds.USER, activities=activities, init=folds.Open(), step=step, overdue=overdue, memory=FOR_GOOD,
        )  # fmt: skip
        gap = window
    driver = Driver([fold])
    batches = driver.wire(stream(events + events // 4, seed, gap))
    driver.drive(islice(batches, max(1, events // 4 // BATCH)))
    driven = driver.drive(batches)
    return {"value": driven.us, "buffered": sum(len(keyed.orders) for keyed in driver.engine.keys.values())}


def _bounded(step: folds.Judge) -> folds.Judge:
    """As a threshold of ten keeps the nine newest at most."""
    return lambda state, event, ctx: step(folds.Recent(times=state.times[-9:]), event, ctx)


def figures(rows: Rows) -> list[Figure]:
    """How far the dearest lies above the cheapest."""
    found = []
    for name in (COUNTED, WAITED):
        values = [y for _, y in curve(rows, name)]
        middle = sorted(values)[len(values) // 2]
        found.append(at_most(f"{name}: farthest from the median", max(abs(y / middle - 1) for y in values), 0.1))
    return found


LAW = Law(
    name="windows", title="Window, 1 minute → 90 days",
    words="Counting: the same stream, an event of each key every hour on average. Waiting: the stream stretches with the window, "
    "so that as many deadlines fire; for as many events to be buffered, these stay for good, where the counter's stay for 26 hours "
    "(lateness) whatever the window.",
    x="window, seconds", y="CPU µs per event", sizes={
        "quick": Size(tuple((name, x) for name in (COUNTED, WAITED) for x in (WINDOWS[0], WINDOWS[-1])), 12_000),
        "default": Size(tuple((name, x) for name in (COUNTED, WAITED) for x in WINDOWS), 40_000),
        "full": Size(tuple((name, x) for name in (COUNTED, WAITED) for x in WINDOWS), 500_000),
    },
    measure=measure, figures=figures, seconds=3, columns={"buffered": "events buffered at the end"},
)  # fmt: skip
