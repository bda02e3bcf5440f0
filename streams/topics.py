"""Creates, compares and deletes the topics of ``streams/layout.py`` on a cluster; never by auto-create."""

from collections.abc import Mapping

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError

from streams.layout import DAY_MS, RECORD_LIMIT, TOPICS, Layout, Topic, partitions

BOOTSTRAP_MS = 10_000


def create(bootstrap: str, layout: Layout, extra: tuple[str, ...] = ()) -> list[str]:
    """Create what is missing (``extra``: one-partition topics such as a worker's control topic); return the names created."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=BOOTSTRAP_MS)
    created: list[str] = []
    try:
        known = set(admin.list_topics())
        wanted = [(layout.name(t.name), partitions(t, layout), dict(t.configs)) for t in TOPICS]
        wanted += [(layout.name(name), 1, {"retention.ms": str(DAY_MS)}) for name in extra]
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
    have = counts(bootstrap, layout)
    missing = [
        f"topic {layout.name(topic.name)} is missing; run 'controlwatch topics create'"
        for topic in TOPICS
        if topic.name not in have
    ]
    return missing + misfits(have, layout)


def counts(bootstrap: str, layout: Layout) -> dict[str, int]:
    """Topic, without the prefix -> how many partitions it has on the cluster."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=BOOTSTRAP_MS)
    try:
        found = {item["name"]: len(item["partitions"]) for item in admin.describe_topics() if not item.get("is_internal")}
    finally:
        admin.close()
    return {topic.name: found[layout.name(topic.name)] for topic in TOPICS if layout.name(topic.name) in found}


def misfits(have: Mapping[str, int], layout: Layout) -> list[str]:
    """Which of the topics that are there have another number of partitions than configured, in words."""
    return [
        f"topic {layout.name(topic.name)} has {have[topic.name]} partitions, configured are {partitions(topic, layout)}; "
        f"{_mend(topic, have[topic.name])}"
        for topic in TOPICS
        if have.get(topic.name, partitions(topic, layout)) != partitions(topic, layout)
    ]


def _mend(topic: Topic, have: int) -> str:
    if topic.kind == "one":
        return "it must have one: delete it and run 'controlwatch topics create'"
    setting = f"CONTROLWATCH_{topic.kind.upper()}_PARTITIONS"
    return f"set {setting}={have}, and to change the number run 'controlwatch topics migrate'"
