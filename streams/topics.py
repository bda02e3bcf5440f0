"""Every topic: key, partitions, retention, cleanup. Created by the program, never by auto-create."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError

DAY_MS = 86_400_000
BOOTSTRAP_MS = 10_000
RECORD_LIMIT = 2 << 20  # the collector's 1 MiB record plus envelope and evidence


@dataclass(frozen=True, slots=True)
class Layout:
    """How many partitions of each kind, and how many copies. Fixed at creation: keys live in partitions."""

    raw: int = 4
    keyed: int = 8
    replication: int = 1
    prefix: str = ""

    def name(self, topic: str) -> str:
        """The topic's full name on the cluster."""
        return f"{self.prefix}{topic}"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. ``kind``: which partition count it has (raw, keyed, one)."""

    name: str
    key: str
    kind: str
    configs: Mapping[str, str] = field(default_factory=dict)


_COMPACT = {
    "cleanup.policy": "compact",
    "segment.bytes": str(64 << 20),
    "min.cleanable.dirty.ratio": "0.1",
    "max.compaction.lag.ms": "3600000",
}


def _days(days: int) -> dict[str, str]:
    return {"retention.ms": str(days * DAY_MS)}


TOPICS = (
    Topic("raw", "source", "raw", _days(35)),
    Topic("events", "kind and key", "keyed", _days(7)),
    Topic("violations", "violation id", "keyed", _days(35)),
    Topic("actions", "violation id", "keyed", _days(35)),
    Topic("state.normalize", "name of the state record", "raw", _COMPACT),
    Topic("state.detect", "name of the state record", "keyed", _COMPACT),
    Topic("late", "fold", "keyed", _days(35)),
    Topic("deadletter", "dead letter id", "one", _days(35)),
    Topic("coverage", "fold", "one", _days(400)),
)


def partitions(topic: Topic, layout: Layout) -> int:
    """How many partitions ``topic`` has under ``layout``."""
    return {"raw": layout.raw, "keyed": layout.keyed, "one": 1}[topic.kind]


def create(bootstrap: str, layout: Layout, extra: tuple[str, ...] = ()) -> list[str]:
    """Create what is missing (``extra``: one-partition topics such as a worker's control topic); return the names created."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=BOOTSTRAP_MS)
    created: list[str] = []
    try:
        known = set(admin.list_topics())
        wanted = [(layout.name(t.name), partitions(t, layout), dict(t.configs)) for t in TOPICS]
        wanted += [(layout.name(name), 1, _days(1)) for name in extra]
        for name, count, configs in wanted:
            if name in known:
                continue
            configs["max.message.bytes"] = str(RECORD_LIMIT)
            try:
                admin.create_topics([NewTopic(name, count, layout.replication, topic_configs=configs)])
                created.append(name)
            except TopicAlreadyExistsError:
                continue  # another worker was faster
    finally:
        admin.close()
    return created


def delete(bootstrap: str, layout: Layout) -> None:
    """Delete every topic under the layout's prefix, which must not be empty."""
    if not layout.prefix:
        raise ValueError("refusing to delete topics without a prefix")
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=BOOTSTRAP_MS)
    try:
        admin.delete_topics([name for name in admin.list_topics() if name.startswith(layout.prefix)])
    finally:
        admin.close()


def differences(bootstrap: str, layout: Layout) -> list[str]:
    """What on the cluster is not as listed here, in words; empty when all is well."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=BOOTSTRAP_MS)
    try:
        described = {item["name"]: item for item in admin.describe_topics() if not item.get("is_internal")}
    finally:
        admin.close()
    found: list[str] = []
    for topic in TOPICS:
        name, count = layout.name(topic.name), partitions(topic, layout)
        if name not in described:
            found.append(f"topic {name} is missing; run 'controlwatch topics create'")
        elif (have := len(described[name]["partitions"])) != count:
            found.append(f"topic {name} has {have} partitions, configured are {count}; set the configuration to {have}")
    return found
