"""Real Kafka 4 (KRaft, no ZooKeeper) out of Maven's jars: one broker, or a cluster of three."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.services.jars import JAVA, jars
from tests.services.ports import free_port
from tests.services.server import Server

VERSION = "4.4.0"
_CLUSTER_ID = "Y29udHJvbHdhdGNoLXRlcw"  # any 16 bytes in base64url
# Without log4j-slf4j-impl the broker writes no log at all.
_JARS = [f"org.apache.kafka:kafka_2.13:{VERSION}", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5"]
_LOGGING = """\
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p [%t] %c{1} %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


class KafkaBroker(Server):
    """One broker and controller in one process.

    ``voters`` maps the node ids of a cluster to their controller ports; by default the broker is alone. ``settings``
    override the broker's properties.
    """

    def __init__(
        self,
        directory: Path,
        *,
        node_id: int = 1,
        voters: Mapping[int, int] | None = None,
        settings: Mapping[str, str] | None = None,
        heap: str = "256m",
    ) -> None:
        super().__init__(directory)
        self.name = f"Kafka broker {node_id}"
        self.libraries = jars("kafka", _JARS)
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.node_id = node_id
        self._voters = dict(voters or {node_id: free_port()})
        self._settings = dict(settings or {})
        self._heap = heap

    def prepare(self) -> None:
        """Writes the properties and formats the storage before the first start."""
        properties = self.directory / "server.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in self._properties().items()))
        (self.directory / "log4j2.properties").write_text(_LOGGING)
        if (self.directory / "data").exists():
            return
        command = [*self._java(), "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: formatting the storage failed:\n{done.stdout}{done.stderr}")

    def command(self) -> list[str | Path]:
        return [*self._java(), "kafka.Kafka", self.directory / "server.properties"]

    def ready(self) -> bool:
        # The port opens before the broker may serve; the log line comes after.
        return f"[KafkaRaftServer nodeId={self.node_id}] Kafka Server started" in self.log_text() and self._listens()

    def erase(self) -> None:
        """Deletes the data of the stopped broker, as a lost disk would; the next start formats it anew."""
        if self.running:
            raise RuntimeError(f"{self.name} runs; stop or kill it before erasing its data")
        shutil.rmtree(self.directory / "data", ignore_errors=True)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _java(self) -> list[str | Path]:
        return [
            JAVA,
            f"-Xmx{self._heap}",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # starts sooner; no test measures the broker
            f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}",
            "-cp",
            f"{self.libraries}/*",
        ]

    def _properties(self) -> dict[str, str]:
        replicas = str(min(3, len(self._voters)))
        in_sync = str(min(2, len(self._voters)))
        return {
            "process.roles": "broker,controller",
            "node.id": str(self.node_id),
            "controller.quorum.voters": ",".join(f"{node}@127.0.0.1:{port}" for node, port in self._voters.items()),
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{self._voters[self.node_id]}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.directory / "data"),
            "default.replication.factor": replicas,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": "4",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",  # else every 10 s
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": in_sync,
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",  # a missing topic is an error of the program, as in production
            "log.cleaner.dedupe.buffer.size": str(4 << 20),  # the default of 128 MB does not fit this heap
            "broker.session.timeout.ms": "6000",
            "num.network.threads": "2",
            "num.io.threads": "4",
            **self._settings,
        }


class KafkaCluster:
    """Several brokers with replicated topics, to kill one of."""

    def __init__(self, directory: Path, *, size: int = 3, settings: Mapping[str, str] | None = None) -> None:
        voters = {node: free_port() for node in range(1, size + 1)}
        self.brokers = [
            KafkaBroker(directory / f"broker-{node}", node_id=node, voters=voters, settings=settings, heap="192m")
            for node in voters
        ]
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> Self:
        """Starts all brokers together and returns when all serve."""
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.wait_ready()
        return self

    def stop(self) -> None:
        """Ends all brokers; a quorum that is already broken would let an orderly stop wait, hence by force."""
        for broker in self.brokers:
            broker.kill()

    def ensure_running(self) -> None:
        """Makes every broker answer again whatever the last test did to it."""
        for broker in self.brokers:
            if not broker.running:
                broker.launch()
        for broker in self.brokers:
            broker.ensure_running()
