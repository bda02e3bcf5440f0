"""Law: cost by number of rules. The stream stays the same; of a thousand rules, nearly all want a value that is seldom seen."""

from collections.abc import Iterator
from itertools import islice
from random import Random

from detectors.kit.contract import Fold
from schemas import instant
from schemas.event import Activity, SecurityEvent
from tests.bench.laws import folds
from tests.bench.laws.driving import BATCH, START, Driver, event
from tests.bench.laws.law import Figure, Law, Row, Rows, Size, at_most, curve, exponent

VALUES = 500
BROAD = 25  # of so many rules, one wants every event of its activity
ACTIVITIES = tuple(str(activity) for activity in Activity if activity not in (Activity.FACT, Activity.SOURCE_SUMMARY))
INDEXED, EVALUATED = "found by value", "each evaluated"
LIMIT = 0.35


def made(number: int, *, indexed: bool) -> list[Fold]:
    """The first ``number`` rules; those for the commonest values come first, as people write them."""
    found: list[Fold] = []
    for place in range(number):
        value = place % VALUES
        code = f"code-{value}"
        step, overdue = folds.counting, None
        match place % 4:
            case 1:
                step = folds.threshold(10, instant.MINUTE)
            case 2:
                step, overdue = folds.waiting(10 * instant.MINUTE, finds=False)
            case 3:
                step = folds.sequence
        init = (folds.Count(), folds.Recent(), folds.Open(), folds.Open())[place % 4]
        broad = place % BROAD == BROAD - 1
        if not broad and not indexed:
            step = _turning_away(step, code)
        found.append(
            Fold(
                name="fold", keying=folds.KEYINGS[place // 4 % 4], activities=frozenset({ACTIVITIES[value % len(ACTIVITIES)]}),
                where=("code", frozenset({code})) if indexed and not broad else None, init=init, step=step, overdue=overdue,
            )
        )  # fmt: skip
    return found


def _turning_away(step: folds.Judge, code: str) -> folds.Judge:
    return lambda state, event, ctx: step(state, event, ctx) if event.code == code else folds.Step(state)


def stream(events: int, seed: int) -> Iterator[SecurityEvent]:
    """Codes by Zipf's law, 2,000 users, 200 hosts and 2,000 addresses, 100 events a second."""
    random = Random(f"{seed}:rules")
    weights = [1 / (rank + 1) for rank in range(VALUES)]
    for number, value in enumerate(random.choices(range(VALUES), weights, k=events)):
        yield event(
            number, START + number * 10_000, activity=ACTIVITIES[value % len(ACTIVITIES)], code=f"code-{value}",
            user=f"user-{random.randrange(2000)}", host=f"host-{random.randrange(200)}",
            src_ip=f"10.0.{random.randrange(8)}.{random.randrange(250)}", outcome="success" if random.random() < 0.9 else "failure",
        )  # fmt: skip


def measure(name: str, x: float, events: int, seed: int) -> Row:
    """Cost per event under ``x`` rules."""
    driver = Driver(made(int(x), indexed=name == INDEXED))
    warm = events // 4
    batches = driver.wire(stream(events + warm, seed))
    driver.drive(islice(batches, max(1, warm // BATCH)))
    driven = driver.drive(batches)
    counters = driver.engine.counters
    return {"value": driven.us, "evaluations": round(counters["routed"] / (events + warm), 2)}


def figures(rows: Rows) -> list[Figure]:
    """The exponents."""
    return [at_most("exponent of cost over rules", exponent(curve(rows, INDEXED)), LIMIT)]


LAW = Law(
    name="rules", title="Rules, 10 → 1,000",
    words="The same stream under more and more rules, a mix of counters, thresholds, absences and sequences over four kinds of "
    "key; one rule in 25 wants every event of its activity, the others a value of one field, and a rule more is for a rarer "
    "value. “Each evaluated”: the same rules without the index by value, which turn events away themselves.",
    x="rules", y="CPU µs per event",
    sizes={
        "quick": Size(((INDEXED, 10), (INDEXED, 1000), (EVALUATED, 100)), 8000),
        "default": Size((*((INDEXED, x) for x in (10, 32, 100, 320, 1000)), *((EVALUATED, x) for x in (10, 100, 1000))), 30_000),
        "full": Size((*((INDEXED, x) for x in (10, 32, 100, 320, 1000, 3200)), *((EVALUATED, x) for x in (10, 32, 100, 320, 1000))), 200_000),
    },
    measure=measure, figures=figures, seconds=8, runs=2, columns={"evaluations": "folds per event"},
)  # fmt: skip
