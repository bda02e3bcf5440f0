"""When a finding of absence is final: the feeds it waits for have passed its time, or the grace has; then it says who was behind."""

import pytest

from detectors.kit.contract import GRACE_MAX, Detector, Finding, Fold, FoldState, Keying, Step, evidence
from detectors.kit.engine import Engine
from detectors.kit.registry import Loaded, Ruleset
from schemas import instant
from schemas.event import Activity, SecurityEvent
from schemas.log import Keyed, Progress
from schemas.violation import Severity, State

S = instant.SECOND
BASE = 1_770_000_000 * S
SETTLES = BASE + 60 * S


def step(state, event, ctx):
    finding = Finding(
        subtype="ABSENT", anchor=event.id, anchor_time=event.t, subject={"user": event.user}, first_time=event.t,
        last_time=event.t, evidence=(evidence(event),), settle_at=SETTLES, awaits=("pam", "hr"),
    )
    return Step(state, (finding,))


FOLD = Fold(
    name="user", keying=Keying("user", lambda e: (e.user,)), activities=frozenset({Activity.LOGIN}), init=FoldState(), step=step
)  # fmt: skip
RULES = Ruleset([Loaded(
    id="toy", title="", doc="", version="1",
    detector=Detector(clauses=("CC-18000.3.e",), feeds=("idp",), severity=Severity.HIGH, folds=(FOLD,), subtypes=()),
)])  # fmt: skip


@pytest.fixture
def engine():
    engine = Engine(RULES)
    event = SecurityEvent(id="e", t=BASE, o=BASE, feed="x", source="s", activity=Activity.LOGIN, user="a")
    engine.apply(Keyed(event, (("user", ("a",)),)))
    (violation,) = engine.drain().violations
    assert violation.state is State.PENDING
    return engine


def passed(engine, observed, **watermarks):
    """What is published when time has passed to ``observed`` and each feed to its watermark."""
    engine.apply(Progress(part=0, parts=1, observed=observed, watermarks=watermarks))
    return [(v.state, v.degraded_sources) for v in engine.drain().violations]


def test_final_as_soon_as_every_feed_it_waits_for_has_passed(engine):
    assert passed(engine, SETTLES - 1, pam=SETTLES - 1, hr=SETTLES - 1) == []
    assert passed(engine, SETTLES, pam=SETTLES, hr=SETTLES) == [(State.OPEN, ())]


def test_pending_while_a_feed_is_behind_and_final_when_it_comes(engine):
    assert passed(engine, SETTLES + 5 * S, pam=SETTLES + 5 * S, hr=SETTLES - 1) == []
    assert passed(engine, SETTLES + GRACE_MAX - 1, pam=SETTLES + GRACE_MAX - 1, hr=SETTLES - 1) == []
    assert passed(engine, SETTLES + GRACE_MAX - 1, pam=SETTLES + GRACE_MAX - 1, hr=SETTLES) == [(State.OPEN, ())]


def test_after_the_grace_it_is_final_and_says_which_feed_was_behind(engine):
    assert passed(engine, SETTLES + GRACE_MAX - 1, pam=SETTLES - 1, hr=SETTLES - 1) == []
    assert passed(engine, SETTLES + GRACE_MAX, pam=SETTLES + GRACE_MAX, hr=SETTLES - 1) == [(State.OPEN, ("hr",))]


def test_a_feed_that_nobody_has_configured_holds_nothing_up(engine):
    assert passed(engine, SETTLES) == [(State.OPEN, ())]


def of_two(engine, part, observed, **watermarks):
    engine.apply(Progress(part=part, parts=2, observed=observed, watermarks=watermarks))
    return [(v.state, v.degraded_sources) for v in engine.drain().violations]


@pytest.fixture
def two():
    """An engine whose sources come through two raw partitions."""
    engine = Engine(RULES, raw_partitions=2)
    event = SecurityEvent(id="e", t=BASE, o=BASE, feed="x", source="s", activity=Activity.LOGIN, user="a")
    engine.apply(Keyed(event, (("user", ("a",)),)))
    engine.drain()
    return engine


def test_time_is_what_the_slowest_raw_partition_has_reached_and_unknown_until_all_have_told(two):
    assert of_two(two, 0, SETTLES + 10 * GRACE_MAX) == []
    assert two.observed() == 0
    assert of_two(two, 1, SETTLES - 1) == []
    assert two.observed() == SETTLES - 1
    assert of_two(two, 1, SETTLES) == [(State.OPEN, ())]


def test_a_feed_that_comes_through_several_raw_partitions_is_as_far_as_the_slowest_of_them(two):
    assert of_two(two, 0, SETTLES, pam=SETTLES, hr=SETTLES) == []
    assert of_two(two, 1, SETTLES, pam=SETTLES - 1) == []
    assert of_two(two, 0, SETTLES + S, pam=SETTLES + S, hr=SETTLES) == []
    assert of_two(two, 1, SETTLES + S, pam=SETTLES) == [(State.OPEN, ())]
