"""Normalise and judge in one process, product's own stage and engine: µs a record, by feed. ``python -m tests.bench.inprocess FOLDER``.

No Kafka, no store, no encoding; the records are in hand, in the order in which they arrive. What is measured is parsing,
routing, counters and coverage, then judging, deadlines and hourly trims. Which feed costs what comes from a second pass with
a look at the clock around each record, scaled to what the first pass, without these looks, has cost.
"""

import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset
from schemas.log import Keyed, LogRecord
from schemas.violation import Violation, final
from streams import garbage
from streams.kafka.detecting import TRIM_EVERY
from streams.stage import Heartbeat, NormalizeStage, Raw, Said
from tests.bench.material import Material, digest_of, ruleset
from tests.bench.measure import cpu, peak_mb
from tests.bench.records import decode_raw

Item = Raw | Heartbeat | Said
Json = dict[str, object]


def measure(material: Material) -> Json:
    """Cost of the mix in CPU µs per raw record, and by feed."""
    rules, facts = ruleset(), material.facts
    stage, engine = NormalizeStage(rules, material.recording().sources), Engine(rules)
    feeds: Counter[str] = Counter()
    violations: list[Violation] = []
    parsing = judging = 0.0
    keyed = trimmed = 0
    garbage.settle()
    for chunk in material.chunks("raw"):
        items = [decode_raw(value) for value in chunk]
        begun = cpu()
        _take(stage, items)
        records = [record for _, record in stage.drain().records]
        between = cpu()
        trimmed = _judge(engine, records, trimmed, violations)
        judging += cpu() - between
        parsing += between - begun
        feeds.update(item.feed for item in items if isinstance(item, Raw))
        keyed += sum(isinstance(record, Keyed) for record in records)
    each = 1e6 / facts.raws
    split = _split(material, rules)
    scale = parsing * 1e9 / sum(split.values())
    return {
        "sum_us": round((parsing + judging) * each, 2), "normalize_us": round(parsing * each, 2),
        "judge_us": round(judging * each, 2), "judge_us_per_keyed": round(judging * 1e6 / keyed, 2), "events": facts.raws,
        "keyed": keyed, "peak_rss_mb": round(peak_mb(), 1), "same": digest_of(final(violations)) == facts.final,
        "feeds": {feed: [number, round(split[feed] * scale / number / 1e3, 2)] for feed, number in feeds.most_common()},
    }  # fmt: skip


def _take(stage: NormalizeStage, items: Sequence[Item]) -> None:
    for item in items:
        if isinstance(item, Raw):
            stage.take(item)
        elif isinstance(item, Heartbeat):
            stage.beat(item)
        else:
            stage.state([item.record])


def _judge(engine: Engine, records: Sequence[LogRecord], trimmed: int, violations: list[Violation]) -> int:
    for record in records:
        engine.apply(record)
    violations += engine.drain().violations
    observed = engine.observed()
    if observed - trimmed <= TRIM_EVERY:
        return trimmed
    engine.trim()
    return observed


def _split(material: Material, rules: Ruleset) -> Counter[str]:
    """Nanoseconds by feed; of what is not a record of a feed, under the empty name."""
    stage = NormalizeStage(rules, material.recording().sources)
    spent: Counter[str] = Counter()
    for chunk in material.chunks("raw"):
        items = [decode_raw(value) for value in chunk]
        for item in items:
            begun = time.perf_counter_ns()
            _take(stage, (item,))
            spent[item.feed if isinstance(item, Raw) else ""] += time.perf_counter_ns() - begun
        stage.drain()
    return spent


def main() -> None:
    """Measure and report."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    sys.stdout.write(json.dumps(measure(Material(Path(sys.argv[1])))) + "\n")


if __name__ == "__main__":
    main()
