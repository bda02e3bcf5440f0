"""Which clauses may be called watched, from what was heard of which source in which hour."""

from detectors.kit import registry
from schemas import instant
from streams.coverage import TOLERATED, Hour, assessed

SINCE = instant.parse("2026-03-01T00:00:00+08:00")
HOURS = 5
DETECTOR = registry.load()["firewall_change_unapproved"]
(CLAUSE, *_) = DETECTOR.detector.clauses


def hour(number, feed, silent=0):
    at = SINCE + number * instant.HOUR
    return Hour(at, feed, feed, at + instant.HOUR, silent)


def state(*heard, detectors=(DETECTOR,)):
    return assessed(heard, detectors, SINCE, SINCE + HOURS * instant.HOUR).get(CLAUSE)


def every(feed, silent=0, first=0):
    return [hour(number, feed, silent) for number in range(first, HOURS)]


def test_a_clause_is_watched_if_everything_it_needs_is_heard_in_every_hour():
    assert state(*every("panos"), *every("servicenow")) == "monitored"


def test_a_month_in_which_monitoring_began_is_watched_in_part():
    assert state(*every("panos", first=3), *every("servicenow", first=3)) == "degraded"


def test_without_a_feed_that_it_requires_a_clause_is_watched_in_part():
    assert DETECTOR.detector.requires
    assert state(*every("panos")) == "degraded"


def test_a_clause_whose_sources_are_never_heard_has_lost_them():
    assert state(*every("panos", silent=TOLERATED + 1), *every("servicenow")) == "blind"


def test_a_clause_without_a_source_that_shows_its_acts_is_not_assessed():
    assert state(*every("servicenow")) is None
    assert state() is None


def test_a_clause_of_two_detectors_is_watched_throughout_only_by_both():
    both = [loaded for loaded in registry.load().values() if CLAUSE in loaded.detector.clauses]
    assert {"firewall_change_unapproved", "self_approved_change"} <= {loaded.id for loaded in both}
    assert state(*every("panos"), *every("servicenow"), detectors=both) == "monitored"
    assert state(*every("servicenow"), detectors=both) == "degraded"
    assert state(*every("panos", silent=TOLERATED + 1), detectors=both) == "blind"
