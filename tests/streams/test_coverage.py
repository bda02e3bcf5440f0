"""Coverage: minutes heard do not depend on order, batches or restarts; what is said of a clause follows from them."""

import random
from types import SimpleNamespace

import pytest

from detectors.kit.engine import Batch, Gap, Parked
from schemas import coverage, instant
from schemas.context import Source
from schemas.coverage import About, Coverage
from streams.coverage import assessed, month, unjudged
from streams.heard import KEPT, Heard

HOUR = instant.parse("2026-03-02T09:00:00+08:00")
SOURCES = {name: Source(source=name, feed="linux") for name in ("a", "b")}
EVERY = (1 << 60) - 1


def minutes(rows):
    """Of the last row of each source and hour."""
    return {(row.name, row.hour): row.minutes for row in rows}


def test_a_source_is_heard_in_the_minutes_of_a_sign_and_of_30_seconds_after_it():
    heard = Heard(SOURCES)
    heard.hear("a", HOUR + 29 * instant.SECOND)
    heard.hear("a", HOUR + 3 * instant.MINUTE + 30 * instant.SECOND)
    heard.hear("a", HOUR + instant.HOUR - 1)
    heard.hear("stranger", HOUR)
    assert minutes(heard.drain()[0]) == {("a", HOUR): 1 | 1 << 3 | 1 << 4 | 1 << 59, ("a", HOUR + instant.HOUR): 1}
    assert heard.drain() == ([], [])


@pytest.mark.parametrize("seed", range(5))
def test_minutes_do_not_depend_on_order_batches_copies_or_restarts(seed):
    chance = random.Random(seed)
    signs = [(chance.choice("ab"), HOUR + chance.randrange(8 * instant.HOUR)) for _ in range(400)]
    ordered = Heard(SOURCES)
    for sign in signs:
        ordered.hear(*sign)
    expected = minutes(ordered.drain()[0])
    found, kept = {}, {}
    shuffled = chance.sample(signs, len(signs)) + signs[:50]
    while shuffled:
        heard = Heard(SOURCES)
        heard.restore(kept.items())
        size = chance.randint(1, 60)
        for sign in shuffled[:size]:
            heard.hear(*sign)
        del shuffled[:size]
        rows, state = heard.drain()
        assert all(row.minutes & found.get((row.name, row.hour), 0) == found.get((row.name, row.hour), 0) for row in rows)
        found |= minutes(rows)
        kept |= dict(state)
    assert found == expected


def test_state_is_bounded_and_an_implausible_time_takes_no_room_from_the_others():
    heard, kept = Heard(SOURCES), {}
    heard.hear("a", HOUR + 10_000 * instant.DAY)
    for hour in range(100):
        heard.hear("a", HOUR + hour * instant.HOUR)
        heard.hear("a", HOUR + hour * instant.HOUR + 30 * instant.MINUTE)
        rows, state = heard.drain()
        assert minutes(rows)["a", HOUR + hour * instant.HOUR] == 1 | 1 << 30
        kept |= dict(state)
    assert len([name for name, value in kept.items() if value is not None]) == KEPT
    heard.hear("a", HOUR)
    assert heard.drain()[0] == []  # too old to grow


def test_a_source_that_is_never_heard_has_rows_too_as_time_passes():
    owned = [Heard(SOURCES, part=part, parts=2) for part in range(2)]
    for heard in owned:
        for at in (HOUR + 1, HOUR, HOUR + instant.HOUR - 1, HOUR + 3 * instant.HOUR):
            heard.pass_to(at)
    rows = [row for heard in owned for row in heard.drain()[0]]
    assert sorted((row.name, row.hour, row.minutes) for row in rows) == [
        (name, hour, 0) for name in SOURCES for hour in (HOUR, HOUR + 3 * instant.HOUR)
    ]


def test_what_was_not_judged_says_of_whom_why_and_when():
    batch = Batch(
        late=[("x/one", SimpleNamespace(t=HOUR + 61 * instant.SECOND)), ("x/two", SimpleNamespace(t=HOUR))],
        parked=[Parked(rule="y/one", key=(), event_id="e", t=HOUR, error="")],
        gaps=[Gap(rule="x/one", key=(), since=HOUR - instant.MINUTE, until=HOUR + 59 * instant.MINUTE, count=2, reason="many")],
    )  # fmt: skip
    found = {(row.name, row.reason, row.hour): row.minutes for row in unjudged(batch, part=1, parts=2)}
    assert found == {
        ("x", "late", HOUR): 3, ("y", "fold_crashed", HOUR): 1, ("x", "many", HOUR): EVERY, ("x", "many", HOUR - instant.HOUR): 1 << 59,
    }  # fmt: skip


def test_truth_is_the_least_of_all_partitions_in_whole_minutes():
    at = [HOUR, HOUR + 90 * instant.MINUTE + 59 * instant.SECOND]
    rows = [coverage.judged(t, part=part, parts=2) for part, t in enumerate(at)]
    assert coverage.truth(rows) == HOUR
    assert coverage.truth(rows[1:]) == 0, "a partition that nobody owns has judged nothing"
    assert coverage.truth([coverage.judged(at[1], part=0, parts=1)]) == HOUR + 90 * instant.MINUTE
    assert coverage.truth([]) == 0
    after = [coverage.judged(HOUR + 5 * instant.MINUTE, part=0, parts=1), coverage.judged(HOUR, part=1, parts=2)]
    assert coverage.truth(after) == HOUR + 5 * instant.MINUTE, "after a migration to fewer partitions the others are history"
    assert coverage.truth([after[1], coverage.judged(HOUR + instant.MINUTE, part=0, parts=3)]) == 0, "to more: all must have begun"
    assert coverage.judged(instant.MINUTE - 1, part=0, parts=1) is None


# ---- what is said of a clause


def detector(name="d", feeds=("host_auth",), requires=(), clauses=("C",)):
    return SimpleNamespace(id=name, detector=SimpleNamespace(feeds=feeds, requires=requires, clauses=clauses))


def row(bits=EVERY, hour=0, feed="linux", name="a", about=About.HEARD, **more):
    return Coverage(about=about, name=name, feed=feed, hour=HOUR + hour * instant.HOUR, minutes=bits, **more)


def said(*rows, detectors=None, span=2 * instant.HOUR):
    return assessed(rows, detectors or [detector()], HOUR, HOUR + span).get("C")


@pytest.fixture(autouse=True)
def feeds(monkeypatch):
    known = {"linux": SimpleNamespace(kinds=("host_auth",)), "panos": SimpleNamespace(kinds=("firewall",))}
    monkeypatch.setattr("streams.coverage.registry.load", lambda: known)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((row(), row(hour=1)), "monitored"),
        ((row(),), "degraded"),
        ((row(1),), "degraded"),
        ((row(1, about=About.UNJUDGED, name="d", reason="late"), row(hour=2)), None),
        ((row(EVERY ^ 0b11111), row(hour=1)), "monitored"),  # five minutes are tolerated
        ((row(EVERY ^ 0b111111), row(hour=1)), "degraded"),
        ((row(0b1111 << 56, part=1), row(EVERY >> 4), row(hour=1)), "monitored"),  # rows add up
        ((row(EVERY >> 30), row(EVERY ^ EVERY >> 30, name="b"), row(hour=1)), "degraded"),  # sources do not
        ((row(feed="panos"), row(hour=1)), "degraded"),
        ((row(feed="gone"), row(hour=1)), "degraded"),
        ((row(hour=-1), row(hour=2)), None),
        ((row(), row(hour=1), row(1, about=About.UNJUDGED, name="d", reason="late")), "degraded"),
        ((row(), row(hour=1), row(1, about=About.UNJUDGED, name="other", reason="late")), "monitored"),
    ],
)
def test_what_is_said_of_a_clause(rows, expected):
    assert said(*rows) == expected


def test_without_a_feed_that_it_requires_a_clause_is_watched_in_part():
    needing = [detector(requires=("firewall",))]
    assert said(row(), row(hour=1), detectors=needing) == "degraded"
    assert said(*(row(hour=n, feed=feed, name=feed) for n in (0, 1) for feed in ("linux", "panos")), detectors=needing) == "monitored"


def test_a_clause_whose_sources_are_never_heard_has_lost_them_and_one_without_sources_is_not_assessed():
    assert said(row(0), row(0, hour=1)) == "blind"
    assert said(row(feed="panos"), row(hour=1, feed="panos")) is None
    assert said() is None


def test_a_clause_of_two_detectors_is_watched_throughout_only_by_both():
    both = [detector(), detector("e", ("firewall",))]
    whole = [row(), row(hour=1)]
    assert said(*whole, row(name="b", feed="panos"), row(name="b", feed="panos", hour=1), detectors=both) == "monitored"
    assert said(*whole, detectors=both) == "degraded"
    assert said(row(0), row(0, name="b", feed="panos"), detectors=both) == "blind"


def test_of_an_hour_that_has_not_ended_the_minutes_count_that_have_been_judged():
    assert said(row(), row((1 << 30) - 1, hour=1), span=90 * instant.MINUTE) == "monitored"
    assert said(row(), row((1 << 24) - 1, hour=1), span=90 * instant.MINUTE) == "degraded"
    assert said(row(), span=0) is None


def test_a_month_is_cut_in_its_zone():
    assert month("2026-12", "Asia/Taipei") == (instant.parse("2026-11-30T16:00:00Z"), instant.parse("2026-12-31T16:00:00Z"))
    for text in ("2026-13", "2026-1", "march"):
        with pytest.raises(ValueError, match="is no month"):
            month(text)
