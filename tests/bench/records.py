"""Raw records to log records the plain way: parse, route, ten-second summaries; no counters, no partitions.

What the in-order contenders use in place of ``streams/stage.py``; its output is compared with the stage's, byte by byte.
"""

from collections.abc import Mapping

import msgspec

from detectors.kit.registry import Ruleset
from schemas.context import Source
from schemas.event import SecurityEvent
from schemas.log import Keyed, LogRecord, Progress, Stated
from streams.feeds.kit import registry
from streams.feeds.kit.contract import Unreadable
from streams.normalize import normalize
from streams.stage import Heartbeat, NormalizeStage, Raw, Said
from streams.summaries import BUCKET, configured, summary

decode_raw = msgspec.msgpack.Decoder(Raw | Heartbeat | Said).decode


class Reader:
    """Turns encoded raw records into log records."""

    def __init__(self, rules: Ruleset, sources: Mapping[str, Source]) -> None:
        self._routes = rules.routes
        self._sources = sources
        self._feeds = registry.load()
        self._view = NormalizeStage(rules, sources).record  # envelope and source as the parser sees them
        self._buckets: dict[str, int] = {}

    def read(self, value: bytes) -> list[LogRecord]:
        """What one record becomes; nothing if it cannot be read."""
        raw = decode_raw(value)
        if isinstance(raw, Raw):
            return self._parse(raw)
        if isinstance(raw, Heartbeat):
            return [Progress(part=0, parts=1, observed=raw.caught_up)]
        event = configured(raw.record)
        return [Stated(raw.record)] if event is None else [Stated(raw.record), *self._keyed(event)]

    def _parse(self, raw: Raw) -> list[LogRecord]:
        source = self._sources.get(raw.source)
        found: list[LogRecord] = []
        o = 0
        try:
            items = normalize(self._feeds[raw.feed], self._view(raw, source))
        except Unreadable:
            o = raw.o or 0
        else:
            if not items:
                return found
            for item in items:
                o = max(o, item.o)
                if isinstance(item, SecurityEvent):
                    routes = self._routes(item)
                    if routes:
                        found.append(Keyed(item, tuple(routes)))
                else:
                    found.append(Stated(item))
        bucket = o - o % BUCKET
        if self._buckets.get(raw.source) != bucket:
            self._buckets[raw.source] = bucket
            found += self._keyed(summary(raw.source, bucket, source.collector if source is not None else ""))
        return found

    def _keyed(self, event: SecurityEvent) -> list[LogRecord]:
        routes = self._routes(event)
        return [Keyed(event, tuple(routes))] if routes else []
