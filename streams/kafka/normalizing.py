"""The normalize stage on Kafka: ``raw`` -> feeds -> ``events``, ``deadletter`` and ``coverage``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from detectors.kit.registry import Ruleset
from schemas import instant, log, tables
from schemas.context import Source
from schemas.log import Incompatible
from sinks import deadletter
from streams import heard, letters
from streams.feeds.kit.contract import Unreadable
from streams.kafka.processor import Account, Record, Result
from streams.layout import Layout
from streams.stage import RAW, Dead, Heartbeat, Kept, NormalizeStage, Raw, Said
from streams.stored import Stored

META = '["m"]'
SLICE = 64

encode_raw = msgspec.msgpack.Encoder().encode
decode_raw = msgspec.msgpack.Decoder(Raw | Heartbeat | Said).decode

_kept = msgspec.msgpack.Decoder(Kept).decode


@dataclass(frozen=True, slots=True)
class Normalizing:
    """The stage: makes one processor for each raw partition."""

    ruleset: Ruleset
    sources: Mapping[str, Source]
    layout: Layout

    @property
    def name(self) -> str:
        """Name of the stage."""
        return "normalize"

    @property
    def source(self) -> str:
        """Topic of the raw records."""
        return self.layout.name("raw")

    @property
    def changelog(self) -> str:
        """Topic of the stage's state."""
        return self.layout.name("state.normalize")

    def open(self, partition: int) -> "Processing":
        """A fresh processor."""
        return Processing(self, partition)


class Processing:
    """One raw partition's work."""

    def __init__(self, stage: Normalizing, partition: int) -> None:
        layout = stage.layout
        self._partition = partition
        self._parts = layout.raw
        self._events = layout.name("events")
        self._deadletter = layout.name("deadletter")
        self._coverage = layout.name("coverage")
        self._topic = stage.source
        self._dirty = False
        self._dead: list[tuple[Dead, int]] = []
        self.stage = NormalizeStage(
            stage.ruleset, stage.sources, partitions=layout.keyed, part=partition, parts=layout.raw
        )

    def restore(self, records: Stored) -> None:
        """Counters, clocks and heard minutes of the last owner.

        Raises:
            Incompatible: a later version wrote them, or one of another number of raw partitions.
        """
        value = records.get(META)
        if value is not None:
            kept = _kept(value)
            if kept.parts not in {0, self._parts}:
                raise Incompatible(
                    f"the stored state of this partition is one of {kept.parts}, this worker expects {self._parts}; set "
                    f"CONTROLWATCH_RAW_PARTITIONS={kept.parts}, and to change the number run 'controlwatch topics migrate'"
                )
            self.stage.resume(kept)
        self.stage.heard.restore(records.kind(heard.KIND))

    def missed(self) -> None:
        """Of the minutes of lost records nothing is heard, which coverage shows by itself."""

    def work(self, records: Sequence[Record]) -> Iterator[None]:
        """Normalise; an undecodable envelope is a dead letter like any other."""
        self._dirty = True
        for number, record in enumerate(records):
            self._take(record)
            if number % SLICE == 0:
                yield

    def tick(self, now: int) -> None:
        """Progress, stamped by the owner's clock where no source is alive."""
        self.stage.progress(now)

    def result(self) -> Result:
        """Log records, dead letters, coverage, and the state to keep."""
        output = self.stage.drain()
        result = Result()
        result.outputs = [(self._events, place, None, log.encode(record)) for place, record in output.records]
        for dead, offset in self._dead:
            letter = letters.unread(dead, topic=self._topic, partition=self._partition, offset=offset)
            result.outputs.append((self._deadletter, 0, letter.id.encode(), deadletter.encode(letter)))
        self._dead = []
        rows, state = self.stage.heard.drain()
        result.outputs += [(self._coverage, 0, row.id.encode(), row.model_dump_json().encode()) for row in rows]
        result.state += state
        if self._dirty:
            result.state.append((META, msgspec.msgpack.encode(self.stage.kept())))
            self._dirty = False
        return result

    def account(self) -> Account:
        """Fates of the records, and how far the sources were heard."""
        kept = self.stage.kept()
        spoke = {name: at for name in kept.clocks if (at := self.stage.spoke(name)) is not None}
        return Account(kept.counters, kept.dead, kept.clocks, spoke)

    def _take(self, record: Record) -> None:
        try:
            item = decode_raw(record.value or b"")
            if isinstance(item, Raw) and item.schema > RAW:
                raise Incompatible(f"a raw record has schema {item.schema}, this version reads up to {RAW}; run a later one")
            if isinstance(item, Said):
                tables.model(item.record)
        except ValueError as error:  # of the decoder, of its texts (UTF-8), of the table's model
            item = Raw("", "", record.value or b"", record.timestamp * instant.MILLISECOND)
            self.stage.refuse(item, Unreadable("bad_envelope", str(error)))
        else:
            if isinstance(item, Heartbeat):
                self.stage.beat(item)
            elif isinstance(item, Said):
                self.stage.state([item.record])
            else:
                self.stage.take(item, read_by=record.timestamp * instant.MILLISECOND)
        dead = self.stage.output.dead
        self._dead += [(letter, record.offset) for letter in dead]
        dead.clear()
