"""Bad input stops, slows and changes nothing: each bad record has exactly one fate, and the good ones are judged as alone."""

import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from detectors.kit.engine import Engine
from schemas import log
from schemas.context import Source
from schemas.log import Progress
from streams.feeds.kit import registry as feeds
from streams.stage import NormalizeStage, Raw
from tests.hostile import table
from tests.hostile.table import ANY, NINE

RULESET = Ruleset(registry.load().values())
FEEDS = sorted(feeds.load())
SECONDS = 0.5  # for one record; the largest have a megabyte


def source(feed: str) -> Source:
    return Source(source=f"{feed}@bad", feed=feed)


@pytest.mark.parametrize("feed", FEEDS)
def test_each_bad_record_has_one_fate_soon(feed):
    stage = NormalizeStage(RULESET, {f"{feed}@bad": source(feed)}, partitions=3)
    engine = Engine(RULESET)
    fates = {}
    for bad, raw in table.raws(feed, table.of_feed(feed), source=f"{feed}@bad"):
        begun = time.perf_counter()
        before = dict(stage.counters)
        stage.take(raw)
        output = stage.drain()
        for _, record in output.records:
            engine.apply(log.decode(log.encode(record)))
        assert time.perf_counter() - begun < SECONDS, bad.name
        [fate] = fated = [name for name in ("parsed", "filtered", "dead") if stage.counters[name] != before.get(name, 0)]
        if fate == "dead":
            [dead] = output.dead
            assert dead.raw is raw
            fate = dead.reason
        assert bad.fate in (ANY, fate, *fated), bad.name
        fates[bad.name] = fate
    assert "parser_error" not in fates.values(), {name: fate for name, fate in fates.items() if fate == "parser_error"}
    engine.apply(Progress(part=0, parts=1, observed=NINE + 1))
    batch = engine.drain()
    assert not batch.parked
    counters = engine.counters
    assert counters["routed"] == sum(counters[fate] for fate in ("judged", "late", "duplicate", "parked"))
