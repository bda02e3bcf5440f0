"""From measured runs to the JSON object of ``make bench``, and to tables for people."""

import os
import platform
import statistics
from datetime import UTC
from typing import Any

from schemas import instant
from streams import clock
from tests.bench.launch import Measured
from tests.bench.material import Facts

CONTENDERS = {
    "normalize": ("plain", "kafka", "bare", "faust"),
    "detect": ("plain", "kafka", "bare", "faust"),
    "both": ("plain", "kafka", "kafka_wide", "embedded", "bare", "faust"),
}
PARTS = tuple(CONTENDERS)
WORDS = {
    "plain": "plain loop in one process",
    "kafka": "controlwatch on Kafka, through Faust agents",
    "kafka_wide": "the same, 4 raw and 8 keyed partitions",
    "embedded": "controlwatch embedded, SQLite",
    "bare": "bare aiokafka loop, nothing durable",
    "faust": "stock Faust: agent per event, Table",
}

Results = dict[str, dict[str, list[Measured]]]
Json = dict[str, Any]


def summary(results: Results, facts: Facts) -> Json:
    """Medians by part and contender; the part's own figures are those of controlwatch on Kafka."""
    found: Json = {}
    for part, rows in results.items():
        events = facts.keyed if part == "detect" else facts.raws
        base = statistics.median(run["cpu_s"] for run in rows["plain"]) / events * 1e6
        lines = {name: _line(runs, events, base) for name, runs in rows.items()}
        ours = lines["kafka"]
        found[part] = {**ours}
        for name in ("faust", "bare"):
            theirs = lines.get(name)
            if theirs is not None:
                found[part][f"overhead_ratio_{name}"] = _ratio(theirs["overhead_us"], ours["overhead_us"])
                found[part][f"whole_ratio_{name}"] = _ratio(theirs["cpu_us_per_event"], ours["cpu_us_per_event"])
        found[part] |= {"events": events, "contenders": lines}
    return found


def _line(runs: list[Measured], events: int, base: float) -> Json:
    each = statistics.median(run["cpu_s"] for run in runs) / events * 1e6
    return {
        "events_per_cpu_second": round(1e6 / each),
        "events_per_second": round(events / statistics.median(run["wall_s"] for run in runs)),
        "cpu_us_per_event": round(each, 2),
        "cpu_us_spread": [round(run["cpu_s"] / events * 1e6, 2) for run in runs],
        "overhead_us": round(each - base, 2),
        "peak_rss_mb": round(statistics.median(run["peak_rss_mb"] for run in runs), 1),
        "same_violations": all(run["same"] for run in runs),
        "latency_p99_s": None,
    }


def _ratio(theirs: float, ours: float) -> float | None:
    return round(theirs / ours, 2) if ours > 0 else None


def table(found: Json, events: int, runs: int, seed: int) -> str:
    """The summary for people, in Markdown."""
    lines = [f"About {events} raw records, seed {seed}, median of {runs} interleaved runs; {machine()}.", ""]
    for part in PARTS:
        if part not in found:
            continue
        row = found[part]
        lines += [
            f"### {part} ({row['events']} {'keyed' if part == 'detect' else 'raw'} records)", "",
            "| contender | events per CPU second | CPU µs/event | overhead µs | peak MB | same result |",
            "| --- | ---: | ---: | ---: | ---: | --- |",
        ]  # fmt: skip
        for name, one in row["contenders"].items():
            lines.append(
                f"| {WORDS[name]} | {one['events_per_cpu_second']:,} | {one['cpu_us_per_event']} | {one['overhead_us']} "
                f"| {one['peak_rss_mb']} | {'yes' if one['same_violations'] else 'NO'} |"
            )
        lines.append("")
        if "overhead_ratio_faust" in row:
            lines += [f"Overhead of stock Faust ÷ ours: {row['overhead_ratio_faust']} (wanted: 5 or more).", ""]
        if "whole_ratio_bare" in row:
            lines += [f"Whole of the bare loop ÷ ours: {row['whole_ratio_bare']} (wanted: 0.5 or more).", ""]
    if "latency" in found:
        row = found["latency"]
        words = (
            f"{row['violations']} transitions at {row['events_per_second']} raw records a second, raw record due at Kafka → "
            f"acknowledged by Elasticsearch: p50 {row['p50_s']} s, p99 {row['p99_s']} s (wanted: under 1 s), "
            f"max {row['max_s']} s; all read back by id: {'yes' if row['readable'] else 'NO'}; "
            f"same result: {'yes' if row['same_violations'] else 'NO'}."
        )
        lines += ["### latency", "", words, ""]
    return "\n".join(lines)


def machine() -> str:
    """Size of this machine, and when."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    day = instant.to_datetime(clock.now(), UTC).date()
    load = os.getloadavg()[0]
    return (
        f"{day}, {os.cpu_count()} cores, {gib:.0f} GiB, {platform.machine()}, CPython {platform.python_version()}, "
        f"load {load:.1f} at the end"
    )


_HEAD = """\
# Performance

Written by `python -m tests.bench --write docs/performance.md`; `make bench` measures the same and writes nothing.

Every contender gets the same raw records, parsers and detectors, runs in a process of its own, and must come to the same
result as the judge (`controlwatch replay`): a speed counts only then. CPU is that process's, user and system; the broker's is
not counted. Start-up is not in it. Overhead is CPU per event beyond the plain loop. The records are two simulated days with
every planted case and background, in the order of event time, so that loops that cannot cope with disorder are right too:
what the product does beyond them (disorder, duplicates, crashes, memory that ends) is in its overhead. Compare ratios, not
absolutes: they hold on one machine at one time.

"""


def document(text: str) -> str:
    """``docs/performance.md``."""
    return _HEAD + text
