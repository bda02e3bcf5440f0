"""The pytest fixtures of the real services; ``tests/conftest.py`` registers them.

Each server is started by the first test that asks for it, serves the whole session and is ended with it. Tests keep
apart by names: ``topic_prefix`` and ``index_prefix`` are new for every test. A test may stop, kill or pause a server:
the next one that asks gets it running. ``*_server`` are the session's servers for fixtures of wider scope; nothing
checks those between tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, Page

from tests.services.absence import skip_or_fail
from tests.services.browser import chromium
from tests.services.elasticsearch_node import ElasticsearchNode
from tests.services.kafka_broker import KafkaBroker, KafkaCluster
from tests.services.monitoring import Alertmanager
from tests.services.requirement import MavenMissingError
from tests.services.sshd import Sshd

T = TypeVar("T")

_numbers = count(1)


def _made(make: Callable[[], T]) -> T:
    try:
        return make()
    except MavenMissingError as missing:
        skip_or_fail(str(missing))


def _prefix(request: pytest.FixtureRequest) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:60].rstrip("-")
    return f"t{next(_numbers)}-{words}-"


@pytest.fixture(scope="session")
def service_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's servers keep their data and logs."""
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="session")
def kafka_server(service_directory: Path) -> Iterator[KafkaBroker]:
    """The session's Kafka broker."""
    broker = _made(lambda: KafkaBroker(service_directory / "kafka"))
    with broker:
        yield broker


@pytest.fixture
def kafka(kafka_server: KafkaBroker) -> KafkaBroker:
    """A running Kafka broker: ``bootstrap``, ``stop``, ``kill``, ``pause``, ``resume``, ``restart``."""
    kafka_server.ensure_running()
    return kafka_server


@pytest.fixture(scope="session")
def kafka_cluster_servers(service_directory: Path) -> Iterator[KafkaCluster]:
    """The session's cluster of three brokers."""
    cluster = _made(lambda: KafkaCluster(service_directory / "kafka-cluster"))
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture
def kafka_cluster(kafka_cluster_servers: KafkaCluster) -> KafkaCluster:
    """Three running brokers, topics replicated three times, at least two in sync."""
    kafka_cluster_servers.ensure_running()
    return kafka_cluster_servers


@pytest.fixture(scope="session")
def elasticsearch_server(service_directory: Path) -> Iterator[ElasticsearchNode]:
    """The session's Elasticsearch node."""
    node = _made(lambda: ElasticsearchNode(service_directory / "elasticsearch"))
    with node:
        yield node


@pytest.fixture
def elasticsearch(elasticsearch_server: ElasticsearchNode) -> ElasticsearchNode:
    """A running Elasticsearch node: ``url``, ``stop``, ``kill``, ``pause``, ``resume``, ``restart``."""
    elasticsearch_server.ensure_running()
    return elasticsearch_server


@pytest.fixture
def elasticsearch_with(service_directory: Path) -> Iterator[Callable[..., ElasticsearchNode]]:
    """Starts a node of the test's own with other settings, for example ``indexing_pressure.memory.limit``."""
    nodes: list[ElasticsearchNode] = []

    def start(**settings: str) -> ElasticsearchNode:
        directory = service_directory / f"elasticsearch-{next(_numbers)}"
        nodes.append(_made(lambda: ElasticsearchNode(directory, settings=settings)))
        return nodes[-1].start()

    yield start
    for node in nodes:
        node.stop()


@pytest.fixture(scope="session")
def alertmanager_server(service_directory: Path) -> Iterator[Alertmanager]:
    """The session's Alertmanager, which tells nobody."""
    with Alertmanager(service_directory / "alertmanager") as server:
        yield server


@pytest.fixture
def alertmanager(alertmanager_server: Alertmanager) -> Alertmanager:
    """A running Alertmanager: ``url``, ``request``; alerts of other tests stay in it, so use labels of your own."""
    alertmanager_server.ensure_running()
    return alertmanager_server


@pytest.fixture
def sshd(service_directory: Path) -> Iterator[Sshd]:
    """An sshd of the test's own with an empty log: ``port``, ``auth_log``, ``type_passwords``."""
    with Sshd(service_directory / f"sshd-{next(_numbers)}") as server:
        yield server


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Headless Chromium (Playwright's synchronous interface: not for asynchronous tests)."""
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Page:
    """A new page of 1440 x 900 in headless Chromium."""
    return browser.new_page(viewport={"width": 1440, "height": 900})


@pytest.fixture
def topic_prefix(request: pytest.FixtureRequest) -> str:
    """What the names of this test's topics, groups and transactional ids begin with."""
    return _prefix(request)


@pytest.fixture
def index_prefix(request: pytest.FixtureRequest) -> str:
    """What the names of this test's indices begin with."""
    return _prefix(request)
