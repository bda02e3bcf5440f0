"""Truth time of a replay, and that nothing found is forgotten when time leaps."""

import msgspec
import pytest

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import Source
from schemas.violation import final
from streams.embedded import Embedded, file_of
from streams.recording import Recording
from streams.replay import judge
from streams.stage import EVERYTHING, Heartbeat, NormalizeStage, Raw

RULESET = Ruleset(registry.load().values())
SOURCES = {"linux@web": Source(source="linux@web", feed="linux")}
NINE = instant.parse("2026-03-02T09:00:00Z")


def lines(*texts: str, at: int = NINE) -> list[Raw]:
    """Lines of a log, a second apart, seen when they were written."""
    found = []
    for number, text in enumerate(texts):
        t = at + number * instant.SECOND
        found.append(Raw("linux@web", "linux", f"{instant.text(t)} web {text}".encode(), t, 0, number))
    return found


GUESSES = [f"sshd[7]: Failed password for root from 10.0.0.9 port 4100{n} ssh2" for n in range(3)]


def test_truth_time_is_the_largest_observed_time_of_a_record_not_of_a_summary():
    assert judge(Recording(sources=SOURCES, raws=lines(*GUESSES)), RULESET).truth_time == NINE + 2 * instant.SECOND


def test_truth_time_counts_records_that_no_fold_asks_for():
    recording = Recording(sources=SOURCES, raws=lines("foo[1]: hello", "foo[1]: world"))
    assert judge(recording, RULESET).truth_time == NINE + 1 * instant.SECOND


def test_a_leap_of_weeks_within_one_batch_loses_no_finding(tmp_path):
    week = NINE + 7 * instant.DAY
    raws = [*lines(*GUESSES), *lines("foo[1]: hello", at=week)]
    runner = Embedded(file_of(tmp_path), RULESET, SOURCES)
    history = runner.take([*raws, Heartbeat(EVERYTHING, week)], {}, now=None)
    runner.close()
    found = [violation.canonical() for violation in final(history)]
    assert {violation["subtype"] for violation in found} == {"CONTROL_FAILURE", "ATTACK_SUSPECTED"}
    # Whether the replay trims depends on the minute at which time goes on: none may matter.
    for minute in range(10):
        later = lines("foo[1]: hello", at=week + minute * instant.MINUTE)
        replayed = judge(Recording(sources=SOURCES, raws=[*lines(*GUESSES), *later]), RULESET)
        assert [violation.canonical() for violation in replayed.final] == found


LONG_AGO, NEXT_YEAR = "1970-01-01T00:00:10Z", "2027-03-02T09:00:00Z"


@pytest.mark.parametrize("stamp", [LONG_AGO, NEXT_YEAR])
def test_among_few_bare_lines_one_of_another_year_is_a_dead_letter(stamp):
    strange = Raw("linux@web", "linux", f"{stamp} web sshd[7]: Failed password for root from 10.0.0.9 port 1 ssh2".encode(), line=9)
    bare = [msgspec.structs.replace(raw, o=None) for raw in lines(*GUESSES)]
    told = judge(Recording(sources=SOURCES, raws=[strange, *bare]), RULESET)
    assert [(dead.reason, dead.raw.line) for dead in told.dead] == [("implausible_time", 9)]
    assert told.truth_time == NINE + 2 * instant.SECOND
    assert told.final == judge(Recording(sources=SOURCES, raws=bare), RULESET).final


@pytest.mark.parametrize(("days", "dead"), [(1, 0), (30, 1)])
def test_among_many_bare_lines_a_lone_one_of_another_month_is_a_dead_letter(days, dead):
    strange = lines("foo[1]: hello", at=NINE + days * instant.DAY)
    bare = [msgspec.structs.replace(raw, o=None) for raw in (*lines(*["foo[1]: hello"] * 300), *strange)]
    told = judge(Recording(sources=SOURCES, raws=bare), RULESET)
    assert [letter.reason for letter in told.dead] == ["implausible_time"] * dead


def test_few_bare_lines_of_a_whole_year_are_all_plausible():
    weeks = [msgspec.structs.replace(raw, o=None) for n in range(0, 52, 8) for raw in lines("foo[1]: hello", at=NINE + n * 7 * instant.DAY)]
    assert judge(Recording(sources=SOURCES, raws=weeks), RULESET).dead == []


@pytest.mark.parametrize(("days", "dead"), [(400, []), (401, ["implausible_time"])])
def test_event_older_than_context_is_kept_is_a_dead_letter(days, dead):
    stage = NormalizeStage(RULESET, SOURCES)
    [old] = lines("foo[1]: hello", at=NINE - days * instant.DAY)
    stage.take(msgspec.structs.replace(old, o=NINE))
    assert [letter.reason for letter in stage.drain().dead] == dead


@pytest.mark.parametrize("stamp", [LONG_AGO, NEXT_YEAR])
def test_line_without_observed_time_is_measured_by_when_it_was_read(stamp):
    stage = NormalizeStage(RULESET, SOURCES)
    stage.take(Raw("linux@web", "linux", f"{stamp} web foo[1]: hello".encode()), read_by=NINE)
    assert [dead.reason for dead in stage.drain().dead] == ["implausible_time"]
