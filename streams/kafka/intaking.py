"""The intake stage on Kafka: a foreign producer's topic (Filebeat, Vector, syslog relays) -> ``raw``.

The observed time is the broker's; the ordinal among identical lines is the shipper's own file offset where it tells one,
else the record's offset here, so that a repeated line counts and a crash of this stage repeats none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas import identity, instant
from schemas.context import Source
from streams.feeds.kit import filebeat, strict
from streams.feeds.kit.contract import Unreadable
from streams.kafka.normalizing import encode_raw
from streams.kafka.processor import Account, Record, Result
from streams.layout import Layout
from streams.stage import Raw
from streams.stored import Stored

SLICE = 64


@dataclass(frozen=True, slots=True)
class Intaking:
    """The stage: carries one foreign topic as the records of one configured source."""

    topic: str
    configured: Source
    layout: Layout

    @property
    def name(self) -> str:
        """Name of the stage."""
        return f"intake.{self.configured.source}"

    @property
    def source(self) -> str:
        """The foreign topic."""
        return self.topic

    @property
    def changelog(self) -> str:
        """No state: the group's offsets are in the transaction."""
        return ""

    def open(self, partition: int) -> "Carrying":
        """A fresh processor."""
        return Carrying(self, partition)


class Carrying:
    """One partition of the foreign topic."""

    def __init__(self, stage: Intaking, partition: int) -> None:
        self._stage = stage
        self._partition = partition
        self._place = identity.partition("source", (stage.configured.source,), stage.layout.raw)
        self._result = Result()

    def restore(self, records: Stored) -> None:
        """Nothing is kept."""

    def missed(self) -> None:
        """Nothing is said of what was never collected."""

    def work(self, records: Sequence[Record]) -> Iterator[None]:
        """Stamp and re-key."""
        topic = self._stage.layout.name("raw")
        for number, record in enumerate(records):
            raw = self._raw(record)
            self._result.outputs.append((topic, self._place, raw.source.encode(), encode_raw(raw)))
            if number % SLICE == 0:
                yield

    def tick(self, now: int) -> None:
        """Nothing happens by the clock."""

    def result(self) -> Result:
        """Raw records since the last call."""
        result, self._result = self._result, Result()
        return result

    def account(self) -> Account:
        """Nothing is counted here: every record is counted where it is read as ``raw``."""
        return Account()

    def _raw(self, record: Record) -> Raw:
        source = self._stage.configured
        data = record.value or b""
        ordinal = record.offset * 1000 + self._partition
        observed = record.timestamp * instant.MILLISECOND
        try:
            document = strict.mapping(data.decode("utf-8"))
        except (Unreadable, UnicodeDecodeError):
            return Raw(source.source, source.feed, data, observed, ordinal, record.offset)
        inner = filebeat.unwrap(document)
        if inner is None:
            return Raw(source.source, source.feed, data, observed, ordinal, record.offset)
        shipped = document.get("log")
        offset = shipped.get("offset") if isinstance(shipped, dict) else None
        ordinal = offset if isinstance(offset, int) else ordinal
        line, _, _ = inner
        return Raw(source.source, source.feed, line.encode("utf-8", "surrogatepass"), observed, ordinal, record.offset)
