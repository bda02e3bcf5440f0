"""Absence where nothing comes any more: a deadline fires with the first progress record that passes it, once, also after a restart."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kit import changelog, restoring
from detectors.kit.engine import Engine
from schemas.log import Progress, Stated
from schemas.violation import State
from streams.feeds.kit.contract import Unreadable
from streams.normalize import implausible
from tests.kit import shells, toys
from tests.kit.toys import BASE, S

QUIET = 60  # seconds after the last failure at which a finding of absence is due; it settles 20 s later


class Worker:
    """An engine that may be restarted from its changelog; what it has published."""

    def __init__(self):
        self.engine, self.stored, self.history = Engine(toys.RULES), {}, []

    def take(self, record):
        self.engine.apply(record)
        told = self.engine.drain().violations
        self.history += told
        self.stored |= dict(changelog.changes(self.engine))
        return [(violation.state, violation.transition.number) for violation in told if violation.subtype == "QUIET"]

    def passed(self, second):
        return self.take(Progress(part=0, parts=1, observed=BASE + second * S))

    def restart(self):
        self.engine = Engine(toys.RULES)
        restoring.restore(self.engine, [(name, value) for name, value in self.stored.items() if value is not None])


def idle():
    """A worker whose only source has failed once to log in, at second 0, and is silent since."""
    worker = Worker()
    worker.take(shells.logged(toys.RULES, toys.login(1, 0)))
    return worker


@pytest.mark.parametrize("restarted", [(), (1,), (1, 2), (1, 2, 3)])
def test_a_deadline_fires_with_the_first_progress_that_passes_it(restarted):
    worker = idle()
    for number, (second, due) in enumerate(((QUIET - 1, []), (QUIET, [(State.PENDING, 1)]), (QUIET + 20, [(State.OPEN, 2)])), 1):
        if number in restarted:
            worker.restart()
        assert worker.passed(second) == due
    worker.restart()
    assert worker.passed(100_000) == []


@given(st.lists(st.tuples(st.integers(1, 400), st.booleans(), st.booleans()), max_size=12))
@settings(max_examples=100, deadline=None)
def test_however_time_passes_it_is_one_finding(steps):
    """In leaps and steps, with restarts and trims between: pending at the first that reaches 60 s, open at that of 80 s."""
    worker, second = idle(), 0
    pending = opened = 0
    for pace, restart, trim in [*steps, (5000, False, False)]:
        second += pace
        if restart:
            worker.restart()
        told = worker.passed(second)
        if trim:
            worker.engine.trim()
            worker.stored |= dict(changelog.changes(worker.engine))
        pending += (State.PENDING, 1) in told
        opened += any(state is State.OPEN for state, _ in told)
        assert bool(pending or opened) == (second >= QUIET)
        assert bool(opened) == (second >= QUIET + 20)
    assert len({violation.id for violation in worker.history if violation.subtype == "QUIET"}) == 1
    assert opened == 1


def test_what_is_known_of_context_when_it_fires_is_as_of_its_time():
    """An account that begins at the very second is in time; one a second later is not."""
    for since, due in ((QUIET, []), (QUIET + 1, [(State.PENDING, 1)])):
        worker = idle()
        worker.take(Stated(toys.account("a", since, observed=0)))
        assert worker.passed(QUIET) == due


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(-86_400 * 365, 86_400 * 365)), min_size=1, max_size=10))
@settings(max_examples=100, deadline=None)
def test_a_partition_that_lies_about_time_hurries_and_holds_nobody(told):
    """Time passes with the slowest partition; none lets it go back; one source far ahead moves nothing."""
    engine = Engine(toys.RULES, raw_partitions=3)
    most = {}
    for part, second in told:
        engine.apply(Progress(part=part, parts=3, observed=BASE + second * S))
        most[part] = max(second, most.get(part, second))
        due = BASE + min(most.values()) * S if len(most) == 3 else 0
        assert engine.observed() == due


@given(st.sampled_from([-121, -120, 120, 121, -200, -201]) | st.integers(-400 * 86_400, 400 * 86_400))
@settings(max_examples=100, deadline=None)
def test_events_of_a_skewed_clock_neither_move_time_nor_count_beyond_the_tolerance(skew):
    """An event's own time says nothing of how far all others are; two minutes ahead is taken, more is told as implausible."""
    worker = Worker()
    event = toys.login(1, skew, delay=-skew)
    worker.take(shells.logged(toys.RULES, event))
    assert worker.engine.observed() == 0
    fates = worker.engine.counters
    assert fates["judged"] == (-120 <= -skew <= 200)
    assert fates["judged"] + fates["late"] == fates["routed"] == 1
    if skew > 120:
        with pytest.raises(Unreadable, match="is after observed time"):
            implausible(event.t, event.o)
