"""What the engine keeps does not grow with history: kept states, told results, look-ups of keys that are gone."""

import random
from dataclasses import replace

import msgspec
import pytest

from detectors.kit.contract import Detector, Fact, Finding, Fold, FoldState, Keying, Step, evidence
from detectors.kit.engine import Engine
from detectors.kit.keyed import EVERY, NEWEST
from detectors.kit.registry import Loaded, Ruleset
from schemas import instant
from schemas.event import Activity, SecurityEvent
from schemas.log import FactGone, Keyed, Progress
from schemas.violation import Severity, final

S = instant.SECOND
BASE = 1_770_000_000 * S


class Last(FoldState):
    """The numbers of the newest events: a state that differs after each, until an hour has passed."""

    numbers: tuple[int, ...] = ()


def step(state, event, ctx):
    ctx.as_of("accounts", f"account:{event.user}", event.t)
    numbers = (*state.numbers, event.seq)[-5:]
    state = Last(numbers=numbers, deadline=event.t + 3600 * S)
    if event.seq % 7:
        return Step(state)
    finding = Finding(
        subtype="SEVENTH", anchor=event.id, anchor_time=event.t, subject={"last": "-".join(map(str, numbers))},
        first_time=event.t, last_time=event.t, evidence=(evidence(event),),
    )
    return Step(state, (finding, Fact(kind="seventh", key=event.user, t=event.t, payload={"n": event.seq})))


def overdue(state, at, ctx):
    return Step(None)


FOLD = Fold(
    name="user", keying=Keying("user", lambda e: (e.user,)), activities=frozenset({Activity.LOGIN}), init=Last(), step=step, overdue=overdue,
    memory=4000 * S, lookback=0,
)  # fmt: skip
RULES = Ruleset([Loaded(
    id="toy", title="", doc="", version="1",
    detector=Detector(clauses=("CC-18000.3.e",), feeds=("idp",), severity=Severity.HIGH, folds=(FOLD,), subtypes=()),
)])  # fmt: skip


def login(i, user="a"):
    t = BASE + i * S
    return SecurityEvent(id=f"{user}{i:06}", t=t, o=t, seq=i, feed="x", source="s", activity=Activity.LOGIN, user=user)


def take(engine, event):
    engine.apply(Keyed(event, tuple(RULES.routes(event))))


def judged(events):
    engine, history = Engine(RULES), []
    for event in events:
        take(engine, event)
        history += engine.drain().violations
    return engine, [item.canonical() for item in final(history)]


@pytest.mark.parametrize("seed", range(3))
def test_states_left_out_are_folded_again_where_an_event_comes_between(seed):
    events = [login(i) for i in range(400)]
    chance = random.Random(seed)
    late = sorted(chance.sample(range(400), 40))
    arrival = [event for event in events if event.seq not in late] + [events[i] for i in chance.sample(late, 40)]
    engine, found = judged(arrival)
    assert found == judged(events)[1]
    (keyed,) = engine.keys.values()
    kept = sum(state is not None for state in keyed.states)
    assert kept <= NEWEST + 400 // EVERY + 1 + len(late)


def test_newest_events_can_be_taken_out_down_to_states_that_are_not_kept():
    engine, _ = judged([login(i) for i in range(400)])
    for i in range(399, 199, -1):
        engine.apply(FactGone(login(i).id, tuple(RULES.routes(login(i)))))
    history = engine.drain().violations
    assert {v.state for v in history} == {"withdrawn"}
    take(engine, login(203))
    (after,) = engine.drain().violations
    assert after.subject["last"] == "196-197-198-199-203"


def test_what_was_told_of_trimmed_events_is_forgotten():
    engine = Engine(RULES)
    sizes = []
    for i in range(40_000):
        take(engine, login(i))
        if i % 1000 == 999:
            engine.drain()
            engine.apply(Progress(part=0, parts=1, observed=BASE + i * S))
            engine.drain()
            engine.trim()
            (keyed,) = engine.keys.values()
            sizes.append(len(keyed.sealed) + len(keyed.sent) + len(keyed.published) + len(keyed.shown) + len(keyed.events))
    assert max(sizes[20:]) <= max(sizes[:20])


def test_look_ups_of_keys_that_are_gone_are_forgotten():
    engine = Engine(RULES)
    for i in range(0, 20_000, 10):
        take(engine, login(i + 1 if i % 7 == 0 else i, user=f"user-{i}"))
    engine.drain()
    engine.apply(Progress(part=0, parts=1, observed=BASE + 40_000 * S))
    engine.drain()
    for _ in range(3):
        engine.trim()
    assert len(engine.keys) == len(engine.context._readers) == len(engine.context._sorted)
    assert len(engine.keys) < 2000


def keep(state, event, ctx):
    """As :func:`step`, without a deadline at which the state ends."""
    after, out = step(state, event, ctx)
    return Step(Last(numbers=after.numbers), out)


SHORT = replace(FOLD, step=keep, overdue=None, forgets_after=500 * S)
FORGETFUL = Ruleset([replace(RULES.detectors[0], detector=replace(RULES.detectors[0].detector, folds=(SHORT,)))])


@pytest.mark.parametrize("trimmed", [False, True])
@pytest.mark.parametrize(("gap", "last"), [(500, "1-2-3-4-504"), (501, "505")])
def test_a_state_that_nothing_touched_for_long_ends_whenever_it_is_trimmed(gap, last, trimmed):
    engine = Engine(FORGETFUL)
    for i in range(5):
        engine.apply(Keyed(login(i), (("user", ("a",)),)))
    engine.drain()
    if trimmed:
        engine.apply(Progress(part=0, parts=1, observed=BASE + 4000 * S + 5 * instant.MINUTE + 450 * S))
        engine.drain()
        engine.trim()
        assert not any(keyed.orders for keyed in engine.keys.values())
    event = msgspec.structs.replace(login(4 + gap), seq=7 * (4 + gap))
    engine.apply(Keyed(event, (("user", ("a",)),)))
    (found,) = [v for v in engine.drain().violations if v.anchor == event.id]
    assert found.subject["last"] == last.replace(str(4 + gap), str(7 * (4 + gap)))


def test_a_key_whose_state_has_ended_is_gone():
    engine = Engine(FORGETFUL)
    engine.apply(Keyed(login(1), (("user", ("a",)),)))
    engine.drain()
    for observed, left in ((4000 + 300 + 400, 1), (4000 + 300 + 600, 0)):
        engine.apply(Progress(part=0, parts=1, observed=BASE + observed * S))
        engine.drain()
        engine.trim()
        assert len(engine.keys) == left


def test_deadlines_of_a_trimmed_state_are_fired_once_and_end_the_key():
    engine = Engine(RULES)
    take(engine, login(7))
    engine.drain()
    engine.apply(Progress(part=0, parts=1, observed=BASE + 4200 * S + 300 * S))
    engine.drain()
    engine.trim()
    assert [keyed.base.deadline for keyed in engine.keys.values()] == [BASE + 3607 * S]
    engine.apply(Progress(part=0, parts=1, observed=BASE + 9000 * S))
    engine.drain()
    engine.trim()
    engine.trim()
    assert not engine.keys or not any(keyed.orders or keyed.base != Last() for keyed in engine.keys.values())
