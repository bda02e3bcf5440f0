"""Sequences and absence, as another engine for security events (EQL) publishes them: the cases it tests, in our own words.

``docs/decisions/0013-sequences-and-absence.md`` says where we differ and why.
"""

import pytest

from detectors.kit.engine import Engine
from schemas import instant
from schemas.event import Activity, SecurityEvent
from schemas.log import Keyed, Progress
from schemas.violation import State
from tests.kit import shells
from tests.kit.sequences import sequence
from tests.kit.shells import Way
from tests.kit.toys import BASE

MS, SECOND, MINUTE = 1000, instant.SECOND, instant.MINUTE
UNTIL = BASE + 3 * instant.HOUR

SHORT = "n n m n"  # one tag each millisecond; events are numbered from 1
TWICE = "n n m n n m"
LONG = "A B 1 B C 2 D 1 C B C D A B 3 C D 4"  # digits are what must be missing
APART = {0: "m", 10: "n", 20: "m", 21: "n", 29: "n", 31: "n"}  # minute: tag


def tagged(place, tag, t, user="u", rank=20, seq=0):
    return SecurityEvent(id=f"{place:03}", t=BASE + t, o=BASE + t, feed="x", source="s", activity=Activity.OTHER, action=tag,
                         user=user, rank=rank, seq=seq)  # fmt: skip


def quick(tags):
    return [tagged(place, tag, place * MS) for place, tag in enumerate(tags.split(), 1)]


def slow(tags):
    return [tagged(place, tag, minute * MINUTE + (MS if minute else 0)) for place, (minute, tag) in enumerate(tags.items(), 1)]


def matches(ruleset, events, way=Way(0)):  # noqa: B008 - a frozen value
    found = shells.run(ruleset, events, way, UNTIL).values()
    return sorted([int(item.event_id) for item in violation.evidence] for violation in found)


CASES = {
    # Missing in the middle
    "nothing is there that should be missing": (quick(SHORT), ("n", "!x", "n"), SECOND, [[1, 2], [2, 4]]),
    "what is between the second pair should be missing": (quick(SHORT), ("n", "!m", "n"), SECOND, [[1, 2]]),
    "the first candidate is broken, a later one is not": (quick(TWICE), ("n", "n", "!m", "n"), SECOND, [[2, 4, 5]]),
    # Missing at the end: not followed by it within the span
    "only the last is not followed": (quick(SHORT), ("n", "!m"), SECOND, [[4]]),
    "the span ends before it follows": (quick(SHORT), ("n", "!m"), MS // 2, [[1], [2], [4]]),
    # Missing at the start: not preceded by it within the span
    "preceded by it long before, just before, and not near": (slow(APART), ("!m", "n"), 3 * MINUTE, [[2], [5], [6]]),
    "before and after: there is room for the span": (slow(APART), ("!m", "n", "!m"), 19 * MINUTE, [[2], [4], [5], [6]]),
    "before and after: the span is longer than the room": (slow(APART), ("!m", "n", "!m"), 21 * MINUTE, [[4], [5], [6]]),
    # Several missing
    "two in the middle": (quick(LONG), ("A", "B", "!1", "C", "!2", "D"), SECOND, [[13, 14, 16, 17]]),
    "the first of them": (quick(LONG), ("A", "B", "!1", "C", "D"), SECOND, [[13, 14, 16, 17]]),
    "the second of them": (quick(LONG), ("A", "B", "C", "!2", "D"), SECOND, [[13, 14, 16, 17]]),
    "two in the middle and one that follows": (quick(LONG), ("A", "B", "!1", "C", "!2", "D", "!4"), SECOND, []),
    "none of them ever comes": (quick(LONG), ("A", "B", "!x", "C", "!x", "D"), SECOND, [[1, 2, 5, 7], [13, 14, 16, 17]]),
    "one in the middle, one last that never comes": (quick(LONG), ("A", "B", "C", "!2", "D", "!x"), SECOND, [[13, 14, 16, 17]]),
    "one first that never comes, one in the middle": (quick(LONG), ("!x", "A", "B", "C", "!2", "D"), SECOND, [[13, 14, 16, 17]]),
    "two in a row must both be missing": (quick(SHORT), ("n", "!x", "!m", "n"), SECOND, [[1, 2]]),
    "missing first, in the middle and last": (quick("A B A C B A B"), ("!C", "A", "!C", "B", "!C"), SECOND, [[1, 2], [6, 7]]),
    # By key: what another key does neither breaks nor makes a sequence
    "another's is not mine": (
        [tagged(1, "n", 1 * MS), tagged(2, "m", 2 * MS, user="v"), tagged(3, "n", 3 * MS), tagged(4, "n", 4 * MS, user="v")],
        ("n", "!m", "n"), SECOND, [[1, 3]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_published_cases(name):
    events, steps, span, due = CASES[name]
    ruleset = sequence(*steps, span=span)
    assert matches(ruleset, events) == due
    for seed in range(6):
        way = Way(seed, raw=2, keyed=(1, 4)[seed % 2], disorder=(None, 60)[seed % 2], crash=0.2, trim=0.3)
        assert matches(ruleset, events * 2, way) == due, f"seed {seed}"


@pytest.mark.parametrize(("after", "due"), [(SECOND, []), (SECOND + 1, [[1]])])
def test_an_event_at_the_very_end_of_the_span_is_in_it(after, due):
    events = [tagged(1, "n", 0), tagged(2, "m", after)]
    assert matches(sequence("n", "!m", span=SECOND), events) == due
    assert matches(sequence("n", "m", span=SECOND), events) == ([[1, 2]] if not due else [])


@pytest.mark.parametrize(
    ("places", "due"),
    [
        ({"rank": (10, 15, 20)}, []),
        ({"rank": (10, 25, 20)}, [[1, 2]]),
        ({"seq": (1, 2, 3)}, []),
        ({"seq": (1, 4, 3)}, [[1, 2]]),
        ({"rank": (10, 15, 20), "seq": (1, 4, 3)}, []),
    ],
)  # fmt: skip
def test_events_of_one_instant_are_ordered_by_what_their_records_say(places, due):
    """``n``, ``m`` and ``n`` of one instant: rank decides, then sequence; never arrival."""
    events = [
        tagged(place, tag, 0, **{name: numbers[at] for name, numbers in places.items()})
        for at, (place, tag) in enumerate([(1, "n"), (3, "m"), (2, "n")])
    ]  # fmt: skip
    for order in (events, events[::-1]):
        assert matches(sequence("n", "!m", "n", span=SECOND), order) == due


def test_absence_is_not_told_before_the_span_is_over():
    """Neither while it lasts, nor when the event that ends it comes late: what was not seen yet is not missing."""
    ruleset = sequence("n", "!m", span=10 * MINUTE)
    for moment, later, state in ((9, False, None), (9, True, None), (11, False, State.OPEN), (11, True, None)):
        engine = Engine(ruleset)
        events = [tagged(1, "n", 0), tagged(2, "x", moment * MINUTE), *([tagged(3, "m", 6 * MINUTE)] if later else [])]
        for event in events:
            engine.apply(Keyed(event, tuple(ruleset.routes(event))))
        engine.apply(Progress(part=0, parts=1, observed=BASE + moment * MINUTE))
        told = engine.drain().violations
        assert [violation.state for violation in told] == ([state] if state else [])


def test_what_begins_anew_takes_the_place_of_what_has_begun():
    """Of several beginnings the newest is followed: A at 1 and 2, B at 3 is one sequence, from 2."""
    assert matches(sequence("A", "B", span=SECOND), quick("A A B B")) == [[2, 3]]
