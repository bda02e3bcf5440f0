"""Every topic as data: key, partitions, retention, cleanup. ``streams/topics.py`` brings a cluster in line with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

DAY_MS = 86_400_000
RECORD_LIMIT = 2 << 20  # bytes: the collector's 1 MiB record plus envelope and evidence


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
    Topic("redriven", "dead letter id", "one", _days(35)),
    Topic("gaps", "fold", "one", _days(400)),
    Topic("coverage", "id of the row", "one", _days(400)),
)


def partitions(topic: Topic, layout: Layout) -> int:
    """How many partitions ``topic`` has under ``layout``."""
    return {"raw": layout.raw, "keyed": layout.keyed, "one": 1}[topic.kind]
