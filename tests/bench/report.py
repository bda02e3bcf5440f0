"""From measured runs to the JSON object of ``make bench``, and to tables for people."""

import os
import platform
import statistics
from datetime import UTC
from typing import Any

from schemas import instant
from streams import clock
from tests.bench.material import Facts

CONTENDERS = {
    "normalize": ("plain", "kafka", "kafka_wide", "bare", "faust", "quix", "bytewax", "bytewax_kept"),
    "detect": ("plain", "kafka", "kafka_wide", "bare", "faust", "quix", "bytewax", "bytewax_kept"),
    "both": ("plain", "kafka", "kafka_wide", "embedded", "bare", "faust", "quix", "bytewax", "bytewax_kept"),
}
PARTS = tuple(CONTENDERS)
OURS = ("plain", "kafka", "kafka_wide", "embedded")
WORDS = {
    "plain": "plain loop in one process",
    "kafka": "controlwatch on Kafka, through Faust agents",
    "kafka_wide": "the same, 4 raw and 8 keyed partitions",
    "embedded": "controlwatch embedded, SQLite",
    "bare": "bare aiokafka loop, nothing durable",
    "faust": "stock Faust: agent per event, Table",
    "quix": "Quix Streams: stateful function, changelog",
    "bytewax": "Bytewax dataflow, nothing durable",
    "bytewax_kept": "Bytewax dataflow, recovery store",
}

WANTED = {
    "overhead_ratio_faust": ("Overhead of stock Faust ÷ ours", 10.0),
    "overhead_ratio_quix": ("Overhead of Quix Streams ÷ ours", 2.0),
    "overhead_ratio_bytewax": ("Overhead of Bytewax (nothing durable) ÷ ours", 1.0),
    "overhead_ratio_bytewax_kept": ("Overhead of Bytewax (recovery store) ÷ ours", 1.0),
    "whole_ratio_bare": ("Whole of the bare loop ÷ ours", 0.6),
}
"""Ratios that are shown, in words, and from what on they are good."""

IN_PROCESS = 15.0  # µs, to normalise and judge a record of the mix

IN_PROCESS_WORDS = (
    "Product's own stage and engine in one process on one core, records in hand, nothing encoded or stored: parsing, routing, "
    "counters, coverage; judging, deadlines, hourly trims."
)

Json = dict[str, Any]
Results = dict[str, dict[str, list[Json]]]  # part, contender, its runs: what it printed, or {"failed": why}


def summary(results: Results, facts: Facts) -> Json:
    """Medians by part and contender; the part's own figures are those of controlwatch on Kafka.

    A contender that broke, or came to another result, is listed and compared with nothing.
    """
    found: Json = {}
    for part, rows in results.items():
        events = facts.keyed if part == "detect" else facts.raws
        good = {name: [run for run in runs if "failed" not in run] for name, runs in rows.items()}
        if not good["plain"] or not good["kafka"]:
            continue  # there is nothing to compare with; ``broken`` says so
        base = statistics.median(run["cpu_s"] for run in good["plain"]) / events * 1e6
        lines = {name: _line(runs, events, base) for name, runs in good.items() if runs}
        ours = lines["kafka"]
        found[part] = {**ours}
        for name, theirs in lines.items():
            if name not in OURS and theirs["same_violations"]:
                found[part][f"overhead_ratio_{name}"] = _ratio(theirs["overhead_us"], ours["overhead_us"])
                found[part][f"whole_ratio_{name}"] = _ratio(theirs["cpu_us_per_event"], ours["cpu_us_per_event"])
        found[part] |= {
            "events": events, "contenders": lines, "not_installed": [name for name, runs in rows.items() if not runs],
            "broke": {name: why for name, runs in rows.items() if (why := next((run["failed"] for run in runs if "failed" in run), None))},
        }  # fmt: skip
    return found


def in_process(runs: list[Json]) -> Json:
    """The median run, by its whole, of those that did not break."""
    good = sorted((run for run in runs if "failed" not in run), key=lambda run: float(run["sum_us"]))
    if not good:
        return {}
    middle = {key: value for key, value in good[len(good) // 2].items() if key != "took_s"}
    return {**middle, "sum_us_spread": [run["sum_us"] for run in good], "same": all(run["same"] for run in good)}


def broken(rows: dict[str, Json], found: Json) -> list[str]:
    """What did not run, and what came to another result, in words."""
    lines = [f"{key}: {row['failed']}" for key, row in rows.items() if "failed" in row]
    lines += [f"{key}: did not come to the judge's result" for key, row in rows.items() if row.get("same") is False]
    latency = found.get("latency")
    if latency is not None and not latency["same_violations"]:
        lines.append("latency: did not come to the judge's result")
    return lines


def _line(runs: list[Json], events: int, base: float) -> Json:
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


def text(name: str, row: Json) -> list[str]:
    """One part for people, in Markdown."""
    if name == "latency":
        return _latency(row)
    if name == "inprocess":
        return _in_process(row)
    lines = [
        f"### {name} ({row['events']} {'keyed' if name == 'detect' else 'raw'} records)", "",
        "| contender | events per CPU second | CPU µs/event | overhead µs | peak MB | same result |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]  # fmt: skip
    for contender, one in row["contenders"].items():
        lines.append(
            f"| {WORDS[contender]} | {one['events_per_cpu_second']:,} | {one['cpu_us_per_event']} | {one['overhead_us']} "
            f"| {one['peak_rss_mb']} | {'yes' if one['same_violations'] else 'NO'} |"
        )
    lines += [f"| {WORDS[contender]} | not installed | | | | |" for contender in row.get("not_installed", ())]
    lines += [f"| {WORDS[contender]} | BROKE: {why} | | | | |" for contender, why in row.get("broke", {}).items()]
    lines.append("")
    for ratio, (words, wanted) in WANTED.items():
        if row.get(ratio) is not None:
            holds = "" if row[ratio] >= wanted else ": not reached"
            lines.append(f"- {words}: {row[ratio]} (wanted: {wanted:g} or more{holds})")
    return lines


def _in_process(row: Json) -> list[str]:
    holds = "" if row["sum_us"] <= IN_PROCESS else ": not reached"
    lines = [
        f"### In-process ({row['events']} raw records)", "",
        IN_PROCESS_WORDS, "",
        f"- normalise and judge, CPU µs a record: {row['sum_us']} (wanted: ≤ {IN_PROCESS:g}{holds}); runs: {row['sum_us_spread']}",
        f"- normalise: {row['normalize_us']}; judge: {row['judge_us']}, which is {row['judge_us_per_keyed']} for each of {row['keyed']} keyed",
        f"- same result: {'yes' if row['same'] else 'NO'}", "",
        "| feed | records | normalise, µs each | share of normalising, % |", "| --- | ---: | ---: | ---: |",
    ]  # fmt: skip
    whole = row["normalize_us"] * row["events"]
    for feed, (number, each) in row["feeds"].items():
        lines.append(f"| {feed} | {number:,} | {each} | {number * each / whole * 100:.1f} |")
    return lines


def _latency(row: Json) -> list[str]:
    words = (
        f"{row['violations']} transitions at {row['events_per_second']} raw records a second, raw record due at Kafka → "
        f"acknowledged by Elasticsearch: p50 {row['p50_s']} s, p99 {row['p99_s']} s (wanted: under 1 s), "
        f"max {row['max_s']} s; all read back by id: {'yes' if row['readable'] else 'NO'}; "
        f"same result: {'yes' if row['same_violations'] else 'NO'}."
    )
    return ["### latency", "", words]


def machine() -> str:
    """Size of this machine, and when."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    day = instant.to_datetime(clock.now(), UTC).date()
    load = os.getloadavg()[0]
    return (
        f"{day}, {os.cpu_count()} cores, {gib:.0f} GiB, {platform.machine()}, CPython {platform.python_version()}, "
        f"load {load:.1f} at the end"
    )
