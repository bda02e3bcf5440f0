"""The real servers that rows share: started when a row first asks, running again whatever the last row did, ended at the end."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.services.elasticsearch_node import ElasticsearchNode
from tests.services.kafka_broker import KafkaBroker, KafkaCluster


class Services:
    """One broker, one cluster of three and one Elasticsearch node under ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._broker: KafkaBroker | None = None
        self._cluster: KafkaCluster | None = None
        self._elasticsearch: ElasticsearchNode | None = None
        self._ending: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for end in reversed(self._ending):
            end()

    @property
    def broker(self) -> KafkaBroker:
        """One broker. Three others would only take its memory, so a cluster ends with its row."""
        if self._broker is None:
            self._broker = KafkaBroker(self.directory / "kafka", heap="512m")
            self._ending.append(self._broker.stop)
        self._broker.ensure_running()
        return self._broker

    @property
    def cluster(self) -> KafkaCluster:
        """Three brokers: three copies of each record, two of them in sync or no write."""
        if self._cluster is None:
            self._cluster = KafkaCluster(self.directory / "cluster")
            self._ending.append(self._cluster.stop)
        self._cluster.ensure_running()
        return self._cluster

    @property
    def elasticsearch(self) -> ElasticsearchNode:
        """One node."""
        if self._elasticsearch is None:
            self._elasticsearch = ElasticsearchNode(self.directory / "elasticsearch", heap="384m")
            self._ending.append(self._elasticsearch.stop)
        self._elasticsearch.ensure_running()
        return self._elasticsearch

    @classmethod
    def given(cls, directory: Path, broker: KafkaBroker, elasticsearch: ElasticsearchNode) -> Self:
        """Servers that somebody else has started and ends."""
        services = cls(directory)
        services._broker, services._elasticsearch = broker, elasticsearch
        return services
