"""What the Elasticsearch store promises beyond the contract of stores: strict templates, months, loud configuration errors."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from elasticsearch import BadRequestError, Elasticsearch
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from schemas import instant
from schemas.violation import Violation
from sinks.contract import Misconfigured, Query
from sinks.elasticsearch.store import ElasticsearchStore, Options
from sinks.elasticsearch.template import current_properties, history_properties, properties, templates
from sinks.retry import Patience
from streams.clock import now
from tests.services.elasticsearch_node import ElasticsearchNode
from tests.sinks.violations import T0, violation

pytestmark = pytest.mark.services


@pytest.fixture
def client(elasticsearch: ElasticsearchNode) -> Iterator[Elasticsearch]:
    with Elasticsearch(elasticsearch.url) as client:
        yield client


@pytest.fixture
def store_with(client: Elasticsearch, index_prefix: str) -> Callable[..., ElasticsearchStore]:
    def make(clock: Callable[[], int] = now) -> ElasticsearchStore:
        options = Options(prefix=index_prefix, replicas=0, reader_lag=0, patience=Patience(deadline=10))
        store = ElasticsearchStore(client, now=clock, registry=CollectorRegistry(), options=options)
        store.prepare()
        return store

    return make


@pytest.fixture
def store(store_with: Callable[..., ElasticsearchStore]) -> ElasticsearchStore:
    return store_with()


# Templates


def leaves(mapping: dict[str, dict[str, object]], parent: str = "") -> Iterator[tuple[str, object]]:
    for name, field in mapping.items():
        if "properties" in field:
            yield from leaves(field["properties"], f"{parent}{name}.")
        else:
            yield f"{parent}{name}", field["type"]


def test_every_field_of_the_model_has_its_type():
    assert dict(leaves(current_properties())) == {
        **dict.fromkeys(
            ("id", "case", "anchor", "detector", "detector_version", "subtype", "controls", "severity", "state"), "keyword"
        ),
        **dict.fromkeys(("user.name", "host.name", "persons", "approval", "exception", "reasons", "workflow"), "keyword"),
        **dict.fromkeys(("degraded_sources", "supersedes", "superseded_by", "controlwatch.digest"), "keyword"),
        **dict.fromkeys(("anchor_time", "first_time", "last_time", "settle_at", "detected_time"), "date"),
        **dict.fromkeys(("count", "controlwatch.number", "controlwatch.ingested", "controlwatch.last_time"), "long"),
        "@timestamp": "alias",
        "source.ip": "ip",
        "subject": "flattened",
        "skew_ambiguous": "boolean",
        "evidence.event_id": "keyword",
        "evidence.source": "keyword",
        "evidence.line": "long",
        "evidence.time": "date",
        "evidence.values": "flattened",
        "evidence.original": "text",
        "transition.number": "long",
        "transition.change": "keyword",
        "transition.state": "keyword",
        "transition.time": "date",
        "transition.cause": "keyword",
    }
    assert dict(leaves(history_properties()))["document"] == "object"


def test_a_field_whose_type_is_not_decided_stops_the_generator():
    class New(BaseModel):
        score: float

    with pytest.raises(TypeError, match="field score"):
        properties(New)


def test_templates_are_installed_and_nothing_outside_the_model_can_be_stored(store, client, index_prefix):
    for name, body in templates(index_prefix, replicas=0).items():
        (installed,) = client.indices.get_index_template(name=name)["index_templates"]
        assert installed["index_template"]["index_patterns"] == body["index_patterns"]
        client.indices.create(index=f"{name}-1999.01")
        with pytest.raises(BadRequestError, match="strict_dynamic_mapping_exception"):
            client.index(index=f"{name}-1999.01", document={"user.password": "x"})
    history = f"{index_prefix}-violations-history-1999.01"  # matches the pattern of current documents too
    assert "document" in client.indices.get_mapping(index=history)[history]["mappings"]["properties"]


def test_a_field_that_is_new_is_added_to_indices_that_exist(store_with, client, index_prefix):
    store_with().write([violation("v1")])
    index = f"{index_prefix}-violations-2026.03"
    before = client.indices.get_mapping(index=index)[index]["mappings"]
    client.indices.delete(index=index)
    older = {name: field for name, field in before["properties"].items() if name not in {"workflow", "@timestamp"}}
    client.indices.create(index=f"{index_prefix}-old", mappings={"dynamic": "strict", "properties": older})
    client.indices.put_alias(index=f"{index_prefix}-old", name=f"{index_prefix}-violations")
    store_with()
    assert client.indices.get_mapping(index=f"{index_prefix}-old").body.popitem()[1]["mappings"] == before


def test_a_field_whose_type_changed_stops_the_start(store_with, client, index_prefix):
    client.indices.create(index=f"{index_prefix}-old", mappings={"properties": {"severity": {"type": "long"}}})
    client.indices.put_alias(index=f"{index_prefix}-old", name=f"{index_prefix}-violations")
    with pytest.raises(Misconfigured, match="severity"):
        store_with()


# Documents


def test_the_index_is_the_utc_month_of_the_anchor_and_never_changes(store, client, index_prefix):
    edge = instant.parse("2026-04-01T00:00:00+08:00")  # still March in UTC
    store.write([violation("v1", anchor_time=edge), violation("v1", 2, anchor_time=edge, last_time=edge + 40 * instant.DAY)])
    store.write([violation("v2", anchor_time=edge + 8 * instant.HOUR)])
    assert client.get(index=f"{index_prefix}-violations-2026.03", id="v1")["_version"] == 2
    assert client.get(index=f"{index_prefix}-violations-history-2026.03", id="v1:1")["_source"]["document"]["id"] == "v1"
    assert client.get(index=f"{index_prefix}-violations-2026.04", id="v2")["found"]
    assert store.get("v1").transition.number == 2
    assert [transition.number for transition in store.history("v1")] == [1, 2]


def test_what_the_server_cannot_map_is_refused_and_stands_in_no_index(store, client, index_prefix):
    poison = violation("poison", subject={"nul\x00key": "x"})
    (refused,) = store.write([violation("before"), poison, violation("after")])
    assert (refused.violation, refused.reason) == (poison, "mapping")
    assert "document_parsing_exception" in refused.detail
    client.indices.refresh(index=f"{index_prefix}-violations*")
    assert {found.id for found in store.search(Query())} == {"before", "after"}
    assert client.count(index=f"{index_prefix}-violations-history")["count"] == 2


def test_people_can_search_addresses_subjects_and_original_lines(store, client, index_prefix):
    store.write([violation("v1"), violation("v2", source_ip="not an address", subject={"host": "db-1"})])
    client.indices.refresh(index=f"{index_prefix}-violations*")

    def found(text: str) -> list[str]:
        hits = client.search(index=f"{index_prefix}-violations", q=text)["hits"]["hits"]
        return sorted(hit["_id"] for hit in hits)

    assert found("source.ip:203.0.113.0\\/24") == ["v1"]
    assert found("subject.host:db-1") == ["v2"]
    assert found("evidence.original:sshd AND skew_ambiguous:false AND workflow:new") == ["v1", "v2"]
    assert found("@timestamp:[2026-03-02 TO 2026-03-03]") == ["v1", "v2"]


def test_documents_of_two_writers_with_one_stamp_are_all_followed(store_with, client, index_prefix):
    times = count(T0, 10)
    first, second = store_with(lambda: T0), store_with(lambda: T0)
    first.write([violation("a")])
    second.write([violation("b")])
    second.write([violation("c")])
    client.indices.refresh(index=f"{index_prefix}-violations*")
    reader = store_with(lambda: next(times) + 1000)
    seen: list[str] = []
    cursor = 0
    while documents := reader.changes(cursor, 1)[0]:
        seen += [document.id for document in documents]
        cursor = reader.changes(cursor, 1)[1]
    assert sorted(seen) == ["a", "b", "c"]


def test_a_follower_stays_behind_the_clock_by_the_lag(store, client, index_prefix):
    store.write([violation("v1")])
    client.indices.refresh(index=f"{index_prefix}-violations*")
    late = ElasticsearchStore(
        client, now=now, registry=CollectorRegistry(), options=Options(prefix=index_prefix, reader_lag=3600)
    )
    assert late.changes(0, 10) == ([], 0)
    assert len(store.changes(0, 10)[0]) == 1


# Configuration


def test_a_deleted_index_stops_the_writer_and_is_not_made_again_with_a_guessed_mapping(store, client, index_prefix):
    store.write([violation("v1")])
    client.indices.delete(index=f"{index_prefix}-violations-2026.03")
    with pytest.raises(Misconfigured, match="index_not_found_exception"):
        store.write([violation("v2")])
    assert not client.indices.exists(index=f"{index_prefix}-violations-2026.03")


def test_a_closed_index_stops_the_writer_and_buries_nothing(store, client, index_prefix):
    store.write([violation("v1")])
    client.indices.close(index=f"{index_prefix}-violations-2026.03")
    with pytest.raises(Misconfigured, match="index_closed_exception"):
        store.write([violation("v2")])
    client.indices.open(index=f"{index_prefix}-violations-2026.03", wait_for_active_shards=1)
    assert store.write([violation("v2")]) == []


def test_a_store_over_a_thousand_hits_and_buckets_answers_whole(store, client, index_prefix):
    base = violation("x")
    many: list[Violation] = [
        base.model_copy(update={"id": f"v{n}", "last_time": T0 + n * instant.MINUTE, "detector": f"d{n}"}) for n in range(1100)
    ]
    store.write(many)
    client.indices.refresh(index=f"{index_prefix}-violations*")
    assert [found.id for found in store.search(Query(limit=1050))] == [f"v{n}" for n in reversed(range(50, 1100))]
    assert len(store.counts(Query())) == 1100
    assert sum(row["count"] for row in store.timeline(Query(), instant.MINUTE)) == 1100
    assert len(store.changes(0, 1100)[0]) == 1100
    assert store.write(many) == []  # over a thousand conflicts
