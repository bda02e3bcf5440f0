"""Law: cost by share of events that arrive out of order; the same violations must come out."""

from itertools import accumulate
from random import Random

from detectors.kit.contract import Fold
from schemas import instant
from schemas.event import Activity, SecurityEvent
from schemas.violation import final
from tests.bench.laws import folds
from tests.bench.laws.driving import BATCH, START, Driver, event, progress
from tests.bench.laws.law import Figure, Law, Row, Rows, at_least, curve, sizes
from tests.bench.material import digest_of

NAME = "share out of order"
KEYS = 2000
LATE = 10 * instant.MINUTE  # the most that one is under way longer than the others
EVERY = 80_000  # µs between two events


def rules() -> list[Fold]:
    """A threshold over users, a sequence over pairs, an absence over hosts."""
    activities = frozenset({Activity.LOGIN})
    step, overdue = folds.waiting(30 * instant.MINUTE, finds=True)
    return [
        Fold(name="many", keying=folds.USER, activities=activities, init=folds.Recent(), step=folds.threshold(8, 5 * instant.MINUTE)),
        Fold(name="then", keying=folds.PAIR, activities=activities, init=folds.Open(), step=folds.sequence),
        Fold(name="quiet", keying=folds.HOST, activities=activities, init=folds.Open(), step=step, overdue=overdue),
    ]  # fmt: skip


def stream(events: int, seed: int) -> list[SecurityEvent]:
    """Some users are busy and most are not; one log-in in ten fails. Each is observed up to ten minutes after it happened."""
    random = Random(f"{seed}:disorder")
    found = []
    for number in range(events):
        place = int(KEYS * random.random() ** 2)
        found.append(
            event(
                number, START + number * EVERY, delay=int(random.random() * LATE), user=f"user-{place}",
                host=f"host-{place % 97 * 5 + random.randrange(5)}", outcome="failure" if random.random() < 0.1 else "success",
            )
        )  # fmt: skip
    return found


def measure(_: str, x: float, events: int, seed: int) -> Row:
    """Cost per event when ``x`` percent of the events arrive late: by the delay with which they were observed."""
    driver = Driver(rules(), keep=True)
    random = Random(f"{seed}:order")
    made = stream(events, seed)
    arriving = sorted(made, key=lambda item: item.o if random.random() * 100 < x else item.t)
    # Time never passes what is still to come.
    coming = [*accumulate((item.o for item in reversed(arriving)), min, initial=START + events * EVERY + 2 * instant.DAY)][::-1]
    batches = (
        [*map(driver.keyed, arriving[begin : begin + BATCH]), progress(coming[min(begin + BATCH, events)])]
        for begin in range(0, events, BATCH)
    )
    driven = driver.drive(batches)
    found = final(driven.violations)
    return {"value": driven.us, "violations": len(found), "digest": digest_of(found)[:12]}


def figures(rows: Rows) -> list[Figure]:
    """Speed at the greatest share beside the speed in order, and whether all came to the same."""
    points = curve(rows, NAME)
    same = len({row["digest"] for row in rows.values()}) == 1
    return [
        at_least("speed at the greatest share ÷ in order", points[0][1] / points[-1][1], 0.8),
        Figure(words="the same violations throughout", found=float(same), wanted="1", holds=same),
    ]


LAW = Law(
    name="disorder", title="Out of order, 0 → 30 %",
    words="The same events with the same observed times; that share of them arrives up to ten minutes after its place, the others "
    "in order. A threshold, a sequence and an absence, busy and quiet keys.",
    x="percent out of order", y="CPU µs per event", log_x=False,
    sizes=sizes(NAME, quick=((0, 30), 12_000), default=((0, 5, 10, 20, 30), 40_000), full=((0, 5, 10, 20, 30, 50, 100), 400_000)),
    measure=measure, figures=figures, seconds=6,
    columns={"violations": "violations"},
)  # fmt: skip
