"""The Elasticsearch store against a real server that is killed, stopped, overloaded or away: compared by sets of ids."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random
from threading import Thread

import pytest
from elasticsearch import Elasticsearch
from prometheus_client import CollectorRegistry

from schemas.violation import Violation
from sinks.contract import Busy, Query
from sinks.elasticsearch.bulk import Size
from sinks.elasticsearch.store import ElasticsearchStore, Options
from sinks.retry import Patience
from streams.clock import now
from tests.services.elasticsearch_node import ElasticsearchNode
from tests.services.ports import free_port
from tests.services.server import wait_until
from tests.sinks.violations import violation

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]

EVERYTHING = Query(states=(), limit=100_000)
QUICK = Patience(deadline=3.0, base=0.05, cap=0.5)


@pytest.fixture
def store_on(index_prefix: str) -> Iterator[Callable[..., ElasticsearchStore]]:
    clients: list[Elasticsearch] = []
    registry = CollectorRegistry()

    def make(node: ElasticsearchNode, **options: object) -> ElasticsearchStore:
        clients.append(Elasticsearch(node.url))
        usual: dict[str, object] = {"prefix": index_prefix, "replicas": 0, "patience": QUICK}
        store = ElasticsearchStore(clients[-1], now=now, registry=registry, options=Options(**(usual | options)))
        store.prepare()
        return store

    yield make
    for client in clients:
        client.close()


def counter(store: ElasticsearchStore, name: str) -> Counter[str]:
    metric = getattr(store._metrics, name)
    return Counter({sample.labels["outcome"]: int(sample.value) for sample in metric.collect()[0].samples if sample.name.endswith("total")})


class Lane(Thread):
    """A caller as it should be: goes on to the next batch only when the store has taken this one."""

    def __init__(self, store: ElasticsearchStore, documents: Sequence[Violation], size: int = 50) -> None:
        super().__init__()
        self.store = store
        self.batches = [documents[at : at + size] for at in range(0, len(documents), size)]
        self.done = 0
        self.busy = 0
        self.refused: set[str] = set()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for batch in self.batches:
                while True:
                    try:
                        refused = self.store.write(batch)
                    except Busy:
                        self.busy += 1
                        time.sleep(0.05)
                    else:
                        break
                self.refused |= {one.violation.id for one in refused}
                self.done += 1
        except BaseException as error:  # noqa: BLE001 - judged by the test's own thread
            self.error = error


def planted(lane: int, count: int) -> tuple[list[Violation], set[str], set[str]]:
    """Documents of two transitions each with redelivered ones and poison in between; the ids to store and to refuse."""
    random = Random(lane)
    base = violation("x")
    newer = violation("x", 2)
    documents: list[Violation] = []
    good: set[str] = set()
    poison: set[str] = set()
    for n in range(count):
        name = f"{lane}-{n}"
        if random.random() < 0.01:
            poison.add(name)
            documents.append(base.model_copy(update={"id": name, "subject": {"nul\x00key": "x"}}))
            continue
        good.add(name)
        documents += [base.model_copy(update={"id": name}), newer.model_copy(update={"id": name})]
        if random.random() < 0.1:
            documents += random.sample(documents[-20:], k=1)
    return documents, good, poison


def check(store: ElasticsearchStore, lanes: Sequence[Lane], good: set[str], poison: set[str]) -> None:
    for lane in lanes:
        lane.join(timeout=60)
        assert not lane.is_alive()
        assert lane.error is None
    assert set().union(*(lane.refused for lane in lanes)) == poison
    client = store._client
    client.indices.refresh(index=[store._current, store._history])
    found = store.search(EVERYTHING)
    assert len(found) == len(good)
    assert {one.id for one in found} == good
    assert all(one.transition.number == 2 for one in found)
    assert client.count(index=store._history)["count"] == 2 * len(good)
    for name in Random(0).sample(sorted(good), 10):
        assert [transition.number for transition in store.history(name)] == [1, 2]


def start(store: ElasticsearchStore, count: int) -> tuple[list[Lane], set[str], set[str]]:
    lanes: list[Lane] = []
    good: set[str] = set()
    poison: set[str] = set()
    for number in range(2):
        documents, stored, refused = planted(number, count)
        lanes.append(Lane(store, documents))
        good |= stored
        poison |= refused
    for lane in lanes:
        lane.start()
    return lanes, good, poison


def test_a_killed_server_loses_and_doubles_nothing(elasticsearch, store_on):
    store = store_on(elasticsearch)
    lanes, good, poison = start(store, 350)
    wait_until(lambda: lanes[0].done >= 5, seconds=30)
    elasticsearch.kill()
    assert all(lane.is_alive() for lane in lanes)
    assert not store.ready()
    elasticsearch.restart()
    check(store, lanes, good, poison)
    assert store.ready()
    assert sum(lane.busy for lane in lanes) > 0
    assert counter(store, "requests")["ConnectionError"] > 0


def test_an_answer_that_comes_too_late_loses_and_doubles_nothing(elasticsearch, store_on):
    store = store_on(elasticsearch, request_timeout=0.7)
    lanes, good, poison = start(store, 400)
    wait_until(lambda: lanes[0].done >= 3, seconds=30)
    elasticsearch.pause()
    time.sleep(2.5)
    elasticsearch.resume()
    check(store, lanes, good, poison)
    assert counter(store, "requests")["ConnectionTimeout"] > 0


def test_an_overloaded_server_gets_smaller_requests_later(elasticsearch_with, store_on):
    node = elasticsearch_with(**{"indexing_pressure.memory.limit": "100kb", "http.max_content_length": "150kb"})
    store = store_on(node)
    lanes, good, poison = start(store, 150)
    check(store, lanes, good, poison)
    before = counter(store, "requests")
    assert before["429"] > 0

    large = violation("large", subject={"user": "x" * 200_000})
    refused = store.write([violation("small"), large, violation("small-too")])
    assert [(one.violation.id, one.reason) for one in refused] == [("large", "too_large")]
    assert store.get("small-too") is not None
    assert counter(store, "requests")["413"] > before["413"]


def test_a_server_that_stays_away_is_busy_in_time_and_then_only_probed():
    with Elasticsearch(f"http://127.0.0.1:{free_port()}") as client:
        options = Options(patience=Patience(deadline=1.0, base=0.01, cap=0.4, breaker=5))
        store = ElasticsearchStore(client, now=now, registry=CollectorRegistry(), options=options)
        started = time.monotonic()
        with pytest.raises(Busy, match="ConnectionError"):
            store.write([violation("v1")])
        assert 0.3 < time.monotonic() - started < 2
        assert store._breaker.open
        tried = store._breaker._failures
        with pytest.raises(Busy):
            store.write([violation("v1")])
        assert 1 <= store._breaker._failures - tried <= 4
        for ask in (lambda: store.search(Query()), lambda: store.get("v1"), lambda: store.counts(Query()), store.prepare):
            with pytest.raises(Busy):
                ask()
        assert not store.ready()


def test_closing_ends_a_waiting_write_at_once(elasticsearch, store_on):
    store = store_on(elasticsearch, patience=Patience(deadline=60.0, base=5.0, cap=30.0))
    store.write([violation("v0")])
    elasticsearch.pause()
    try:
        errors: list[Exception] = []

        def write() -> None:
            try:
                store.write([violation("v1")])
            except Busy as busy:
                errors.append(busy)

        store._client = store._client.options(request_timeout=0.3)
        thread = Thread(target=write)
        thread.start()
        time.sleep(0.6)
        store.close()
        thread.join(timeout=3)
        assert not thread.is_alive()
        assert "the program ends" in str(errors[0])
    finally:
        elasticsearch.resume()


def test_documents_below_the_request_bound_go_in_several_requests(elasticsearch, store_on):
    store = store_on(elasticsearch, size=Size(documents=10, bytes=5_000))
    assert store.write([violation(f"v{n}") for n in range(30)]) == []
    assert counter(store, "items")["stored"] == 60
    assert counter(store, "requests")["answered"] >= 12
