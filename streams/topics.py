"""Creates, compares and deletes the topics of ``streams/layout.py`` on a cluster; never by auto-create."""

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError

from streams.layout import DAY_MS, RECORD_LIMIT, TOPICS, Layout, partitions

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
