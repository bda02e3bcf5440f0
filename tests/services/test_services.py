"""Each real service does what the tests of the product rely on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import elasticsearch as es
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from tests.services.elasticsearch_node import VERSION as ELASTICSEARCH_VERSION
from tests.services.elasticsearch_node import ElasticsearchNode
from tests.services.kafka_broker import KafkaBroker, KafkaCluster

pytestmark = pytest.mark.services


def create_topic(bootstrap: str, topic: str, replicas: int = 1) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=replicas)])
    admin.close()


def produce(bootstrap: str, topic: str, values: list[bytes], transactional_id: str, *, commit: bool = True) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", transactional_id=transactional_id)
    producer.init_transactions()
    producer.begin_transaction()
    for value in values:
        producer.send(topic, value)
    producer.flush()
    if commit:
        producer.commit_transaction()
    else:
        producer.abort_transaction()
    producer.close()


def committed(bootstrap: str, topic: str) -> list[bytes]:
    """Every record a reader of committed data sees, up to the end of the topic."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        consumer_timeout_ms=3000,
    )
    values = [record.value for record in consumer]
    consumer.close()
    return values


def test_kafka_shows_a_committed_transaction_and_hides_an_aborted_one(kafka: KafkaBroker, topic_prefix: str) -> None:
    topic = f"{topic_prefix}events"
    create_topic(kafka.bootstrap, topic)
    produce(kafka.bootstrap, topic, [b"aborted"], topic_prefix, commit=False)
    produce(kafka.bootstrap, topic, [b"first", b"second"], topic_prefix)
    assert committed(kafka.bootstrap, topic) == [b"first", b"second"]


def test_kafka_keeps_data_and_port_through_kill_and_restart(kafka: KafkaBroker, topic_prefix: str) -> None:
    topic = f"{topic_prefix}events"
    create_topic(kafka.bootstrap, topic)
    produce(kafka.bootstrap, topic, [b"before"], topic_prefix)
    bootstrap, pid = kafka.bootstrap, kafka.pid
    kafka.kill()
    assert not kafka.running
    kafka.start()
    assert (kafka.bootstrap, kafka.pid != pid) == (bootstrap, True)
    kafka.restart()
    produce(kafka.bootstrap, topic, [b"after"], topic_prefix)
    assert committed(kafka.bootstrap, topic) == [b"before", b"after"]


def test_a_server_left_dead_or_paused_runs_again_for_the_next_test(kafka_server: KafkaBroker, topic_prefix: str) -> None:
    kafka_server.ensure_running()
    kafka_server.kill()
    kafka_server.ensure_running()
    kafka_server.pause()
    kafka_server.ensure_running()
    create_topic(kafka_server.bootstrap, f"{topic_prefix}events")


def test_a_cluster_of_three_serves_while_one_broker_is_dead(kafka_cluster: KafkaCluster, topic_prefix: str) -> None:
    topic = f"{topic_prefix}events"
    create_topic(kafka_cluster.bootstrap, topic, replicas=3)
    # Not transactional: whether this client finds a coordinator that has moved is not what the test is about.
    producer = KafkaProducer(bootstrap_servers=kafka_cluster.bootstrap, acks="all")
    producer.send(topic, b"three").get(60)
    kafka_cluster.brokers[0].kill()
    producer.send(topic, b"two").get(90)
    producer.close()
    assert committed(kafka_cluster.bootstrap, topic) == [b"three", b"two"]


@pytest.fixture
def client(elasticsearch: ElasticsearchNode) -> Iterator[es.Elasticsearch]:
    with es.Elasticsearch(elasticsearch.url, request_timeout=30) as client:
        yield client


def test_elasticsearch_answers_the_official_client_as_the_real_product(client: es.Elasticsearch) -> None:
    assert client.ping()
    assert client.info()["version"]["number"] == ELASTICSEARCH_VERSION


def test_elasticsearch_refuses_an_older_version_and_a_field_outside_the_mapping(
    client: es.Elasticsearch, index_prefix: str
) -> None:
    index = f"{index_prefix}violations"
    client.indices.create(
        index=index, mappings={"dynamic": "strict", "properties": {"state": {"type": "keyword"}}}
    )

    def write(document: dict[str, str], version: int) -> tuple[int, str | None]:
        action = {"index": {"_index": index, "_id": "one", "version": version, "version_type": "external"}}
        item = client.bulk(operations=[action, document], refresh=True)["items"][0]["index"]
        return item["status"], item.get("error", {}).get("type")

    assert write({"state": "open"}, 2) == (201, None)
    assert write({"state": "older"}, 1) == (409, "version_conflict_engine_exception")
    assert write({"state": "same"}, 2) == (409, "version_conflict_engine_exception")
    assert write({"state": "closed"}, 3) == (200, None)
    assert write({"unknown": "x"}, 4) == (400, "strict_dynamic_mapping_exception")
    assert client.get(index=index, id="one")["_source"] == {"state": "closed"}


def test_elasticsearch_makes_no_index_by_itself(client: es.Elasticsearch, index_prefix: str) -> None:
    item = client.bulk(operations=[{"index": {"_index": f"{index_prefix}absent"}}, {"a": 1}])["items"][0]["index"]
    assert (item["status"], item["error"]["type"]) == (404, "index_not_found_exception")


def test_elasticsearch_keeps_data_through_kill_and_restart(
    client: es.Elasticsearch, elasticsearch: ElasticsearchNode, index_prefix: str
) -> None:
    index = f"{index_prefix}kept"
    client.indices.create(index=index)
    client.index(index=index, id="one", document={"a": 1})
    elasticsearch.kill()
    elasticsearch.start()
    assert client.get(index=index, id="one")["_source"] == {"a": 1}
    elasticsearch.restart()
    assert client.get(index=index, id="one")["_source"] == {"a": 1}


def test_a_paused_elasticsearch_times_out_and_then_answers(
    client: es.Elasticsearch, elasticsearch: ElasticsearchNode
) -> None:
    elasticsearch.pause()
    with pytest.raises(es.ConnectionTimeout):
        client.options(request_timeout=1, max_retries=0).cluster.health()
    elasticsearch.resume()
    assert client.cluster.health()["status"] in {"green", "yellow"}


def test_a_node_of_the_tests_own_takes_other_settings(
    elasticsearch_with: Callable[..., ElasticsearchNode], index_prefix: str
) -> None:
    node = elasticsearch_with(**{"indexing_pressure.memory.limit": "1kb"})
    node.request("PUT", f"/{index_prefix}small")
    with (
        es.Elasticsearch(node.url, request_timeout=30) as client,
        pytest.raises(es.ApiError) as refused,
    ):
        client.options(max_retries=0).index(index=f"{index_prefix}small", document={"text": "x" * 4096})
    assert refused.value.status_code == 429
