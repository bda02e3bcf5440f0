"""The contract of violation stores (``sinks/contract.py``): one suite, run over every store."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from prometheus_client import CollectorRegistry

from schemas import coverage, instant
from schemas.coverage import About, Coverage
from schemas.violation import Severity, State, Violation
from sinks.contract import Query, Store
from sinks.elasticsearch.store import ElasticsearchStore, Options
from sinks.sqlite import SqliteStore
from streams.clock import now
from tests.services.elasticsearch_node import ElasticsearchNode
from tests.sinks.violations import T0, violation

LATER = T0 + 40 * instant.DAY  # another month, another index
EVERYTHING = Query(states=(), limit=1000)


@dataclass
class Opened:
    """A store, and what makes it show in searches what was written (stores answer ``get`` at once)."""

    store: Store
    settle: Callable[[], object] = lambda: None

    def write(self, *batch: Violation) -> list[tuple[str, str]]:
        refused = self.store.write(batch)
        self.settle()
        return [(one.violation.id, one.reason) for one in refused]

    def ids(self, query: Query = EVERYTHING) -> list[str]:
        return [found.id for found in self.store.search(query)]

    def numbers(self, name: str) -> list[int]:
        return [transition.number for transition in self.store.history(name)]


@contextmanager
def in_sqlite(directory: Path) -> Iterator[Opened]:
    yield Opened(SqliteStore(directory / "violations.db"))


@contextmanager
def in_elasticsearch(node: ElasticsearchNode, prefix: str) -> Iterator[Opened]:
    # No lag: settle() makes everything searchable, and there is one clock.
    options = Options(prefix=prefix, replicas=0, reader_lag=0)
    with Elasticsearch(node.url) as client:
        store = ElasticsearchStore(client, now=now, registry=CollectorRegistry(), options=options)
        store.prepare()
        yield Opened(store, lambda: client.indices.refresh(index=f"{prefix}-*"))
        if made := list(client.indices.get(index=f"{prefix}-*")):
            client.indices.delete(index=made)


STORES = ["sqlite", pytest.param("elasticsearch", marks=pytest.mark.services)]


@pytest.fixture(params=STORES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    if request.param == "sqlite":
        place = in_sqlite(tmp_path)
    else:
        place = in_elasticsearch(request.getfixturevalue("elasticsearch"), request.getfixturevalue("index_prefix"))
    with place as opened:
        yield opened
        opened.store.close()


# Writing


def test_a_stored_violation_comes_back_whole(opened):
    full = violation(
        "v1",
        persons=("P001", "P002"),
        approval="CHG-1",
        exception="EX-1",
        reasons=("expired", "scope"),
        degraded_sources=("fw-1",),
        skew_ambiguous=True,
        supersedes="v0",
        superseded_by="v2",
        workflow="acknowledged",
        count=7,
        last_time=T0 + 1,
    )
    assert opened.write(full) == []
    assert opened.store.get("v1") == full
    assert opened.store.search(EVERYTHING) == [full]
    assert opened.store.history("v1") == [full.transition]


def test_a_violation_can_be_read_by_id_as_soon_as_it_is_written(opened):
    for number in range(1, 6):
        opened.store.write([violation("v1", number)])
        found = opened.store.get("v1")
        assert found is not None
        assert found.transition.number == number
        assert opened.numbers("v1") == list(range(1, number + 1))


def test_what_is_not_stored_is_not_found(opened):
    assert opened.store.get("nothing") is None
    assert opened.store.history("nothing") == []
    assert opened.store.search(EVERYTHING) == []
    assert opened.store.counts(EVERYTHING) == []
    assert opened.store.timeline(EVERYTHING, instant.HOUR) == []
    assert opened.write() == []
    opened.write(violation("v1"))
    assert opened.store.get("nothing") is None


def test_writing_again_changes_nothing(opened):
    batch = [violation("v1"), violation("v1", 2), violation("v2")]
    for _ in range(3):
        assert opened.write(*batch, *batch) == []
    assert sorted(opened.ids()) == ["v1", "v2"]
    assert opened.numbers("v1") == [1, 2]
    assert sum(row["count"] for row in opened.store.counts(EVERYTHING)) == 2
    assert sum(row["count"] for row in opened.store.timeline(EVERYTHING, instant.HOUR)) == 2


def test_an_older_number_never_replaces_a_newer_one(opened):
    newest = violation("v1", 3, state="retracted")
    opened.write(newest)
    assert opened.write(violation("v1", 1), violation("v1", 2)) == []
    assert opened.store.get("v1") == newest
    assert opened.numbers("v1") == [1, 2, 3]


def test_a_skipped_number_loses_nothing_but_its_line_in_the_history(opened):
    opened.write(violation("v1", 1))
    opened.write(violation("v1", 4))
    found = opened.store.get("v1")
    assert found is not None
    assert found.transition.number == 4
    assert opened.numbers("v1") == [1, 4]


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_writing_ends_in_the_same_store(opened, seed):
    random = Random(seed)
    all_documents = [violation(f"v{n}", number, last_time=T0 + n + number) for n in range(6) for number in range(1, 6)]
    shuffled = random.sample(all_documents, len(all_documents)) + random.choices(all_documents, k=20)
    while shuffled:
        size = random.randint(1, 9)
        assert opened.write(*shuffled[:size]) == []
        del shuffled[:size]
    for n in range(6):
        assert opened.store.get(f"v{n}") == violation(f"v{n}", 5, last_time=T0 + n + 5)
        assert opened.numbers(f"v{n}") == [1, 2, 3, 4, 5]
    assert sorted(opened.ids()) == [f"v{n}" for n in range(6)]


@pytest.mark.parametrize("newest", [2, 3])
def test_one_number_with_two_contents_is_refused_and_the_first_stays(opened, newest):
    first = violation("v1", 2)
    opened.write(violation("v1", 1), first, *([violation("v1", 3)] if newest == 3 else []))
    assert opened.write(violation("v1", 2, user_name="lin"), violation("v2")) == [("v1", "version_mismatch")]
    found = opened.store.get("v1")
    assert found is not None
    assert found.transition.number == newest
    assert found.user_name == "chen"
    assert opened.store.get("v2") == violation("v2")


def test_one_number_with_two_contents_in_one_batch_is_refused_once(opened):
    assert opened.write(violation("v1"), violation("v1", user_name="lin")) == [("v1", "version_mismatch")]
    assert opened.store.get("v1") == violation("v1")


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        ({"user_name": "\ud800"}, "unencodable"),
        ({"subject": {"user": "a\udfffb"}}, "unencodable"),
        ({"count": 2**64}, "unencodable"),
        ({"last_time": 10**18}, "unencodable"),
        ({"id": ""}, "bad_id"),
        ({"id": "x" * 600}, "bad_id"),
        ({"id": "\ud800"}, "unencodable"),
        ({"subject": {"user": "x" * (9 << 20)}}, "too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_document_that_cannot_be_stored_is_refused_and_the_rest_is_stored(opened, poison, reason):
    broken = violation("broken").model_copy(update=poison)
    assert opened.write(violation("before"), broken, violation("after")) == [(broken.id, reason)]
    assert sorted(opened.ids()) == ["after", "before"]
    assert opened.store.get(broken.id) is None


@pytest.mark.parametrize(
    "text",
    [
        "line\r\nX-Header: 1\n\n{}",
        "\x1b[31mred\x1b[0m",
        "\u202e\u2066evil\u2069",
        "nul\x00nul",
        "${jndi:ldap://x} '; DROP TABLE violation; --",
        '","state":"open',
        "公司\u0301 \U0001f600 \ufdd0",
        "x" * 40_000,
        "",
    ],
    ids=ascii,
)
def test_hostile_text_is_stored_as_it_is(opened, text):
    hostile = violation(
        "v1",
        subject={"user": text, "path": None},
        user_name=text,
        host_name=text,
        source_ip=text,
        persons=(text,),
        degraded_sources=(text, text),
        approval=text,
        evidence=({"event_id": text, "source": text, "time": T0, "values": {"got": text}, "original": text},),
        transition={"number": 1, "change": "opened", "state": "open", "time": T0, "cause": text},
    )
    assert opened.write(hostile) == []
    assert opened.store.get("v1") == hostile
    assert opened.store.search(EVERYTHING) == [hostile]
    assert opened.store.history("v1") == [hostile.transition]


def test_ids_are_compared_byte_by_byte(opened):
    names = ["a", "A", "a ", "a%2F", "a/b?c#d", "é", "e\u0301", "a\x00", "a\x00b", "_x", ".", "'", '"']
    assert opened.write(*(violation(name) for name in names)) == []
    assert opened.write(*(violation(name) for name in names)) == []
    assert sorted(opened.ids()) == sorted(names)
    for name in names:
        assert opened.store.get(name) == violation(name)
        assert opened.numbers(name) == [1]


# Asking


@pytest.fixture(params=STORES, scope="module")
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A store for tests that only ask."""
    if request.param == "sqlite":
        place = in_sqlite(tmp_path_factory.mktemp("filled"))
    else:
        place = in_elasticsearch(request.getfixturevalue("elasticsearch_server"), "filled")
    with place as opened:
        opened.write(
            violation("a", severity="low", last_time=T0),
            violation("b", severity="high", last_time=T0 + instant.MINUTE + 1, detector="firewall_change_unapproved"),
            violation("c", severity="critical", last_time=T0 + instant.HOUR, controls=("CC-18000.3.e", "CC-19000.1")),
            violation("d", severity="critical", last_time=T0 + instant.HOUR, state="retracted", controls=("CC-19000.1",)),
            violation("e", severity="medium", last_time=T0 + instant.DAY, state="withdrawn"),
            violation("f", severity="medium", last_time=T0 + instant.DAY, state="superseded", controls=()),
            violation("g", severity="medium", last_time=LATER, anchor_time=LATER, state="pending"),
        )
        yield opened
        opened.store.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), "gdcba"),
        (Query(states=()), "gfedcba"),
        (Query(states=(), limit=3), "gfe"),
        (Query(severities=(Severity.CRITICAL,)), "dc"),
        (Query(severities=(Severity.CRITICAL, Severity.LOW)), "dca"),
        (Query(states=(State.WITHDRAWN, State.SUPERSEDED)), "fe"),
        (Query(controls=("CC-19000.1",)), "dc"),
        (Query(controls=("CC-19000.1", "CC-18000.3.e")), "gdcba"),
        (Query(controls=("CC-19000",)), ""),
        (Query(detectors=("firewall_change_unapproved",)), "b"),
        (Query(since=T0 + 1), "gdcb"),
        (Query(since=T0 + instant.MINUTE + 1, until=T0 + instant.HOUR), "b"),
        (Query(since=T0 + instant.MINUTE + 2, until=T0 + instant.HOUR), ""),
        (Query(until=T0 + instant.HOUR + 1), "dcba"),
        (Query(severities=(Severity.CRITICAL,), states=(State.OPEN,), controls=("CC-18000.3.e",), since=T0), "c"),
    ],
)
def test_a_search_finds_what_matches_newest_first(filled, query, expected):
    assert "".join(filled.ids(query)) == expected


def tally(rows: list[dict[str, Any]], *names: str) -> dict[tuple[Any, ...], int]:
    return {tuple(row[name] for name in names): row["count"] for row in rows}


def test_counts_are_by_control_detector_severity_and_state(filled):
    assert tally(filled.store.counts(Query(states=(), limit=1)), "control", "detector", "severity", "state") == {
        ("", "repeated_failed_logins", "medium", "superseded"): 1,
        ("CC-18000.3.e", "firewall_change_unapproved", "high", "open"): 1,
        ("CC-18000.3.e", "repeated_failed_logins", "critical", "open"): 1,
        ("CC-18000.3.e", "repeated_failed_logins", "low", "open"): 1,
        ("CC-18000.3.e", "repeated_failed_logins", "medium", "pending"): 1,
        ("CC-18000.3.e", "repeated_failed_logins", "medium", "withdrawn"): 1,
        ("CC-19000.1", "repeated_failed_logins", "critical", "open"): 1,
        ("CC-19000.1", "repeated_failed_logins", "critical", "retracted"): 1,
    }


@pytest.mark.parametrize("since", [None, T0, T0 + 1, T0 + instant.MINUTE + 1, T0 + instant.MINUTE + 2])
@pytest.mark.parametrize("until", [None, T0 + 1, T0 + instant.MINUTE + 2, T0 + instant.HOUR, T0 + instant.HOUR + 1])
@pytest.mark.parametrize("controls", [(), ("CC-19000.1",)])
def test_counts_agree_with_the_search_at_every_bound(filled, since, until, controls):
    query = Query(since=since, until=until, controls=controls, limit=1000)
    expected: dict[tuple[Any, ...], int] = {}
    for found in filled.store.search(query):
        for control in found.controls:
            key = (control, found.severity.value)
            expected[key] = expected.get(key, 0) + 1
    counted: dict[tuple[Any, ...], int] = {}
    for row in filled.store.counts(query):
        key = (row["control"], row["severity"])
        counted[key] = counted.get(key, 0) + row["count"]
    assert counted == expected


def test_a_chart_counts_each_violation_once_in_its_step(filled):
    hour = T0 - T0 % instant.HOUR
    rows = filled.store.timeline(Query(until=T0 + instant.DAY), instant.HOUR)
    assert [tuple(row.values()) for row in rows] == [
        (hour, "high", "open", 1),
        (hour, "low", "open", 1),
        (hour + instant.HOUR, "critical", "open", 1),
        (hour + instant.HOUR, "critical", "retracted", 1),
    ]
    assert len(filled.store.timeline(Query(since=T0 + instant.MINUTE + 30, until=T0 + instant.MINUTE + 31), instant.MINUTE)) == 1
    with pytest.raises(ValueError, match="whole number of minutes"):
        filled.store.timeline(Query(), instant.SECOND)


def test_counts_and_charts_follow_a_violation_that_changes(opened):
    opened.write(violation("v1", 1, severity="low"), violation("v2", 1, severity="low"))
    opened.write(violation("v1", 2, severity="high", last_time=T0 + instant.DAY))
    opened.write(violation("v1", 3, severity="high", last_time=T0 + instant.DAY, state="retracted"))
    assert tally(opened.store.counts(EVERYTHING), "severity", "state") == {("low", "open"): 1, ("high", "retracted"): 1}
    rows = opened.store.timeline(EVERYTHING, instant.DAY)
    assert tally(rows, "severity", "state") == {("low", "open"): 1, ("high", "retracted"): 1}
    assert rows[1]["time"] - rows[0]["time"] == instant.DAY


# Following


def test_changes_bring_each_written_document_once_and_then_nothing(opened):
    opened.write(*(violation(f"v{n}") for n in range(7)))
    seen: list[str] = []
    cursor = 0
    while True:
        documents, next_cursor = opened.store.changes(cursor, 3)
        assert len(documents) <= 3
        assert next_cursor >= cursor
        if not documents:
            break
        seen += [document.id for document in documents]
        cursor = next_cursor
    assert seen == [f"v{n}" for n in range(7)]
    assert next_cursor == cursor


def test_changes_bring_a_document_again_when_it_was_written_again(opened):
    start = opened.store.newest()
    opened.write(violation("v1"), violation("v2"))
    _, cursor = opened.store.changes(start, 10)
    opened.write(violation("v1", 2), violation("v2", 1))
    documents, after = opened.store.changes(cursor, 10)
    assert [(document.id, document.transition.number) for document in documents] == [("v1", 2)]
    assert [document.id for document in opened.store.changes(start, 10)[0]] == ["v2", "v1"]
    assert opened.store.changes(after, 10) == ([], after)


def test_the_newest_cursor_leaves_out_what_is_already_there(opened):
    opened.write(violation("v1"))
    cursor = opened.store.newest()
    assert opened.store.changes(cursor, 10)[0] == []
    opened.write(violation("v2"))
    assert [document.id for document in opened.store.changes(cursor, 10)[0]] == ["v2"]


def test_an_old_number_that_comes_late_is_no_change(opened):
    opened.write(violation("v1", 2))
    cursor = opened.store.changes(0, 10)[1]
    opened.write(violation("v1", 1))
    assert opened.store.changes(cursor, 10)[0] == []


def test_a_store_that_answers_is_ready(opened):
    assert opened.store.ready()


# Coverage

HOUR = T0 - T0 % instant.HOUR


def heard(minutes: int, hour: int = HOUR, **fields: Any) -> Coverage:
    return Coverage(**{"about": About.HEARD, "name": "fw-1", "feed": "panos", "hour": hour, "minutes": minutes, **fields})


def cover(opened: Opened, *rows: Coverage) -> None:
    opened.store.cover(rows)
    opened.settle()


def test_coverage_is_what_was_written_whatever_the_order_and_however_often(opened):
    growing = [heard((1 << n) - 1, part=2, parts=4) for n in range(1, 61)]
    holes = [
        Coverage(about=About.UNJUDGED, name="log_source_silent", reason="late", hour=HOUR, minutes=bits) for bits in (1, 1 << 59, 6)
    ]
    rows = [*growing, *holes, heard(1, name="f\u00fc|r'\"; --"), heard(1, part=3, parts=4)]
    random = Random(1)
    for _ in range(3):
        shuffled = random.sample(rows, len(rows)) + random.choices(rows, k=20)
        while shuffled:
            cover(opened, *shuffled[:9])
            del shuffled[:9]
    found = opened.store.coverage(HOUR, HOUR + 1)
    assert sorted(found, key=repr) == sorted([growing[-1], *holes, *rows[-2:]], key=repr)


def test_coverage_is_asked_by_the_hour_over_months(opened):
    hours = [HOUR, HOUR + instant.HOUR, LATER - LATER % instant.HOUR]
    cover(opened, *(heard(1, hour) for hour in hours), coverage.judged(LATER, part=0, parts=1))
    assert [row.hour for row in opened.store.coverage(0, 2 * LATER)] == hours
    assert [row.hour for row in opened.store.coverage(hours[0], hours[1])] == hours[:1]
    assert [row.hour for row in opened.store.coverage(hours[0] + 1, hours[2])] == hours[1:2]
    assert opened.store.coverage(hours[2] + 1, 2 * LATER) == []


def test_how_far_has_been_judged_is_the_newest_row_of_each_partition(opened):
    assert list(opened.store.judged()) == []
    for reached in ((T0, T0 + 90 * instant.MINUTE), (LATER, T0)):
        cover(opened, *(coverage.judged(t, part=part, parts=2) for part, t in enumerate(reached)))
        assert coverage.truth(opened.store.judged()) == T0 + (reached[0] == LATER) * 90 * instant.MINUTE
    assert [row.part for row in opened.store.judged()] == [0, 1]
