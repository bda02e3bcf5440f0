"""Filters, the store's answer and the live stream agree; pages follow each other without gap or repetition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from dashboards.paging import Place, every, older
from dashboards.web.filters import BadFilter, Filters, matches, within
from schemas import instant
from schemas.control import controls
from schemas.violation import Severity, State
from sinks.contract import Query
from sinks.sqlite import SqliteStore
from tests.dashboards import demo_data

CURRENT = {violation.id: violation for violation in demo_data.violations()}  # later documents replace earlier ones


def read(text: str) -> Filters:
    return Filters.read(QueryParams(text))


FILTERS = st.builds(
    Filters,
    severities=st.sets(st.sampled_from(Severity)).map(lambda s: tuple(word for word in Severity if word in s)),
    states=st.sets(st.sampled_from(State)).map(lambda s: tuple(word for word in State if word in s)),
    control=st.sampled_from(["", "CC-17000", "CC-17010.b", "CC-18000.3.e"]),
    detector=st.sampled_from(["", "repeated_failed_logins", "log_source_silent"]),
    span=st.sampled_from(["day", "month"]),
    before=st.none() | st.builds(Place, st.integers(0, 10**17), st.text("abcdef0123456789", min_size=1)),
)


@given(FILTERS)
def test_an_address_reads_back_as_the_filters_it_was_made_of(filters: Filters) -> None:
    assert read(filters.text(before=filters.before).removeprefix("?")) == filters


@given(filters=FILTERS)
def test_the_stream_shows_what_the_store_finds(filters: Filters) -> None:
    query = filters.query()
    shown = {violation.id for violation in CURRENT.values() if matches(violation, query)}
    asked_states = filters.states or Query().states
    expected = {
        violation.id
        for violation in CURRENT.values()
        if violation.state in asked_states
        and (not filters.severities or violation.severity in filters.severities)
        and (not filters.detector or violation.detector == filters.detector)
        and (not filters.control or set(violation.controls) & set(within(filters.control, controls())))
    }
    assert shown == expected


@pytest.mark.parametrize("text", ["", "severity=high", "control=CC-17010&state=excepted", "detector=log_source_silent&severity=high"])
def test_the_store_finds_what_the_stream_shows(store: SqliteStore, text: str) -> None:
    query = read(text).query(limit=1000)
    assert {v.id for v in store.search(query)} == {v.id for v in CURRENT.values() if matches(v, query)}


def test_a_section_means_its_clauses() -> None:
    found = within("CC-17000", controls())
    assert {"CC-17000", "CC-17010", "CC-17010.b", "CC-17010.b.e", "CC-17020.b.c"} <= set(found)
    assert "CC-18000.3.e" not in found


@pytest.mark.parametrize("text", ["severity=crit", "state=closed", "control=CC-1", "detector=a b", "span=year", "before=x"])
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(BadFilter):
        read(text)


def test_pages_follow_each_other_even_when_all_times_are_equal(empty: SqliteStore) -> None:
    for n in range(53):
        empty.write([demo_data.violation(n, demo_data.NOW + (n % 2) * instant.SECOND * (n > 40), "d", "S", Severity.LOW)])
    everything = [v.id for v in empty.search(Query(limit=1000))]
    seen: list[str] = []
    place = None
    while page := older(empty, Query(limit=7), place):
        seen += [v.id for v in page]
        place = Place(page[-1].last_time, page[-1].id)
    assert seen == everything
    assert [v.id for v in every(empty, Query(limit=1))] == everything
