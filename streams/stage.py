"""The normalise stage: raw records of one partition in, records of the keyed log out. Pure; both runners use it.

Conservation, per partition: read = parsed + filtered + dead-lettered.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from detectors.kit.contract import GRACE_MAX
from detectors.kit.registry import Ruleset
from schemas.context import FOREVER, ContextRecord, Source
from schemas.event import SecurityEvent
from schemas.log import Incompatible, Keyed, LogRecord, Progress, Stated
from streams.feeds.kit import registry
from streams.feeds.kit.contract import EVERY_ACTIVITY, RawRecord, Unreadable
from streams.heard import BLIND_AFTER, Heard
from streams.normalize import normalize, untimely
from streams.summaries import BUCKET, configured, summary

EVERYTHING = "*"

Moment = Annotated[int, msgspec.Meta(ge=0, le=FOREVER)]


RAW = 1
"""Schema of the records in ``raw``."""


class Raw(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, tag="r", gc=False):
    """One collected record as it travels in ``raw.<feed>`` (MessagePack): envelope and bytes.

    ``o``: observed time; ``length`` and ``sha256`` describe a record that the collector cut because it was too large.
    """

    source: str
    feed: str
    data: bytes
    o: Moment | None = None
    ordinal: int = 0
    line: int = 0
    length: int = 0
    sha256: str = ""
    schema: int = RAW


class Heartbeat(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    """A collector's word that everything its source said before ``caught_up`` has been sent.

    Source ``*`` speaks for the whole partition: so a replay drives time by its records, without any clock.
    """

    source: str
    caught_up: Moment


class Said(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """A context record that does not come out of a feed (context files, configuration)."""

    record: ContextRecord


KEPT = 1
"""Schema of :class:`Kept`."""


class Kept(msgspec.Struct, frozen=True):
    """What the stage keeps over restarts: counters, dead letters by reason, how far each source was heard.

    ``parts``: raw partitions, among which sources have their places; 0: written before that was told.
    """

    counters: dict[str, int]
    dead: dict[str, int]
    clocks: dict[str, int]
    schema: int = KEPT
    parts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """A record for the dead letters."""

    raw: Raw
    reason: str
    detail: str


@dataclass(slots=True)
class Output:
    """What one batch of raw records became: log records by partition, and dead letters."""

    records: list[tuple[int, LogRecord]] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)


class NormalizeStage:
    """Normalises the records of one raw partition.

    ``sources``: configuration by source name. ``part``/``parts``: this raw partition among all, for progress records.
    ``whole``: read records to the end also where no fold asks for their activity, to show them.
    """

    def __init__(
        self, ruleset: Ruleset, sources: Mapping[str, Source], *, partitions: int = 1, part: int = 0, parts: int = 1,
        whole: bool = False,
    ) -> None:  # fmt: skip
        self._ruleset = ruleset
        self._sources = sources
        self._feeds = registry.load()
        self._partitions = partitions
        self._part = part
        self._parts = parts
        self._asked = EVERY_ACTIVITY if whole else ruleset.activities
        self._zones: dict[str, tzinfo] = {}
        self._buckets: dict[str, int] = {}
        self._reached: dict[str, int] = {}
        self.counters: Counter[str] = Counter()
        self.dead_by_reason: Counter[str] = Counter()
        self.output = Output()
        self.heard = Heard(sources, part=part, parts=parts)
        """Not part of :meth:`drain`: a runner takes its rows and state along with each batch."""

    def take(self, raw: Raw, *, read_by: int | None = None) -> list[SecurityEvent | ContextRecord]:
        """Normalise one record into ``output``; also return its items.

        ``read_by``: an instant (µs) by which the record had certainly been read, where a clock tells. It bounds the time of a
        record that nobody saw being written (``raw.o`` None), which else would be believed whatever it says.
        """
        self.counters["read"] += 1
        source = self._sources.get(raw.source)
        feed = self._feeds.get(raw.feed)
        try:
            if raw.length:
                raise Unreadable("too_large", f"record of {raw.length} bytes, SHA-256 {raw.sha256}; its beginning is kept")
            if feed is None:
                raise Unreadable("unknown_feed", f"no feed {raw.feed!r}; feeds are {', '.join(self._feeds)}")
            items = normalize(feed, self.record(raw, source))
            if raw.o is None and read_by is not None:
                untimely(items, read_by)
        except Unreadable as error:
            self._bury(raw, error)
            if raw.o is not None:
                self._seen(raw, source, raw.o)
            return []
        if not items:
            self.counters["filtered"] += 1
            return []
        self.counters["parsed"] += 1
        self._emit(items)
        self._seen(raw, source, max(item.o for item in items))
        return items

    def refuse(self, raw: Raw, error: Unreadable) -> None:
        """A record whose very envelope cannot be read."""
        self.counters["read"] += 1
        self._bury(raw, error)

    def state(self, records: Iterable[ContextRecord]) -> None:
        """Broadcast context that does not come from a feed (files, configuration)."""
        for record in records:
            event = configured(record)
            self._emit([record] if event is None else [record, event])

    def beat(self, heartbeat: Heartbeat) -> None:
        """A collector is alive and caught up."""
        if heartbeat.source == EVERYTHING:
            self.heard.pass_to(heartbeat.caught_up)
            self._broadcast(Progress(part=self._part, parts=self._parts, observed=heartbeat.caught_up))
            return
        self.heard.hear(heartbeat.source, heartbeat.caught_up)
        if heartbeat.caught_up > self._reached.get(heartbeat.source, 0):
            self._reached[heartbeat.source] = heartbeat.caught_up

    def progress(self, now: int) -> None:
        """Tell every partition how far this one has got; ``now``: the owner's clock (µs).

        Sources unheard of for 30 s are blind: they no longer hold time up, and hold up the verdicts that need their kind of
        feed for at most the grace. Without any live source the clock itself is the progress.
        """
        watermarks: dict[str, int] = {}
        blind: list[str] = []
        observed = now
        for name, reached in sorted(self._reached.items()):
            if now - reached > BLIND_AFTER:
                blind.append(name)
            else:
                observed = min(observed, reached)
            source = self._sources.get(name)
            feed = self._feeds.get(source.feed) if source is not None else None
            if source is None or feed is None or now - reached > GRACE_MAX:
                continue
            for kind in feed.kinds:
                watermarks[kind] = min(reached - source.delay, watermarks.get(kind, now))
        self.heard.pass_to(observed)
        self._broadcast(
            Progress(part=self._part, parts=self._parts, observed=observed, watermarks=watermarks, blind=tuple(blind))
        )

    def clocks(self) -> Mapping[str, int]:
        """How far each source has been heard (µs)."""
        return self._reached

    def spoke(self, source: str) -> int | None:
        """Start of the last ten seconds in which a record of ``source`` came (µs); None: not since this process began."""
        return self._buckets.get(source)

    def kept(self) -> "Kept":
        """What outlives this process."""
        return Kept(dict(self.counters), dict(self.dead_by_reason), dict(self._reached), parts=self._parts)

    def resume(self, kept: "Kept") -> None:
        """Take up what a former owner of the partition had reached.

        Raises:
            Incompatible: a later version wrote it.
        """
        if kept.schema > KEPT:
            raise Incompatible(
                f"the stored state of this partition has schema {kept.schema}, this version reads up to {KEPT}; "
                "nothing was changed: run the version that wrote it, or a later one"
            )
        self._reached.update(kept.clocks)
        self.counters.update(kept.counters)
        self.dead_by_reason.update(kept.dead)

    def drain(self) -> Output:
        """What has been produced since the last call."""
        output, self.output = self.output, Output()
        return output

    def record(self, raw: Raw, source: Source | None) -> RawRecord:
        """The parser's view of ``raw``: envelope plus the source's zone, base and clock offset."""
        record = RawRecord(
            data=raw.data, source=raw.source, feed=raw.feed, o=raw.o, ordinal=raw.ordinal, line=raw.line, base=raw.o,
            asked=self._asked,
        )  # fmt: skip
        if source is not None:
            zone = self._zones.get(source.zone)
            if zone is None:
                zone = self._zones[source.zone] = UTC if source.zone == "UTC" else ZoneInfo(source.zone)
            record.zone = zone
            record.offset = source.offset
            if raw.o is None:
                record.base = source.received_base
        return record

    def _bury(self, raw: Raw, error: Unreadable) -> None:
        self.counters["dead"] += 1
        self.dead_by_reason[error.reason] += 1
        self.output.dead.append(Dead(raw=raw, reason=error.reason, detail=error.detail))

    def _emit(self, items: Iterable[SecurityEvent | ContextRecord]) -> None:
        for item in items:
            if isinstance(item, SecurityEvent):
                self._route(item)
            else:
                self.counters["context"] += 1
                self._broadcast(Stated(item))

    def _route(self, event: SecurityEvent) -> None:
        self.counters["events"] += 1
        places = self._ruleset.places(event, self._partitions)
        if not places:
            self.counters["unrouted"] += 1
            return
        self.output.records += [(place, Keyed(event, tuple(keys))) for place, keys in places.items()]

    def _broadcast(self, record: LogRecord) -> None:
        self.output.records += [(place, record) for place in range(self._partitions)]

    def _seen(self, raw: Raw, source: Source | None, o: int) -> None:
        """One summary event per source and started ten seconds of observed time: the pulse that silence is judged by."""
        if o > self._reached.get(raw.source, 0):
            self._reached[raw.source] = o
        bucket = o - o % BUCKET
        if self._buckets.get(raw.source) == bucket:
            return  # nor has its minute been heard less: the spans of heard are multiples of these
        self.heard.hear(raw.source, o)
        self._buckets[raw.source] = bucket
        self._route(summary(raw.source, bucket, source.collector if source is not None else ""))
