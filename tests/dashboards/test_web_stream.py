"""The live stream over a real connection: what comes, in which order, after which break."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from dashboards.web import stream
from schemas import instant
from schemas.violation import Change, Severity, State
from sinks.sqlite import SqliteStore
from tests.dashboards import demo_data
from tests.dashboards.conftest import Served, serve

Event = tuple[str, str | None, dict[str, Any]]


def fresh(n: int, **more: Any) -> Any:
    return demo_data.violation(5000 + n, demo_data.NOW + n * instant.SECOND, "repeated_failed_logins", "GUESSED", Severity.CRITICAL, **more)


@contextmanager
def listening(served: Served, query: str = "", **headers: str) -> Iterator[Iterator[Event]]:
    def events(lines: Iterator[str]) -> Iterator[Event]:
        fields: dict[str, str] = {}
        for line in lines:
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                yield fields["event"], fields.get("id"), json.loads(fields["data"])
                fields = {}
            else:
                fields = {}

    with httpx.stream("GET", f"{served.url}/events{query}", headers=headers, timeout=15) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events(answer.iter_lines())


def following(events: Iterator[Event], name: str) -> Event:
    return next(event for event in events if event[0] == name)


def test_a_new_violation_comes_within_a_second(served: Served) -> None:
    with listening(served) as events:
        assert next(events)[0] == "health"
        begin = time.monotonic()
        served.write(fresh(1))
        _, cursor, data = following(events, "rows")
        assert time.monotonic() - begin < 1
    assert [row["id"] for row in data["rows"]] == [fresh(1).id]
    assert cursor == str(served.store.newest())


def test_the_figures_follow(served: Served) -> None:
    with listening(served, "?lang=en") as events:
        before = following(events, "figures")[2]["tiles"][0]
        served.write(fresh(1))
        after = following(events, "figures")[2]["tiles"][0]
    assert (before["severity"], int(after["open"]) - int(before["open"])) == ("critical", 1)


def test_whoever_comes_back_misses_nothing(served: Served) -> None:
    with listening(served) as events:
        next(events)
        served.write(fresh(1))
        mark = following(events, "rows")[1]
    assert mark
    served.write(fresh(2))
    served.write(fresh(3))
    # The browser's header counts, not the mark in the address, which is that of the first connection.
    with listening(served, "?after=0", **{"Last-Event-ID": mark}) as events:
        assert [row["id"] for row in following(events, "rows")[2]["rows"]] == [fresh(2).id, fresh(3).id]


def test_a_row_that_leaves_the_filter_is_taken_away(served: Served) -> None:
    violation = fresh(1)
    with listening(served, "?state=open&severity=critical") as events:
        next(events)
        served.write(violation)
        assert following(events, "rows")[2]["rows"][0]["state"] == "open"
        served.write(demo_data.step(violation, Change.RETRACTED, State.RETRACTED, demo_data.NOW))
        assert following(events, "rows")[2]["rows"] == [{"id": violation.id, "gone": True}]


def test_long_absence_is_caught_up_in_batches(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BATCH", 10)
    everything = served.store.changes(0, 1000)[0]
    with listening(served, "?after=0&state=open,pending,excepted,retracted,superseded,withdrawn") as events:
        seen: list[str] = []
        while len(seen) < len(everything):
            batch = following(events, "rows")[2]["rows"]
            assert len(batch) <= 10
            seen += [row["id"] for row in batch]
    assert seen == [violation.id for violation in everything]


def test_a_quiet_stream_still_tells_the_health(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PULSE_S", 0.2)
    with listening(served) as events:
        assert [following(events, "health")[2]["verdict"] for _ in range(3)] == ["partly"] * 3


def test_a_write_that_changes_nothing_current_does_not_make_the_stream_spin(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    changes = SqliteStore.changes

    def counted(store: SqliteStore, after: int, limit: int) -> Any:
        nonlocal asked
        asked += 1
        return changes(store, after, limit)

    monkeypatch.setattr(SqliteStore, "changes", counted)
    violation = fresh(1)
    second = demo_data.step(violation, Change.CHANGED, State.OPEN, demo_data.NOW)
    with listening(served) as events:
        next(events)
        served.write(second)
        following(events, "rows")
        served.write(violation)  # an older number, only for the history: the newest cursor moves, the documents do not
        time.sleep(1.5)
    assert asked < 10


def test_streams_end_when_the_server_stops(served: Served) -> None:
    with listening(served) as events:
        next(events)
        begin = time.monotonic()
        served.stop()
        assert "rows" not in {event[0] for event in events}  # and it comes to its end
    assert time.monotonic() - begin < 2


def test_a_stream_ends_when_the_store_fails(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_store: SqliteStore, _after: int, _limit: int) -> Any:
        raise OSError("disk gone")

    with listening(served) as events:
        next(events)
        monkeypatch.setattr(SqliteStore, "changes", failing)
        served.write(fresh(1))
        list(events)  # comes to its end; a read that had begun before the failure may still bring the row
    assert served.application.state.hub.listeners == 0


def test_there_is_an_end_to_the_number_of_streams(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAMS", 1)
    with listening(served) as events:
        next(events)
        refused = httpx.get(f"{served.url}/events", timeout=5)
        assert refused.status_code == 503
        assert refused.headers["retry-after"]


def test_a_closed_page_gives_its_place_back(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PULSE_S", 0.1)
    served = serve(store)
    with listening(served) as events:
        next(events)
        assert served.application.state.hub.listeners == 1
    deadline = time.monotonic() + 5
    while served.application.state.hub.listeners and time.monotonic() < deadline:
        time.sleep(0.05)
    assert served.application.state.hub.listeners == 0
    served.stop()
