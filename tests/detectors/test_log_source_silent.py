"""Silent sources: hours, zones, downtimes, collectors, absence, and that arrival does not matter."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kit import calendar
from detectors.log_source_silent import detector
from schemas import identity, instant
from schemas.context import Expected
from schemas.event import Activity, SecurityEvent
from tests.detectors.harness import NoContext, at, bare, judged, stated
from tests.detectors.harness import brief as shown

ID = "log_source_silent"
MINUTE, HOUR, DAY = 60, 3600, 86_400  # the base is Monday 2026-03-02 09:00 in Taipei
TEN = [{"every": "PT10M"}]
TRADING = [{"every": "PT10M", "days": ["mon", "tue", "wed", "thu", "fri"], "hours": "09:00-13:30"}]


def pulse(seconds, source="fw-1", collector=""):
    t = at(seconds)
    return SecurityEvent(
        id=identity.digest((source, "summary", str(t))), t=t, o=t + 10 * instant.SECOND, feed="summary", source=source,
        activity=Activity.SOURCE_SUMMARY, action="summary", observer=collector,
    )


def source(name="fw-1", *, expected=TEN, zone="Asia/Taipei", **more):
    return stated("sources", source=name, feed="panos", zone=zone, expected=expected, **more)


def found(events, *context, to=None):
    return [(subtype, part) for subtype, (_, part) in shown(judged(ID, events, context, to=to))]


def beats(start, end, step=60, **more):
    return [pulse(s, **more) for s in range(start, end, step)]


def test_silence_longer_than_expected_is_found_at_its_deadline():
    assert found([pulse(0)], source(), to=609) == []
    [violation] = judged(ID, [pulse(0)], [source()], to=610)
    assert (violation.subtype, violation.subject) == ("SILENT", {"source": "fw-1"})
    assert (violation.first_time, violation.last_time, violation.settle_at) == (at(0), at(610), at(610))
    assert violation.controls == ("CC-17010.i.c",)


def test_a_record_at_the_deadline_is_in_time():
    assert found([pulse(0), pulse(610)], source(), to=700) == []
    assert found([pulse(0), pulse(620)], source(), to=700) == [("SILENT", "fw-1")]


def test_silence_stays_after_the_source_speaks_again_with_its_duration():
    [violation] = judged(ID, [pulse(0), pulse(HOUR), pulse(HOUR + 300)], [source()], to=HOUR + 400)
    assert (violation.first_time, violation.last_time) == (at(0), at(HOUR))


def test_two_silences_are_two_findings():
    assert found([pulse(0), pulse(HOUR), pulse(2 * HOUR)], source(), to=2 * HOUR + 60) == [("SILENT", "fw-1")] * 2


def test_a_source_without_expected_rate_is_never_silent():
    assert found([pulse(0)], source(expected=[]), to=9 * DAY) == []
    assert found([pulse(0)], to=9 * DAY) == []


def test_named_clauses_are_cited():
    [violation] = judged(ID, [pulse(0)], [source(clauses=["CC-17010.b.a", "CC-17010.b.c"])], to=HOUR)
    assert violation.controls == ("CC-17010.b.a", "CC-17010.b.c")


def test_outside_expected_hours_nothing_is_missed():
    friday = 4 * DAY
    trading = source(expected=TRADING)
    assert found([pulse(friday + 4 * HOUR + 29 * MINUTE)], trading, to=7 * DAY) == []  # Monday 09:00 sharp
    assert found([pulse(friday + 4 * HOUR + 29 * MINUTE)], trading, to=7 * DAY + 599) == []
    assert found([pulse(friday + 4 * HOUR + 29 * MINUTE)], trading, to=7 * DAY + 600) == [("SILENT", "fw-1")]


def test_hours_are_those_of_the_sources_zone():
    utc = source(expected=TRADING, zone="UTC")
    assert found([pulse(0)], utc, to=7 * HOUR) == []  # 01:00 to 08:00 UTC: not yet open
    assert found([pulse(0)], utc, to=8 * HOUR + 600) == [("SILENT", "fw-1")]


def test_hours_over_midnight():
    nightly = source(expected=[{"every": "PT30M", "hours": "22:00-06:00"}])
    assert found([pulse(0)], nightly, to=13 * HOUR + 29 * MINUTE) == []
    assert found([pulse(0)], nightly, to=13 * HOUR + 30 * MINUTE) == [("SILENT", "fw-1")]


def test_once_a_day_within_short_hours():
    daily = source(expected=[{"every": "P1D", "hours": "09:00-17:00"}])
    assert found([pulse(HOUR)], daily, to=DAY + HOUR + 9) == []
    assert found([pulse(HOUR)], daily, to=DAY + 8 * HOUR) == [("SILENT", "fw-1")]


@pytest.mark.parametrize("whose", ["fw-1", "*"])
def test_downtime_and_holidays_excuse(whose):
    window = {"from": "2026-03-02T09:05:00+08:00", "to": "2026-03-02T11:00:00+08:00"}
    down = stated("downtimes", source=whose, reason="maintenance", **window)
    assert found([pulse(0)], source(), down, to=2 * HOUR + 599) == []
    assert found([pulse(0)], source(), down, to=2 * HOUR + 600) == [("SILENT", "fw-1")]


def test_downtime_of_another_source_excuses_nothing():
    window = {"from": "2026-03-02T09:05:00+08:00", "to": "2026-03-02T11:00:00+08:00"}
    assert found([pulse(0)], source(), stated("downtimes", source="fw-2", **window), to=HOUR) == [("SILENT", "fw-1")]


def test_a_source_taken_out_of_service_is_not_silent():
    assert found([pulse(0)], source(to="2026-03-02T09:08:00+08:00"), to=DAY) == []


def test_a_core_source_absent_for_a_day():
    assert found([pulse(0)], source(core=True), to=DAY) == [("SILENT", "fw-1")]
    assert found([pulse(0)], source(core=True), to=DAY + 10) == [("ABSENT", "fw-1"), ("SILENT", "fw-1")]
    assert found([pulse(0)], source(core=True, expected=[]), to=2 * DAY) == [("ABSENT", "fw-1")]
    assert found([pulse(0)], source(), to=2 * DAY) == [("SILENT", "fw-1")]


def test_a_core_source_that_is_closed_at_weekends_is_not_absent_on_sunday():
    core = source(core=True, expected=TRADING)
    friday = beats(4 * DAY, 4 * DAY + 4 * HOUR + 30 * MINUTE)
    assert found(friday, core, to=7 * DAY + 300) == []
    assert found(friday, core, to=7 * DAY + 5 * HOUR) == [("ABSENT", "fw-1"), ("SILENT", "fw-1")]


# ---------------------------------------------------------------------------------------------- collectors


def behind(*names, collector="rsyslog-1", **more):
    return [source(name, collector=collector, **more) for name in names]


def test_a_silent_collector_is_one_finding_without_children():
    events = [*beats(0, 600, source="a", collector="rsyslog-1"), *beats(20, 600, source="b", collector="rsyslog-1")]
    assert found(events, *behind("a", "b"), to=HOUR) == [("COLLECTOR_SILENT", "rsyslog-1")]
    [violation] = judged(ID, [*events, pulse(HOUR, "b", "rsyslog-1")], behind("a", "b"), to=HOUR + 300)
    assert (violation.first_time, violation.last_time) == (at(560), at(HOUR))


def test_one_silent_source_behind_a_living_collector_is_silent_alone():
    events = [*beats(0, 600, source="a", collector="rsyslog-1"), *beats(20, 3600, source="b", collector="rsyslog-1")]
    assert found(events, *behind("a", "b"), to=HOUR) == [("SILENT", "a")]


def test_a_source_that_stays_silent_after_its_collector_came_back():
    events = [pulse(0, "a", "rsyslog-1"), pulse(0, "b", "rsyslog-1"), *beats(HOUR, 2 * HOUR, source="b", collector="rsyslog-1")]
    assert found(events, *behind("a", "b"), to=HOUR + 599) == [("COLLECTOR_SILENT", "rsyslog-1")]
    assert found(events, *behind("a", "b"), to=2 * HOUR) == [("COLLECTOR_SILENT", "rsyslog-1"), ("SILENT", "a")]


def test_with_a_slower_neighbour_judgement_waits_for_its_deadline():
    slow = source("slow", collector="rsyslog-1", expected=[{"every": "PT40M"}])
    events = [pulse(0, "a", "rsyslog-1"), pulse(0, "slow", "rsyslog-1")]
    assert found(events, *behind("a"), slow, to=30 * MINUTE) == []
    assert found(events, *behind("a"), slow, to=41 * MINUTE) == [("COLLECTOR_SILENT", "rsyslog-1")]
    alive = pulse(30 * MINUTE, "slow", "rsyslog-1")
    assert found([*events, alive], *behind("a"), slow, to=30 * MINUTE) == [("SILENT", "a")]
    back = pulse(30 * MINUTE, "a", "rsyslog-1")
    assert found([*events, back], *behind("a"), slow, to=35 * MINUTE) == [("SILENT", "a")]


def test_a_source_that_is_not_expected_now_does_not_speak_for_its_collector():
    night = source("night", collector="rsyslog-1", expected=[{"every": "PT10M", "hours": "22:00-06:00"}])
    events = [pulse(0, "a", "rsyslog-1"), pulse(0, "b", "rsyslog-1"), pulse(0, "night", "rsyslog-1")]
    assert found(events, *behind("a", "b"), night, to=HOUR) == [("COLLECTOR_SILENT", "rsyslog-1")]


def test_a_collector_with_one_source_is_that_source():
    assert found([pulse(0, "a", "rsyslog-1")], *behind("a"), to=HOUR) == [("SILENT", "a")]


def test_a_source_never_heard_is_missed_from_its_collectors_first_record_on():
    events = beats(0, 3600, source="a", collector="rsyslog-1")
    assert found(events, *behind("a", "b"), to=595) == []
    [violation] = judged(ID, events, behind("a", "b"), to=3600)
    assert (violation.subject, violation.evidence[0].values["last_heard"]) == ({"source": "b"}, "never")


# ---------------------------------------------------------------------------------------------- properties


@given(st.lists(st.tuples(st.integers(0, 600), st.sampled_from("abc")), min_size=1, max_size=40), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_any_arrival_gives_the_same_final_set(times, seed):
    events = [pulse(n * 10, name, "rsyslog-1") for n, name in times]
    context = [*behind("a", "b"), source("c", collector="rsyslog-1", expected=[{"every": "PT3M"}])]
    shuffled = events * 2
    random.Random(seed).shuffle(shuffled)
    one, other = (judged(ID, given, context, to=2 * HOUR) for given in (shuffled, sorted(events, key=lambda e: e.order)))
    assert [v.canonical() for v in one] == [v.canonical() for v in other]


@given(st.lists(st.integers(0, 400), min_size=1, max_size=40, unique=True))
@settings(max_examples=100, deadline=None)
def test_a_lone_source_is_silent_once_for_each_gap(buckets):
    seconds = sorted(n * 10 for n in buckets)
    gaps = sum(later - (earlier + 10) > 600 for earlier, later in zip(seconds, [*seconds[1:], 10**6], strict=True))
    assert len(found([pulse(s) for s in seconds], source(), to=10**6)) == gaps


HOURS = st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda pair: pair[0] < pair[1])


@given(HOURS, st.integers(1, 30), st.integers(0, 14 * 24 * 60))
@settings(max_examples=200, deadline=None)
def test_due_is_the_first_minute_that_breaks_the_rule(hours, every, start):
    begin, end = hours
    expected = Expected(every=f"PT{every}M", days=("mon", "wed"), hours=f"{begin:02}:00-{end:02}:00")
    local = calendar.zone("Asia/Taipei")
    since = at(start * MINUTE)
    due = calendar.due(expected, local, since, ())
    minute = since
    while True:  # slowly, minute by minute: open for `every` and silent for `every`
        minute += instant.MINUTE
        then = instant.to_datetime(minute - 1, local)
        opened = instant.from_datetime(then.replace(hour=begin, minute=0, second=0, microsecond=0))
        if then.weekday() in (0, 2) and begin <= then.hour < end and minute - max(opened, since) >= every * instant.MINUTE:
            break
    assert due == minute


def test_bare_fold_without_context_asks_again_and_finds_nothing():
    from_fold, facts = bare(detector.folds[0], [pulse(0)], to=at(9 * DAY), ctx=NoContext())
    assert (from_fold, facts) == ([], [])


